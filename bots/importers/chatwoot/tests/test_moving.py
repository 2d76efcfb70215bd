"""Moving in from Chatwoot by a merchant's pages: exact counts, twice, after a break, faults."""

from __future__ import annotations

import logging

import pytest
from django.db.models import Sum

from analytics.usage import dialogues_this_month
from bots.importers.chatwoot.simulator import TOKEN
from bots.importers.chatwoot.tests.conftest import PICTURE, begin, figures, move, run
from bots.models import (
    Attachment,
    Channel,
    Contact,
    Conversation,
    Episode,
    Identity,
    Imported,
    Label,
    Message,
    Person,
    Rating,
    Team,
    TeamMember,
    Template,
)
from bots.services import moving, moving_run
from bots.services.channels import offered
from tenants.kernel import due
from tenants.kernel.context import PUBLIC, merchant_context
from tenants.kernel.files import file_bytes
from tenants.kernel.simulate import Answer
from tenants.models import Due, OutboxEvent
from tenants.workspace.models import Job, StoredFile, User

ALL = {
    "agents": 2, "teams": 1, "labels": 2, "templates": 2, "contacts": 22, "conversations": 30,
    "messages": 93, "files": 2,
}  # fmt: skip


def rows_of(shop):
    models = (User, Team, TeamMember, Label, Template, Person, Contact, Identity, Conversation,
              Episode, Message, Attachment, StoredFile, Channel, Imported)  # fmt: skip
    with shop.inside():
        return {model.__name__: model.objects.count() for model in models}


def waiting(shop):
    """Work and facts of a merchant, the import's own job and clock apart."""
    with merchant_context(PUBLIC):
        work = Due.objects.filter(schema=shop.schema).exclude(kind__in=["job", "moving.end"])
        facts = OutboxEvent.objects.filter(schema=shop.schema)
        return sorted(work.values_list("kind", "object_id")), sorted(
            facts.exclude(name__in=["team.changed", "label.changed"]).values_list("name", "key")
        )


def test_everything_comes_over_once_with_its_counts(alpha, beta, client_of, there):
    others = rows_of(beta)
    before = rows_of(alpha)
    job = move(alpha, client_of(alpha), there.url)

    assert figures(job) == {kind: (n, n, n) for kind, n in ALL.items()}
    assert (job.refused, job.errors) == (0, [])
    after = rows_of(alpha)
    grown = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert grown == {
        "User": 2, "Team": 1, "TeamMember": 3, "Label": 3, "Template": 2, "Person": 22,
        "Contact": 26, "Identity": 24, "Conversation": 24, "Episode": 30, "Message": 93,
        "Attachment": 2, "StoredFile": 2, "Channel": 2, "Imported": 59,
    }  # fmt: skip
    assert rows_of(beta) == others


def test_a_dry_run_writes_nothing_and_says_what_would_come(alpha, client_of, there):
    before = rows_of(alpha)

    tried = run(alpha, begin(client_of(alpha), there.url))

    assert figures(tried) == {kind: (n, 0, n) for kind, n in ALL.items()}
    assert rows_of(alpha) == before
    page = client_of(alpha).get(f"/admin/moving/jobs/{tried.pk}/").content.decode()
    assert "Перенести" in page
    assert "boss@there.example" in page  # was an administrator there


def test_the_second_run_adds_only_what_is_new(alpha, client_of, there):
    browser = client_of(alpha)
    move(alpha, browser, there.url)
    before = rows_of(alpha)

    again = move(alpha, browser, there.url)
    assert figures(again) == {kind: (n, n, 0) for kind, n in ALL.items()}
    assert rows_of(alpha) == before

    there.sim.message(30, "И ещё вопрос")
    talk = there.sim.conversation(there.sim.contacts[0]["id"], there.sim.inboxes[0]["id"])
    there.sim.message(talk, "Новый диалог")
    more = figures(move(alpha, browser, there.url))
    assert more["conversations"] == (31, 31, 1)
    assert more["messages"] == (95, 95, 2)
    assert more["contacts"] == (22, 22, 0)


def test_what_came_is_history_as_it_was(alpha, client_of, there):
    move(alpha, client_of(alpha), there.url)
    with alpha.inside():
        anna = User.objects.get(email="anna@there.example")
        boss = User.objects.get(email="boss@there.example")
        assert {(one.role, one.has_usable_password(), one.is_active) for one in (anna, boss)} == {
            ("agent", False, True)
        }
        team = Team.objects.get(name="Возвраты")
        assert list(team.members.values_list("user", "is_lead")) == [(anna.pk, False)]
        assert Label.objects.get(name="vip").colour == "red"
        # The shop has a template "hello" of its own.
        texts = Template.objects.filter(category="Chatwoot").values_list("code", "texts__text")
        assert dict(texts) == {
            "hello-2": "Здравствуйте, {{contact.name}}. Чем помочь?",
            "bye": "Thank you, {{contact.first_name|friend}}",
        }  # fmt: skip
        talk = Conversation.objects.get(
            contact__external_id=str(there.sim.contacts[0]["id"]), channel__name="Сайт · Chatwoot"
        )
        assert (talk.status, talk.speaker, talk.labels) == ("resolved", "nobody", ["vip"])
        assert talk.previous_agent == boss
        said = list(talk.messages.order_by("seq"))
        assert [(one.author, one.kind, one.state, one.text) for one in said[:2] + said[31:34]] == [
            ("buyer", "text", "received", "Вопрос 0"),
            ("agent", "text", "sent", "Ответ 0"),
            ("agent", "note", "kept", "Это наш лучший"),
            ("system", "system", "kept", "Диалог закрыт"),
            ("buyer", "media", "received", ""),
        ]
        assert [one.seq for one in said] == list(range(1, len(said) + 1))
        assert said[0].sent_at.timestamp() == there.sim.messages[1][0]["created_at"]
        assert said[1].user == anna
        picture = said[33].attachments.get()
        assert file_bytes(picture.file_id) == ("foto.png", PICTURE)
        was_open = Conversation.objects.get(labels__contains=["был открыт в Chatwoot"])
        assert was_open.status == "resolved"
        phone = Identity.objects.filter(value="+79160000000").first()
        assert (phone.kind, phone.proof) == ("phone", "claimed")


def test_history_wakes_nobody(alpha, client_of, there):
    """No bot, rule, promise, rating, notice, figure or plan's count, and no channel of a plan."""
    with alpha.inside():
        channels = Channel.objects.exclude(settings__has_key="removed").count()
        dialogues = dialogues_this_month()
    before = waiting(alpha)

    move(alpha, client_of(alpha), there.url)

    assert waiting(alpha) == before
    with alpha.inside():
        talks = Conversation.objects.filter(channel__kind="archive")
        assert talks.count() == 24
        assert not talks.exclude(status="resolved", speaker="nobody").exists()
        assert not talks.exclude(deadline_at=None, waiting_since=None, sla_due_at=None).exists()
        assert talks.aggregate(n=Sum("unread"))["n"] == 0
        assert Rating.objects.count() == 0
        assert Channel.objects.exclude(settings__has_key="removed").count() == channels
        assert dialogues_this_month() == dialogues
        assert not Contact.objects.filter(channel__kind="archive", is_reachable=True).exists()
        assert "archive" not in offered()


def test_a_killed_worker_goes_on_where_it_was(alpha, client_of, there, monkeypatch):
    browser = client_of(alpha)
    tried = run(alpha, begin(browser, there.url))
    started = browser.post(f"/admin/moving/jobs/{tried.pk}/do/")
    pk = int(started["Location"].rstrip("/").rpartition("/")[2])
    there.sim.calls.clear()

    class Killed(BaseException):
        pass

    real, seen = moving_run.Run._fetch, []

    def die(self, row, file, given):
        seen.append(file)
        if len(seen) == 2:  # in the middle of the second conversation
            raise Killed
        real(self, row, file, given)

    monkeypatch.setattr(moving_run.Run, "_fetch", die)
    with alpha.inside(), pytest.raises(Killed):
        moving.moving_run(Job.objects.get(pk=pk))
    monkeypatch.setattr(moving_run.Run, "_fetch", real)
    with alpha.inside():
        half = Job.objects.get(pk=pk)
        assert (half.state, half.params["at"]["stage"]) == ("running", "conversations")
        assert Message.objects.filter(conversation__channel__kind="archive").count() == 37
    calls = len(there.sim.calls)
    with alpha.inside():
        assert due.take(alpha.schema, "job", pk)
        job = Job.objects.get(pk=pk)

    assert figures(job) == {kind: (n, n, n) for kind, n in ALL.items()}
    after = [call.path.rpartition("/1/")[2] for call in there.sim.calls[calls:]]
    assert "contacts" not in after  # that stage was over
    assert "conversations/1/messages" not in after
    with alpha.inside():
        assert Attachment.objects.filter(file=None).count() == 0
        assert not Job.objects.get(pk=pk).params["sealed"]


def test_a_stopped_run_goes_on_with_the_token_entered_again(alpha, client_of, there, monkeypatch):
    browser = client_of(alpha)
    tried = run(alpha, begin(browser, there.url))
    started = browser.post(f"/admin/moving/jobs/{tried.pk}/do/")
    pk = int(started["Location"].rstrip("/").rpartition("/")[2])
    real, met = moving_run.Run._conversation, []

    def stop(self, given):
        met.append(given)
        if len(met) == 10:
            browser.post(f"/admin/moving/jobs/{pk}/stop/")
        real(self, given)

    monkeypatch.setattr(moving_run.Run, "_conversation", stop)
    stopped = run(alpha, started)
    monkeypatch.setattr(moving_run.Run, "_conversation", real)
    assert (stopped.state, stopped.params["sealed"]) == ("failed", "")

    page = browser.get(f"/admin/moving/jobs/{pk}/").content.decode()
    assert f"/admin/moving/new/chatwoot/?after={pk}" in page
    form = {"address": there.url, "token": TOKEN, "account": "1", "parts": list(moving.ALL)}
    job = run(alpha, browser.post(f"/admin/moving/new/chatwoot/?after={pk}", form))

    assert figures(job) == {kind: (n, n, n) for kind, n in ALL.items()}


def test_faults_of_the_other_side_are_waited_out(alpha, client_of, there):
    browser = client_of(alpha)
    tried = run(alpha, begin(browser, there.url))
    there.sim.answer_next(
        Answer(429, b"Retry later\n", {"retry-after": "0"}), None, Answer(503), None, Answer(500)
    )

    job = run(alpha, browser.post(f"/admin/moving/jobs/{tried.pk}/do/"))

    assert figures(job)["messages"] == (93, 93, 93)


def test_a_side_that_stays_away_ends_in_words_and_keeps_what_came(alpha, client_of, there):
    browser = client_of(alpha)
    tried = run(alpha, begin(browser, there.url))
    started = browser.post(f"/admin/moving/jobs/{tried.pk}/do/")
    pk = int(started["Location"].rstrip("/").rpartition("/")[2])
    with alpha.inside():
        Job.objects.filter(pk=pk).update(
            params={**Job.objects.get(pk=pk).params, "tries_in_all": moving.TRIES_IN_ALL}
        )
    there.sim.answer_next(*[None] * 6, *[Answer(503)] * 4)

    job = run(alpha, started)

    assert job.state == "failed"
    assert "не отвечает" in job.message
    assert job.params["sealed"] == ""
    with alpha.inside():
        assert Label.objects.filter(name="vip").exists()


@pytest.mark.parametrize(
    ("form", "field", "words"),
    [
        ({"token": "wrong-token"}, "token", "не принимает токен"),
        ({"account": "77"}, "token", "администратора"),
        ({"address": "javascript:alert(1)"}, "address", "https://app.chatwoot.com"),
        ({"address": "http://127.0.0.1:9"}, "address", "Там никто не отвечает"),
    ],
)
def test_the_check_says_beside_the_field_what_is_wrong(alpha, client_of, there, form, field, words):
    answer = begin(client_of(alpha), there.url, **form)

    assert answer.status_code == 200
    assert words in " ".join(answer.context["form"].errors[field])
    with alpha.inside():
        assert Job.objects.filter(kind="moving").count() == 0


def test_an_agents_token_is_refused(alpha, client_of, there):
    there.sim.role = "agent"
    answer = begin(client_of(alpha), there.url)
    assert "администратора" in " ".join(answer.context["form"].errors["token"])


def test_private_addresses_are_refused_where_the_operator_says_so(
    alpha, client_of, there, settings
):
    settings.ALLOW_PRIVATE_ADDRESSES = False
    answer = begin(client_of(alpha), there.url)
    assert "https://" in " ".join(answer.context["form"].errors["address"])
    answer = begin(client_of(alpha), there.url.replace("http://", "https://"))
    assert answer.context["form"].errors["address"]
    assert there.sim.calls == []


def test_only_administrators_move_in(alpha, client_of, there):
    owner = run(alpha, begin(client_of(alpha), there.url))
    for role in ("supervisor", "agent"):
        browser = client_of(alpha, role)
        assert begin(browser, there.url).status_code == 403
        for path in ("", "new/chatwoot/", "new/table/", f"jobs/{owner.pk}/", "columns/1/"):
            assert browser.get(f"/admin/moving/{path}").status_code == 403
        for path in ("do", "stop"):
            assert browser.post(f"/admin/moving/jobs/{owner.pk}/{path}/").status_code == 403
    with alpha.inside():
        assert Job.objects.filter(kind="moving").count() == 1


def test_the_token_is_sealed_then_forgotten_and_never_logged(alpha, client_of, there, caplog):
    caplog.set_level(logging.DEBUG)
    browser = client_of(alpha)
    answer = begin(browser, there.url)
    with alpha.inside():
        queued = Job.objects.get(kind="moving")
        assert queued.params["sealed"]
        assert TOKEN not in str(queued.params)
    tried = run(alpha, answer)
    assert TOKEN not in browser.get(f"/admin/moving/jobs/{tried.pk}/").content.decode()
    job = run(alpha, browser.post(f"/admin/moving/jobs/{tried.pk}/do/"))
    with alpha.inside():
        assert [one.params["sealed"] for one in Job.objects.filter(kind="moving")] == ["", ""]
    assert job.state == "done"
    assert TOKEN not in caplog.text


def test_a_dry_runs_token_is_forgotten_after_an_hour(alpha, client_of, there):
    browser = client_of(alpha)
    tried = run(alpha, begin(browser, there.url))
    with alpha.inside():
        moving._end(tried.pk)
        assert Job.objects.get(pk=tried.pk).params["sealed"] == ""

    browser.post(f"/admin/moving/jobs/{tried.pk}/do/")

    with alpha.inside():
        assert Job.objects.filter(kind="moving").count() == 1


def test_the_token_does_not_go_where_the_files_are(alpha, client_of, there):
    move(alpha, client_of(alpha), there.url)
    fetched = [call for call in there.sim.calls if "active_storage" in call.path]
    assert len(fetched) == 4
    assert not any("api_access_token" in call.headers for call in fetched)


def test_one_import_at_a_time(alpha, client_of, there):
    browser = client_of(alpha)
    assert begin(browser, there.url).status_code == 302
    again = begin(browser, there.url)
    assert "Импорт уже идёт" in " ".join(again.context["form"].non_field_errors())


def test_hostile_records_are_refused_and_the_rest_comes(alpha, client_of, there):
    sim = there.sim
    sim.agents.append({"id": 9001, "email": "no address", "name": 7})
    sim.labels.append({"id": 9002, "title": {"a": 1}})
    sim.labels.append("not a record")
    sim.canned_response("evil", "{{ contact.custom_attribute.secret }}")
    sim.contacts.insert(3, {"id": "x", "email": "x@x.example"})
    sim.contacts.insert(4, [1, 2])
    sim.message(3, "<script>alert(1)</script>\x00 и текст")
    sim.message(3, {"not": "text"})
    sim.message(3, "странный вид", 9)
    sim.message(3, "без времени", created_at="yesterday")
    sim.message(3, "большой", files=(sim.file("film.mp4", b"1", "video", file_size=99_000_000),))
    lost = sim.file("gone.png", b"")
    sim.files.pop(f"key{lost['id']}")
    sim.message(3, "пропал", files=(lost, {"id": "?"}, 5))

    job = move(alpha, client_of(alpha), there.url)

    counted = figures(job)
    assert counted["agents"] == (3, 2, 2)
    assert counted["labels"] == (4, 2, 2)
    assert counted["templates"] == (3, 2, 2)
    assert counted["contacts"] == (24, 22, 22)
    assert counted["messages"] == (99, 96, 96)
    assert counted["files"] == (4, 2, 2)
    assert job.refused == 11
    with alpha.inside():
        text = Message.objects.get(text__contains="script").text
        assert text == "<script>alert(1)</script> и текст"
        film = Attachment.objects.get(name="film.mp4")
        assert (film.file, film.error) == (None, "Файл больше 25 МБ.")
    page = client_of(alpha).get(f"/admin/moving/jobs/{job.pk}/").content.decode()
    assert "film.mp4" in page
    assert "25 МБ" in page


def test_a_page_without_end_is_not_read(alpha, client_of, there):
    endless = (b" " * 65536 for _ in range(10_000))
    browser = client_of(alpha)
    tried = run(alpha, begin(browser, there.url))
    there.sim.answer_next(Answer(200, endless))

    job = run(alpha, browser.post(f"/admin/moving/jobs/{tried.pk}/do/"))

    assert job.state == "failed"
    assert "16 МБ" in job.message


def test_what_was_forgotten_or_deleted_here_is_not_brought_again(alpha, client_of, there):
    from bots.services.forgetting import forget, forget_ask

    browser = client_of(alpha)
    move(alpha, browser, there.url)
    with alpha.inside():
        name = "Покупатель 1"
        person = Person.objects.get(name=name)
        asked = forget_ask(person.pk, by=alpha.owner, texts="remove", proof="document")
        forget(person.pk, asked["code"], by=alpha.owner)
        Label.objects.get(name="доставка").delete()

    job = move(alpha, browser, there.url)

    with alpha.inside():
        assert not Person.objects.filter(name=name).exists()
        assert not Identity.objects.filter(value="+79160000001").exists()
        assert not Message.objects.filter(text="Вопрос 1").exists()
        assert not Label.objects.filter(name="доставка").exists()
    counted = figures(job)
    assert counted["contacts"] == (22, 21, 0)
    assert counted["labels"] == (2, 1, 0)
    assert job.refused == 4


def test_people_beyond_the_plan_come_switched_off(alpha, client_of, there):
    with alpha.inside():
        people = User.objects.filter(is_active=True).count()
    plan = alpha.merchant.plan
    plan.agents = people + 1
    plan.save()

    job = move(alpha, client_of(alpha), there.url)

    assert figures(job)["agents"] == (2, 2, 2)
    with alpha.inside():
        assert User.objects.get(email="anna@there.example").is_active
        assert not User.objects.get(email="boss@there.example").is_active
    assert any("больше людей" in note for note in job.result["notes"])


def test_somebody_who_is_here_already_stays_as_they_are(alpha, client_of, there):
    with alpha.inside():
        before = User.objects.values().get(pk=alpha.supervisor.pk)
    there.sim.agent(alpha.supervisor.email.upper(), "Другое имя", role="agent")

    job = move(alpha, client_of(alpha), there.url)

    assert figures(job)["agents"] == (3, 3, 2)
    with alpha.inside():
        assert User.objects.values().get(pk=alpha.supervisor.pk) == before


def test_an_older_server_without_an_order_is_read_alike(alpha, client_of, there):
    there.sim.knows_order = False
    job = move(alpha, client_of(alpha), there.url)
    assert figures(job)["conversations"] == (30, 30, 30)


def test_nobody_writes_into_history_and_nobody_connects_one(alpha, api_of, client_of, there):
    move(alpha, client_of(alpha), there.url)
    with alpha.inside():
        talk = Conversation.objects.filter(channel__kind="archive").earliest("pk")
        before = Message.objects.filter(conversation=talk).count()
    api = api_of(alpha)

    thread = api.get(f"/api/v1/desk/conversations/{talk.pk}/")
    reply = api.post(
        f"/api/v1/conversations/{talk.pk}/reply/", {"text": "Ау", "client_key": "k1"}, format="json"
    )
    made = api.post(
        "/api/v1/channels/", {"kind": "archive", "name": "x", "bot": alpha.bot.pk}, format="json"
    )

    assert thread.status_code == 200
    assert reply.status_code == 409
    assert "перенесённая история" in reply.json()["error"]["message"]
    assert made.status_code == 400
    kinds = [one["key"] for one in api.get("/api/v1/channels/kinds/").json()]
    assert "archive" not in kinds
    assert "web" in kinds
    with alpha.inside():
        assert Message.objects.filter(conversation=talk).count() == before


def test_a_colleague_who_is_gone_keeps_the_name(alpha, api_of, client_of, there):
    there.sim.message(5, "Я уволилась", 1, agent=777)
    move(alpha, client_of(alpha), there.url)
    with alpha.inside():
        said = Message.objects.get(text="Я уволилась")
    assert said.user is None
    thread = api_of(alpha).get(f"/api/v1/desk/conversations/{said.conversation_id}/").content
    assert b'"Gone"' in thread
