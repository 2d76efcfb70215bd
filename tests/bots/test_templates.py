"""The little language of prepared replies, and when the bot uses one."""

from datetime import UTC, datetime
from decimal import Decimal

import hypothesis
import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from bots.engine.base import Asker, Decision, Said, Turn
from bots.models import Template, TemplateText
from bots.services.template_text import (
    VARIABLES,
    BrokenTemplate,
    template_parse,
    template_render,
    variables_of,
)
from bots.services.template_triggers import _lemmas as lemmas
from bots.services.template_triggers import is_on_schedule, matches, triggered
from bots.services.templates import template_save, template_sent
from integrations.models import Order, Parcel, Product, Variant
from tests.counts import times

NOON = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # a Monday, 12:00 in Moscow


@pytest.fixture
def inside(alpha):
    with alpha.inside():
        yield


def turn(text, *, name="Анна Петрова", proofs=(), lang="ru", memory=None):
    asker = Asker(name=name, proofs=proofs)
    return Turn([Said("buyer", text)], lang, asker, NOON, memory=memory or {})


def made(text="Здравствуйте!", **more):
    texts = text if isinstance(text, dict) else {"ru": text}
    return template_save({"code": "t", "name": "T", "texts": texts, **more})


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{{contact.nme}}", "contact.name"),
        ("{{contact.name.__class__}}", "contact.name.__class__"),
        ("{{settings.SECRET_KEY}}", "settings.SECRET_KEY"),
        ("{{contact.name", ""),
        ("name}}", ""),
        ("{{}}", ""),
        ("{{contact['name']}}", "contact['name']"),
        ("{{contact.name|default:1|upper}}", ""),
        ("{{ask:}}", ""),
        ("{{{contact.name}}}", ""),
    ],
)
def test_a_mistake_is_told_to_the_author_and_nothing_is_saved(inside, text, fault):
    before = Template.objects.count()

    with pytest.raises(ValidationError) as caught:
        made({"ru": "Хорошо", "en": f"Hello {text}"})

    assert set(caught.value.message_dict) == {"texts"}
    assert fault in caught.value.message_dict["texts"][0]
    assert Template.objects.count() == before


def test_every_unknown_variable_is_named_at_once():
    with pytest.raises(BrokenTemplate) as caught:
        template_parse("{{a.b}} {{contact.name}} {{c.d}}")

    assert len(caught.value.faults) == 2


def test_other_template_languages_are_plain_text(inside):
    found = template_render(made("{% load x %} {contact.name} ${name}"), "ru", {})

    assert found.text == "{% load x %} {contact.name} ${name}"


def test_values_are_put_in(inside):
    template = made("Здравствуйте, {{ contact.name }}. Заказ {{order.number}} в пути.")

    found = template_render(template, "ru", {"contact.name": "Анна", "order.number": "727"})

    assert found.text == "Здравствуйте, Анна. Заказ 727 в пути."
    assert (found.asks, found.missing, found.is_ready) == ((), (), True)


def test_a_missing_value_never_reaches_a_buyer(inside):
    template = made("Заказ {{order.number}} для {{contact.name}}. Новая дата: {{ask: дата}}.")

    found = template_render(template, "ru", {"contact.name": "Анна", "order.number": ""})

    assert found.text == ""
    assert found.missing == ("order.number",)
    assert found.asks == ("дата",)
    assert "Анна" in found.draft
    assert "⟦дата⟧" in found.draft
    done = template_render(
        template, "ru", {"contact.name": "Анна", "order.number": "7"}, {"дата": "25 ноября"}
    )
    assert done.text == "Заказ 7 для Анна. Новая дата: 25 ноября."


def test_a_default_stands_in_for_an_unknown_value(inside):
    template = made("Здравствуйте, {{contact.name|}}! Ждём вас, {{contact.first_name|друг}}.")

    found = template_render(template, "ru", {})

    assert found.text == "Здравствуйте! Ждём вас, друг."


def test_a_value_is_never_read_as_a_template(inside):
    template = made("Здравствуйте, {{contact.name}}.")

    found = template_render(template, "ru", {"contact.name": "{{shop.email}}\n\nЗло"})

    assert "shop.email" in found.text
    assert "{{" not in found.text
    assert "\n" not in found.text


def test_the_buyer_s_language_is_used_else_the_shop_s(inside):
    template = made({"ru": "Привет", "en": "Hi"})

    assert [template_render(template, lang, {}).lang for lang in ("en", "ru", "de")] == [
        "en", "ru", "ru",
    ]  # fmt: skip


def test_names_used_are_listed():
    assert variables_of("{{contact.name}} {{ask: срок}} {{ask.code}} {{contact.name}}") == [
        "contact.name", "ask: срок", "ask: code",
    ]  # fmt: skip


@given(st.text(alphabet="{}|:.abcаб \n", max_size=60))
def test_any_text_is_parsed_or_refused_and_never_shows_braces(text):
    try:
        pieces = template_parse(text)
    except BrokenTemplate as exc:
        assert exc.faults
        return
    shown = "".join(piece.text for piece in pieces if piece.kind == "text")
    assert "{{" not in shown
    assert "}}" not in shown


# Pieces of texts as authors write them, the ones that are refused too.
authored = st.lists(
    st.one_of(
        st.text(max_size=15),
        st.sampled_from(["{", "}", "{{", "}}", "{{ask: срок}}", "{{contact.nme}}", ", ", "!"]),
        st.builds(
            "{{{{{}{}}}}}".format,
            st.sampled_from(sorted(VARIABLES)),
            st.sampled_from(["", "|", "|друг", " | 0 "]),
        ),
    ),
    max_size=6,
).map("".join)
values = st.one_of(
    st.none(),
    st.text(max_size=20),
    st.text("{}|. \n", max_size=12),
    st.sampled_from(["{{shop.email}}", "{{{", "}}}}}", "⟦", "x" * 600]),
)


@given(authored, st.dictionaries(st.sampled_from(sorted(VARIABLES)), values), values)
@hypothesis.settings(
    max_examples=times(150, 3000),
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
def test_no_buyer_ever_sees_a_brace_or_a_gap(inside, text, context, asked):
    """Either the author is told, or whatever the values are the text is whole or not sent."""
    try:
        template_parse(text)
    except BrokenTemplate:
        return
    Template.objects.all().delete()
    found = Template.objects.create(code="t", name="T")
    TemplateText.objects.create(template=found, lang="ru", text=text)

    shown = template_render(found, "ru", context, {"срок": asked or ""})

    for made_of in (shown.text, shown.draft):
        assert "{{" not in made_of
        assert "}}" not in made_of
    if shown.is_ready:
        # The mark of a gap is for agents: it comes from the author or a value, or not at all.
        said = text + "".join(str(value) for value in (*context.values(), asked))
        assert "⟦" not in shown.text or "⟦" in said
        assert shown.missing == shown.asks == ()
    else:
        assert shown.text == ""
        assert shown.missing or shown.asks


@given(st.text(max_size=80))
@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
def test_no_words_of_a_buyer_break_a_trigger(inside, question):
    if not Template.objects.exists():
        made("Заказ {{order.number}} для {{contact.name|вас}}.", phrases=["где мой заказ"])
    answer = triggered(turn(question, name=question[:20]))
    assert answer is None or ("{{" not in answer.text and answer.decision in Decision)


@pytest.mark.parametrize(
    ("question", "phrase", "hit"),
    [
        ("Сколько стоит доставка?", "сколько стоит доставка", True),
        ("а сколько стоит доставка", "сколько стоит доставка", True),
        ("Как вернуть товары", "как вернуть товар", True),
        ("спасибо, а где мой заказ 727?", "спасибо", False),
        ("стоит ли сколько-то доставка", "сколько стоит доставка", False),
        ("доставка", "сколько стоит доставка", False),
        ("thanks!", "thanks", True),
    ],
)
def test_a_phrase_is_met_by_its_words(question, phrase, hit):
    assert (matches(lemmas(question), phrase) >= 0.6) is hit


def test_a_trigger_answers_with_its_source(inside):
    template = made("Скидка 10 % до пятницы.", phrases=["есть скидки"], buttons=["Каталог"])

    answer = triggered(turn("А есть скидка?"))

    assert (answer.text, answer.decision, answer.provider) == (
        "Скидка 10 % до пятницы.", Decision.ANSWER, "template",
    )  # fmt: skip
    assert answer.template_id == template.pk
    assert [(s.kind, s.id) for s in answer.sources] == [("template", template.pk)]
    assert answer.buttons == ("Каталог",)
    template.refresh_from_db()
    assert template.used == 0


def test_an_intent_is_met_in_either_language(inside):
    made({"ru": "По будням с 10 до 20.", "en": "Weekdays 10 to 20."}, intents=["hours"])

    assert triggered(turn("какой у вас режим работы?")).lang == "ru"
    assert triggered(turn("When are you open?", lang="en")).text == "Weekdays 10 to 20."
    assert triggered(turn("режим работы утюга для шёлка и шерсти")) is None


def test_a_template_with_a_missing_value_is_passed_over(inside):
    made("Заказ {{order.number}} уже {{order.status}}.", phrases=["где мой заказ"])

    assert triggered(turn("Где мой заказ?")) is None


@pytest.fixture
def order(inside):
    order = Order.objects.create(
        number="727",
        status="shipped",
        phone="+79161234567",
        sum=Decimal(1300),
        placed_at=NOON,
    )
    Parcel.objects.create(order=order, track="TR-1", eta=NOON.date(), address="Тверская, 1")
    return order


@pytest.mark.parametrize(
    ("proof", "text"),
    [
        ("claimed", None),
        ("order", "727 в пути 23\u00a0ноября"),
        ("shared", "727 в пути 23\u00a0ноября"),
    ],
)
def test_an_order_is_told_of_by_what_is_proven(order, proof, text):
    made("{{order.number}} {{order.status}} {{order.eta}}", phrases=["где мой заказ"])

    answer = triggered(turn("где мой заказ", proofs=(("phone", "+79161234567", proof),)))

    assert (answer and answer.text) == text


def test_a_weak_proof_gives_neither_address_nor_track(order):
    made("{{order.number}} {{order.track}} {{order.address}}", phrases=["где мой заказ"])

    weak, strong = (
        triggered(turn("где мой заказ", proofs=(("phone", "8 916 123-45-67", proof),)))
        for proof in ("order", "signed")
    )

    assert weak is None
    assert strong.text == "727 TR-1 Тверская, 1"
    assert ("order", "727") in [(s.kind, s.external_id) for s in strong.sources]


def test_the_product_in_focus_gives_what_is_true_of_all_its_variants(inside):
    product = Product.objects.create(external_id="10", name="Футболка", url="https://s.example/10")
    for number, stock in ((1, 3), (2, 5)):
        Variant.objects.create(
            product=product,
            external_id=f"{number}",
            name=f"Футболка {number}",
            price=990,
            stock=stock,
        )
    made("«{{product.name}}» стоит {{product.price}}.", phrases=["сколько за неё"])
    memory = {"kind": "product", "focus": [product.pk]}

    answer = triggered(turn("сколько за неё?", memory=memory))

    assert answer.text == "«Футболка» стоит 990\u00a0₽."
    assert [(s.kind, s.external_id) for s in answer.sources] == [
        ("template", "t"),
        ("product", "10"),
    ]
    assert triggered(turn("сколько за неё?")) is None
    Variant.objects.filter(external_id="2").update(price=1090)
    assert triggered(turn("сколько за неё?", memory=memory)) is None


@pytest.mark.parametrize(
    ("schedule", "on"),
    [
        ({}, True),
        ({"from": "2026-11-23", "to": "2026-11-23"}, True),
        ({"from": "2026-11-24"}, False),
        ({"to": "2026-11-22"}, False),
        ({"weekdays": [0]}, True),
        ({"weekdays": [1, 2]}, False),
        ({"only": "open"}, True),
        ({"only": "closed"}, False),
    ],
)
def test_a_schedule_is_kept_in_the_shop_s_time(inside, schedule, on):
    assert is_on_schedule(made(schedule=schedule), NOON) is on


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"intents": ["fly"]}, "intents"),
        ({"phrases": ["?!"]}, "phrases"),
        ({"phrases": ["слово"] * 2 + [f"слово {n}" for n in range(60)]}, "phrases"),
        ({"buttons": [{"title": ""}]}, "buttons"),
        ({"buttons": [{"title": "x", "url": "javascript:1"}]}, "buttons"),
        ({"buttons": [{"title": "x", "url": "https://"}]}, "buttons"),
        ({"buttons": [{"title": "x", "url": "https://localhost/"}]}, "buttons"),
        ({"buttons": [{"title": "x", "url": "https://a.example/ b"}]}, "buttons"),
        ({"buttons": [{"title": "x", "url": 'https://a.example/"onx'}]}, "buttons"),
        ({"buttons": [{"title": "x", "url": "data:text/html,x"}]}, "buttons"),
        ({"buttons": [{"title": "x", "url": "//a.example/"}]}, "buttons"),
        ({"schedule": {"from": "завтра"}}, "schedule"),
        ({"schedule": {"from": "2026-12-02", "to": "2026-12-01"}}, "schedule"),
        ({"schedule": {"weekdays": [7]}}, "schedule"),
        ({"schedule": {"only": "sometimes"}}, "schedule"),
        ({"attachments": [999]}, "attachments"),
        ({"texts": {"ru": " "}}, "texts"),
        ({"code": ""}, "code"),
    ],
)
def test_what_does_not_fit_is_told_by_field(inside, change, name):
    with pytest.raises(ValidationError) as caught:
        template_save({"code": "t", "name": "T", "texts": {"ru": "x"}, **change})

    assert set(caught.value.message_dict) == {name}
    assert not Template.objects.filter(code="t").exists()


def test_uses_are_counted(inside):
    template = made()

    template_sent(template.pk)
    template_sent(template.pk)

    template.refresh_from_db()
    assert template.used == 2
    assert template.used_at is not None


def test_templates_of_one_shop_do_not_answer_for_another(alpha, beta):
    with alpha.inside():
        made("Скидка 10 %.", phrases=["есть скидки"])
    with beta.inside():
        assert triggered(turn("есть скидки")) is None
