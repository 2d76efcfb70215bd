"""The widget as a buyer meets it: on a shop's page with a strict policy, on another origin."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from bots.engine.base import Answer, Card, Decision, Source
from tests.browser.hands import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

BUDGET_BYTES = 30 * 1024
SHOP = """<!doctype html><html lang="{lang}"><head><title>Пальто</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><h1>Shop</h1><button id="before">before</button>
<script src="{host}/widget.js" data-key="{key}" async></script></body></html>"""


class Shop:
    """A shop's site somewhere else, with one line of ours."""

    def __init__(self, put: Any, product: Any, merchant: Any) -> None:
        self.host = f"http://{merchant.host}:{product.port}"
        self.key = merchant.channel.route_key
        self.put = put

    def url(self, lang: str = "ru", query: str = "") -> str:
        socket = self.host.replace("http", "ws")
        # What docs/widget.md asks a shop for, and not a word more.
        policy = (
            f"default-src 'none'; script-src {self.host}; connect-src {self.host} {socket}; "
            f"img-src {self.host} blob:; style-src 'none'; base-uri 'none'; form-action 'none'; "
            "require-trusted-types-for 'script'"
        )
        return self.put(SHOP.format(lang=lang, host=self.host, key=self.key), policy) + query


@pytest.fixture
def shop(product, alpha, site) -> Shop:
    return Shop(site, product, alpha)


@pytest.fixture
def context_of(chromium) -> Iterator[Any]:
    contexts = []

    def make(**more: Any) -> Any:
        more = {"viewport": {"width": 1280, "height": 800}, "locale": "ru-RU", **more}
        contexts.append(chromium.new_context(**more))
        return contexts[-1]

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def page_of(context_of) -> Any:
    """A page whose console must stay clean: a blocked style or script would be told there."""

    def make(context: Any = None, **more: Any) -> Any:
        page = (context or context_of(**more)).new_page()
        page.troubles = []
        page.on(
            "console",
            lambda m: page.troubles.append(m.text) if m.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: page.troubles.append(str(error)))
        return page

    return make


def launcher(page: Any) -> Any:
    return page.locator("shop-chat .launcher")


def write(page: Any, text: str) -> None:
    page.locator("shop-chat textarea").fill(text)
    page.locator("shop-chat textarea").press("Enter")


def thread(page: Any) -> list[str]:
    return [
        t.strip()
        for t in page.locator("shop-chat .row:not(:first-child) .bubble-text").all_inner_texts()
    ]


def wait_thread(page: Any, *texts: str) -> None:
    for text in texts:
        page.locator("shop-chat .bubble-text", has_text=text).first.wait_for()
    assert [t for t in thread(page) if t in texts] == list(texts)


def test_a_buyer_writes_and_is_answered_under_a_strict_policy(shop, page_of, answers):
    page = page_of()
    page.goto(shop.url())
    launcher(page).click()
    panel = page.locator("shop-chat .panel").bounding_box()
    assert (round(panel["width"]), round(panel["height"])) == (376, 640)
    page.get_by_text("Вам отвечает бот").wait_for()

    write(page, "Есть 46 размер?")

    wait_thread(page, "Есть 46 размер?", "re: Есть 46 размер?")
    assert page.troubles == []


def test_everything_until_a_message_can_be_sent_fits_the_budget(shop, page_of, answers):
    page = page_of()
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    sizes: dict[str, int] = {}
    urls: dict[str, str] = {}
    session.on(
        "Network.responseReceived", lambda e: urls.update({e["requestId"]: e["response"]["url"]})
    )
    session.on(
        "Network.loadingFinished",
        lambda e: sizes.update({e["requestId"]: int(e["encodedDataLength"])}),
    )
    session.on(
        "Network.webSocketFrameReceived",
        lambda e: sizes.update({f"ws{len(sizes)}": len(e["response"]["payloadData"].encode())}),
    )
    page.goto(shop.url())
    launcher(page).click()
    write(page, "Вопрос")
    wait_thread(page, "Вопрос", "re: Вопрос")

    ours = {k: v for k, v in sizes.items() if k.startswith("ws") or shop.host in urls.get(k, "")}
    total = sum(ours.values())
    print(
        f"\nfetched until answered: {total} bytes",
        {urls.get(k, k)[-30:]: v for k, v in ours.items()},
    )
    assert 10_000 < total <= BUDGET_BYTES


def test_history_is_there_after_a_reload_and_in_a_second_tab(shop, page_of, context_of, answers):
    context = context_of()
    first = page_of(context)
    first.goto(shop.url())
    launcher(first).click()
    write(first, "Первый вопрос")
    wait_thread(first, "Первый вопрос", "re: Первый вопрос")

    first.reload()
    launcher(first).click()
    wait_thread(first, "Первый вопрос", "re: Первый вопрос")

    second = page_of(context)
    second.goto(shop.url())
    launcher(second).click()
    wait_thread(second, "Первый вопрос", "re: Первый вопрос")
    write(second, "Второй вопрос")
    wait_thread(first, "Второй вопрос", "re: Второй вопрос")
    wait_thread(second, "Второй вопрос", "re: Второй вопрос")
    assert first.troubles == second.troubles == []


def test_what_is_written_offline_goes_once_when_the_line_is_back(
    shop, page_of, alpha, answers, product
):
    from bots.models import Message
    from tests.live.conftest import Server

    page = page_of()
    page.goto(shop.url())
    launcher(page).click()
    write(page, "До обрыва")
    wait_thread(page, "До обрыва", "re: До обрыва")
    product.stop()
    page.get_by_text("Нет связи").wait_for()
    write(page, "Без связи 1")
    write(page, "Без связи 2")
    assert page.locator("shop-chat .state.queued").count() == 2

    with Server(product.app, product.port):
        page.get_by_text("Нет связи").wait_for(state="detached", timeout=60_000)
        answered = page.locator("shop-chat .theirs .bubble-text", has_text="Без связи 2")
        answered.wait_for()
        with alpha.inside():
            said = Message.objects.filter(author="buyer").order_by("seq")
            assert [m.text for m in said] == ["До обрыва", "Без связи 1", "Без связи 2"]
        assert page.locator("shop-chat .state.queued").count() == 0
        assert page.locator("shop-chat .own").count() == 3


def said_in(shop: Any) -> list[tuple[str, str]]:
    """What is kept of the talk, in its order."""
    from bots.models import Message

    with shop.inside():
        return list(Message.objects.order_by("seq").values_list("author", "text"))


def test_a_page_without_a_network_keeps_words_over_a_reload(shop, page_of, alpha, answers):
    page = page_of()
    # `route` does not touch sockets: an open one would carry the words away.
    page.route_web_socket(re.compile(r"/live/"), lambda ws: ws.close())
    page.goto(shop.url())
    launcher(page).click()
    page.route(re.compile(r"/live/"), lambda route: route.abort())
    write(page, "Сохранится?")
    page.locator("shop-chat .state.queued").wait_for()

    context = page.context
    page.close()
    page = page_of(context)
    page.goto(shop.url())

    # Nobody opens the chat: what waits is sent by itself, and its answer is told on the bubble.
    page.locator("shop-chat .teaser", has_text="re: Сохранится?").wait_for()
    launcher(page).click()
    wait_thread(page, "Сохранится?", "re: Сохранится?")
    assert page.locator("shop-chat .state.queued").count() == 0
    assert said_in(alpha) == [("buyer", "Сохранится?"), ("bot", "re: Сохранится?")]


def test_a_page_reloaded_while_it_sends_says_it_once(shop, page_of, alpha, answers):
    page = page_of()
    sent: list[str] = []

    def swallow(ws: Any) -> None:
        """What the page says arrives; after the greeting it hears nothing back."""
        server = ws.connect_to_server()
        ws.on_message(lambda raw: (sent.append(raw), server.send(raw)))
        greeted: list[str] = []
        server.on_message(lambda raw: greeted or (greeted.append(raw), ws.send(raw)))

    page.route_web_socket(re.compile(r"/live/"), swallow)
    page.goto(shop.url())
    launcher(page).click()
    write(page, "Один раз?")
    write(page, "И второй?")
    page.locator("shop-chat .state.queued").nth(1).wait_for()
    for _ in range(500):
        if any("Один раз?" in raw for raw in sent):
            break
        page.wait_for_timeout(20)

    context = page.context
    page.close()
    page = page_of(context)
    page.goto(shop.url())
    launcher(page).click()

    wait_thread(page, "Один раз?", "И второй?")
    page.locator("shop-chat .theirs .bubble-text", has_text="И второй?").wait_for()
    assert page.locator("shop-chat .own").count() == 2
    assert page.locator("shop-chat .state.queued").count() == 0
    said = [text for author, text in said_in(alpha) if author == "buyer"]
    assert said == ["Один раз?", "И второй?"]


def test_where_websockets_are_shut_the_talk_goes_on(shop, page_of, answers):
    page = page_of()
    page.add_init_script("delete window.WebSocket")
    page.goto(shop.url())
    launcher(page).click()
    write(page, "Без сокетов")
    wait_thread(page, "Без сокетов", "re: Без сокетов")


def test_an_answer_with_cards_sources_and_quick_replies(shop, page_of, answers):
    answers.append(
        lambda turn, **_: Answer(
            "Да, есть.",
            turn.lang,
            Decision.ANSWER,
            sources=(Source("article", 1, "a", "Доставка", "https://shop.example/d"),),
            buttons=(
                "Показать ещё",
                {"title": "Таблица размеров", "url": "https://shop.example/s"},
            ),
            cards=(Card("Пальто", "12 990 ₽", stock="в наличии", url="https://shop.example/p"),),
            provider="test",
        )
    )
    page = page_of()
    page.goto(shop.url())
    launcher(page).click()
    write(page, "Есть пальто?")
    card = page.locator("shop-chat .card")
    card.wait_for()
    assert "12 990 ₽" in card.inner_text()
    assert card.locator("a").get_attribute("href") == "https://shop.example/p"
    page.get_by_text("Откуда это").click()
    page.get_by_role("link", name="Доставка").wait_for()

    link = page.get_by_role("link", name="Таблица размеров")
    assert link.get_attribute("href") == "https://shop.example/s"
    assert link.get_attribute("target") == "_blank"
    assert "noopener" in link.get_attribute("rel")

    page.get_by_role("button", name="Показать ещё").click()

    wait_thread(page, "Показать ещё", "re: Показать ещё")
    assert page.get_by_role("button", name="Показать ещё").count() == 0


def test_a_person_is_one_tap_away_and_the_contact_needs_its_consent(
    shop, page_of, alpha, answers, monkeypatch
):
    from bots.models import Consent
    from bots.services import consents

    answers.append(lambda turn, **_: Answer("", turn.lang, Decision.HANDOVER, reason="asked"))
    page = page_of()
    page.goto(shop.url())
    launcher(page).click()
    page.get_by_role("button", name="Позвать человека").click()
    page.get_by_text("Передали коллеге").wait_for()

    page.get_by_role("button", name="Оставить контакт").click()
    boxes = page.locator("shop-chat .consent input")
    assert [boxes.nth(n).is_checked() for n in range(2)] == [False, False]
    page.get_by_role("textbox", name="Телефон").fill("8 916 123-45-67")
    page.get_by_role("button", name="Сохранить").click()
    page.get_by_text("Без этого согласия").wait_for()
    boxes.nth(0).check()
    # The words change while the page is open: shown anew, to be ticked anew, nothing typed is lost.
    texts = {
        kind: {"ru": f"Новое: {kind} {{who}}", "en": kind} for kind in ("processing", "marketing")
    }
    monkeypatch.setitem(consents.VERSIONS, "2027-01-1", texts)
    page.get_by_role("button", name="Сохранить").click()
    page.get_by_text("Новое: processing Alpha Shoes").wait_for()
    page.get_by_text("Текст согласия изменился").wait_for()
    assert [boxes.nth(n).is_checked() for n in range(2)] == [False, False]
    assert page.get_by_role("textbox", name="Телефон").input_value() == "8 916 123-45-67"
    boxes.nth(0).check()
    page.get_by_role("button", name="Сохранить").click()
    page.get_by_text("Контакт сохранён").wait_for()

    with alpha.inside():
        assert list(Consent.objects.order_by("pk").values_list("kind", "is_given", "text")) == [
            ("processing", True, "Новое: processing Alpha Shoes"),
            ("marketing", False, "Новое: marketing Alpha Shoes"),
        ]


def test_everything_is_done_with_the_keyboard(shop, page_of, answers):
    page = page_of()
    page.goto(shop.url())
    launcher(page).wait_for()
    page.locator("#before").focus()
    focused = "document.activeElement.shadowRoot?.activeElement?.getAttribute('aria-label')"
    for _ in range(4):
        page.keyboard.press("Tab")
        if "Открыть чат" in (page.evaluate(focused) or ""):
            break
    page.keyboard.press("Enter")
    page.locator("shop-chat .panel").wait_for()
    assert page.evaluate(focused) == "Сообщение"
    page.keyboard.type("С клавиатуры")
    page.keyboard.press("Enter")
    wait_thread(page, "С клавиатуры", "re: С клавиатуры")
    # The dialog keeps the focus inside, whichever way it goes round.
    for key in ["Tab"] * 12 + ["Shift+Tab"] * 12:
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.tagName") == "SHOP-CHAT"
    page.keyboard.press("Escape")
    page.locator("shop-chat .panel").wait_for(state="detached")
    # The bubble is drawn, and given the focus, a moment after the panel has gone.
    until(page, f"() => {focused} === 'Открыть чат'")


def test_a_screen_reader_finds_names_roles_and_news(shop, page_of, answers):
    page = page_of()
    page.goto(shop.url())
    launcher(page).click()
    assert page.get_by_role("dialog", name="Чат: Alpha Shoes").count() == 1
    log = page.get_by_role("log")
    assert log.get_attribute("aria-live") == "polite"
    unnamed = page.evaluate(
        """() => [...document.querySelector('shop-chat').shadowRoot
            .querySelectorAll('button,a,input,textarea')]
            .filter(e => !e.hidden && !e.getAttribute('aria-label') && !e.innerText)
            .map(e => e.outerHTML)"""
    )
    assert unnamed == []


def test_news_are_counted_on_the_bubble_while_the_panel_is_shut(shop, page_of, alpha, answers):
    from bots.models import Conversation
    from bots.services.conversations import reply_send

    page = page_of()
    page.goto(shop.url())
    launcher(page).click()
    write(page, "Вопрос")
    wait_thread(page, "Вопрос", "re: Вопрос")
    page.keyboard.press("Escape")

    with alpha.inside():
        talk = Conversation.objects.get()
        reply_send(
            conversation_id=talk.pk, agent=alpha.agent, text="Это Анна", client_key="agent-0001"
        )

    page.locator("shop-chat .badge", has_text="1").wait_for()
    page.locator("shop-chat .teaser", has_text="Это Анна").wait_for()
    launcher(page).click()
    page.get_by_text("Отвечает").first.wait_for()
    page.keyboard.press("Escape")
    assert page.locator("shop-chat .badge").count() == 0


def test_a_file_is_sent_by_button_and_a_wrong_one_is_told(shop, page_of, answers):
    page = page_of()
    page.goto(shop.url())
    launcher(page).click()
    picker = page.locator("shop-chat input[type=file]")
    picker.set_input_files({"name": "virus.exe", "mimeType": "x/y", "buffer": b"MZ"})
    page.get_by_text("Такой файл не подойдёт").wait_for()
    page.get_by_role("button", name="Убрать virus.exe").click()
    png = bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
        "1f15c4890000000d49444154789c6360000000000200015e5f0a2d0000000049454e44ae426082"
    )
    picker.set_input_files({"name": "царапина.png", "mimeType": "image/png", "buffer": png})
    page.locator("shop-chat .uploads img").wait_for()
    send = page.locator("shop-chat .send:not([disabled])")
    send.click()
    page.locator("shop-chat .own .picture img").wait_for()
    page.locator("shop-chat .state.sent, shop-chat .state.read").first.wait_for()


def test_the_shop_speaks_to_the_chat(shop, page_of, alpha, answers):
    import time

    from bots.channels.web.identity import sign
    from bots.models import Contact, Identity

    secret = "s" * 40
    with alpha.inside():
        alpha.channel.secrets = {**(alpha.channel.secrets or {}), "identity_secret": secret}
        alpha.channel.save(update_fields=["secrets"])
    page = page_of()
    page.goto(shop.url(query="?utm_source=ya&token=private"))
    launcher(page).wait_for()
    token = sign({"sub": "42", "name": "Анна", "exp": time.time() + 600}, secret)
    page.evaluate(
        """token => { window.heard = [];
        ShopChat.on('open', () => heard.push('open'));
        ShopChat.on('close', () => heard.push('close'));
        ShopChat.identify(token);
        ShopChat.cart({items: [{id: 7, name: 'Лампа', qty: 1, price: 990}], total: 990});
        ShopChat.locale('en'); ShopChat.open(); }""",
        token,
    )
    page.get_by_role("dialog", name="Chat: Alpha Shoes").wait_for()
    write(page, "Where is my order?")
    wait_thread(page, "Where is my order?", "re: Where is my order?")
    page.evaluate("ShopChat.event('checkout', {step: 2}); ShopChat.close()")
    page.wait_for_timeout(500)
    assert page.evaluate("heard") == ["open", "close"]

    with alpha.inside():
        contact = Contact.objects.get()
        assert contact.name == "Анна"
        assert contact.data["utm"] == {"utm_source": "ya"}
        assert "private" not in contact.data["page"]
        assert contact.data["cart"]["items"][0]["name"] == "Лампа"
        assert contact.data["events"][0]["name"] == "checkout"
        assert Identity.objects.get().proof == "signed"


def test_a_phone_shows_the_chat_on_the_whole_screen(shop, page_of, answers):
    page = page_of(viewport={"width": 390, "height": 780}, has_touch=True)
    page.goto(shop.url())
    launcher(page).click()
    page.wait_for_timeout(400)
    box = page.locator("shop-chat .panel").bounding_box()
    assert {k: round(v) for k, v in box.items()} == {"x": 0, "y": 0, "width": 390, "height": 780}


def test_the_hosted_page_works_without_a_site(shop, page_of, alpha, answers):
    page = page_of()
    page.goto(f"{shop.host}/chat/{shop.key}/")
    page.get_by_text("Вам отвечает бот").wait_for()
    write(page, "С открытки")
    wait_thread(page, "С открытки", "re: С открытки")
    assert page.title() == "Чат с «Alpha Shoes»"
    assert page.troubles == []


def test_no_name_of_the_platform_reaches_a_buyer(shop, page_of, answers):
    page = page_of()
    seen: list[str] = []
    page.on("response", lambda r: seen.append(r.text()) if shop.host in r.url else None)
    page.goto(f"{shop.host}/chat/{shop.key}/")
    page.get_by_text("Вам отвечает бот").wait_for()
    page.wait_for_timeout(300)
    assert seen
    assert not re.search("prilavok|прилавок", "".join(seen), re.IGNORECASE)


def test_who_looks_around_is_greeted_by_rule_and_the_answer_opens_the_talk(
    shop, alpha, page_of, answers
):
    from bots.models import Channel, Contact, Greeting, Message
    from bots.services import places

    with alpha.inside():
        Channel.objects.filter(kind="web").update(settings={"visitors": True})
        one = Greeting.objects.create(name="g", is_on=True, text={"ru": "Подсказать размер?"})
    places._kept.clear()
    page = page_of()
    page.goto(shop.url())
    page.locator("shop-chat .teaser-text", has_text="Подсказать размер?").wait_for()
    with alpha.inside():
        assert not Contact.objects.exists()
    page.locator("shop-chat .teaser-text").click()
    write(page, "Да, пальто")

    page.locator("shop-chat .bubble-text", has_text="re: Да, пальто").first.wait_for()
    with alpha.inside():
        first = Message.objects.order_by("seq").first()
        assert (first.author, first.text) == ("automation", "Подсказать размер?")
        one.refresh_from_db()
        assert (one.shown, one.answered) == (1, 1)
    assert page.troubles == []


def asked_first(shop: Any, alpha: Any, page_of: Any, fields: str) -> tuple[Any, Any]:
    """A page whose chat asks for these before the first message, and the form."""
    from bots.models import Channel
    from bots.services import places

    with alpha.inside():
        settings = {"form": "always", "form_fields": fields}
        Channel.objects.filter(kind="web").update(settings=settings)
    places._kept.clear()
    page = page_of()
    page.goto(shop.url())
    launcher(page).click()
    return page, page.locator("shop-chat form.ask")


def test_a_form_before_the_first_message_asks_for_a_consent_and_opens_the_talk(
    shop, alpha, page_of, answers
):
    from bots.models import Consent, Identity

    page, form = asked_first(shop, alpha, page_of, "name phone")
    form.locator("textarea").fill("Когда откроетесь?")
    assert form.locator("input[type=email]").count() == 0
    form.locator("input[type=tel]").fill("8 900 000-00-00")
    form.locator("button[type=submit]").click()
    form.locator("[role=alert]").wait_for()  # without the consent nothing goes
    with alpha.inside():
        assert not Identity.objects.exists()
    form.locator("input[type=checkbox]").first.check()
    form.locator("button[type=submit]").click()

    page.locator("shop-chat .bubble-text", has_text="re: Когда откроетесь?").first.wait_for()
    with alpha.inside():
        assert Identity.objects.get().value == "+79000000000"
        assert dict(Consent.objects.values_list("kind", "is_given"))["processing"] is True
    assert [t for t in page.troubles if "400" not in t] == []


def test_a_form_with_the_e_mail_alone_says_that_it_is_missing(shop, alpha, page_of):
    page, form = asked_first(shop, alpha, page_of, "email")

    form.locator("button[type=submit]").click()

    form.locator("#fault-email").wait_for()
    form.locator("input[type=email]").fill("anna@example.com")
    form.locator("button[type=submit]").click()
    page.wait_for_function(
        "document.querySelector('shop-chat').shadowRoot.activeElement?.tagName === 'TEXTAREA'"
    )


def test_a_buyer_rates_by_one_tap_and_the_score_arrives_once(shop, page_of, alpha, beta, answers):
    from bots.models import Conversation, Rating
    from bots.services.conversations import conversation_resolve, reply_send
    from bots.services.desk_settings import setting_save, settings_forget
    from tenants.workspace.models import Event

    settings_forget()
    for merchant in (alpha, beta):
        with merchant.inside():
            setting_save("rating", {"on": True, "delay_s": 0})
    page = page_of()
    page.goto(shop.url())
    launcher(page).click()
    write(page, "Где заказ?")
    wait_thread(page, "Где заказ?", "re: Где заказ?")
    with alpha.inside():
        talk = Conversation.objects.get()
        reply_send(conversation_id=talk.pk, agent=alpha.agent, text="Едет", client_key="rated-001")
    wait_thread(page, "Едет")
    with alpha.inside():
        conversation_resolve(conversation_id=talk.pk, by=alpha.agent)

    page.locator("shop-chat .bubble-text", has_text="Оцените ответ").wait_for()
    stars = page.get_by_role("button", name="★★★★", exact=True)
    stars.dblclick()
    page.get_by_role("button", name="Изменить оценку").first.wait_for()
    page.wait_for_timeout(500)

    settings_forget()
    with alpha.inside():
        rating = Rating.objects.get()
        assert (rating.score, rating.about, rating.agent_id) == (4, "agent", alpha.agent.pk)
        given = Event.objects.filter(name="rating.given").values_list("data__score", flat=True)
        assert list(given) == [4]
        talk.refresh_from_db()
        assert talk.status == "resolved"
    with beta.inside():
        assert not Rating.objects.exists()
    assert page.troubles == []
