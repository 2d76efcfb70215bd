"""What the bot may say, on its pages: articles, documents, synonyms, open questions."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from bots.admin import knowledge
from bots.models import Article, Contact, Conversation, Episode, KnowledgeFile, Message, Synonym
from tenants.kernel import due
from tenants.models import OutboxEvent
from tenants.workspace.models import AuditEntry, Event, Job, StoredFile


@pytest.fixture
def client(alpha, client_of) -> Any:
    client = client_of(alpha, "supervisor")
    client.cookies["lang"] = "en"
    return client


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path: Path) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path},
        },
    }


def said(answer: Any) -> str:
    return " ".join(BeautifulSoup(answer.content, "html.parser").get_text(" ").split())


def told_index(shop: Any, name: str) -> list[Any]:
    events = OutboxEvent.objects.filter(schema=shop.schema, name=name).order_by("pk")
    return [event.data for event in events]


# ── Articles ─────────────────────────────────────────────────────────────────────────────────
def article(**more: Any) -> dict[str, Any]:
    return {"title": "Delivery", "text": "Two days.", "lang": "en", "is_active": "on",
            "external_id": "delivery", **more}  # fmt: skip


def test_an_id_joins_languages_and_is_one_in_each(alpha, beta, client):
    with beta.inside():
        Article.objects.create(external_id="delivery", lang="en", title="Beta's", text="x")
    add = "/admin/bots/article/add/"
    assert client.post(add, article()).status_code == 302
    assert client.post(add, article(lang="ru", title="Доставка")).status_code == 302

    again = client.post(add, article(title="Another"))

    assert list(again.context["adminform"].form.errors) == ["external_id"]
    assert client.post(add, article(external_id="")).status_code == 302
    assert client.post(add, article(external_id="")).status_code == 302  # no id is no clash
    with alpha.inside():
        kept = Article.objects.order_by("pk").values_list("lang", "external_id", "title")
        assert list(kept) == [
            ("en", "delivery", "Delivery"),
            ("ru", "delivery", "Доставка"),
            *[("en", "", "Delivery")] * 2,
        ]
        one = Article.objects.get(lang="ru")
    moved = client.post(f"/admin/bots/article/{one.pk}/change/", article(lang="en"))
    assert list(moved.context["adminform"].form.errors) == ["external_id"]


def test_the_list_tells_language_state_and_length(alpha, client):
    with alpha.inside():
        for title, lang, more in (
            ("Used", "en", {}), ("Inner", "ru", {"is_internal": True}),
            ("Off", "de", {"is_active": False}),
        ):  # fmt: skip
            Article.objects.create(title=title, lang=lang, text="x" * 42, **more)
    page = client.get("/admin/bots/article/")
    rows = {
        row.select_one("a").get_text(strip=True): " ".join(row.get_text(" ").split())
        for row in BeautifulSoup(page.content, "html.parser").select("#result_list tbody tr")
    }
    assert {title: [word for word in ("English", "Русский", "de", "in answers", "for colleagues",
                                      "switched off") if f" {word} " in text]
            for title, text in rows.items()} == {
        "Used": ["English", "in answers"],
        "Inner": ["Русский", "for colleagues"],
        "Off": ["de", "switched off"],
    }  # fmt: skip
    assert all(" 42 " in text for text in rows.values())
    assert "Inner" not in said(client.get("/admin/bots/article/?language=en"))
    assert "Used" in said(client.get("/admin/bots/article/?language=en"))
    # A new one begins in the shop's language.
    form = client.get("/admin/bots/article/add/").context["adminform"].form
    assert form.get_initial_for_field(form.fields["lang"], "lang") == alpha.merchant.language


def test_what_is_deleted_is_told_to_the_index_one_by_one_or_together(alpha, client):
    with alpha.inside():
        pks = [Article.objects.create(title=f"A{n}", text="x").pk for n in range(3)]
    client.post(f"/admin/bots/article/{pks[0]}/delete/", {"post": "yes"})
    client.post(
        "/admin/bots/article/",
        {"action": "delete_selected", "_selected_action": pks[1:], "post": "yes"},
    )
    with alpha.inside():
        assert not Article.objects.exists()
        assert AuditEntry.objects.filter(action="article.deleted").count() == 3
    told = told_index(alpha, "article.changed")
    assert [sorted(data["articles"]) for data in told] == [[pks[0]], pks[1:]]


# ── Documents ────────────────────────────────────────────────────────────────────────────────
def upload(client: Any, *files: SimpleUploadedFile, **more: Any) -> Any:
    form = {"files": list(files), "language": "en", **more}
    return client.post("/admin/bots/knowledgefile/add/", form)


def test_a_document_becomes_articles_and_goes_with_them(alpha, client):
    text = b"# Delivery\n\nTwo days.\n\n# Returns\n\nFourteen days."
    assert upload(client, SimpleUploadedFile("terms.md", text)).status_code == 302
    with alpha.inside():
        found = KnowledgeFile.objects.get()
        job = Job.objects.get(kind="knowledge.read")
    assert client.get("/admin/bots/knowledgefile/").context["is_reading"] is True

    assert due.take(alpha.schema, "job", job.pk)

    page = client.get(f"/admin/bots/knowledgefile/{found.pk}/change/")
    links = BeautifulSoup(page.content, "html.parser").select('a[href*="/bots/article/"]')
    assert [a.get_text(strip=True) for a in links if "change" in a["href"]] == [
        "Delivery",
        "Returns",
    ]
    listed = client.get("/admin/bots/knowledgefile/")
    assert listed.context["is_reading"] is False
    assert "terms.md read – 2 en" in said(listed)

    again = client.post(f"/admin/bots/knowledgefile/{found.pk}/again/", {"_form_submitted": "on"})
    assert again["HX-Redirect"] == "/admin/bots/knowledgefile/"
    with alpha.inside():
        assert KnowledgeFile.objects.get().state == "waiting"
        assert Job.objects.filter(kind="knowledge.read").count() == 2

    client.post(f"/admin/bots/knowledgefile/{found.pk}/delete/", {"post": "yes"})
    with alpha.inside():
        assert not KnowledgeFile.objects.exists()
        assert not Article.objects.exists()
        assert not StoredFile.objects.exists()


def test_a_document_that_cannot_be_read_says_why(alpha, client):
    upload(client, SimpleUploadedFile("broken.pdf", b"%PDF-1.4 nothing more"))
    with alpha.inside():
        job = Job.objects.get(kind="knowledge.read")
    due.take(alpha.schema, "job", job.pk)
    with alpha.inside():
        found = KnowledgeFile.objects.get()
        assert (found.state, Article.objects.count()) == ("failed", 0)
        assert found.error
    assert " ".join(found.error.split()) in said(client.get("/admin/bots/knowledgefile/"))


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([SimpleUploadedFile("a.txt", b"x" * 101)], "larger than 30 MB"),
        ([SimpleUploadedFile(f"{n}.txt", b"x") for n in range(21)], "At most 20 files"),
        ([SimpleUploadedFile("a.txt", b"")], "The submitted file is empty."),
        ([], "This field is required."),
    ],
)
def test_files_that_do_not_fit_are_refused_together(alpha, client, monkeypatch, files, words):
    monkeypatch.setattr(knowledge, "LARGEST", 100)
    for file in files:
        file.seek(0)
    answer = upload(client, *files)
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == ["files"]
    assert words in said(answer)
    with alpha.inside():
        assert not KnowledgeFile.objects.exists()
        assert not StoredFile.objects.exists()


def test_an_agent_reads_no_documents_and_adds_none(alpha, client_of, client):
    upload(client, SimpleUploadedFile("a.txt", b"Delivery\n\nTwo days."))
    with alpha.inside():
        pk = KnowledgeFile.objects.get().pk
    agent = client_of(alpha, "agent")
    for page in ("", "add/", f"{pk}/change/"):
        assert agent.get(f"/admin/bots/knowledgefile/{page}").status_code == 403, page
    for page in ("add/", f"{pk}/delete/", f"{pk}/again/"):
        form = {"post": "yes", "_form_submitted": "on"}
        assert agent.post(f"/admin/bots/knowledgefile/{page}", form).status_code == 403, page
    with alpha.inside():
        assert KnowledgeFile.objects.count() == 1


# ── Synonyms ─────────────────────────────────────────────────────────────────────────────────
def test_synonyms_are_told_to_the_index_whenever_they_change(alpha, client):
    client.post("/admin/bots/synonym/add/", {"words": "hoodie, sweatshirt"})
    client.post("/admin/bots/synonym/add/", {"words": "sofa, couch"})
    with alpha.inside():
        first, second = Synonym.objects.order_by("pk")
    client.post(f"/admin/bots/synonym/{first.pk}/change/", {"words": "hoodie, jumper"})
    client.post(f"/admin/bots/synonym/{first.pk}/delete/", {"post": "yes"})
    client.post(
        "/admin/bots/synonym/",
        {"action": "delete_selected", "_selected_action": [second.pk], "post": "yes"},
    )

    with alpha.inside():
        assert not Synonym.objects.exists()
    assert told_index(alpha, "synonyms.changed") == [
        {"synonym": first.pk}, {"synonym": second.pk}, {"synonym": first.pk},
        {"synonym": first.pk}, {},
    ]  # fmt: skip


# ── Questions without an answer ──────────────────────────────────────────────────────────────
def test_gaps_are_of_a_week_or_a_month(alpha, client, client_of):
    with alpha.inside():
        for n, (days, question) in enumerate(
            [(1, "Есть подарочная упаковка?"), (20, "Гравировка?")]
        ):
            contact = Contact.objects.create(channel=alpha.channel, external_id=f"c{n}")
            talk = Conversation.objects.create(channel=alpha.channel, contact=contact, lane=n)
            message = Message.objects.create(
                conversation=talk, episode=Episode.objects.create(conversation=talk), seq=1,
                author="buyer", text=question, state="received",
            )  # fmt: skip
            at = timezone.now() - timedelta(days=days)
            Message.objects.filter(pk=message.pk).update(created_at=at, sent_at=at)
            Event.objects.create(
                seq=900 + n, name="turn.answered", key=f"conversation:{talk.pk}", at=at,
                data={"conversation": talk.pk, "decision": "refuse"},
            )  # fmt: skip

    def asked(days: str) -> list[str]:
        page = client.get("/admin/gaps/", {"days": days})
        return sorted(gap.question for gap in page.context["gaps"])

    assert asked("7") == asked("nonsense") == ["Есть подарочная упаковка?"]
    assert asked("30") == ["Гравировка?", "Есть подарочная упаковка?"]
    assert client_of(alpha, "agent").get("/admin/gaps/").status_code == 403
