"""Buyers in sight: their card beside a thread, their page and list, merging with undo."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from bots.models import (
    Consent,
    Contact,
    Conversation,
    Identity,
    Person,
    PersonFact,
    PersonField,
    PersonMerge,
    Segment,
    Team,
)
from integrations.models import Order, OrderLine
from integrations.services.orders import orders_import
from tenants.workspace.models import User
from tests.browser.hands import says, shot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE = "+79161234567"


@pytest.fixture
def shop(alpha, beta, product):
    """Анна writes from two browsers and has proven the same telephone in both; so has she at
    beta, where nothing of this may be seen."""
    for place in (alpha, beta):
        says(place, "Здравствуйте, у меня аллергия на шерсть", visitor="v1", name="Анна Смирнова")
        says(place, "Это снова я, с телефона", visitor="v2", name="Анна С.")
        with place.inside():
            _wait_for(2)
            for contact in Contact.objects.all():
                Identity.objects.create(
                    contact=contact, kind="phone", value=PHONE, proof="shared",
                    proven_at=timezone.now(),
                )  # fmt: skip
    with alpha.inside():
        first = Contact.objects.get(external_id="v1")
        Consent.objects.create(
            contact=first, kind="processing", is_given=True, text="Да", text_version="1"
        )
        _cleared()
        order = Order.objects.create(
            number="98727", phone=PHONE, status="shipped", sum=4990, placed_at=timezone.now()
        )
        OrderLine.objects.create(order=order, name="Плед шерстяной", qty=1, price=4990)
        PersonField.objects.create(code="size", name="Размер", kind="number")
        PersonField.objects.create(
            code="club", name="Клуб", kind="choice", choices=["Золотой", "Серебряный"]
        )
        Segment.objects.create(
            name="Золотой клуб",
            conditions=[{"field": "field:club", "op": "is", "value": "Золотой"}],
        )
    yield alpha
    with alpha.inside():
        _cleared()
        Team.objects.update(sees_colleagues=True)
        User.objects.update(language="")


def _cleared() -> None:
    """What the suite does not empty by itself."""
    Order.objects.filter(number="98727").delete()
    Segment.objects.all().delete()
    PersonField.objects.all().delete()


def talk_of(shop: Any) -> int:
    with shop.inside():
        return Conversation.objects.get(contact__external_id="v1").pk


def _wait_for(contacts: int) -> None:
    import time

    for _try in range(200):
        if Conversation.objects.exclude(preview="").count() >= contacts:
            return
        time.sleep(0.05)
    raise AssertionError("the buyers' messages did not come")


def card_of(page: Any, title: str) -> Any:
    return page.locator(".context section", has=page.locator("h3", has_text=title))


def open_talk(page: Any, talk: int) -> None:
    page.goto(page.url.split("#")[0] + f"#{talk}")
    page.reload()
    page.locator(".context .person-name").wait_for()


def test_two_cards_are_merged_beside_the_thread_and_parted_again(shop, desk_of):
    page = desk_of(shop, "agent")
    open_talk(page, talk_of(shop))
    same = page.locator(".same")
    expect(same).to_contain_text(PHONE)
    shot(page, "people-suggested")

    same.get_by_role("button", name="Объединить").click()
    page.locator(".toast", has_text="Карточки объединены").wait_for()
    expect(page.locator(".contact-line")).to_have_count(2)
    with shop.inside():
        assert PersonMerge.objects.get().state == "done"
    shot(page, "people-merged")
    page.locator(".toast button").click()
    expect(page.locator(".contact-line")).to_have_count(1)
    with shop.inside():
        assert PersonMerge.objects.get().state == "undone"
    assert not same.count()  # what was parted is not suggested again
    assert not page.troubles


def test_a_suggestion_is_refused_for_good(shop, desk_of):
    page = desk_of(shop, "agent")
    open_talk(page, talk_of(shop))
    page.locator(".same").get_by_role("button", name="Это разные люди").click()
    expect(page.locator(".same")).to_have_count(0)
    page.reload()
    page.locator(".context .person-name").wait_for()
    assert page.locator(".same").count() == 0
    assert not page.troubles


def test_a_card_is_filled_in_beside_the_thread(shop, desk_of):
    page = desk_of(shop, "agent")
    open_talk(page, talk_of(shop))
    expect(card_of(page, "Заказы")).to_contain_text("98727")
    expect(card_of(page, "Согласия")).to_contain_text("обработка данных: дано")

    fields = card_of(page, "Поля")
    fields.get_by_title("Изменить: Размер").click()
    fields.get_by_label("Размер").fill("44")
    fields.get_by_label("Размер").press("Enter")
    expect(fields.get_by_title("Изменить: Размер")).to_have_text("44")
    fields.get_by_label("Клуб").select_option("Золотой")
    page.locator(".person-name").click()
    page.locator("input.in-place").fill("Анна Петровна")
    page.locator("input.in-place").press("Enter")
    expect(page.locator(".person-name")).to_have_text("Анна Петровна")

    facts = card_of(page, "Помним о клиенте")
    facts.get_by_role("button", name="Добавить").click()
    facts.get_by_label("Что запомнить").fill("Аллергия на шерсть")
    facts.locator("select[name=message]").select_option(index=1)
    facts.locator("select[name=days]").select_option("30")
    shot(page, "people-new-fact")
    facts.get_by_role("button", name="Запомнить").click()
    expect(facts.locator("li")).to_contain_text("из сообщения")
    shot(page, "people-filled")
    with shop.inside():
        person = Person.objects.get(pk=Contact.objects.get(external_id="v1").person_id)
        assert (person.name, person.fields) == ("Анна Петровна", {"size": 44, "club": "Золотой"})
        fact = PersonFact.objects.get()
        assert (fact.text, fact.message.text) == (
            "Аллергия на шерсть", "Здравствуйте, у меня аллергия на шерсть",
        )  # fmt: skip
        assert fact.expires_at is not None
    facts.get_by_title("Забыть это").click()
    expect(facts.locator("li")).to_have_count(0)
    page.locator(".toast button").click()
    expect(facts.locator("li")).to_have_count(1)
    with shop.inside():
        again = PersonFact.objects.get()
        assert (again.text, again.message_id) == (fact.text, fact.message_id)
    assert not page.troubles


def test_an_order_that_comes_meanwhile_shows_on_the_open_card(shop, desk_of):
    page = desk_of(shop, "agent")
    open_talk(page, talk_of(shop))
    expect(card_of(page, "Заказы")).to_contain_text("98727")
    order = {"number": "98731", "items": [{"name": "Варежки", "qty": 1, "price": "900"}]}
    others = {**order, "number": "98732", "phone": "+79160000000"}

    with shop.inside():
        orders_import([{**order, "phone": PHONE}, others])

    expect(card_of(page, "Заказы")).to_contain_text("98731", timeout=10_000)
    expect(card_of(page, "Заказы")).not_to_contain_text("98732")
    with shop.inside():
        orders_import([{**order, "phone": PHONE, "status": "отменён"}])
    expect(card_of(page, "Заказы")).to_contain_text("отменён", timeout=10_000)

    # Looked at, done, told: and the card shows what was asked.
    order_ = card_of(page, "Заказы").locator(".order", has_text="98727")
    order_.get_by_role("button", name="Возврат").click()
    asked = page.get_by_role("dialog", name="Возврат по заказу 98727")
    expect(asked).to_contain_text("Плед шерстяной")
    shot(page, "order-return")
    asked.get_by_label("Написать покупателю").uncheck()
    asked.get_by_role("button", name="Оформить возврат").click()
    expect(asked).to_contain_text("Покупателю не писали.")
    shot(page, "order-receipt")
    page.keyboard.press("Escape")
    expect(asked).to_have_count(0)
    page.locator(".event", has_text="оформляет возврат по заказу 98727").wait_for()
    expect(order_.locator(".chip")).to_contain_text("ждёт")
    order_.get_by_role("button", name="Статус").click()
    page.get_by_role("button", name="В поле ответа").click()
    expect(page.locator(".composer textarea")).to_have_value(re.compile("98727"))
    assert not page.troubles


def test_customers_are_searched_narrowed_and_opened(shop, desk_of):
    with shop.inside():
        Person.objects.filter(contacts__external_id="v1").update(fields={"club": "Золотой"})
    page = desk_of(shop, "agent")
    page.locator(".rail a[href='#people']").click()
    rows = page.locator(".people-list li")
    expect(rows).to_have_count(2)
    shot(page, "people-list")
    page.get_by_label("Имя, телефон, почта").fill("Смирнова")
    expect(rows).to_have_count(1)
    page.get_by_label("Имя, телефон, почта").fill("нет таких")
    page.get_by_text("Никого не нашли.").wait_for()
    page.get_by_role("button", name="Сбросить поиск").click()
    expect(rows).to_have_count(2)
    page.get_by_label("Сегмент").select_option(label="Золотой клуб (1)")
    expect(rows).to_have_count(1)

    rows.locator("a").click()
    page.locator(".person-page").wait_for()
    assert page.url.split("#")[1].startswith("people/")
    shot(page, "people-person")
    page.locator(".person-page .talk").click()
    page.locator(".thread .bubble", has_text="аллергия").wait_for()
    assert page.locator(".area").count() == 0
    assert not page.troubles


def test_an_agent_sees_customers_of_its_own_conversations_only(shop, desk_of):
    with shop.inside():
        hidden = Conversation.objects.get(contact__external_id="v2")
        Conversation.objects.filter(pk=hidden.pk).update(speaker="agent", agent=shop.owner)
        hidden_person = hidden.contact.person_id
        Team.objects.update(sees_colleagues=False)
    page = desk_of(shop, "agent")
    open_talk(page, talk_of(shop))
    assert page.locator(".same").count() == 0
    page.locator(".rail a[href='#people']").click()
    expect(page.locator(".people-list li")).to_have_count(1)
    page.goto(page.url.split("#")[0] + f"#people/{hidden_person}")
    page.locator(".area .failure").wait_for()


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("lang", ["ru", "en"])
def test_on_a_phone_the_card_and_the_list_fit(shop, desk_of, lang, look):
    with shop.inside():
        shop.agent.language = lang
        shop.agent.save(update_fields=["language"])
    page = desk_of(
        shop, "agent", viewport={"width": 390, "height": 844}, color_scheme=look,
        locale="en-GB" if lang == "en" else "ru-RU",
    )  # fmt: skip
    page.locator(".rail a[href='#people']").click()
    page.locator(".people-list li").first.wait_for()
    shot(page, f"people-phone-list-{lang}-{look}")
    page.locator(".people-list li a").first.click()
    page.locator(".person-page .person-name").wait_for()
    shot(page, f"people-phone-person-{lang}-{look}")
    width = page.evaluate("document.documentElement.scrollWidth")
    area = page.evaluate("document.querySelector('.area').scrollWidth")
    assert max(width, area) <= 390
    open_talk_on_phone(page, talk_of(shop))
    shot(page, f"people-phone-pane-{lang}-{look}")
    assert page.evaluate("document.querySelector('.context').scrollWidth") <= 390
    assert not page.troubles


def open_talk_on_phone(page: Any, talk: int) -> None:
    page.goto(page.url.split("#")[0] + f"#{talk}")
    page.reload()
    page.locator(".about").first.click()
    page.locator(".context .person-name").wait_for()


def test_a_buyer_is_forgotten_from_the_card(shop, beta, desk_of):
    page = desk_of(shop, "owner")
    open_talk(page, talk_of(shop))
    page.locator(".context .line").get_by_title("Действия с карточкой").click()
    page.get_by_role("menuitem", name="Забыть или выгрузить").click()
    page.locator("#forget").wait_for()
    page.locator("#id_proof").select_option("identity")
    page.get_by_role("button", name="Посчитать, что исчезнет").click()
    confirm = page.locator("[data-danger]")
    confirm.wait_for()
    assert confirm.is_disabled()
    page.fill("#typed", "Анна")
    assert confirm.is_disabled()
    page.fill("#typed", "Анна Смирнова")
    shot(page, "people-forget")
    confirm.click()
    page.locator("text=Покупатель забыт").first.wait_for()
    with shop.inside():
        assert not Contact.objects.filter(name="Анна Смирнова").exists()
        assert Contact.objects.filter(name="Анна С.").exists()
    with beta.inside():
        assert Contact.objects.filter(name="Анна Смирнова").exists()
    page.goto(f"{page.url.split('/admin/')[0]}/console/#{talk_of_forgotten(shop)}")
    page.locator(".context .person-name", has_text="Покупатель №").wait_for()
    assert page.locator(".thread .bubble", has_text="аллергия").count() == 0
    # The desk's own pages are not what is looked at here; the console says nothing wrong.
    assert not [one for one in page.troubles if "console" in one]


def talk_of_forgotten(shop: Any) -> int:
    with shop.inside():
        return Conversation.objects.get(contact__external_id__startswith="forgotten-").pk


@pytest.mark.parametrize(
    ("width", "look", "lang"), [(1440, "light", "ru"), (390, "dark", "en"), (390, "light", "ru")]
)
def test_the_desks_pages_about_buyers_fit(shop, desk_of, width, look, lang):
    with shop.inside():
        shop.owner.language = lang
        shop.owner.save(update_fields=["language"])
        person = Contact.objects.get(external_id="v1").person_id
        segment = Segment.objects.get().pk
    page = desk_of(
        shop, "owner", viewport={"width": width, "height": 900}, color_scheme=look,
        locale="en-GB" if lang == "en" else "ru-RU",
    )  # fmt: skip
    page.troubles.clear()
    base = page.url.split("/console/")[0]
    for name, path in {
        "customers": "customers/", "customer": f"customers/{person}/",
        "fields": "customer-fields/", "segments": "segments/", "segment": f"segments/{segment}/",
    }.items():  # fmt: skip
        page.goto(f"{base}/admin/{path}")
        page.locator(".desk").first.wait_for()
        shot(page, f"people-desk-{name}-{width}-{look}-{lang}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not page.troubles
