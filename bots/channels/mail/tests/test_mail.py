"""E-mail: who wrote, what came along, what is not answered, and what a reply bears."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from typing import Any

import pytest

from bots.channels.base import (
    Button,
    BuyerMessage,
    File,
    Inbound,
    Receipt,
    Reply,
    SignatureMismatch,
    Unsupported,
)
from bots.channels.mail.adapter import Mail
from bots.channels.mail.letter import Letter, file_of, is_proven, letter_of
from bots.channels.mail.simulator import BUYER, SHOP, letter, mailersend, postmark
from bots.channels.mail.tests.sample import MailSample
from bots.channels.rendering import degraded

SAMPLE = MailSample()


def adapter(**settings: Any) -> Mail:
    sample = MailSample()
    sample.settings = {"address": SHOP, "incoming": "imap", **settings}  # type: ignore[misc]
    made = sample.adapter()
    assert isinstance(made, Mail)
    return made


def taken(raw: EmailMessage | bytes, **settings: Any) -> Any:
    """What a letter from a mailbox becomes: one occurrence, or the reason why none."""
    ours = adapter(**settings)
    content = raw if isinstance(raw, bytes) else raw.as_bytes()
    envelopes = ours.envelopes(Inbound(content, {"uid": "7:12:1"}))
    if not envelopes:
        return None
    assert envelopes[0].dedupe_key
    try:
        (found,) = ours.parse(json.loads(json.dumps(envelopes[0].payload)))
    except Unsupported as exc:
        return str(exc)
    assert envelopes[0].chat == found.chat
    return found


# ── in ──
def test_a_letter_is_a_message_with_its_thread():
    found = taken(
        letter("Есть 46?\n\nOn Mon, Shop <s@s.example> wrote:\n> Да", subject="Куртка «Север»")
    )

    assert found == BuyerMessage(
        external_id="letter-1@example.com",
        chat=BUYER,
        text="Куртка «Север»\n\nЕсть 46?",
        sent_at=datetime(2025, 1, 6, 12, 4, 5, tzinfo=UTC),
        name="Анна",
        identities=(("email", BUYER, "claimed"),),
        data={
            "thread": {"subject": "Куртка «Север»", "references": ["<letter-1@example.com>"]},
            "quoted": "On Mon, Shop <s@s.example> wrote:\n> Да",
        },
    )


def test_an_answer_does_not_repeat_its_subject_and_keeps_the_thread():
    ours = adapter()._message_id("m7.1")
    found = taken(
        letter("Беру", subject="Re: Куртка", in_reply_to=ours, references=f"<a@b.example> {ours}")
    )

    assert found.text == "Беру"
    assert found.data["thread"] == {
        "subject": "Re: Куртка",
        "references": ["<a@b.example>", ours, "<letter-1@example.com>"],
    }


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"auto_submitted": "auto-replied (vacation)"}, "automatic"),
        ({"auto_submitted": "no"}, ""),
        ({"precedence": "bulk"}, "mailing"),
        ({"x_autoreply": "yes"}, "automatic"),
        ({"list_id": "<news.example>"}, "mailing list"),
        ({"list_unsubscribe": "<mailto:x@y.example>"}, "mailing list"),
        ({"return_path": "<>"}, "nobody can answer"),
        ({"x_spam_flag": "YES"}, "spam"),
    ],
)
def test_what_no_person_wrote_is_not_answered(headers, why):
    found = taken(letter("Меня нет на месте", **headers))

    assert why in found if why else isinstance(found, BuyerMessage)


def test_letters_of_our_own_and_of_nobody_are_not_answered():
    assert taken(letter("Копия", sender=SHOP)) == "a letter of our own"
    mine = letter("Эхо")
    del mine["Message-ID"]
    mine["Message-ID"] = adapter()._message_id("m7.1")
    assert taken(mine) == "a letter of our own"
    del mine["Message-ID"]
    mine["Message-ID"] = "<m7.1.0123456789abcdef@shop.example>"  # looks like ours
    assert isinstance(taken(mine), BuyerMessage)
    assert "nobody can answer" in taken(letter("?", sender="noreply@bank.example"))
    for nobody in (b"", b"\xff" * 50, b"From: a@b.example, c@d.example\n\nx", b"From: <a b@c>\n\n"):
        assert taken(nobody) is None


def test_a_form_of_the_shops_site_speaks_for_the_buyer():
    found = taken(letter("Перезвоните", sender=SHOP, reply_to=f"Анна <{BUYER}>"))

    assert (found.chat, found.name) == (BUYER, "")
    assert found.identities == (("email", BUYER, "claimed"),)


def bounce(ident: str, action: str = "failed") -> bytes:
    return (
        "From: MAILER-DAEMON@mx.example\nTo: shop@shop.example\nReturn-Path: <>\n"
        "Subject: Undelivered\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nSorry.\n"
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
        f"Final-Recipient: rfc822; {BUYER}\nAction: {action}\nStatus: 5.1.1\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no such user\n\n"
        f"--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: {ident}\nSubject: x\n\n--b--\n"
    ).encode()


def test_a_letter_of_ours_that_comes_back_has_failed():
    ours = adapter()._message_id("m7.1")

    assert taken(bounce(ours)) == Receipt(
        ours.strip("<>"), BUYER, "failed", "550 5.1.1 no such user"
    )
    for other in (bounce(ours, "delayed"), bounce("<somebody@else.example>")):
        assert taken(other) in ("a report", "a letter that nobody can answer")


def test_files_stay_in_the_mailbox_and_little_pictures_of_signatures_away():
    raw = letter("Вот чек", subject="Чек")
    raw.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="Чек №1.pdf")
    little = {"maintype": "image", "subtype": "jpeg", "cid": "<logo>", "disposition": "inline"}
    raw.add_attachment(b"\xff\xd8", **little)
    raw.add_attachment(letter("Внутри", number=2))
    raw.add_attachment(b"x", maintype="application", subtype="ms-tnef", filename="winmail.dat")
    content = raw.as_bytes()
    found = taken(content)

    assert [(one.kind, one.name, one.mime) for one in found.files] == [
        ("file", "Чек №1.pdf", "application/pdf"),
        ("file", "letter.eml", "message/rfc822"),
        ("file", "winmail.dat", "application/ms-tnef"),
    ]
    assert "Внутри" not in found.text
    place = found.files[0].external_id
    assert place.startswith("7:12:1:")
    assert file_of(content, int(place.rpartition(":")[2])) == b"%PDF-1.7"
    with pytest.raises(ValueError, match="no such file"):
        file_of(content, 99)


@pytest.mark.parametrize(
    ("charset", "named"),
    [
        ("koi8-r", "koi8-r"), ("cp1251", "windows-1251"), ("utf-8", "utf-8"), ("utf-8", "x-odd"),
        ("cp1251", "x-odd"), ("utf-8", ""), ("cp1251", ""), ("iso-8859-5", "ISO-8859-5"),
    ],
)  # fmt: skip
def test_odd_charsets_are_read(charset, named):
    kind = f"Content-Type: text/plain; charset={named}\n" if named else ""
    raw = b"From: a@b.example\nSubject: =?koi8-r?B?98/Q0s/T?=\n" + kind.encode()
    raw += b"Content-Transfer-Encoding: 8bit\n\n" + "Есть сорок шестой размер?".encode(charset)

    found = letter_of(raw)
    assert (found.subject, found.text) == ("Вопрос", "Есть сорок шестой размер?")


@pytest.mark.parametrize(
    "raw",
    [
        b"From: a@b.example\nContent-Type: multipart/mixed; boundary=x\n\nno boundary at all",
        b"From: a@b.example\nContent-Type: multipart/mixed\n\n--\n--\n",
        b"From: a@b.example\nContent-Transfer-Encoding: base64\n\n$$$%%%",
        b"From: a@b.example\nSubject: =?utf-8?B?0J/?= =?x?y?z?= \xd0\xff\n\nx",
        b'From: a@b.example\nContent-Type: text/plain; charset="\xff"\n\nx',
        b"From: a@b.example\nDate: Xyz, 99 Foo 99999 99:99:99 +9999\nMessage-ID: <\n\nx",
        b"From: a@b.example\nContent-Type: multipart/a; boundary=b\n\n" + b"--b\n" * 3000,
        b"From: a@b.example\nContent-Disposition: attachment; filename*=utf-8''%ff%fe\n\nx",
    ],
)
def test_broken_letters_are_read_as_far_as_they_go(raw):
    assert letter_of(raw).sender == "a@b.example"


def test_letters_nested_without_end_do_no_harm():
    raw = b"From: a@b.example\n"
    raw += b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000)
    )
    try:
        letter_of(raw + b"\nx")
    except ValueError as exc:
        assert str(exc) == "this is no letter"


def test_a_repeated_letter_is_the_same_and_another_of_its_name_is_not():
    ours = adapter()

    def key(raw: EmailMessage, uid: str) -> str:
        return ours.envelopes(Inbound(raw.as_bytes(), {"uid": uid}))[0].dedupe_key

    assert key(letter("x"), "7:12:1") == key(letter("x"), "8:1:1")
    assert key(letter("x"), "7:12:1") != key(letter("x", sender="eva@example.com"), "7:12:1")


# ── who it is ──
@pytest.mark.parametrize(
    ("result", "is_good"),
    [
        ("mx.shop.example; dkim=pass header.d=example.com", True),
        ("mx.shop.example; dkim=pass (2048-bit key) header.i=@example.com header.b=x", True),
        ("mx.shop.example 1; spf=pass smtp.mailfrom=x@example.com", True),
        ("mx.shop.example; spf=none; dmarc=pass header.from=example.com", True),
        ("mx.shop.example; dkim=pass header.d=evil.example", False),
        ("mx.shop.example; dkim=pass header.d=com", False),
        ("mx.shop.example; dkim=fail header.d=example.com; spf=pass smtp.mailfrom=x@e.ru", False),
        ("mx.evil.example; dkim=pass header.d=example.com", False),
        ("mx.shop.example; dkim=fail (dkim=pass header.d=example.com) header.d=example.com", False),
        ("mx.shop.example; none", False),
        ("", False),
    ],
)  # fmt: skip
def test_only_the_shops_own_server_proves_an_address(result, is_good):
    told = Letter(sender=BUYER, results=(result, "mx.shop.example; dkim=pass header.d=example.com"))

    assert is_proven(told, "mx.shop.example") is is_good
    assert not is_proven(told, "")


def test_a_proven_address_is_a_proof():
    raw = letter(
        "Где заказ?", authentication_results="mx.shop.example; dkim=pass header.d=example.com"
    )

    assert taken(raw, trusted="mx.shop.example").identities == (("email", BUYER, "shared"),)
    assert taken(raw).identities == (("email", BUYER, "claimed"),)


# ── services ──
def test_postmark_and_mailersend_bring_letters_with_files():
    raw = letter("Вот чек", subject="Re: Чек")
    raw.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="Чек.pdf")
    picture = {
        "Name": "Чек.pdf", "Content": "JVBERi0xLjc=", "ContentType": "application/pdf",
        "ContentID": "",
    }  # fmt: skip
    for service, event in (
        ("postmark", postmark("Вот чек", subject="Re: Чек", Attachments=[picture])),
        ("postmark", postmark("", RawEmail=raw.as_string())),
        ("mailersend", mailersend(raw)),
    ):
        ours = adapter(incoming=service)
        (envelope,) = ours.envelopes(Inbound(json.dumps(event).encode()))
        (found,) = ours.parse(envelope.payload)
        (file,) = found.files
        kind, key, part = file.external_id.split(":")

        assert (found.text, found.chat, envelope.chat) == ("Вот чек", BUYER, BUYER)
        assert found.external_id == "letter-1@example.com"
        assert (kind, key, file.name) == ("delivered", envelope.dedupe_key, "Чек.pdf")
        assert ours.delivered_file(envelope.payload, part) == b"%PDF-1.7"


def test_a_service_that_names_another_sender_proves_nothing():
    passed = "mx.s.example; dkim=pass header.d=example.com"
    raw = letter("?", sender="eva@example.com", authentication_results=passed)
    ours = adapter(incoming="mailersend", trusted="mx.s.example")
    (envelope,) = ours.envelopes(Inbound(json.dumps(mailersend(raw)).encode()))

    assert ours.parse(envelope.payload)[0].identities == (("email", BUYER, "claimed"),)


def test_a_letter_nobody_can_read_is_passed_over():
    ours = adapter(incoming="mailersend")
    event = mailersend(letter("x"))
    event["data"]["raw"] = 5
    (envelope,) = ours.envelopes(Inbound(json.dumps(event).encode()))

    with pytest.raises(Unsupported):
        ours.parse(envelope.payload)


# ── out ──
def test_a_reply_bears_the_thread_and_a_name_only_we_can_give():
    ours = adapter(footer="Магазин «Север»")
    thread = {"subject": "Куртка", "references": ["<a@b.example>", "<letter-1@example.com>"]}
    (call,) = ours.render(Reply(BUYER, "Да, есть.", message_id=7, thread=thread))
    letter_out = ours._letter(call, SHOP, BUYER)

    assert letter_out["Subject"] == "Re: Куртка"
    assert letter_out["In-Reply-To"] == "<letter-1@example.com>"
    assert letter_out["References"] == "<a@b.example> <letter-1@example.com>"
    assert letter_out["Auto-Submitted"] == "auto-replied"
    assert letter_out.get_content() == "Да, есть.\n\n-- \nМагазин «Север»\n"
    assert ours._is_ours(letter_out["Message-ID"])
    assert not MailSample().adapter()._is_ours("<m7.1.0@x>")  # type: ignore[attr-defined]
    assert ours.render(Reply(BUYER, "Да, есть.", message_id=7, thread=thread)) == [call]


def test_a_person_is_no_robot_and_a_first_letter_has_a_subject():
    ours = adapter(sender_name="Север")
    (call,) = ours.render(Reply(BUYER, "Здравствуйте", message_id=7, author="agent"))
    made = ours._letter(call, SHOP, BUYER)

    assert made["Auto-Submitted"] is None
    assert (made["Subject"], made["From"]) == ("Север", f"Север <{SHOP}>")
    assert made["In-Reply-To"] is None


def test_no_subject_makes_a_header_of_its_own():
    thread = {"subject": "x\r\nBcc: eva@example.com", "references": ["<a@b.example>"]}
    (call,) = adapter().render(Reply(BUYER, "Да", thread=thread))
    made = message_from_bytes(adapter()._letter(call, SHOP, BUYER).as_bytes())

    assert made["Bcc"] is None


def test_choices_are_words_in_a_letter():
    ours = adapter()
    reply = degraded(Reply(BUYER, "Какой?", (Button("46", "a"), Button("48", "b"))), ours.manifest)
    (call,) = ours.render(reply)

    assert call.data["text"] == "Какой?\n\n1. 46\n2. 48"
    (with_file,) = ours.render(Reply(BUYER, "", files=(File("file", "a.pdf", stored_id=3),)))
    assert with_file.files == {"stored": [(3, "a.pdf", "")]}


def test_the_secret_of_a_service_opens_no_mailbox():
    with pytest.raises(SignatureMismatch, match="fetched"):
        adapter().verify(SAMPLE.sign(b"{}"))
