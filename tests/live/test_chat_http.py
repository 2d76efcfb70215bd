"""The buyers' chat over HTTP: tokens, acceptance, order, what a buyer may see, limits, files."""

from __future__ import annotations

import json

import httpx
import pytest

from bots.channels.web.identity import sign
from bots.models import Consent, Contact, Identity, Inbox, Message, PersonMerge
from bots.selectors.people import shown
from bots.services import consents, people
from tenants.kernel import outbox
from tenants.kernel.context import merchant_context

pytestmark = pytest.mark.django_db(transaction=True)


def rows(shop, model):
    with shop.inside():
        return list(model.objects.order_by("pk"))


def test_an_answered_message_is_stored_before_its_ack(alpha, beta, browser_of):
    buyer = browser_of(alpha)

    (ack, *_) = buyer.says("key-000001", "Есть 46 размер?")

    assert ack == {"t": "ack", "key": "key-000001", "files": []}
    (row,) = rows(alpha, Inbox)
    assert row.payload["text"] == "Есть 46 размер?"
    assert rows(beta, Inbox) == []


def test_a_message_sent_again_is_one_message(alpha, browser_of, work, answers):
    buyer = browser_of(alpha)
    for _ in range(3):
        buyer.says("key-000001", "Привет, есть доставка?")
    work(alpha)
    buyer.says("key-000001", "Привет, есть доставка?")
    work(alpha)

    assert [(m.author, m.text) for m in rows(alpha, Message)] == [
        ("buyer", "Привет, есть доставка?"),
        ("bot", "re: Привет, есть доставка?"),
    ]


def test_the_answer_comes_by_sequence_with_who_speaks(alpha, browser_of, work, answers):
    buyer = browser_of(alpha)
    buyer.says("key-000001", "Сколько стоит доставка?")
    work(alpha)

    (event,) = buyer.exchange()

    assert event["t"] == "messages"
    assert [(m["seq"], m["author"], m["text"]) for m in event["messages"]] == [
        (1, "buyer", "Сколько стоит доставка?"),
        (2, "bot", "re: Сколько стоит доставка?"),
    ]
    assert event["messages"][0]["key"] == "key-000001"
    assert (event["cursor"], event["who"], event["more"]) == (2, {"speaker": "bot"}, False)
    assert buyer.exchange() == []


def test_a_buyer_sees_neither_notes_nor_checks_nor_what_waits(alpha, browser_of, work, answers):
    from bots.services.messages import write

    buyer = browser_of(alpha)
    buyer.says("key-000001", "Вопрос")
    work(alpha)
    with alpha.inside():
        talk = Message.objects.first().conversation_id
        Message.objects.filter(author="bot").update(
            meta={
                "checks": ["secret"],
                "reason": "policy",
                "buttons": ["Да", {"title": "Нет", "payload": "no"}],
                "sources": [{"kind": "article", "id": 1, "title": "Доставка", "url": ""}],
            }
        )
        write(conversation=talk, author="system", kind="note", state="kept", text="секрет")
        write(conversation=talk, author="agent", text="ждёт", state="queued")
        write(conversation=talk, author="agent", text="готово", state="sent")
        write(conversation=talk, author="bot", text="не ушло", state="failed")

    (event,) = buyer.exchange()

    assert [m["text"] for m in event["messages"]] == ["Вопрос", "re: Вопрос", "готово"]
    bot = event["messages"][1]
    assert bot["buttons"] == [
        {"title": "Да", "payload": "Да"},
        {"title": "Нет", "payload": "no"},
    ]
    assert bot["sources"] == [{"title": "Доставка", "kind": "article"}]
    assert set(bot) == {"id", "seq", "author", "text", "at", "buttons", "sources"}
    # Message 4 still waits: the cursor stays before it, so it is not passed over.
    assert event["cursor"] == 3
    with alpha.inside():
        Message.objects.filter(text="ждёт").update(state="sending")
    (event,) = buyer.exchange()
    assert [m["text"] for m in event["messages"]] == ["ждёт", "готово"]
    assert event["cursor"] == 6


def test_history_is_read_upwards_in_pages(alpha, browser_of, work, answers):
    from bots.services.messages import write

    buyer = browser_of(alpha)
    buyer.says("key-000001", "Первое")
    work(alpha)
    with alpha.inside():
        talk = Message.objects.first().conversation_id
        for n in range(60):
            write(conversation=talk, author="agent", text=f"№{n}", state="sent")

    (event,) = buyer.exchange(hello=True)
    assert (len(event["messages"]), event["more"], event["cursor"]) == (40, True, 62)
    first = event["messages"][0]["seq"]

    (page,) = buyer.exchange({"t": "older", "before": first})
    assert [m["seq"] for m in page["messages"]] == list(range(1, first))
    assert page["more"] is False


def test_a_long_poll_answers_when_something_happens(alpha, browser_of, work, answers):
    import threading
    import time

    buyer = browser_of(alpha)
    buyer.says("key-000001", "Вопрос")
    heard: list = []
    waiting = threading.Thread(target=lambda: heard.extend(buyer.exchange(wait=20)))
    waiting.start()
    time.sleep(0.5)
    started = time.monotonic()
    work(alpha)
    waiting.join(timeout=10)

    assert [m["text"] for m in heard[-1]["messages"]][-1:] == ["re: Вопрос"] or heard[0]["t"] in (
        "typing",
        "stream",
    )
    assert time.monotonic() - started < 8


# ── tokens, hosts, origins ──
def test_somebody_elses_token_or_none_opens_nothing(alpha, beta, browser_of):
    mine, theirs = browser_of(alpha), browser_of(beta)
    for token in ("", "x" * 80, theirs.token, mine.token[:-2], None, 7):
        answer = mine.http.post("", content=json.dumps({"token": token}))
        assert (answer.status_code, answer.json()) == (401, {"error": {"code": "expired"}})
    assert rows(alpha, Contact) == []


def test_a_chat_is_not_shown_on_another_merchants_host(alpha, beta, browser_of, live):
    key = alpha.channel.route_key
    for path in ("config/", "session/", ""):
        for host in (beta.host, "localhost", "partner.localhost", "nobody.example"):
            answer = httpx.request(
                "GET" if path == "config/" else "POST",
                f"http://127.0.0.1:{live.port}/live/chat/{key}/{path}",
                headers={"host": host},
                content="{}" if path != "config/" else None,
            )
            assert answer.status_code == 404, (path, host)
            assert b"Alpha" not in answer.content


def test_only_allowed_sites_may_show_a_chat_that_names_them(alpha, browser_of, live):
    from bots.services import places

    with alpha.inside():
        alpha.channel.settings = {"sites": "https://shop.example/ *.shop.example"}
        alpha.channel.save()
    places._kept.clear()
    buyer = browser_of(alpha)

    def status(origin: str) -> int:
        return buyer.http.get("config/", headers={"origin": origin}).status_code

    assert status("https://shop.example") == 200
    assert status("https://www.shop.example") == 200
    assert status(f"http://{alpha.host}:8000") == 200
    assert status("https://evilshop.example") == 403
    assert status("https://shop.example.evil.test") == 403
    assert status("null") == 403


def test_any_origin_may_read_answers_that_no_cookie_opened(alpha, browser_of):
    answer = browser_of(alpha).http.get("config/", headers={"origin": "https://any.example"})

    assert answer.headers["access-control-allow-origin"] == "https://any.example"
    assert "access-control-allow-credentials" not in answer.headers
    body = answer.json()
    assert body["shop"] == "Alpha Shoes"
    assert [c["kind"] for c in body["consents"]["ru"]] == ["processing", "marketing"]


# ── limits ──
def test_a_flood_is_told_to_wait_and_nothing_of_it_is_stored(alpha, browser_of):
    buyer = browser_of(alpha)
    events = [buyer.says(f"key-{n:06}", f"{n}")[0] for n in range(20)]

    refused = [e for e in events if e["t"] == "refused"]
    assert refused
    assert {e["code"] for e in refused} == {"pace"}
    assert all(e["wait"] > 0 for e in refused)
    assert len(rows(alpha, Inbox)) == 20 - len(refused)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"key": "key-000001", "text": ""}, "empty"),
        ({"key": "key-000001", "text": "я" * 4001}, "too_long"),
        ({"key": "k", "text": "x"}, "key"),
        ({"key": "key-000001", "text": "x", "files": ["forged"]}, "files"),
    ],
)
def test_what_cannot_be_taken_is_refused_by_name(alpha, browser_of, frame, code):
    (event, *_) = browser_of(alpha).exchange({"t": "say", **frame})
    assert (event["t"], event["code"]) == ("refused", code)
    assert rows(alpha, Inbox) == []


def test_bodies_beyond_all_measure_are_cut_off(alpha, browser_of):
    buyer = browser_of(alpha)
    assert buyer.http.post("", content=b"x" * 70_000).status_code == 413
    assert buyer.http.post("", content=b"not json").status_code == 400
    assert buyer.http.post("", content=b"[]").status_code == 400


# ── receipts ──
def test_receipts_move_states_and_only_of_ones_own_thread(alpha, browser_of, work, answers):
    buyer, stranger = browser_of(alpha), browser_of(alpha)
    buyer.says("key-000001", "Вопрос")
    work(alpha)
    (event,) = buyer.exchange()
    ident = event["messages"][-1]["id"]

    def state() -> str:
        work(alpha)
        return next(m.state for m in rows(alpha, Message) if m.pk == ident)

    stranger.exchange({"t": "seen", "ids": [ident]})
    assert state() == "sent"
    buyer.exchange({"t": "got", "ids": [ident]})
    assert state() == "delivered"
    buyer.exchange({"t": "seen", "ids": [ident]})
    assert state() == "read"
    before = len(rows(alpha, Inbox))
    buyer.exchange({"t": "seen", "ids": [ident]}, {"t": "got", "ids": [ident, 999999]})
    assert (state(), len(rows(alpha, Inbox))) == ("read", before)


# ── who it is ──
SECRET = "s" * 40


def with_secret(shop) -> None:
    with shop.inside():
        shop.channel.secrets = {**(shop.channel.secrets or {}), "identity_secret": SECRET}
        shop.channel.save(update_fields=["secrets"])


def test_a_signed_buyer_is_known_with_the_first_message(alpha, browser_of, work, answers):
    import time

    with_secret(alpha)
    buyer = browser_of(alpha)
    token = sign(
        {"sub": "42", "email": "anna@shop.example", "name": "Анна", "exp": time.time() + 600},
        SECRET,
    )
    (told, _messages) = buyer.exchange(hello=True, identity=token)
    assert told == {"t": "identified", "ok": True, "name": "Анна"}
    assert rows(alpha, Contact) == []  # somebody who only looks leaves no row

    buyer.exchange({"t": "say", "key": "key-000001", "text": "Где мой заказ?"}, identity=token)
    work(alpha)

    (contact,) = rows(alpha, Contact)
    assert contact.name == "Анна"
    assert [(i.kind, i.value, i.proof) for i in rows(alpha, Identity)] == [
        ("customer", "42", "signed"),
        ("email", "anna@shop.example", "signed"),
    ]


def test_two_browsers_of_one_signed_customer_are_one_person(alpha, browser_of, work, answers):
    import time

    with_secret(alpha)
    token = sign({"sub": "42", "exp": time.time() + 600}, SECRET)
    for n in (1, 2):
        buyer = browser_of(alpha)
        if n == 1:
            buyer.says(f"key-00000{n}", "Вопрос")
            work(alpha)
            buyer.exchange({"t": "identify", "token": token})
        else:  # known before the first word
            buyer.exchange(hello=True, identity=token)
            said = {"t": "say", "key": f"key-00000{n}", "text": "Вопрос", "locale": "ru"}
            buyer.exchange(said, identity=token)
            work(alpha)
            outbox.relay()

    def cards() -> list[int]:
        with alpha.inside():
            return sorted({shown(c.person).pk for c in Contact.objects.select_related("person")})

    assert len(cards()) == 1
    with alpha.inside():
        (merge,) = PersonMerge.objects.all()
        assert merge.reason == "customer"
        people.people_unmerge(merge.pk)
    assert len(cards()) == 2
    buyer.exchange({"t": "identify", "token": token})
    assert len(cards()) == 2  # who was parted by hand stays so


def test_another_customer_at_the_same_computer_is_another_visitor(alpha, browser_of, work, answers):
    """Nobody reads, or is taken for, whoever sat there before."""
    import time

    with_secret(alpha)

    def token(customer: str) -> str:
        claims = {"sub": customer, "phone": f"+7916000000{customer}", "exp": time.time() + 600}
        return sign(claims, SECRET)

    buyer = browser_of(alpha)
    buyer.says("key-000001", "Личный вопрос")
    work(alpha)
    (known,) = [e for e in buyer.exchange({"t": "identify", "token": token("1")})
                if e["t"] == "identified"]  # fmt: skip
    assert known["ok"] is True

    told = buyer.exchange({"t": "identify", "token": token("2")})
    assert {"t": "expired"} in told
    for more in ({"hello": True}, {}):
        body = {"token": buyer.token, "after": 0, "identity": token("2"), "frames": [
            {"t": "say", "key": "key-000002", "text": "Где мой заказ?", "locale": "ru"},
        ], **more}  # fmt: skip
        answer = buyer.http.post("", content=json.dumps(body))
        assert answer.status_code == 401 and "Личный" not in answer.text
    work(alpha)
    with alpha.inside():
        assert set(Identity.objects.values_list("value", flat=True)) == {"1", "+79160000001"}
        assert not Message.objects.filter(text="Где мой заказ?").exists()
    assert buyer.exchange({"t": "identify", "token": token("1")})[0]["ok"] is True


def test_a_forged_identity_proves_nothing(alpha, browser_of):
    with_secret(alpha)
    buyer = browser_of(alpha)
    forged = sign({"sub": "42", "exp": 9_999_999_999}, "x" * 40)
    (event,) = buyer.exchange({"t": "identify", "token": forged})
    assert event == {"t": "identified", "ok": False, "code": "signature"}


def test_the_page_and_the_cart_are_kept_with_the_contact(alpha, browser_of, work, answers):
    buyer = browser_of(alpha)
    about = {
        "page": "https://shop.example/p/1",
        "referrer": "https://ya.ru/",
        "utm": {"utm_source": "ya"},
        "cart": {"items": [{"id": "7", "name": "Лампа", "price": 990, "x": 1}], "total": 990},
        "unknown": "x",
    }
    buyer.says("key-000001", "Вопрос", about=about)
    work(alpha)
    buyer.exchange({"t": "event", "name": "checkout", "data": {"step": 2}})

    (contact,) = rows(alpha, Contact)
    assert contact.data["page"] == "https://shop.example/p/1"
    assert contact.data["utm"] == {"utm_source": "ya"}
    assert contact.data["cart"] == {
        "items": [{"id": "7", "name": "Лампа", "price": "990"}],
        "total": "990",
    }
    assert "unknown" not in contact.data
    (event,) = contact.data["events"]
    assert (event["name"], event["data"]) == ("checkout", {"step": "2"})


# ── contact data ──
def asked(buyer, lang="ru"):
    """The version of each consent, as the page shows them now."""
    consents = buyer.http.get("config/").json()["consents"]
    return {one["kind"]: one["version"] for one in consents[lang]}


def leave(buyer, **body):
    body = {"token": buyer.token, "shown": asked(buyer), **body}
    return buyer.http.post("contact/", content=json.dumps(body))


def test_contact_data_needs_the_consent_to_process_it(alpha, browser_of):
    buyer = browser_of(alpha)
    answer = leave(buyer, phone="8 916 123-45-67", given={"marketing": True})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "consent")
    assert rows(alpha, Contact) == rows(alpha, Consent) == []


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_both_consents_are_kept_with_words_version_and_address(alpha, browser_of, lang):
    buyer = browser_of(alpha)
    answer = leave(
        buyer,
        name="Анна",
        phone="8 916 123-45-67",
        given={"processing": True, "marketing": False},
        shown=asked(buyer, lang),
    )

    assert answer.status_code == 200
    (contact,) = rows(alpha, Contact)
    assert contact.name == "Анна"
    assert [(i.kind, i.value, i.proof) for i in rows(alpha, Identity)] == [
        ("phone", "+79161234567", "claimed")
    ]
    found = [(c.kind, c.is_given, c.text_version, c.text, c.address) for c in rows(alpha, Consent)]
    said = buyer.http.get("config/").json()["consents"][lang]
    assert found == [
        (one["kind"], one["kind"] == "processing", one["version"], one["text"], "127.0.0.1")
        for one in said
    ]
    assert found[0][2].startswith(f"2026-11-1.{lang}.")
    assert "Alpha Shoes" in found[0][3]


def test_words_that_have_changed_are_asked_again_and_nothing_is_kept(
    alpha, browser_of, monkeypatch
):
    buyer = browser_of(alpha)
    seen = asked(buyer)
    texts = {kind: {"ru": f"{kind} {{who}}", "en": kind} for kind in ("processing", "marketing")}
    monkeypatch.setitem(consents.VERSIONS, "2027-01-1", texts)
    given = {"processing": True, "marketing": True}

    for claimed in (seen, {}, {**seen, "marketing": "2020.ru.0"}, "nonsense"):
        answer = leave(browser_of(alpha), phone="89161234567", given=given, shown=claimed)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (409, "consent")
    assert rows(alpha, Contact) == rows(alpha, Consent) == []

    now = {one["kind"]: one["version"] for one in error["consents"]["ru"]}
    assert error["consents"]["ru"][0]["text"] == "processing Alpha Shoes"
    assert leave(buyer, phone="89161234567", given=given, shown=now).status_code == 200
    assert [(c.text_version, c.text) for c in rows(alpha, Consent)] == [
        (now["processing"], "processing Alpha Shoes"),
        (now["marketing"], "marketing Alpha Shoes"),
    ]


def test_another_legal_name_is_another_text(alpha):
    """Who processes the data is part of what one agrees to."""
    ours, theirs = (consents.wordings("ru", who)[0] for who in ("Alpha LLC", "Beta LLC"))
    assert ours.version != theirs.version


@pytest.mark.parametrize(
    ("data", "field"),
    [({"email": "nonsense"}, "email"), ({"phone": "12"}, "phone"), ({}, "phone")],
)
def test_a_wrong_contact_is_named_by_its_field(alpha, browser_of, data, field):
    answer = leave(browser_of(alpha), **data, given={"processing": True})
    assert (answer.status_code, answer.json()["error"].get("field")) == (400, field)
    assert rows(alpha, Contact) == []


# ── files ──
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 50


def upload(buyer, content: bytes, name: str):
    return buyer.http.post("upload/", data={"token": buyer.token}, files={"file": (name, content)})


def test_a_file_travels_with_a_message_and_comes_back_by_a_signed_address(
    alpha, beta, browser_of, work, answers, live
):
    buyer = browser_of(alpha)
    sent = upload(buyer, PNG, "царапина.png").json()
    (ack, *_) = buyer.says("key-000001", "Вот", files=[sent["handle"]])
    assert ack["files"][0]["name"] == "царапина.png"
    work(alpha)

    (event,) = buyer.exchange()
    (file,) = event["messages"][0]["files"]
    assert (file["kind"], file["mime"], file["size"]) == ("image", "image/png", len(PNG))

    def get(url: str, host: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{live.port}{url}", headers={"host": host})

    answer = get(file["url"], alpha.host)
    assert (answer.content, answer.headers["content-type"]) == (PNG, "image/png")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert get(file["url"], beta.host).status_code == 404
    assert get(file["url"][:-3] + "xx/", alpha.host).status_code == 404
    other = beta.channel.route_key
    foreign = file["url"].replace(alpha.channel.route_key, other)
    assert get(foreign, beta.host).status_code == 404


def test_a_handle_is_of_no_use_to_another_visitor(alpha, browser_of):
    mine, theirs = browser_of(alpha), browser_of(alpha)
    handle = upload(mine, PNG, "a.png").json()["handle"]

    (event, *_) = theirs.says("key-000001", "x", files=[handle])

    assert (event["t"], event["code"]) == ("refused", "files")


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.exe", b"MZ", "type"),
        ("a.svg", b"<svg/>", "type"),
        ("a.html", b"<html>", "type"),
        ("a.png", b"<script>", "type"),
        ("a.png", b"", "empty"),
        ("noending", b"x", "type"),
    ],
)
def test_files_that_are_not_what_they_say_are_refused(alpha, browser_of, name, content, code):
    from tenants.workspace.models import StoredFile

    answer = upload(browser_of(alpha), content, name)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    with merchant_context(alpha.schema):
        assert not StoredFile.objects.exists()


def test_what_is_not_a_picture_is_offered_as_a_download(alpha, browser_of, live):
    sent = upload(browser_of(alpha), b"<script>alert(1)</script>", "a.txt").json()
    answer = httpx.get(f"http://127.0.0.1:{live.port}{sent['url']}", headers={"host": alpha.host})
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")


def test_a_file_that_no_message_mentions_is_forgotten(alpha, browser_of, work, answers):
    from bots.services.uploads import forget_upload
    from tenants.workspace.models import StoredFile

    buyer = browser_of(alpha)
    upload(buyer, PNG, "забыт.png")
    sent = upload(buyer, PNG, "послан.png").json()
    buyer.says("key-000001", "Вот", files=[sent["handle"]])
    work(alpha)

    with alpha.inside():
        for stored in list(StoredFile.objects.all()):
            forget_upload(stored.pk)
        assert [s.name for s in StoredFile.objects.all()] == ["послан.png"]


def test_half_a_character_of_a_pages_title_costs_no_message(alpha, browser_of, work, answers):
    """A title cut in the middle of an emoji, a NUL in a name: written without them."""
    buyer = browser_of(alpha)
    about = {"title": "Кроссовки \ud83d", "url": "https://shop.example/"}

    (ack, *_) = buyer.says("key-000001", "Есть 46\ud83d размер?", about=about)
    work(alpha)

    assert ack["t"] == "ack"
    assert [m.text for m in rows(alpha, Message)] == ["Есть 46 размер?", "re: Есть 46 размер?"]
    (contact,) = rows(alpha, Contact)
    assert contact.data["title"] == "Кроссовки "
