"""The desk's own pages: bots, channels, templates, hours, knowledge, import, orders, export."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from bots.models import (
    Article,
    Bot,
    Channel,
    Conversation,
    Holiday,
    Message,
    OpeningHours,
    Template,
)
from tenants.kernel import due, outbox
from tenants.models import Brand, Due, Merchant, OutboxEvent
from tenants.services.mail import mail_server_save
from tenants.workspace.models import AuditEntry, Event, Job

IN_MOSCOW = "Europe/Moscow"


def audited(shop, action):
    with shop.inside():
        return AuditEntry.objects.filter(action=action).order_by("-pk").first()


# ── Bot ──────────────────────────────────────────────────────────────────────────────────────
def bot_form(**more):
    return {
        "name": "Helper", "greeting": "Hi", "language": "ru", "is_active": "on", "tone": "brief",
        "rules": "", "deadline_s": "20", "handover_topics": ["wholesale"], "model_1": "",
        "model_2": "", "model_3": "", **more,
    }  # fmt: skip


def test_a_changed_bot_answers_only_after_publishing(alpha, client_of):
    client = client_of(alpha, "owner")
    url = f"/admin/bots/bot/{alpha.bot.pk}/"

    saved = client.post(f"{url}change/", bot_form())

    assert saved.status_code == 302
    with alpha.inside():
        bot = Bot.objects.get(pk=alpha.bot.pk)
        assert (bot.tone, bot.handover_topics) == ("brief", ["wholesale"])
        assert bot.published.number == 1
        assert bot.published.config["tone"] == ""
    page = client.get(f"{url}change/").content.decode()
    assert "brief" in page
    assert "Опт и организации" in page

    done = client.post(f"{url}publish/", {"_form_submitted": "on"})

    assert done["HX-Redirect"] == f"{url}change/"
    with alpha.inside():
        bot.refresh_from_db()
        assert (bot.published.number, bot.published.config["tone"]) == (2, "brief")
        first = bot.versions.get(number=1)
    assert audited(alpha, "bot.published").data == {"version": 2}

    client.post(f"{url}roll_back/", {"_form_submitted": "on", "version": first.pk})

    with alpha.inside():
        bot.refresh_from_db()
        assert (bot.published.number, bot.tone) == (3, "")


def test_publishing_asks_first(alpha, client_of):
    client = client_of(alpha, "owner")
    answer = client.get(f"/admin/bots/bot/{alpha.bot.pk}/publish/")
    assert answer.status_code == 200
    with alpha.inside():
        assert Bot.objects.get(pk=alpha.bot.pk).published.number == 1


def test_seconds_to_answer_have_bounds(alpha, client_of):
    url = f"/admin/bots/bot/{alpha.bot.pk}/change/"
    answer = client_of(alpha, "owner").post(url, bot_form(deadline_s="600"))
    assert answer.status_code == 200
    assert "deadline_s" in answer.context["errors"].as_json() or answer.context["errors"]


# ── Preview ──────────────────────────────────────────────────────────────────────────────────
def test_a_talk_in_the_preview_stores_and_sends_nothing(alpha, client_of):
    with alpha.inside():
        before = (Message.objects.count(), OutboxEvent.objects.count())
    answer = client_of(alpha, "owner").post(
        "/admin/preview/ask/",
        json.dumps(
            {
                "bot": alpha.bot.pk,
                "messages": [{"role": "buyer", "text": "Позовите человека"}],
                "contact": {"value": "+79000000000", "proof": "code"},
            }
        ),
        content_type="application/json",
    )
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert {"text", "decision", "decision_label", "sources", "claims", "ms"} <= set(body)
    with alpha.inside():
        assert (Message.objects.count(), OutboxEvent.objects.count()) == before


@pytest.mark.parametrize("body", ["", "[]", '{"messages": []}', '{"bot": 1, "messages": [{}]}'])
def test_a_broken_question_is_refused_in_words(alpha, client_of, body):
    answer = client_of(alpha, "owner").post(
        "/admin/preview/ask/", body, content_type="application/json"
    )
    assert answer.status_code == 400
    assert answer.json()["error"]


# ── Channels ─────────────────────────────────────────────────────────────────────────────────
def test_a_web_channel_is_connected_with_a_page_and_a_line(alpha, client_of):
    client = client_of(alpha, "owner")

    made = client.post("/admin/bots/channel/add/?kind=web", {"name": "Second chat"})

    assert made.status_code == 302, made.context["form"].errors
    page = client.get(made["Location"]).content.decode()
    with alpha.inside():
        channel = Channel.objects.get(name="Second chat")
        assert channel.state == Channel.State.LIVE
    assert f"/chat/{channel.route_key}/" in page
    assert "widget.js" in page
    assert "data:image/svg+xml" in page


def test_the_first_message_is_awaited_on_the_page(alpha, client_of):
    client = client_of(alpha, "owner")
    url = f"/admin/bots/channel/{alpha.channel.pk}/status/"
    since = timezone.now().isoformat()
    assert client.get(url, {"since": since}).json()["message"] is None

    with alpha.inside():
        _talk(alpha, "Где мой заказ?", "В пути.")

    body = client.get(url, {"since": since}).json()
    assert body["message"]["text"] == "Где мой заказ?"
    assert body["reply"]["text"] == "В пути."
    assert body["reply"]["sources"] == ["Delivery"]


def _talk(shop, question, answer):
    from bots.models import Contact, Episode

    contact = Contact.objects.create(channel=shop.channel, external_id=f"c{question}", name="Ann")
    talk = Conversation.objects.create(channel=shop.channel, contact=contact, lane=contact.pk)
    episode = Episode.objects.create(conversation=talk)
    Message.objects.create(
        conversation=talk, episode=episode, seq=1, author="buyer", text=question, state="received"
    )
    Message.objects.create(
        conversation=talk, episode=episode, seq=2, author="bot", text=answer, state="sent",
        meta={"sources": [{"title": "Delivery"}]},
    )  # fmt: skip
    return talk


def test_a_channel_is_paused_and_removed_by_its_name_only(alpha, client_of):
    client = client_of(alpha, "owner")
    pk, name = alpha.channel.pk, alpha.channel.name
    client.post(f"/admin/bots/channel/{pk}/pause/")
    with alpha.inside():
        assert Channel.objects.get(pk=pk).state == Channel.State.PAUSED

    client.post(f"/admin/bots/channel/{pk}/remove/", {"typed": "something else"})
    with alpha.inside():
        assert Channel.objects.filter(pk=pk).exists()

    client.post(f"/admin/bots/channel/{pk}/remove/", {"typed": name})
    assert audited(alpha, "channel.deleted").target == name
    assert client.get(f"/admin/bots/channel/{pk}/change/").status_code == 302


def test_looking_changes_nothing(alpha, client_of):
    client = client_of(alpha, "owner")
    for action in ("pause", "check", "remove"):
        answer = client.get(f"/admin/bots/channel/{alpha.channel.pk}/{action}/")
        assert answer.status_code == 405


# ── Templates ────────────────────────────────────────────────────────────────────────────────
TEMPLATE = {"name": "Delivery", "code": "delivery", "text_ru": "Доставим {{order.eta|скоро}}"}


def test_a_template_is_saved_with_both_languages(alpha, client_of):
    form = {**TEMPLATE, "text_en": "Soon", "phrases": "когда привезёте\n", "is_active": "on"}
    answer = client_of(alpha, "supervisor").post("/admin/bots/template/add/", form)
    assert answer.status_code == 302
    with alpha.inside():
        made = Template.objects.get(code="delivery")
        assert {t.lang: t.text for t in made.texts.all()} == {
            "ru": "Доставим {{order.eta|скоро}}",
            "en": "Soon",
        }
        assert made.phrases == ["когда привезёте"]


def test_a_broken_variable_is_an_error_beside_its_language(alpha, client_of):
    answer = client_of(alpha, "owner").post(
        "/admin/bots/template/add/", {**TEMPLATE, "text_en": "Hi {{contact.nam}}"}
    )
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == ["text_en"]
    assert "contact.name" in answer.context["form"].errors["text_en"][0]
    with alpha.inside():
        assert not Template.objects.filter(code="delivery").exists()


def test_a_template_is_shown_as_a_buyer_reads_it(alpha, client_of):
    answer = client_of(alpha, "owner").post(
        "/admin/bots/template/preview/",
        {"ru": "Здравствуйте, {{contact.first_name}}! {{shop.name}}", "en": "{{nope.x}}"},
    )
    body = answer.json()
    assert body["ru"] == {"text": "Здравствуйте, Анна! Alpha Shoes"}
    assert body["en"]["faults"]


# ── Hours ────────────────────────────────────────────────────────────────────────────────────
def test_a_week_is_written_as_people_write_it(alpha, client_of):
    client = client_of(alpha, "owner")
    form = {
        "time_zone": "Asia/Omsk", "day_0": "10:00-14:00, 15-20", "day_5": "11.30 – 18.00",
        "holidays": "31.12.2099 10-16 Канун\n01.01.2100",
    }  # fmt: skip
    assert client.post("/admin/hours/", form).status_code == 302
    with alpha.inside():
        assert list(OpeningHours.objects.values_list("weekday", "opens", "closes")) == [
            (0, time(10), time(14)),
            (0, time(15), time(20)),
            (5, time(11, 30), time(18)),
        ]
        days = list(Holiday.objects.values_list("name", "opens", "closes"))
        assert days == [("Канун", time(10), time(16)), ("", None, None)]
    assert Merchant.objects.get(pk=alpha.merchant.pk).time_zone == "Asia/Omsk"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("day_0", "утром"), ("day_1", "20:00-10:00"), ("day_2", "10-14, 13-20"),
        ("day_3", "25:00-26:00"), ("holidays", "завтра"), ("holidays", "31.02.2027"),
    ],
)  # fmt: skip
def test_hours_that_make_no_sense_are_told_and_kept_on_the_page(alpha, client_of, field, value):
    with alpha.inside():
        before = OpeningHours.objects.count()
    answer = client_of(alpha, "owner").post("/admin/hours/", {"time_zone": IN_MOSCOW, field: value})
    assert list(answer.context["form"].errors) == [field]
    assert value in answer.content.decode()
    with alpha.inside():
        assert OpeningHours.objects.count() == before


def test_moments_are_shown_in_the_shops_own_time(alpha, client_of):
    from datetime import UTC, datetime

    from integrations.models import Order

    with alpha.inside():
        Order.objects.create(
            number="77", status="new", sum=1, placed_at=datetime(2026, 1, 5, 22, 30, tzinfo=UTC)
        )
    page = client_of(alpha, "owner").get("/admin/integrations/order/").content.decode()
    assert "6\u00a0января" in page
    assert "01:30" in page


# ── Knowledge ────────────────────────────────────────────────────────────────────────────────
def test_a_saved_article_is_told_to_the_index(alpha, client_of):
    form = {"title": "Доставка", "text": "Курьером.", "lang": "ru", "is_active": "on"}
    answer = client_of(alpha, "supervisor").post("/admin/bots/article/add/", form)
    assert answer.status_code == 302
    with alpha.inside():
        article = Article.objects.get(title="Доставка")
    fact = OutboxEvent.objects.get(schema=alpha.schema, name="article.changed")
    assert fact.data == {"articles": [article.pk]}


def test_documents_are_queued_and_one_too_large_is_refused(alpha, client_of, settings, tmp_path):
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path},
        },
    }
    client = client_of(alpha, "owner")
    files = [
        SimpleUploadedFile("terms.txt", "Доставка\n\nКурьером за день.".encode()),
        SimpleUploadedFile("returns.md", b"# Returns\n\n14 days."),
    ]
    answer = client.post("/admin/bots/knowledgefile/add/", {"files": files, "language": "ru"})
    assert answer.status_code == 302
    with alpha.inside():
        from bots.models import KnowledgeFile

        assert KnowledgeFile.objects.count() == 2
        assert Job.objects.filter(kind="knowledge.read").count() == 2
    assert client.get("/admin/bots/knowledgefile/").status_code == 200


def test_unanswered_questions_come_together_most_asked_first(alpha, client_of):
    with alpha.inside():
        asked = ["Есть ли подарочная упаковка?", "есть подарочные упаковки", "Делаете гравировку?"]
        for number, question in enumerate(asked):
            talk = _talk(alpha, question, "Не нашёл.")
            Event.objects.create(
                seq=900 + number, name="turn.answered", key=f"conversation:{talk.pk}",
                data={"conversation": talk.pk, "decision": "refuse"}, at=timezone.now(),
            )  # fmt: skip
    answer = client_of(alpha, "supervisor").get("/admin/gaps/")
    found = answer.context["gaps"]
    assert [gap.count for gap in found] == [2, 1]
    assert "упаковк" in found[0].question


# ── Import ───────────────────────────────────────────────────────────────────────────────────
def test_an_import_wants_a_file_or_an_address(alpha, client_of):
    client = client_of(alpha, "owner")
    assert client.post("/admin/catalogue/import/", {}).context["form"].non_field_errors()
    wrong = client.post(
        "/admin/catalogue/import/", {"file": SimpleUploadedFile("a.exe", b"x"), "is_full": "on"}
    )
    assert "file" in wrong.context["form"].errors


def test_an_import_is_followed_and_its_bad_rows_are_downloaded(alpha, client_of):
    client = client_of(alpha, "owner")
    with alpha.inside():
        job = Job.objects.create(kind="catalogue.import")
        job.start(total=200)
        job.refuse(7, "price", "=HYPERLINK(1)")
        job.advance(50)
    state = client.get(f"/admin/jobs/{job.pk}/state/").json()
    assert (state["done"], state["total"], state["share"], state["refused"]) == (50, 200, 25, 1)
    assert state["is_over"] is False
    table = client.get(f"/admin/jobs/{job.pk}/refused.csv")
    text = table.content.decode("utf-8-sig")
    assert "7;price;'=HYPERLINK(1)" in text
    assert "attachment" in table["Content-Disposition"]
    assert client_of(alpha, "agent").get(f"/admin/jobs/{job.pk}/state/").status_code == 403


# ── The platform's desk ──────────────────────────────────────────────────────────────────────
def test_a_merchant_is_suspended_and_resumed(platform_client, beta, visitor):
    url = f"/admin/tenants/merchant/{beta.merchant.pk}"
    platform_client.post(f"{url}/suspend/", {"_form_submitted": "on", "reason": "unpaid"})
    assert visitor(beta.host).get("/admin/").status_code == 503
    platform_client.post(f"{url}/resume/", {"_form_submitted": "on"})
    assert visitor(beta.host).get("/admin/").status_code == 302


def test_a_merchant_is_deleted_by_its_name_with_a_time_to_think(platform_client, beta):
    url = f"/admin/tenants/merchant/{beta.merchant.pk}/remove/"
    wrong = platform_client.post(url, {"_form_submitted": "on", "typed": "Beta Lamps"})
    assert wrong.status_code == 200
    assert Merchant.objects.get(pk=beta.merchant.pk).state == "active"

    platform_client.post(url, {"_form_submitted": "on", "typed": "beta"})

    found = Merchant.objects.get(pk=beta.merchant.pk)
    assert found.state == "deleting"
    assert (found.delete_after - timezone.now()).days >= 13
    assert Due.objects.filter(kind="merchant.erase", object_id=found.pk).exists()


def test_a_merchant_is_made_and_renamed(partner_client, partner):
    form = {
        "name": "Delta Toys", "slug": "delta-toys", "host": "", "partner": partner.pk,
        "language": "ru", "email": "boss@delta.example", "password": "Long-enough-word-9",
    }  # fmt: skip
    bad = partner_client.post("/admin/tenants/merchant/add/", {**form, "slug": "alpha"})
    assert bad.status_code == 200
    assert 'value="Delta Toys"' in bad.content.decode()

    made = partner_client.post("/admin/tenants/merchant/add/", form)
    assert made.status_code == 302, made.context["errors"]

    merchant = Merchant.objects.get(slug="delta-toys")
    change = {
        "name": "Delta Games", "slug": "delta-toys", "host": "delta-toys.partner.localhost",
        "plan": merchant.plan_id,
    }  # fmt: skip
    partner_client.post(f"/admin/tenants/merchant/{merchant.pk}/change/", change)
    merchant.refresh_from_db()
    assert merchant.name == "Delta Games"


def test_an_archive_holds_everything_of_one_merchant_and_no_secret(
    platform_client, alpha, beta, client_of
):
    with alpha.inside():
        Article.objects.create(title="Alpha's article", text="x")
    with beta.inside():
        Article.objects.create(title="Beta's article", text="x")
    with alpha.inside():
        outbox.emit("article.changed", key="article:1", data={"article": 1})
    outbox.relay()
    brand = Brand.objects.create(legal_name="Alpha LLC")
    Merchant.objects.filter(pk=alpha.merchant.pk).update(brand=brand)
    mail_server_save(
        brand, username="alpha", password="of-the-mail", host="smtp.alpha.example",
        sender="a@alpha.example",
    )  # fmt: skip
    url = f"/admin/tenants/merchant/{alpha.merchant.pk}"
    platform_client.post(f"{url}/export/", {"_form_submitted": "on"})
    job = Job.objects.get(kind="merchant.export")

    assert due.take("public", "job", job.pk)

    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.message
    answer = platform_client.get(f"/admin/exports/{job.pk}/")
    data = b"".join(answer.streaming_content)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = set(archive.namelist())
        everything = b"".join(archive.read(name) for name in names).decode()
        about = json.loads(archive.read("about.json"))
        log = archive.read("workspace.event.jsonl").decode()
    # What is kept of it beside its schema, and its log of facts.
    assert (about["hosts"], about["partner"]) == (["alpha.localhost"], "partner")
    assert about["brand"]["legal_name"] == "Alpha LLC"
    assert about["plan"]["channels"] and about["time_zone"] == "Europe/Moscow"
    assert about["mail_server"]["host"] == "smtp.alpha.example"
    assert "sealed" not in about["mail_server"] and "of-the-mail" not in everything
    assert "article.changed" in log
    assert "alpha-" in answer["Content-Disposition"]
    assert {"about.json", "bots.article.jsonl", "workspace.user.jsonl"} <= names
    assert "Alpha's article" in everything
    assert "Beta's article" not in everything
    with alpha.inside():
        assert alpha.owner.password not in everything
        assert (Channel.objects.first().secrets or {}).get("hook", "-none-") not in everything
