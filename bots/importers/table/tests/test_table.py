"""Tables of contacts and of messages through a merchant's pages: columns, refusals, twice."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from openpyxl import Workbook

from bots.importers.table import source
from bots.importers.table.columns import guess
from bots.models import Contact, Conversation, Episode, Identity, Imported, Message, Person
from bots.services import moving, moving_run
from tenants.kernel import due
from tenants.workspace.models import Job, StoredFile

PEOPLE = (
    "ФИО;Телефон;E-mail;Город\n"
    "Анна Смирнова;8 (916) 123-45-67;ANNA@shop.example;Тверь\n"
    "Пётр;;petr@shop.example;\n"
    "Без связи;;;\n"
    ";;не почта;\n"
    "Злая;=HYPERLINK(1);;\n"
    "Анна Смирнова;+79161234567;;\n"
)
PHONE = "89161234567"
OLGA = "agent@alpha.example"
SAID = [
    ("Чат", "Дата", "Сообщение", "Автор", "Имя", "Телефон", "Оператор", "Канал"),
    ("c-2", datetime(2025, 3, 2, 10, 0), "Где заказ?", "Клиент", "Пётр", "", "", "Сайт"),
    ("c-1", datetime(2025, 3, 1, 12, 1), "Завтра", "Оператор", "", "", OLGA, "Сайт"),
    ("c-1", datetime(2025, 3, 1, 12), "Когда привезут?", "клиент", "Анна", PHONE, "", "Сайт"),
    ("c-1", datetime(2025, 3, 1, 12, 2), "ок", "клиент", "", "", "", "Сайт"),
    ("c-1", datetime(2025, 3, 1, 12, 2), "ок", "клиент", "", "", "", "Сайт"),
    ("c-1", datetime(2025, 3, 1, 12, 3), "Она вежливая", "заметка", "", "", "Ольга", "Сайт"),
    ("", datetime(2025, 3, 1, 12, 3), "ничья", "клиент", "", "", "", ""),
    ("c-3", "вчера", "без времени", "клиент", "", "", "", ""),
    ("c-3", datetime(2025, 3, 1), "", "клиент", "", "", "", ""),
    ("c-3", datetime(2025, 3, 1), "кто я", "инопланетянин", "", "", "", ""),
    ("c-3", datetime(2025, 3, 1), "=1+1", "клиент", "", "", "", ""),
]  # fmt: skip


def workbook(rows):
    book = Workbook()
    for row in rows:
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def upload(browser, table, content, name, source="Jivo"):
    return browser.post(
        "/admin/moving/new/table/",
        {"table": table, "name": source, "file": SimpleUploadedFile(name, content)},
    )


def columns(answer, **more):
    """The guess of the page, as a person would leave it."""
    found = {
        name: field.initial
        for name, field in answer.context["form"].fields.items()
        if field.initial not in (None, "")
    }
    return {**found, **more}


def run(shop, answer):
    assert answer.status_code == 302, answer.context and answer.context["form"].errors
    pk = int(answer["Location"].rstrip("/").rpartition("/")[2])
    with shop.inside():
        assert due.take(shop.schema, "job", pk)
        job = Job.objects.get(pk=pk)
    assert job.state == "done", job.message
    return job


def move(shop, browser, table, content, name, **more):
    sent = upload(browser, table, content, name)
    page = browser.get(sent["Location"])
    assert page.status_code == 200
    tried = run(shop, browser.post(sent["Location"], columns(page, **more)))
    return tried, run(shop, browser.post(f"/admin/moving/jobs/{tried.pk}/do/"))


def figures(job):
    return {
        row["kind"]: (row["theirs"], row["ours"], row["added"])
        for row in job.result["rows"]
        if row["theirs"] or row["ours"]
    }


def refused(job):
    return [(one["row"], one["field"]) for one in job.errors]


def test_contacts_come_once_and_bad_rows_say_why(alpha, beta, client_of):
    with beta.inside():
        others = Person.objects.count()
    browser = client_of(alpha)

    tried, job = move(alpha, browser, "contacts", PEOPLE.encode("cp1251"), "люди.csv")

    assert figures(tried) == {"contacts": (5, 0, 3)}
    assert figures(job) == {"contacts": (5, 3, 3)}
    assert refused(job) == refused(tried) == [("контакт 5", "email"), ("контакт 6", "phone")]
    with alpha.inside():
        mine = Contact.objects.filter(channel__kind="archive").order_by("pk")
        assert [one.name for one in mine] == ["Анна Смирнова", "Пётр", "Без связи"]
        assert set(
            Identity.objects.filter(contact__in=mine).values_list("kind", "value", "proof")
        ) == {
            ("phone", "+79161234567", "claimed"),
            ("email", "anna@shop.example", "claimed"),
            ("email", "petr@shop.example", "claimed"),
        }
        keys = Imported.objects.values_list("external_id", flat=True)
        assert not any("916" in key or "@" in key for key in keys)
    with beta.inside():
        assert Person.objects.count() == others


def test_the_second_table_adds_only_who_is_new(alpha, client_of):
    browser = client_of(alpha)
    move(alpha, browser, "contacts", PEOPLE.encode(), "люди.csv")

    more = PEOPLE + "Новая;+79990000000;;\n"
    _tried, job = move(alpha, browser, "contacts", more.encode(), "люди.csv")

    assert figures(job) == {"contacts": (6, 4, 1)}


def test_messages_in_any_order_become_dialogues(alpha, client_of):
    browser = client_of(alpha)

    tried, job = move(alpha, browser, "messages", workbook(SAID), "чаты.xlsx")

    assert figures(tried) == {
        "contacts": (2, 0, 2), "conversations": (2, 0, 2), "messages": (11, 0, 6)
    }  # fmt: skip
    assert figures(job) == {
        "contacts": (2, 2, 2), "conversations": (2, 2, 2), "messages": (11, 6, 6)
    }  # fmt: skip
    assert [field for _row, field in refused(job)] == [
        "conversation", "at", "text", "author", "text"
    ]  # fmt: skip
    with alpha.inside():
        talk = Conversation.objects.get(preview="ок")
        assert (talk.status, talk.speaker, talk.channel.name) == (
            "resolved",
            "nobody",
            "Сайт · Jivo",
        )
        assert talk.contact.name == "Анна"
        said = talk.messages.order_by("seq")
        assert [(one.author, one.kind, one.text) for one in said] == [
            ("buyer", "text", "Когда привезут?"),
            ("agent", "text", "Завтра"),
            ("buyer", "text", "ок"),
            ("buyer", "text", "ок"),
            ("agent", "note", "Она вежливая"),
        ]
        # The shop's own clock is Moscow's.
        assert said[0].sent_at == datetime(2025, 3, 1, 9, 0, tzinfo=UTC)
        assert said[1].user.email == "agent@alpha.example"
        assert said[4].meta == {"imported": "Ольга"}


def test_messages_come_once(alpha, client_of):
    browser = client_of(alpha)
    move(alpha, browser, "messages", workbook(SAID), "чаты.xlsx")
    with alpha.inside():
        before = Message.objects.count(), Episode.objects.count(), Person.objects.count()

    more = [*SAID, ("c-1", datetime(2025, 3, 1, 12, 9), "Приехал", "клиент", "", "", "", "Сайт")]
    _tried, job = move(alpha, browser, "messages", workbook(more), "чаты.xlsx")

    assert figures(job)["messages"] == (12, 7, 1)
    with alpha.inside():
        after = Message.objects.count(), Episode.objects.count(), Person.objects.count()
        assert after == (before[0] + 1, before[1], before[2])


def test_a_killed_worker_goes_on_in_the_middle_of_a_table(alpha, client_of, monkeypatch):
    browser = client_of(alpha)
    rows = [SAID[0]] + [
        (f"c-{n}", datetime(2025, 3, 1, 10, n % 60), f"Вопрос {n}", "клиент", "", "", "", "")
        for n in range(110)
    ]
    sent = upload(browser, "messages", workbook(rows), "чаты.xlsx")
    tried = run(alpha, browser.post(sent["Location"], columns(browser.get(sent["Location"]))))
    started = browser.post(f"/admin/moving/jobs/{tried.pk}/do/")
    pk = int(started["Location"].rstrip("/").rpartition("/")[2])

    class Killed(BaseException):
        pass

    monkeypatch.setattr(source, "PAGE", 50)  # the end comes in the middle of the second
    real, met = moving_run.Run._conversation, []

    def die(self, given):
        met.append(given)
        if len(met) == 80:
            raise Killed
        real(self, given)

    monkeypatch.setattr(moving_run.Run, "_conversation", die)
    with alpha.inside(), pytest.raises(Killed):
        moving.moving_run(Job.objects.get(pk=pk))
    monkeypatch.setattr(moving_run.Run, "_conversation", real)
    with alpha.inside():
        assert Episode.objects.filter(conversation__channel__kind="archive").count() == 79

    job = run(alpha, started)

    kinds = ("contacts", "conversations", "messages")
    assert figures(job) == dict.fromkeys(kinds, (110, 110, 110))
    with alpha.inside():
        assert not StoredFile.objects.filter(purpose="import").exists()


def test_columns_must_be_named_once_and_enough(alpha, client_of):
    browser = client_of(alpha)
    sent = upload(browser, "messages", workbook(SAID), "чаты.xlsx")
    page = browser.get(sent["Location"])

    twice = browser.post(sent["Location"], columns(page, text="0"))
    lacking = browser.post(sent["Location"], {**columns(page), "text": ""})

    assert "дважды" in " ".join(twice.context["form"].non_field_errors())
    assert lacking.context["form"].errors["text"]
    with alpha.inside():
        assert Job.objects.filter(kind="moving").count() == 0


def test_headings_are_known_in_both_languages():
    assert guess(["Имя клиента", "Телефон", "Почта"], "contacts") == {
        "name": 0, "phone": 1, "email": 2
    }  # fmt: skip
    assert guess(["conversation_id", "created_at", "content", "sender_type", "id"], "messages") == {
        "conversation": 0, "at": 1, "text": 2, "author": 3, "message": 4
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.csv", b"", "пуст"),
        ("x.xlsx", b"PK\x03\x04 broken", ""),
        ("x.exe", b"MZ", "CSV"),
        ("x.csv", b"\xd0\xcf\x11\xe0old excel", "XLS"),
        ("x.csv", b";;\n;;\n", "заголовк"),
    ],
)
def test_a_file_that_is_no_table_is_refused_and_not_kept(alpha, client_of, name, content, words):
    answer = upload(client_of(alpha), "contacts", content, name)

    assert answer.status_code == 200
    assert words in " ".join(answer.context["form"].errors["file"])
    with alpha.inside():
        assert not StoredFile.objects.filter(purpose="import").exists()


def test_somebody_elses_upload_is_not_shown(alpha, client_of):
    sent = upload(client_of(alpha), "contacts", PEOPLE.encode(), "люди.csv")
    assert client_of(alpha).get(sent["Location"]).status_code == 404
