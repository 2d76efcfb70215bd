"""WhatsApp: in and out, pure, and over real HTTP against the pretend Graph API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from bots.channels.base import (
    AccountChanged,
    Button,
    BuyerDelete,
    BuyerEdit,
    BuyerMessage,
    Config,
    File,
    Inbound,
    Moved,
    OwnerEcho,
    PlatformTemplate,
    Reaction,
    Receipt,
    Reply,
    Unreachable,
    Unsupported,
)
from bots.channels.whatsapp import adapter as module
from bots.channels.whatsapp.adapter import WhatsApp
from bots.channels.whatsapp.errors import MEANINGS, refuse
from bots.channels.whatsapp.simulator import WhatsAppSimulator
from bots.channels.whatsapp.tests.sample import (
    AT,
    BUYER,
    SCOPED,
    WhatsAppSample,
    call,
    message,
    of_number,
    status,
)
from tenants.kernel.errors import NeedsMerchant, Rejected, RetryLater
from tenants.kernel.simulate import serve_simulator

SAMPLE = WhatsAppSample()
HOOK = "https://shop.example/hooks/of-this-channel/"


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[WhatsAppSimulator, str]]:
    simulator = WhatsAppSimulator()
    with serve_simulator(simulator) as url:
        yield simulator, url


@pytest.fixture
def graph(served) -> WhatsAppSimulator:
    """As new: what a test has left behind is gone."""
    simulator, url = served
    kept = simulator._routes
    simulator.__dict__.update(WhatsAppSimulator().__dict__, _routes=kept)
    simulator.url = url  # type: ignore[attr-defined]
    simulator.buyer(BUYER).wrote_at = simulator.now
    return simulator


def whatsapp(graph: Any = None, *, settings: Any = None, secrets: Any = None, **more: Any):
    return WhatsApp(
        Config(
            channel_id=1,
            schema="m_x",
            settings={**SAMPLE.settings, **(settings or {})},
            secrets={**SAMPLE.secrets, **(secrets or {})},
            base_url=graph.url if graph else "",
            **more,
        )
    )


def happened(payload: Any) -> list[Any]:
    adapter = whatsapp()
    found: list[Any] = []
    for envelope in adapter.envelopes(SAMPLE.inbound(payload)):
        found += adapter.parse(json.loads(json.dumps(envelope.payload)))
    return found


def said(kind: str) -> BuyerMessage:
    (one,) = happened(SAMPLE.kinds()[kind])
    assert isinstance(one, BuyerMessage)
    return one


# ── the address ──
def test_the_address_is_proven_by_the_channels_own_token():
    def asked(**query: str) -> tuple[int, bytes, str]:
        query = {f"hub.{name}": value for name, value in query.items()}
        return whatsapp().challenge(Inbound(b"", query=query, method="GET"))

    good = {"mode": "subscribe", "verify_token": "verify-token_1", "challenge": "1158201444"}
    assert asked(**good) == (200, b"1158201444", "text/plain")
    assert asked(**{**good, "verify_token": "другой"})[0] == 403
    assert asked(**{**good, "mode": "unsubscribe"})[0] == 403
    assert whatsapp(secrets={"hook": ""}).challenge(
        Inbound(b"", query={"hub.mode": "subscribe", "hub.verify_token": ""})
    )[0] == 403  # fmt: skip


def test_the_signature_is_of_the_bytes_as_they_came():
    """Meta escapes letters: the same JSON written otherwise is another body."""
    body = json.dumps(SAMPLE.says("Привет")).encode()
    again = json.dumps(json.loads(body), ensure_ascii=False).encode()
    assert again != body

    whatsapp().verify(SAMPLE.sign(body))
    with pytest.raises(module.SignatureMismatch):
        whatsapp().verify(Inbound(again, SAMPLE.sign(body).headers))


# ── batches ──
def test_everything_in_a_call_is_a_delivery_of_its_own():
    one = SAMPLE.says("Раз", number=1)["entry"][0]
    two = SAMPLE.says("Два", number=2, chat="79005550007")["entry"][0]
    told = status("delivered")["entry"][0]["changes"][0]
    one["changes"].append(told)

    found = whatsapp().envelopes(
        SAMPLE.inbound({"object": "whatsapp_business_account", "entry": [one, two]})
    )

    assert [(e.dedupe_key, e.chat) for e in found] == [
        ("m:wamid.EXAMPLE0001==", BUYER),
        ("s:wamid.EXAMPLE0009==:delivered", BUYER),
        ("m:wamid.EXAMPLE0002==", "79005550007"),
    ]


def test_each_status_of_a_message_is_another_delivery():
    keys = {
        envelope.dedupe_key
        for state in ("sent", "delivered", "read", "delivered")
        for envelope in whatsapp().envelopes(SAMPLE.inbound(status(state)))
    }
    assert len(keys) == 3


def test_another_numbers_messages_are_passed_over_and_told_once():
    """One app may serve several numbers; its address gets what is theirs, too."""
    other = call(of_number("900000000000999", messages=[{"id": "x", "from": BUYER}]))
    other["entry"][0]["changes"][0]["value"]["metadata"]["display_phone_number"] = "79005550077"

    (envelope,) = whatsapp().envelopes(SAMPLE.inbound(other))
    (told,) = whatsapp().parse(envelope.payload)

    assert isinstance(told, AccountChanged)
    assert told.state == "told" and told.detail.endswith(": …0077")
    assert [e.dedupe_key for e in whatsapp().envelopes(SAMPLE.inbound(other))] == [
        envelope.dedupe_key
    ]


def test_another_accounts_events_are_not_ours():
    template = SAMPLE.kinds()["template"]["entry"][0]["changes"][0]["value"]
    foreign = call(template, "message_template_status_update", account="900000000000555")

    assert whatsapp().envelopes(SAMPLE.inbound(foreign)) == []


def test_history_and_other_fields_are_passed_over():
    for name in ("history", "contacts of the app", "calls"):
        assert whatsapp().envelopes(SAMPLE.inbound(SAMPLE.kinds()[name])) == []


def test_a_long_id_still_makes_a_key():
    long = message("text", {"body": "x"})
    long["entry"][0]["changes"][0]["value"]["messages"][0]["id"] = "wamid." + "x" * 400
    (envelope,) = whatsapp().envelopes(SAMPLE.inbound(long))
    assert len(envelope.dedupe_key) <= 120


# ── messages in ──
def test_a_message_is_what_the_buyer_said():
    assert said("text") == BuyerMessage(
        external_id="wamid.EXAMPLE0001==",
        chat=BUYER,
        text="Привет",
        sent_at=datetime.fromtimestamp(AT + 1, UTC),
        name="Анна",
        identities=(("phone", "+79005550002", "shared"),),
        callback="wamid.EXAMPLE0001==",
    )


def test_who_hides_the_phone_is_known_by_the_scoped_id():
    one = said("hidden phone")

    assert (one.chat, one.name, one.identities) == (SCOPED, "Ян", ())
    (call_,) = whatsapp().render(Reply(one.chat, "Здравствуйте"))
    assert call_.data["recipient"] == SCOPED and "to" not in call_.data


def test_who_shows_both_is_known_by_the_scoped_id_and_the_phone_is_a_proof():
    payload = message("text", {"body": "Привет"})
    value = payload["entry"][0]["changes"][0]["value"]
    value["contacts"][0] |= {"user_id": SCOPED, "profile": {"name": "Ян", "username": "yan"}}

    (one,) = happened(payload)

    assert (one.chat, one.username) == (SCOPED, "yan")
    assert one.identities == (("phone", "+79005550002", "shared"),)


def test_media_becomes_files_with_captions():
    image, voice, paper = said("image"), said("audio"), said("document")

    assert (image.text, image.files[0].kind, image.files[0].mime) == ("Вот", "image", "image/jpeg")
    assert (voice.text, voice.files[0].kind) == ("", "voice")
    assert (paper.files[0].kind, paper.files[0].name) == ("file", "чек.pdf")
    assert said("video").files[0].kind == "video"
    assert said("sticker").text == "🖼️"


def test_what_is_chosen_comes_back_as_its_payload():
    for kind in ("button reply", "list reply"):
        assert (said(kind).text, said(kind).payload) == ("42", "size:42")
    assert (said("button").text, said("button").payload) == ("Повторить", "again")


def test_places_cards_orders_and_ads():
    place, order, ad = said("location"), said("order"), said("from an ad")

    assert place.data == {"location": {"lat": 55.75, "lon": 37.61}, "wordless": "place"}
    assert said("contacts").text == "Пётр, +79005550003"
    assert ("phone", "+79005550003", "shared") not in said("contacts").identities
    assert order.text == "Жду\nЗаказ из каталога WhatsApp:\n2 × SKU-1, 990 RUB"
    assert order.data["order"] == [
        {"offer_id": "SKU-1", "quantity": 2, "price": "990", "currency": "RUB"}
    ]
    assert ad.data["referral"] == {"source_type": "ad", "source_id": "12", "ctwa_clid": "c1"}
    assert said("quoted").reply_to == "wamid.X=="
    assert said("welcome").is_start


def test_what_only_whatsapp_can_show_is_for_a_person():
    assert said("unsupported").data == {"wordless": "other"}
    (unknown,) = happened(message("hologram", {"x": 1}))
    assert unknown.data == {"wordless": "other"}


def test_changes_of_what_was_said():
    assert happened(SAMPLE.kinds()["reaction"]) == [Reaction("wamid.X==", BUYER, "👍")]
    assert happened(SAMPLE.kinds()["reaction taken away"]) == [Reaction("wamid.X==", BUYER, "")]
    assert happened(SAMPLE.kinds()["edit"]) == [BuyerEdit("wamid.X==", BUYER, "46")]
    assert happened(SAMPLE.kinds()["revoke"]) == [BuyerDelete("wamid.X==", BUYER)]
    assert happened(SAMPLE.kinds()["changed number"]) == [
        Moved(BUYER, "79005550009", (("phone", "+79005550009", "shared"),))
    ]


def test_what_the_owner_writes_in_the_app_is_an_echo():
    assert happened(SAMPLE.kinds()["echo"]) == [
        OwnerEcho(
            "wamid.ECHO1==", BUYER, "Это Ольга", datetime.fromtimestamp(AT, UTC), "+79005550002"
        )
    ]


def test_a_message_of_a_group_is_not_served():
    payload = message("text", {"body": "x"}, group_id="g1")
    with pytest.raises(Unsupported):
        happened(payload)


# ── statuses ──
def test_statuses_carry_our_own_id():
    (told,) = happened(SAMPLE.kinds()["delivered"])
    assert told == Receipt("wamid.EXAMPLE0009==", BUYER, "delivered", message_id=981)
    assert [happened(status(s))[0].state for s in ("sent", "read", "played")] == [
        "sent", "read", "read",
    ]  # fmt: skip


def test_a_failure_says_what_to_do():
    def failed(code: int) -> list[Any]:
        return happened(status("failed", errors=[{"code": code, "title": "vendor's words"}]))

    (late,) = failed(131047)
    assert (late.state, late.is_unreachable) == ("failed", False)
    assert late.detail == "more than 24 hours since the buyer wrote: only a template may go out"
    (gone,) = failed(131026)
    assert gone.is_unreachable
    receipt, account = failed(131042)
    assert (receipt.state, account.state) == ("failed", "told")
    assert failed(999_999)[0].detail == "vendor's words (999999)"
    assert happened(status("failed"))[0].detail


def test_the_account_tells_of_itself():
    (template,) = happened(SAMPLE.kinds()["template"])
    assert template.state == "told"
    assert template.data["template"] == {
        "name": "again", "language": "ru", "state": "approved", "reason": "",
    }  # fmt: skip
    assert happened(SAMPLE.kinds()["locked"])[0].state == "lost"
    back = {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "REINSTATE"}}
    assert happened(call(back, "account_update"))[0].state == "restored"
    assert happened(SAMPLE.kinds()["quality"])[0].detail.endswith(": 250")


# ── out ──
def interactive(call_: Any) -> Any:
    return call_.data["interactive"]


def sizes(count: int, title: str = "Размер {}") -> tuple[Button, ...]:
    return tuple(Button(title.format(n), f"size:{n}") for n in range(count))


def test_up_to_three_are_buttons_and_more_a_list():
    (three,) = whatsapp().render(Reply(BUYER, "Какой?", buttons=sizes(3)))
    (ten,) = whatsapp().render(Reply(BUYER, "Какой?", buttons=sizes(10)))
    (long,) = whatsapp().render(Reply(BUYER, "Какой?", buttons=sizes(2, "Очень большой размер {}")))

    assert interactive(three)["type"] == "button"
    assert interactive(three)["action"]["buttons"][0] == {
        "type": "reply",
        "reply": {"id": "size:0", "title": "Размер 0"},
    }
    assert interactive(ten)["type"] == "list"
    assert len(interactive(ten)["action"]["sections"][0]["rows"]) == 10
    assert interactive(ten)["action"]["button"] == "Выбрать"
    assert interactive(long)["type"] == "list"


def test_bold_is_written_as_whatsapp_does():
    (one,) = whatsapp().render(Reply(BUYER, "Цена **4 990 ₽**, 2 ** 3 и *так*"))
    assert one.data["text"]["body"] == "Цена *4 990 ₽*, 2 ** 3 и *так*"


def test_one_link_is_a_button_and_more_are_told():
    (one,) = whatsapp().render(
        Reply(BUYER, "Сайт", buttons=(Button("Открыть", url="https://s.ru"),))
    )
    mixed = (Button("Да", "yes"), Button("Открыть", url="https://s.ru"))
    (both,) = whatsapp().render(Reply(BUYER, "Сайт?", buttons=mixed))

    assert interactive(one)["action"] == {
        "name": "cta_url",
        "parameters": {"display_text": "Открыть", "url": "https://s.ru"},
    }
    assert interactive(both)["body"]["text"] == "Сайт?\nОткрыть: https://s.ru"


def test_a_long_text_with_buttons_is_said_before_them():
    text = "\n\n".join(f"Абзац {n}. " + "слово " * 60 for n in range(8))
    *before, last = whatsapp().render(Reply(BUYER, text, buttons=sizes(2)))

    assert before and all(len(one.data["text"]["body"]) <= 4096 for one in before)
    assert len(interactive(last)["body"]["text"]) <= 1024
    whole = "".join(one.data["text"]["body"] for one in before) + interactive(last)["body"]["text"]
    assert "".join(whole.split()) == "".join(text.split())


def test_goods_of_the_catalogue_are_whatsapps_own_cards():
    cards = tuple(
        {"title": f"Свитер {n}", "price": "4 990 ₽", "url": "https://s.ru", "external_id": f"S{n}"}
        for n in range(2)
    )
    shop = whatsapp(settings={"catalog_id": "77"})
    (one,) = shop.render(Reply(BUYER, "Вот:", cards=cards[:1]))
    (two,) = shop.render(Reply(BUYER, "Вот:", cards=cards))
    everything = (Button("Все", url="https://wa.me/c/79005550001"),)
    (whole,) = shop.render(Reply(BUYER, "Вот:", cards=cards[:1], buttons=everything))
    (words,) = whatsapp().render(Reply(BUYER, "Вот:", cards=cards[:1]))

    assert interactive(one)["action"] == {"catalog_id": "77", "product_retailer_id": "S0"}
    assert [i["product_retailer_id"] for i in
            interactive(two)["action"]["sections"][0]["product_items"]] == ["S0", "S1"]  # fmt: skip
    assert interactive(whole)["type"] == "catalog_message"
    assert words.data["text"]["body"] == "Вот:\n\nСвитер 0\n4 990 ₽\nhttps://s.ru"


def test_a_quote_and_our_id_go_along():
    first, second = whatsapp().render(
        Reply(BUYER, "слово " * 900, reply_to="wamid.X==", message_id=981)
    )
    assert first.data["context"] == {"message_id": "wamid.X=="}
    assert "context" not in second.data
    assert first.data["biz_opaque_callback_data"] == "message-981"


def test_a_file_is_shown_as_what_it_is():
    def kind(file: File, text: str = "") -> Any:
        return [one.data["type"] for one in whatsapp().render(Reply(BUYER, text, files=(file,)))]

    assert kind(File("image", "a.jpg", "image/jpeg", 9), "Вот") == ["image"]  # one, with a caption
    assert kind(File("image", "a.webp", "image/webp", 9)) == ["document"]
    assert kind(File("image", "a.jpg", "image/jpeg", 6 * 1024 * 1024)) == ["document"]
    assert kind(File("voice", "a.ogg", "audio/ogg", 9), "Вот") == ["audio", "text"]
    assert kind(File("file", "a.pdf", "application/pdf", 9)) == ["document"]


def test_an_approved_template_goes_out_with_its_values():
    (one,) = whatsapp().render(
        Reply(
            BUYER, "Здравствуйте, Анна!",
            template={"name": "again", "language": "ru", "values": ["Анна\nСмирнова", ""]},
        )
    )  # fmt: skip
    assert one.data["template"] == {
        "name": "again",
        "language": {"policy": "deterministic", "code": "ru"},
        "components": [
            {
                "type": "body",
                "parameters": [
                    {"type": "text", "text": "Анна Смирнова"},
                    {"type": "text", "text": "–"},
                ],
            }
        ],
    }


# ── through HTTP ──
def send(adapter: WhatsApp, reply: Reply) -> list[str]:
    return [adapter.send(one).external_id for one in adapter.render(reply)]


def test_the_window_opens_with_a_message_and_closes_after_a_day(graph):
    adapter = whatsapp(graph)
    send(adapter, Reply(BUYER, "В наличии"))

    graph.advance(24 * 3600)
    with pytest.raises(Rejected, match="only a template"):
        send(adapter, Reply(BUYER, "Опоздали"))
    graph.buyer_says("Ещё здесь")
    send(adapter, Reply(BUYER, "И мы"))

    assert graph.texts() == ["В наличии", "И мы"]


def test_each_refusal_has_its_consequence():
    for code, status_, kind, wait in (
        (130429, 400, RetryLater, 5), (131056, 400, RetryLater, 6), (80007, 400, RetryLater, 60),
        (131026, 400, Unreachable, None), (190, 401, NeedsMerchant, None),
        (10, 403, NeedsMerchant, None), (230, 403, NeedsMerchant, None),
        (368, 403, NeedsMerchant, None), (131031, 400, NeedsMerchant, None),
        (131047, 400, Rejected, None), (132001, 404, Rejected, None),
        (100, 400, Rejected, None), (424242, 500, RetryLater, None),
    ):  # fmt: skip
        with pytest.raises(kind) as caught:
            refuse({"code": code, "message": "vendor's words"}, operation="x", status=status_)
        assert type(caught.value) is kind, code
        if wait:
            assert caught.value.retry_after_s == wait


def test_every_code_of_the_list_says_something():
    assert len(MEANINGS) > 55
    assert all(one.words and not one.words.endswith(".") for one in MEANINGS.values())


def test_a_pair_that_is_written_to_too_fast_waits(graph):
    adapter = whatsapp(graph)
    (one,) = adapter.render(Reply(BUYER, "Раз"))
    graph.buyer(BUYER).sent_at = [graph.now] * 44
    adapter.send(one)
    with pytest.raises(RetryLater):
        adapter.send(one)
    graph.advance(45 * 6 + 1)
    adapter.send(one)


def test_files_go_up_first_and_come_down_with_the_token(graph, monkeypatch):
    monkeypatch.setattr(module, "file_bytes", lambda stored: ("чек.pdf", b"%PDF-1.7"))
    adapter = whatsapp(graph)
    send(adapter, Reply(BUYER, "Ваш чек", files=(File("file", "чек.pdf", stored_id=5),)))

    (sent,) = graph.sent
    assert (sent["type"], sent["document"]["filename"]) == ("document", "чек.pdf")
    assert sent["document"]["caption"] == "Ваш чек"
    assert graph.media[sent["document"]["id"]] == (b"%PDF-1.7", "application/pdf")

    graph.buyer_sends("image", b"\xff\xd8jpeg", "image/jpeg")
    body, headers = graph.signed(*graph.waiting)
    (envelope,) = adapter.envelopes(Inbound(body, headers))
    (said_,) = adapter.parse(envelope.payload)
    assert adapter.fetch_file(said_.files[0]) == b"\xff\xd8jpeg"


def test_goods_the_catalogue_does_not_have_are_told_in_words(graph):
    card = {"title": "Свитер", "price": "4 990 ₽", "url": "https://s.ru/1", "external_id": "S1"}
    adapter = whatsapp(graph, settings={"catalog_id": "77"})
    send(adapter, Reply(BUYER, "Вот:", cards=(card,)))
    graph.catalogue.add("S1")
    send(adapter, Reply(BUYER, "Вот:", cards=(card,)))

    words, shown = graph.sent
    assert words["text"]["body"] == "Вот:\n\nСвитер\n4 990 ₽\nhttps://s.ru/1"
    assert shown["interactive"]["action"]["product_retailer_id"] == "S1"


def test_what_is_pressed_comes_back(graph):
    adapter = whatsapp(graph)
    for buttons in (sizes(3), sizes(7)):
        send(adapter, Reply(BUYER, "Какой?", buttons=buttons))
        graph.buyer_presses("Размер 2")
    found = []
    for entry in graph.waiting:
        body, headers = graph.signed(entry)
        (envelope,) = adapter.envelopes(Inbound(body, headers))
        found += adapter.parse(envelope.payload)
    assert [(one.text, one.payload) for one in found] == [("Размер 2", "size:2")] * 2
    assert found[0].reply_to == graph.sent[0]["id"]


def test_the_buyer_sees_that_it_is_read_and_that_somebody_types(graph):
    adapter = whatsapp(graph)
    adapter.acknowledge("wamid.A==")
    adapter.mark_read(BUYER, "wamid.B==")

    typed, read = graph.read
    assert (typed["message_id"], typed["typing_indicator"]) == ("wamid.A==", {"type": "text"})
    assert "typing_indicator" not in read
    graph.is_expired = True
    adapter.mark_read(BUYER, "wamid.C==")  # best effort


def test_templates_are_handed_in_and_wait_for_approval(graph):
    adapter = whatsapp(graph)
    asked = PlatformTemplate(
        "again", "ru", "Здравствуйте, {{1}}! Вы ещё ждёте?", examples=("Анна",)
    )
    made = adapter.template_submit(asked)
    assert (made.state, made.external_id != "") == ("pending", True)
    reply = Reply(BUYER, "", template={"name": "again", "language": "ru", "values": ["Ян"]})
    graph.advance(48 * 3600)
    with pytest.raises(Rejected, match="no approved template"):
        send(adapter, reply)

    graph.template_decided("again")

    assert [one.state for one in adapter.templates()] == ["approved"]
    send(adapter, reply)
    assert graph.texts() == ["Здравствуйте, Ян! Вы ещё ждёте?"]
    graph.template_decided("again", "REJECTED", reason="ABUSIVE_CONTENT")
    (rejected,) = adapter.templates()
    assert (rejected.state, rejected.reason) == ("rejected", "the text breaks Meta's rules")


def test_many_templates_come_in_pages(graph):
    for number in range(230):
        graph.templates[f"t{number}", "ru"] = {
            "id": str(number), "name": f"t{number}", "language": "ru", "status": "APPROVED",
            "category": "UTILITY", "components": [{"type": "BODY", "text": "Да"}],
        }  # fmt: skip
    assert len(whatsapp(graph).templates()) == 230


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Again"}, {"body": ""}, {"body": "x" * 1025}, {"body": "{{1}}, здравствуйте!"},
        {"body": "Ждёт вас {{1}}"}, {"body": "Ваш {{2}} ждёт"},
    ],
)  # fmt: skip
def test_what_would_be_refused_is_told_before(wrong):
    one = {"name": "again", "language": "ru", "body": "Ваш {{1}} ждёт", **wrong}
    with pytest.raises(Rejected):
        whatsapp().template_submit(PlatformTemplate(**one))


# ── the account ──
def test_connecting_reads_the_number_and_gives_it_an_address_of_its_own(graph):
    graph.expires_at = 1_800_000_000
    check = whatsapp(graph, hook_url=HOOK).connect()

    assert check.ok
    assert check.account["name"] == "Лавка «Север»"
    assert check.account["link"] == "https://wa.me/79005550001"
    assert check.account["quality"] == "GREEN"
    assert check.account["expires_at"].startswith("2027-01-15")
    assert [value for _title, value in check.account["paste"]] == [HOOK, "verify-token_1"]
    assert (graph.webhook, graph.verify_token) == (HOOK, "verify-token_1")
    assert graph.is_subscribed
    assert check.account["notice"] == ""


def test_a_local_address_is_not_offered_to_meta(graph):
    check = whatsapp(graph, hook_url="http://shop.localhost:8000/hooks/x/").connect()

    assert check.ok and graph.webhook == ""
    assert "public HTTPS" in check.account["notice"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"settings": {"phone_number_id": "+7 900"}}, "digits only"),
        ({"settings": {"phone_number_id": "900000000000999"}}, "no such phone number"),
        ({"secrets": {"app_secret": "another"}}, "app secret"),
    ],
)
def test_wrong_settings_are_told_in_words(graph, wrong, words):
    check = whatsapp(graph, **wrong).connect()
    assert not check.ok and words in check.detail


def test_a_token_that_ended_asks_for_a_person(graph):
    graph.is_expired = True
    with pytest.raises(NeedsMerchant, match="permanent one"):
        whatsapp(graph).connect()
    with pytest.raises(NeedsMerchant):
        whatsapp(graph, secrets={"token": "не токен"}).connect()


def test_health_mends_the_address_and_tells_of_another_program(graph):
    adapter = whatsapp(graph, hook_url=HOOK)
    graph.webhook = "https://old.example/hooks/of-this-channel/"
    assert adapter.health().ok and graph.webhook == HOOK

    graph.webhook = "https://other.example/bot"
    assert not adapter.health().ok
    adapter.disconnect()
    assert graph.webhook == ""
