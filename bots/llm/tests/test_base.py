from decimal import Decimal

import httpx
import pytest

from bots.llm import chat, wire
from bots.llm.base import (
    Account,
    Completion,
    DataRegion,
    Finish,
    ModelMalformed,
    ModelRefused,
    ModelRequest,
    NeedsMerchant,
    Patience,
    Price,
    RetryLater,
    Stopped,
    Usage,
    finished,
    plain_schema,
)
from bots.llm.manifests import ProviderManifest, manifest_of
from bots.llm.simulation import Asked, think

DAY = "Wed, 21 Oct 2037 07:28:00 GMT"


def test_prices_count_cached_tokens_once():
    price = Price(Decimal(2), Decimal(8), "USD", cached=Decimal("0.5"))

    assert price.of(Usage(1_000_000, 1_000_000)) == 10
    assert price.of(Usage(1_000_000, 0, cached=400_000)) == Decimal("1.4")
    assert Price(Decimal(2), Decimal(8), "USD").of(Usage(1_000_000, 0, 5_000_000)) == 2


def test_the_price_of_a_model():
    cheap, dear = Price(Decimal(1), Decimal(1), "RUB"), Price(Decimal(5), Decimal(5), "RUB")
    manifest = ProviderManifest("x", "x", DataRegion.RU, (), "", prices={"m": cheap, "m-pro": dear})
    own = Account("a", "x", {}, prices={"m": Price(Decimal(3), Decimal(3), "RUB")})
    told = Account("a", "x", {"price_prompt": "2,5", "price_completion": "4", "currency": "USD"})

    assert manifest.price("m-lite") is cheap
    assert manifest.price("m-pro-2") is dear
    assert manifest.price("unknown") is dear  # never cheaper than the list
    assert manifest.price("m", own).prompt == 3
    assert manifest.price("m", told) == Price(Decimal("2.5"), Decimal(4), "USD")
    assert ProviderManifest("x", "x", DataRegion.OWN, (), "").price("m").of(Usage(9, 9)) == 0
    assert manifest.price("m", Account("a", "x", {"price_prompt": "dear"})) is cheap


def test_manifests_are_found_by_folder():
    assert manifest_of("openai").key == "openai"
    assert manifest_of("nothing") is None


def test_plain_schemas_say_what_pydantic_said():
    schema = {
        "title": "Args",
        "type": "object",
        "$defs": {"Size": {"title": "Size", "type": "integer", "description": "EU"}},
        "properties": {
            "size": {"$ref": "#/$defs/Size"},
            "city": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
            "kinds": {"type": "array", "items": {"$ref": "#/$defs/Size"}},
            "mode": {"const": "fast"},
            "note": {"type": ["null", "string"]},
        },
        "required": ["size"],
    }

    assert plain_schema(schema) == {
        "type": "object",
        "properties": {
            "size": {"type": "integer", "description": "EU"},
            "city": {"type": "string"},
            "kinds": {"type": "array", "items": {"type": "integer", "description": "EU"}},
            "mode": {"enum": ["fast"]},
            "note": {"type": "string"},
        },
        "required": ["size"],
    }
    assert plain_schema({}) == {"type": "object", "properties": {}}


def test_a_schema_that_contains_itself_ends():
    schema = {"$defs": {"A": {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}}}}

    assert plain_schema({**schema, "$ref": "#/$defs/A"})["type"] == "object"


def test_patience_asks_whether_it_is_wanted_but_not_at_every_byte():
    asked: list[int] = []
    patience = Patience(1e12, should_stop=lambda: bool(asked.append(1)))
    for _ in range(50):
        patience.next_wait_s(0.1)
    assert len(asked) == 1

    with pytest.raises(Stopped):
        Patience(1e12, should_stop=lambda: True).next_wait_s(0.1)


def completion(text="", finish=Finish.STOP) -> Completion:
    return Completion(text, (), finish, Usage(), "m", "p")


def test_every_provider_keeps_the_same_promises():
    patience, request = Patience(1e12), ModelRequest(())
    with pytest.raises(ModelRefused):
        finished(completion("no", Finish.REFUSAL), request, patience)
    with pytest.raises(ModelMalformed):
        finished(completion(" "), request, patience)
    assert finished(completion("да"), request, patience, rest_s=3).rest_s == 3


# --- wire -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "-7"}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "x", "retry-after": "2"}, 2),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 360),
        ({"x-ratelimit-remaining-requests": "3", "x-ratelimit-reset-requests": "6m0s"}, None),
    ],
)
def test_how_long_the_vendor_wants_us_to_wait(headers, seconds):
    assert wire.retry_after_s(httpx.Headers(headers)) == seconds


def test_a_date_to_wait_for():
    assert wire.retry_after_s(httpx.Headers({"retry-after": DAY})) > 1e6


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("12ms", 0.012), ("1h2m3.5s", 3723.5), ("3µs", 3e-6), ("", None), ("x", None)],
)
def test_durations_as_go_writes_them(text, seconds):
    assert wire.go_duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "a"}}, "a"),
        ({"error": "b"}, "b"),
        ({"message": "c"}, "c"),
        ({"detail": "d"}, "d"),
        ([{"error": {"message": "e"}}], "e"),
        ({"detail": [{"loc": []}]}, ""),
        ("text", "text"),
        (None, ""),
        ({"error": {"message": "key sk-abcdef1234567890 and my-secret-1"}}, "key … and …"),
    ],
)
def test_the_vendors_sentence_without_our_keys(body, message):
    assert wire.error_message(body, ("my-secret-1", "short")) == message


def test_statuses_say_what_to_do():
    def error(status, raw=b""):
        return wire.status_error(status, raw, httpx.Headers(), vendor="v", operation="o")

    assert isinstance(error(302), wire.Rejected)
    assert isinstance(error(402), NeedsMerchant)
    assert isinstance(error(500, b"<html>"), RetryLater)
    assert error(500, b"<html>").detail == "HTTP 500"
    assert error(500).status == 500


def test_a_proxy_and_a_certificate_make_other_clients():
    one = wire.client_for("v", "http://a.example")
    assert wire.client_for("v", "http://a.example") is one
    proxied = wire.client_for("v", "http://a.example", "http://p.example:3128", True)
    assert proxied is not one
    pool = wire._pool_of(proxied._transport)
    assert type(pool._network_backend).__name__ == "_PatientBackend"
    assert pool._max_connections >= 400
    assert wire.make_patient(proxied) is proxied


def test_other_transports_are_left_as_they_are():
    client = httpx.Client(transport=httpx.MockTransport(lambda r: httpx.Response(200)))

    assert wire.make_patient(client).get("http://a.example").status_code == 200


def test_cookies_are_not_kept_between_accounts():
    def answer(request):
        return httpx.Response(200, headers={"set-cookie": "session=1; Path=/"})

    client = wire.make_patient(httpx.Client(transport=httpx.MockTransport(answer)))
    client.get("http://a.example")

    assert not list(client.cookies.jar)


# --- chat dialect ---------------------------------------------------------------------------
def test_content_in_parts_is_joined():
    gathering = chat.Gathering("p", "m")
    message = {"content": [{"type": "text", "text": "да"}, {"text": "!"}]}

    assert chat.answer_in(gathering, {"choices": [{"message": message}]}) == "да!"


def test_an_answer_without_choices_is_refused():
    with pytest.raises(ModelMalformed):
        chat.answer_in(chat.Gathering("p", "m"), {"choices": []})


def test_pieces_of_calls_without_an_index_follow_one_another():
    gathering = chat.Gathering("p", "m")
    gathering.tool(None, "a", "f", '{"x"')
    gathering.tool(None, "", "", ": 1}")
    gathering.tool(None, "b", "g", {"y": 2})
    gathering.tool(1, "c", "h", None)  # another id at a used index

    assert [(c.id, c.name, c.arguments) for c in gathering.calls()] == [
        ("a", "f", {"x": 1}),
        ("b", "g", {"y": 2}),
        ("c", "h", {}),
    ]


def test_a_call_cut_by_the_limit_is_not_made():
    from bots.llm.tests.contract import PLAIN

    gathering = chat.Gathering("p", "m", reason="length")
    gathering.tool(0, "a", "f", "{}")
    with pytest.raises(ModelMalformed, match="cut"):
        gathering.completion(PLAIN)
    empty = chat.Gathering("p", "m", ["да"], reason="tool_calls")
    assert empty.completion(PLAIN).finish is Finish.STOP


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": "content_filter"}, ModelRefused),
        ({"code": "insufficient_quota"}, NeedsMerchant),
        ({"type": "server_error"}, RetryLater),
        ("text", RetryLater),
    ],
)
def test_errors_in_mid_stream(error, kind):
    assert type(chat.stream_error({"error": error}, "p")) is kind


# --- the simulators' brain ------------------------------------------------------------------
ORDER = {
    "name": "order_status",
    "description": "Где заказ и когда приедет",
    "parameters": {
        "type": "object",
        "properties": {
            "order_number": {"type": "string"},
            "lang": {"enum": ["ru", "en"]},
            "note": {"type": "string"},
            "size": {"type": "integer"},
            "tags": {"type": "array"},
        },
        "required": ["order_number", "lang", "note"],
    },
}


def asked(question, system="", tools=(), role="user"):
    return Asked(system, ((role, question),), tuple(tools))


def test_the_brain_answers_from_the_facts_it_was_given():
    facts = "Ты продавец.\n- Куртка стоит 5000 ₽.\n- Кофта стоит 900 ₽.\n[a1] Доставка 300 ₽."

    assert think(asked("Сколько стоит куртка?", facts)).text == "Куртка стоит 5000 ₽."
    assert think(asked("почём доставка", facts)).text == "[a1] Доставка 300 ₽."
    assert "не нашёл" in think(asked("есть ли слоны", facts)).text
    assert "call a person" in think(asked("any elephants", facts)).text
    assert think(Asked("", (), ())).text


RECORDS = """Отвечай по записям. Нет ответа — [[NO_ANSWER]], просят человека — [[PERSON]].

Записи:
[1] Доставка
Курьер по Туле стоит 300 ₽. Самовывоз бесплатный.

[2] Куртка «Север»
- синий, 42: 5000 RUB; в наличии: 3
- чёрный, 44: 5200 RUB; нет в наличии"""


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("сколько стоит курьер", "Курьер по Туле стоит 300 ₽ [1]."),
        ("самовывоз платный?", "Самовывоз бесплатный [1]."),
        ("куртка 44 есть?", "Куртка «Север»: чёрный, 44: 5200 RUB; нет в наличии [2]."),
        ("есть слоны?", "[[NO_ANSWER]]"),
        ("позовите человека", "[[PERSON]]"),
    ],
)
def test_the_brain_cites_numbered_records(question, said):
    assert think(asked(question, RECORDS)).text == said


def test_the_brain_calls_a_tool_when_the_question_fits():
    called = think(asked("Где мой заказ A-17?", tools=[ORDER])).tools[0]

    assert called.arguments == {"order_number": "A-17", "lang": "ru", "note": "Где мой заказ A-17?"}
    assert think(asked("Где мой заказ?", tools=[ORDER])).tools == ()
    sized = {**ORDER, "parameters": {**ORDER["parameters"], "required": ["size"]}}
    assert think(asked("заказ 42", tools=[sized])).tools[0].arguments == {"size": 42}
    assert think(asked("заказ", tools=[sized])).tools == ()
    listed = {**ORDER, "parameters": {**ORDER["parameters"], "required": ["tags"]}}
    assert think(asked("заказ 42", tools=[listed])).tools == ()


def test_the_brain_says_what_a_tool_found():
    told = think(asked('{"order": {"status": "в пути", "days": [1, 2], "x": null}}', role="tool"))

    assert told.text == "Here is what I know. status: в пути; days: 1; days: 2"
    assert think(asked("просто текст", role="tool")).text == "просто текст"
    assert think(asked("{}", "по-русски", role="tool")).text == "Ничего не нашлось."
