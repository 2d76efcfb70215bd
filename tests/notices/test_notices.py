"""Who is told what and how: the matrix, silence, digests, pushes, letters, the policy."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from bots.models import Channel, ModelAccount, Notice, PushSubscription, Team
from bots.services import agents, assignment, conversations, focus, push
from bots.services.notice_choices import EVENTS, WAYS
from tenants.kernel.context import group_of
from tenants.kernel.simulate import Answer
from tenants.workspace.models import User


@pytest.fixture
def ours(alpha, desk_of):
    return desk_of(alpha)


@pytest.fixture
def theirs(beta, desk_of):
    """The stranger: a person of its own with everything switched on."""
    desk = desk_of(beta)
    zoe = desk.person("zoe")
    desk.set(zoe, ways={event: dict.fromkeys(WAYS, True) for event in EVENTS})
    return desk


def test_a_new_chat_is_told_to_its_queue_once_and_to_nobody_else(ours, theirs, pages):
    ann, _bob = ours.person("ann"), ours.person("bob", member=False)
    laptop = ours.browser(ann, "laptop")
    talk = ours.talk()

    ours.work()
    with ours.shop.inside():
        from tenants.kernel import due

        due.schedule("told", talk.pk)
    ours.work()

    assert ours.told() == [("ann", "queue")]
    assert theirs.told() == []
    assert [(one["event"], one["title"], one["body"]) for one in laptop.got] == [
        ("queue", "A new chat in your queue", "Vera: Where is my order?")
    ]
    assert laptop.got[0]["url"] == f"/console/#{talk.pk}"
    [(group, message)] = pages
    assert group == group_of(ours.shop.schema, "console")
    assert (message["user"], message["notice"]["sound"]) == (ann.pk, True)


def test_what_is_pushed_is_sealed_signed_and_names_the_shop_only(ours, service):
    ann = ours.person("ann")
    laptop = ours.browser(ann, "laptop")
    ours.talk(text="Заказ 10241 где?")
    ours.work()

    [body], [head] = service.bodies, laptop.heads
    assert b"10241" not in body and b"Vera" not in body
    assert head["sub"] == f"https://{ours.shop.host}"
    assert (head["ttl"], head["urgency"], len(head["topic"])) == ("600", "high", 32)
    whole = f"{laptop.got} {head}".lower()
    assert "prilavok" not in whole and ours.shop.schema not in whole


def test_each_merchant_signs_with_a_key_of_its_own(ours, theirs, alpha, beta):
    keys = []
    for desk in (ours, theirs):
        with desk.shop.inside():
            keys.append(push.public_key())
            assert push.public_key() == keys[-1]
    assert keys[0] != keys[1]


def test_hidden_text_leaves_neither_name_nor_words(ours):
    ann = ours.person("ann")
    assert ours.set(ann, text="hide").status_code == 200
    laptop = ours.browser(ann, "laptop")
    ours.talk()
    ours.work()

    assert [(one["title"], one["body"]) for one in laptop.got] == [("A new chat in your queue", "")]


def test_the_matrix_decides_by_event_and_way(ours):
    ann, bob = ours.person("ann"), ours.person("bob")
    page = ours.set(ann, ways={"queue": {"push": False}}).json()
    assert next(e for e in page["events"] if e["event"] == "queue")["ways"] == {
        "app": True, "sound": True, "push": False, "email": False, "telegram": False,
    }  # fmt: skip
    assert len(page["events"]) == len(EVENTS) == 13
    a, b = ours.browser(ann, "a"), ours.browser(bob, "b")
    ours.talk()
    ours.work()

    assert (len(a.got), len(b.got)) == (0, 1)


@pytest.mark.parametrize(
    ("choices", "field"),
    [
        ({"ways": {"sunrise": {"push": True}}}, "ways.sunrise"),
        ({"ways": {"queue": {"pigeon": True}}}, "ways.queue"),
        ({"quiet": {"zone": "Mars/Olympus"}}, "quiet.zone"),
        ({"muted": [999_999]}, "muted"),
    ],
)
def test_what_is_no_choice_is_refused_and_nothing_is_kept(ours, choices, field):
    ann = ours.person("ann")
    before = ours.api(ann).get("/api/v1/desk/notices/").json()

    answer = ours.set(ann, **choices)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "choice"
    assert field in str(answer.json()["error"])
    assert ours.api(ann).get("/api/v1/desk/notices/").json() == before


def test_an_offer_is_told_to_whoever_is_asked(ours):
    ann, bob = ours.person("ann"), ours.person("bob")
    a, b = ours.browser(ann, "a"), ours.browser(bob, "b")
    with ours.shop.inside():
        Team.objects.filter(pk=ours.team.pk).update(assignment="round_robin")
    talk = ours.talk()
    ours.work()
    assert ours.told() == []  # there is somebody to ask: the queue is not told
    with ours.shop.inside():
        assignment.drain(ours.team.pk)
        talk.refresh_from_db()
        asked = talk.offered_to
    ours.work()

    assert ours.told() == [(asked.name, "assigned")]
    one, other = (a, b) if asked == ann else (b, a)
    assert [g["title"] for g in one.got] == ["A chat for you"] and other.got == []


def test_a_chat_that_is_given_is_told_and_one_that_is_taken_is_not(ours):
    lead, ann = ours.person("lead", "supervisor"), ours.person("ann")
    laptop = ours.browser(ann, "a")
    talk, mine = ours.talk(), ours.talk()
    ours.work()
    with ours.shop.inside():
        assignment.assign(talk.pk, to=ann, by=lead)
        conversations.conversation_take_over(conversation_id=mine.pk, agent=ann)
    ours.work()

    assert [g["event"] for g in laptop.got] == ["queue", "queue", "assigned"]
    assert laptop.got[-1]["conversation"] == talk.pk


def test_a_reply_is_told_to_whoever_holds_the_chat(ours):
    ann, _bob = ours.person("ann"), ours.person("bob")
    laptop = ours.browser(ann, "a")
    ours.talk(speaker="agent", agent=ann)
    ours.work()

    assert ours.told() == [("ann", "reply")]
    assert laptop.got[0]["body"] == "Vera: Where is my order?"


def test_a_handover_of_the_bot_rings_until_it_is_taken(ours, pages):
    ann = ours.person("ann")
    talk = ours.talk(handover_reason="asked")
    ours.work()
    assert ours.told() == [("ann", "handover")]
    assert pages[-1][1]["notice"]["repeat_s"] == 20

    def listed(**asked: Any) -> list[tuple[Any, ...]]:
        rows = ours.api(ann).get("/api/v1/desk/notices/list/", asked).json()["notices"]
        return [(row["app"], row["sound"], row.get("repeat_s")) for row in rows]

    # A page that is loaded again, or has no socket, hears it by its person's choices.
    assert listed() == listed(after=0) == [(True, True, 20)]
    ours.set(ann, ways={"handover": {"sound": False}})
    assert listed() == [(True, False, None)]
    ours.set(ann, ways={"handover": {"sound": True}})
    with ours.shop.inside():
        conversations.conversation_take_over(conversation_id=talk.pk, agent=ann)
    ours.work()

    with ours.shop.inside():
        assert Notice.objects.get().seen_at is not None
    assert ours.api(ann).get("/api/v1/desk/notices/list/").json()["unseen"] == 0


def test_a_mention_reaches_who_is_called_by_page_push_and_letter(ours, theirs):
    ann, bob = ours.person("ann"), ours.person("bob")
    laptop = ours.browser(bob, "b")
    talk = ours.talk(speaker="agent", agent=ann)
    ours.work()
    with ours.shop.inside():
        conversations.note_add(
            conversation_id=talk.pk, agent=ann, text="Look, @bob", mentions=[bob.pk]
        )
    ours.work()

    assert ("bob", "mention") in ours.told()
    assert laptop.got[-1]["body"] == "Vera: Look, @bob"
    [letter] = mail.outbox
    assert letter.to == [bob.email]
    assert letter.subject == "You were mentioned"
    assert f"{ours.shop.host}" in letter.body and "Prilavok" not in letter.body


def test_a_whisper_is_told_to_whoever_it_is_for_and_to_nobody_else(ours):
    ann, lead = ours.person("ann"), ours.person("lead", "supervisor")
    ours.person("bob")
    talk = ours.talk(speaker="agent", agent=ann)
    ours.work()
    before = ours.told()

    url = f"/api/v1/conversations/{talk.pk}/whisper/"
    answer = ours.api(lead).post(url, {"text": "Offer a refund"}, format="json")
    assert answer.status_code == 201, answer.content
    ours.work()

    assert [one for one in ours.told() if one not in before] == [("ann", "mention")]


def test_promises_are_told_near_and_broken_the_leads_too(ours):
    ann, lead = ours.person("ann"), ours.person("lead", "supervisor")
    talk = ours.talk(speaker="agent", agent=ann, waiting_since=None)
    with ours.shop.inside():
        type(talk).objects.filter(pk=talk.pk).update(sla_due_at=timezone.now())
    ours.emit("sla.warned", conversation=talk.pk)
    assert ours.told() == [("ann", "sla_warned")]
    ours.emit("sla.breached", conversation=talk.pk)
    ours.emit("sla.breached", conversation=talk.pk)

    assert ours.told()[1:] == [("ann", "sla_breached"), ("lead", "sla_breached")]
    assert lead.pk


def test_a_window_that_closes_is_told_two_hours_before(ours):
    ann = ours.person("ann")
    talk = ours.talk(
        speaker="agent", agent=ann, window_expires_at=timezone.now() + timedelta(hours=1)
    )
    ours.talk(speaker="agent", agent=ann, window_expires_at=timezone.now() + timedelta(hours=9))
    ours.work()

    assert sorted(ours.told()) == [("ann", "reply"), ("ann", "reply"), ("ann", "window")]
    with ours.shop.inside():
        assert Notice.objects.get(event="window").conversation_id == talk.pk


def test_a_failed_message_and_a_broken_channel_go_to_who_can_act(ours):
    ann, boss = ours.person("ann"), ours.person("boss", "admin", member=False)
    talk = ours.talk(speaker="agent", agent=ann, waiting_since=None)
    with ours.shop.inside():
        message = conversations.reply_send(
            conversation_id=talk.pk, agent=ann, text="Hello", client_key="k-00000001"
        )
        number = message.message.pk
        type(message.message).objects.filter(pk=number).update(state="failed")
        Channel.objects.filter(pk=ours.shop.channel.pk).update(state="broken")
    ours.emit("message.failed", conversation=talk.pk, message=number)
    ours.emit("channel.broke", channel=ours.shop.channel.pk)

    told = [one for one in ours.told() if one[1] in ("failed", "channel")]
    assert told[0] == ("ann", "failed")
    assert ("boss", "channel") in told and ("ann", "channel") not in told
    assert boss.pk


def test_a_models_money_and_a_models_fault_go_to_who_can_act(ours):
    ours.person("ann"), ours.person("boss", "admin", member=False)
    with ours.shop.inside():
        account = ModelAccount.objects.create(
            provider="openai", name="Our key", state="broken", state_detail="ключ не принят"
        )
    for _ in range(2):
        ours.emit("model.budget_soft")
    ours.emit("model_account.broken", account=account.pk)

    told = [who for who, event in ours.told() if event == "model"]
    assert told.count("boss") == 2 and "ann" not in told
    with ours.shop.inside():
        words = Notice.objects.filter(event="model", user__email__startswith="boss")
        assert [one.data["name"] for one in words.order_by("pk")] == [
            "бюджет на модели в этом месяце почти израсходован",
            "Our key: ключ не принят",
        ]


def test_missed_offers_are_told_to_who_missed_them(ours):
    ann = ours.person("ann")
    with ours.shop.inside():
        agents.presence_set(ann, User.Presence.AWAY, reason="offers_missed")
    ours.work()

    assert ours.told() == [("ann", "missed")]


def test_busy_and_away_silence_pushes_and_one_digest_comes_after(ours):
    ann = ours.person("ann")
    laptop = ours.browser(ann, "a")
    with ours.shop.inside():
        agents.presence_set(ann, User.Presence.BUSY)
    for _ in range(3):
        ours.talk()
    ours.work()
    assert laptop.got == []
    ours.age(11)
    ours.talk(name="Lev", text="And me?")
    ours.work()
    with ours.shop.inside():
        agents.presence_set(ann, User.Presence.ONLINE)
    ours.work()

    assert [(g["event"], g["title"], g["body"]) for g in laptop.got] == [
        ("digest", "3 notices while you were away", "A new chat in my queue: 3"),
        ("queue", "A new chat in your queue", "Lev: And me?"),
    ]
    ours.again(ann)
    assert len(laptop.got) == 2


def test_what_was_read_meanwhile_is_not_told(ours):
    ann = ours.person("ann")
    laptop = ours.browser(ann, "a")
    with ours.shop.inside():
        agents.presence_set(ann, User.Presence.AWAY)
    talk = ours.talk()
    ours.work()
    answer = ours.api(ann).post(
        "/api/v1/desk/notices/seen/", {"conversation": talk.pk}, format="json"
    )
    assert answer.json() == {"seen": 1}
    with ours.shop.inside():
        agents.presence_set(ann, User.Presence.ONLINE)
    ours.work()

    assert laptop.got == []


def test_quiet_hours_are_in_the_persons_zone_and_end_with_a_digest(ours, pages, monkeypatch):
    ann = ours.person("ann")
    laptop = ours.browser(ann, "a")
    quiet = {"is_on": True, "from": "22:00", "to": "08:00", "zone": "Asia/Vladivostok"}
    assert ours.set(ann, quiet=quiet).json()["quiet"] == quiet
    tomorrow = timezone.now() + timedelta(days=1)  # the database's clock is the real one
    night = tomorrow.replace(hour=14, minute=30)  # 00:30 the next day in Vladivostok
    monkeypatch.setattr("bots.services.notices.timezone.now", lambda: night)
    ours.talk()
    ours.work()

    assert laptop.got == []
    assert pages[-1][1]["notice"]["sound"] is False
    news = ours.api(ann).get("/api/v1/desk/notices/list/", {"after": 0}).json()["notices"]
    assert [row["sound"] for row in news] == [False]
    assert ours.due_at(ann) == (night.replace(hour=22, minute=0, second=0, microsecond=0))
    morning = night + timedelta(hours=8)
    monkeypatch.setattr("bots.services.notices.timezone.now", lambda: morning)
    ours.again(ann)
    assert [g["event"] for g in laptop.got] == ["digest"]


def test_a_chat_before_the_eyes_makes_no_sound_and_no_push(ours, pages):
    ann = ours.person("ann")
    laptop = ours.browser(ann, "a")
    talk = ours.talk(speaker="agent", agent=ann)
    seen = ours.api(ann).post("/api/v1/desk/focus/", {"conversation": talk.pk}, format="json")
    assert seen.status_code == 204
    with ours.shop.inside():
        assert focus.of(ann.pk) == talk.pk
    ours.work()

    assert laptop.got == []
    assert [m["notice"]["sound"] for _g, m in pages] == [False]


def test_a_muted_channel_only_shows_on_the_page(ours, pages):
    ann = ours.person("ann")
    laptop = ours.browser(ann, "a")
    assert ours.set(ann, muted=[ours.shop.channel.pk]).status_code == 200
    ours.talk()
    ours.work()

    assert laptop.got == []
    assert [m["notice"]["sound"] for _g, m in pages] == [False]
    assert ours.api(ann).get("/api/v1/desk/notices/list/").json()["unseen"] == 1


def test_nobody_is_told_of_what_they_may_no_longer_see(ours):
    ann, bob = ours.person("ann"), ours.person("bob")
    with ours.shop.inside():
        Team.objects.filter(pk=ours.team.pk).update(sees_colleagues=False)
        agents.presence_set(bob, User.Presence.AWAY)
    laptop = ours.browser(bob, "b")
    talk = ours.talk(text="Secret words")
    ours.work()
    with ours.shop.inside():
        assignment.assign(talk.pk, to=ann, by=None)
        Notice.objects.filter(user=bob).update(seen_at=None, todo=["push"])
        agents.presence_set(bob, User.Presence.ONLINE)
    ours.work()

    assert laptop.got == []
    assert ours.api(bob).get("/api/v1/desk/notices/list/").json()["notices"] == []
    with ours.shop.inside():
        assert Notice.objects.get(user=bob).todo == []


def test_every_browser_is_told_once_and_a_gone_one_is_forgotten(ours, service):
    ann = ours.person("ann")
    a, b = ours.browser(ann, "a"), ours.browser(ann, "b")
    del service.browsers["alpha-b"]
    ours.talk()
    ours.work()
    ours.again(ann)

    assert (len(a.got), len(b.got)) == (1, 0)
    with ours.shop.inside():
        assert [one.device for one in PushSubscription.objects.all()] == ["alpha-a"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_push_service_in_trouble_is_asked_again(ours, service, status):
    ann = ours.person("ann")
    laptop = ours.browser(ann, "a")
    service.answer_next(Answer(status=status, headers={"Retry-After": "7"}))
    ours.talk()
    before = timezone.now()
    ours.work()
    assert laptop.got == []
    wait = (ours.due_at(ann) - before).total_seconds()
    assert 6 < wait < 9
    ours.again(ann)

    assert [g["event"] for g in laptop.got] == ["queue"]


@pytest.mark.parametrize(
    "endpoint",
    ["https://127.0.0.1/push/a", "http://push.example/a", "https://u:p@push.example/a", "ftp://x/",
     "https://10.0.0.8:9200/_search", "not an address"],
)  # fmt: skip
def test_an_address_inside_is_no_push_service(ours, settings, endpoint, service):
    settings.ALLOW_PRIVATE_ADDRESSES = False
    ann = ours.person("ann")
    browser = service.browser("x", "https://x")
    browser.endpoint = endpoint

    answer = ours.api(ann).post("/api/v1/desk/push/", browser.subscription(), format="json")

    assert answer.status_code == 400, answer.content
    assert answer.json()["error"]["code"] == "browser"
    with ours.shop.inside():
        assert not PushSubscription.objects.exists()


def test_a_name_that_turns_inside_later_is_not_called(ours, settings, service):
    ann = ours.person("ann")
    ours.browser(ann, "a")
    settings.ALLOW_PRIVATE_ADDRESSES = False
    ours.talk()
    ours.work()

    assert service.calls == []


def test_damaged_keys_are_refused(ours, service):
    ann = ours.person("ann")
    browser = service.browser("x", service.url)
    given = {**browser.subscription(), "keys": {"p256dh": "AAAA", "auth": "BBBB"}}

    answer = ours.api(ann).post("/api/v1/desk/push/", given, format="json")

    assert answer.status_code == 400
    with ours.shop.inside():
        assert not PushSubscription.objects.exists()


def test_logging_out_ends_the_browser_of_that_session_only(ours, client_of, service):
    ann = ours.person("ann")
    with ours.shop.inside():
        service.server_key = push.public_key()
    here, there = client_of(ours.shop, ann), client_of(ours.shop, ann)
    for client, name in ((here, "here"), (there, "there")):
        browser = service.browser(name, service.url)
        answer = client.post(
            "/api/v1/desk/push/", browser.subscription(), content_type="application/json"
        )
        assert answer.status_code == 201
    page = here.get("/api/v1/desk/notices/").json()
    assert [(b["device"], b["is_this"]) for b in page["push"]["browsers"]] == [
        ("here", True),
        ("there", False),
    ]
    here.post("/admin/logout/")

    with ours.shop.inside():
        assert [one.device for one in PushSubscription.objects.all()] == ["there"]


def test_a_browser_belongs_to_who_is_logged_in_and_strangers_cannot_end_it(ours, theirs, service):
    ann, bob = ours.person("ann"), ours.person("bob")
    laptop = ours.browser(ann, "shared")
    gone = ours.api(bob).delete("/api/v1/desk/push/", {"endpoint": laptop.endpoint}, format="json")
    assert gone.status_code == 404
    ours.browser(bob, "shared")
    with ours.shop.inside():
        assert PushSubscription.objects.get().user == bob
    ours.api(bob).delete(
        "/api/v1/desk/push/",
        {"endpoint": service.browsers["alpha-shared"].endpoint},
        format="json",
    )
    with ours.shop.inside():
        assert not PushSubscription.objects.exists()


def test_the_try_tells_how_each_browser_answered(ours, service):
    ann = ours.person("ann")
    good, _bad = ours.browser(ann, "good"), ours.browser(ann, "bad")
    del service.browsers["alpha-bad"]

    answer = ours.api(ann).post("/api/v1/desk/notices/test/").json()

    assert [(one["device"], one["ok"]) for one in answer["push"]] == [
        ("alpha-good", True),
        ("alpha-bad", False),
    ]
    assert good.got[0]["event"] == "test"


def test_one_letter_a_conversation_in_so_many_minutes(ours):
    ann = ours.person("ann")
    ours.set(ann, ways={"reply": {"email": True}}, email_every_min=20)
    talk = ours.talk(speaker="agent", agent=ann)
    ours.work()
    assert len(mail.outbox) == 1
    for seq in (2, 3):
        with ours.shop.inside():
            from tenants.kernel import due

            type(talk).objects.filter(pk=talk.pk).update(last_inbound_seq=seq)
            due.schedule("told", talk.pk)
        ours.work()
    assert len(mail.outbox) == 1
    left = (ours.due_at(ann) - timezone.now()).total_seconds() / 60
    assert 19 < left <= 20
    with ours.shop.inside():
        first = Notice.objects.order_by("pk").first()
        first.sent = [["email", (timezone.now() - timedelta(minutes=21)).isoformat()]]
        first.save()
    ours.again(ann)

    assert len(mail.outbox) == 2
    assert mail.outbox[1].body.count("A buyer has written") == 2


def test_a_letter_no_server_takes_is_sent_later(ours, monkeypatch):
    from tenants.services.mail import MailFailed

    ann = ours.person("ann")
    ours.set(ann, ways={"reply": {"email": True}})

    def fails(*_a: Any, **_k: Any) -> None:
        raise MailFailed("no")

    with monkeypatch.context() as patch:
        patch.setattr("bots.services.notice_work.mail_send", fails)
        ours.talk(speaker="agent", agent=ann)
        ours.work()
    assert mail.outbox == []
    ours.again(ann)

    assert len(mail.outbox) == 1


def test_the_page_of_ones_own_keeps_choices(ours, theirs, client_of):
    ann = ours.person("ann")
    client = client_of(ours.shop, ann)
    page = client.get("/admin/notices/").content.decode()
    assert "Мне предложили или назначили диалог" in page and "Prilavok" not in page
    form = {
        "queue.app": "on", "hide": "on", "quiet": "on", "quiet_from": "21:30", "quiet_to": "07:00",
        "zone": "Europe/Samara", "email_every_min": "30", "muted": [ours.shop.channel.pk],
    }  # fmt: skip
    client.post("/admin/notices/", form)

    kept = ours.api(ann).get("/api/v1/desk/notices/").json()
    on = {e["event"]: [w for w, v in e["ways"].items() if v] for e in kept["events"]}
    assert on == {**{event: [] for event in EVENTS}, "queue": ["app"]}
    assert kept["quiet"] == {"is_on": True, "from": "21:30", "to": "07:00", "zone": "Europe/Samara"}
    assert (kept["text"], kept["email_every_min"], kept["muted"]) == (
        "hide", 30, [ours.shop.channel.pk],
    )  # fmt: skip
    client.post("/admin/notices/", {**form, "zone": "Mars/Olympus", "email_every_min": "1"})
    assert ours.api(ann).get("/api/v1/desk/notices/").json()["email_every_min"] == 30
