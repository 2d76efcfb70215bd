"""One question after an episode, one tap to answer it, and nothing that opens a new episode."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from bots.channels.base import Envelope
from bots.models import Contact, Conversation, Episode, Message, Rating
from bots.services import assignment, people, rating
from bots.services.accept import accept
from bots.services.conversations import reply_send
from bots.services.desk_settings import setting_save, settings_forget
from tenants.models import OutboxEvent
from tests.engine.pretend import Pretend

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _on(alpha, beta):
    """Alpha asks; beta has not switched it on."""
    settings_forget()
    with alpha.inside():
        setting_save("rating", {"on": True, "delay_s": 0})
    yield
    settings_forget()


@pytest.fixture
def presses(monkeypatch):
    """`presses(talk, payload)`: the buyer presses a button; each delivery comes three times."""
    parse, count = Pretend.parse, iter(range(1000))

    def parse_more(self, payload):
        from dataclasses import replace

        return [
            replace(one, payload=payload.get("payload", ""), callback=payload.get("payload", ""))
            for one in parse(self, payload)
        ]

    monkeypatch.setattr(Pretend, "parse", parse_more)

    def press(talk, payload: str, title: str = "★") -> None:
        ident = f"p{next(count)}"
        body = {"id": ident, "chat": "buyer", "text": title, "payload": payload}
        with talk.shop.inside():
            for _ in range(3):
                accept(talk.channel.pk, [Envelope(ident, "buyer", body)], ring=False)
        talk.work()

    return press


def resolved(talk, api, *, by: str = "") -> int:
    pk = talk.conversation().pk
    if by:
        sent = api.post(f"/api/v1/conversations/{pk}/reply/", {"text": by}, format="json")
        assert sent.status_code == 201
    talk.work()
    assert api.post(f"/api/v1/conversations/{pk}/resolve/").status_code == 200
    with talk.shop.inside():
        rating.rating_plan(pk)  # what the relay calls for conversation.resolved
    talk.work()
    return pk


def questions(shop) -> list[Message]:
    with shop.inside():
        return list(Message.objects.filter(meta__code="rating").order_by("seq"))


def test_the_assistant_and_a_person_are_asked_about_apart(alpha, talks, api_of):
    mine, other = talks
    api = api_of(alpha, "agent")

    resolved(mine, api)
    with alpha.inside():
        first = Rating.objects.get()
        Rating.objects.update(asked_at=timezone.now() - timedelta(days=8))
    mine.says("И ещё вопрос")
    with alpha.inside():  # who answered is asked about, whoever has it when it is closed
        reply_send(
            conversation_id=mine.conversation().pk, agent=alpha.agent, text="Отвечаю сама",
            client_key="1",
        )  # fmt: skip
        assignment.assign(mine.conversation().pk, alpha.supervisor)
    resolved(mine, api)

    with alpha.inside():
        second = Rating.objects.exclude(pk=first.pk).get()
    assert (first.about, first.agent_id) == ("bot", None)
    assert (second.about, second.agent_id) == ("agent", alpha.agent.pk)
    asked = questions(alpha)
    assert [m.text for m in asked] == [
        "Оцените, пожалуйста, ответы помощника.",
        f"Оцените ответ: {alpha.agent.get_short_name()}.",
    ]
    assert [b["payload"] for b in asked[0].meta["buttons"]] == [
        f"rate:{first.pk}:{n}" for n in (5, 4, 3, 2, 1)
    ]
    assert ("buyer", asked[0].text) in Pretend.sent
    resolved(other, api_of(other.shop, "agent"))
    assert questions(other.shop) == []


def test_one_tap_answers_and_another_changes_it_without_opening_anything(
    alpha, talks, api_of, presses
):
    mine, _other = talks
    pk = resolved(mine, api_of(alpha, "agent"))
    with alpha.inside():
        asked = Rating.objects.get()
        episodes = Episode.objects.count()

    presses(mine, f"rate:{asked.pk}:2", "★★")
    presses(mine, f"rate:{asked.pk}:5", "★★★★★")

    with alpha.inside():
        asked.refresh_from_db()
        assert (asked.score, asked.rated_at is not None) == (5, True)
        assert Episode.objects.count() == episodes
        kept = Message.objects.filter(conversation=pk, meta__code="rated").order_by("seq")
        assert [m.text for m in kept] == ["★★", "★★★★★"]
    now = mine.conversation()
    assert (now.status, now.speaker, now.unread, now.waiting_since) == (
        "resolved", "nobody", 0, None,
    )  # fmt: skip
    facts = OutboxEvent.objects.filter(name="rating.given").order_by("pk")
    assert [(f.schema, f.data["score"], f.data["about"]) for f in facts] == [
        (alpha.schema, 2, "bot"),
        (alpha.schema, 5, "bot"),
    ]


def test_a_day_later_it_stays_and_an_unanswered_question_expires(
    alpha, talks, api_of, presses, clock
):
    mine, _other = talks
    resolved(mine, api_of(alpha, "agent"))
    with alpha.inside():
        asked = Rating.objects.get()
    presses(mine, f"rate:{asked.pk}:4")

    with alpha.inside():
        Rating.objects.update(rated_at=timezone.now() - timedelta(hours=25))
    presses(mine, f"rate:{asked.pk}:1")
    with alpha.inside():
        assert Rating.objects.get().score == 4
        Rating.objects.update(
            score=None, rated_at=None, asked_at=timezone.now() - timedelta(hours=73)
        )
    presses(mine, f"rate:{asked.pk}:1")

    with alpha.inside():
        assert Rating.objects.get().score is None


def test_the_words_asked_for_are_the_comment_and_others_open_an_episode(
    alpha, talks, api_of, presses
):
    mine, _other = talks
    resolved(mine, api_of(alpha, "agent"))
    with alpha.inside():
        asked = Rating.objects.get()
    presses(mine, f"rate:{asked.pk}:3")
    presses(mine, f"rate:{asked.pk}:comment", "Добавить пару слов")

    mine.says("Долго ждал")
    assert mine.conversation().status == "resolved"
    mine.says("А размер 46 есть?")

    with alpha.inside():
        asked.refresh_from_db()
        assert (asked.score, asked.comment) == (3, "Долго ждал")
        assert Episode.objects.count() == 2
    assert mine.conversation().status == "open"
    assert Pretend.sent[-1] == ("buyer", "re: А размер 46 есть?")


def test_anothers_rating_and_nonsense_change_nothing(alpha, talks, api_of, presses):
    mine, _other = talks
    resolved(mine, api_of(alpha, "agent"))
    with alpha.inside():
        asked = Rating.objects.get()
        stranger = Contact.objects.create(channel=mine.channel, external_id="x")
    assert stranger.pk

    for payload in (
        f"rate:{asked.pk + 1}:5", f"rate:{asked.pk}:9", f"rate:{asked.pk}:0", "rate:x:5", "rate:",
        f"rate:{asked.pk}:", "rate:" + "9" * 30 + ":5",
    ):  # fmt: skip
        presses(mine, payload)

    with alpha.inside():
        asked.refresh_from_db()
        assert (asked.score, asked.comment) == (None, "")
    assert mine.conversation().status == "resolved"


@pytest.mark.parametrize(
    "why", ["blocked", "lately", "elsewhere", "old", "no_buttons", "sampled", "bot_off"]
)
def test_who_is_not_asked(alpha, talks, api_of, channel_is, why):
    mine, _other = talks
    with alpha.inside():
        if why == "sampled":
            setting_save("rating", {"percent": 0})
        if why == "bot_off":
            setting_save("rating", {"about_bot": False})
    if why == "no_buttons":
        channel_is(buttons=4)
    pk = mine.conversation().pk
    api_of(alpha, "agent").post(f"/api/v1/conversations/{pk}/resolve/")
    with alpha.inside():
        if why == "blocked":
            Contact.objects.filter(conversation=pk).update(is_reachable=False)
        if why == "old":
            Episode.objects.update(resolved_at=timezone.now() - timedelta(days=2))
        if why == "lately":
            earlier = Episode.objects.create(conversation_id=pk)
            Rating.objects.create(conversation_id=pk, episode=earlier, about="bot")
        if why == "elsewhere":  # the same person, by a merge, was asked in another channel
            person = people.person_of(mine.conversation().contact)
            contact = Contact.objects.create(channel=alpha.channel, external_id="elsewhere")
            people.people_merge(person.pk, people.person_of(contact).pk)
            talk = Conversation.objects.create(channel=alpha.channel, contact=contact, lane=77)
            Rating.objects.create(
                conversation=talk, episode=Episode.objects.create(conversation=talk), about="bot"
            )
        rating.rating_plan(pk)
    mine.work()

    assert questions(alpha) == []


def test_a_buyer_who_writes_before_the_question_is_not_asked(alpha, talks, api_of):
    mine, _other = talks
    pk = mine.conversation().pk
    api_of(alpha, "agent").post(f"/api/v1/conversations/{pk}/resolve/")
    ended = mine.conversation().episode_id

    mine.says("Ещё одно")
    with alpha.inside():
        rating.ask(ended)

    assert questions(alpha) == []


def test_two_buttons_where_the_merchant_wants_that(alpha, talks, api_of):
    mine, _other = talks
    with alpha.inside():
        setting_save("rating", {"scale": "two"})

    resolved(mine, api_of(alpha, "agent"))

    (asked,) = questions(alpha)
    assert [b["title"] for b in asked.meta["buttons"]] == ["👍 Помогло", "👎 Не помогло"]


def test_a_page_that_shows_the_newest_buttons_only_can_change_it_too(alpha, talks, api_of, presses):
    mine, _other = talks
    resolved(mine, api_of(alpha, "agent"))
    with alpha.inside():
        asked = Rating.objects.get()

    presses(mine, f"rate:{asked.pk}:2")
    thanks = questions(alpha)[-1]
    presses(mine, f"rate:{asked.pk}:again", "Изменить оценку")
    again = questions(alpha)[-1]
    presses(mine, again.meta["buttons"][0]["payload"])

    assert [b["title"] for b in thanks.meta["buttons"]] == ["Добавить пару слов", "Изменить оценку"]
    with alpha.inside():
        assert Rating.objects.get().score == 5
    assert mine.conversation().status == "resolved"
