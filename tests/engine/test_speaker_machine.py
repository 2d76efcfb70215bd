"""Whoever interleaves what: one speaker, no bot after a takeover, no waiting without an end."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import psycopg
import pytest
from django.conf import settings
from django.utils import timezone
from hypothesis import strategies as st

from bots.services import delivery, messages
from tests.counts import FULL, times
from tests.engine import speaking

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

ACTS = (
    "inbound",
    "work",
    "takeover",
    "send",
    "echo",
    "give_back",
    "resolve",
    "timeout",
    "death",
    "accept_offer",
    "decline_offer",
    "put_off",
)
# Half of the rounds set somebody upon a bot that is answering.
MEANWHILE = st.sampled_from(("takeover", "send", "echo", "resolve", "timeout", "inbound", "death"))
ROUND = st.one_of(
    st.lists(st.sampled_from(ACTS), min_size=1, max_size=3),
    st.tuples(st.just("inbound"), MEANWHILE).map(list),
)
PLANS = st.tuples(
    st.integers(0, 2**32 - 1),
    st.lists(ROUND, min_size=1, max_size=4),
)
# Threads fall as they fall: a plan that broke something is shown as it is, not made smaller.
INTERLEAVED = hypothesis.settings(
    max_examples=times(300, 10_000),
    derandomize=not FULL,
    deadline=None,
    database=None,
    phases=[hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)


@pytest.fixture
def world(alpha, talk_of, answers, monkeypatch) -> Iterator[speaking.World]:
    from bots.models import AgentProfile, Team, TeamMember
    from tenants.workspace.models import User

    talk = talk_of(alpha)
    monkeypatch.setattr("bots.engine.turn.quiet_s", lambda text: 0.0)
    monkeypatch.setattr(
        "bots.engine.turn.answer_turn",
        lambda turn, **more: None if more["should_stop"]() else speaking.slow_answer(turn),
    )
    speaking.slow_send(monkeypatch)
    with alpha.inside():
        team = Team.objects.get(is_default=True)
        team.assignment, team.accept_s = Team.Assignment.ROUND_ROBIN, 3600
        team.save()
        agents = [alpha.agent, alpha.supervisor]
        for agent in agents:
            User.objects.filter(pk=agent.pk).update(presence=User.Presence.ONLINE)
            TeamMember.objects.get_or_create(team=team, user=agent)
            AgentProfile.objects.update_or_create(
                user=agent, defaults={"seen_at": timezone.now(), "capacity": 10_000}
            )
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as server:
        server.execute(speaking.LOG)
        server.execute(speaking.TRIGGERS.format(alpha.schema))
    made = speaking.World(alpha, talk.channel, agents, team.pk)
    speaking.note_leases(monkeypatch, made.failures)
    yield made
    made.close()


def test_never_two_speakers_never_silence(world):
    """Check 1: 300 interleavings here, 10,000 in `bin/test --full`."""

    @INTERLEAVED
    @hypothesis.given(PLANS)
    def holds(plan):
        assert world.run(plan) == []

    holds()


def _found(world, count: int = 150) -> str:
    """What a machine with a bug planted in it does wrong."""
    broken: list[str] = []

    @hypothesis.settings(INTERLEAVED, max_examples=count, derandomize=True)
    @hypothesis.given(PLANS)
    def play(plan):
        if not broken:
            broken.extend(world.run(plan))

    play()
    return "\n".join(broken)


def test_a_send_that_forgets_the_epoch_is_found(world, monkeypatch):
    forgets = delivery._CLAIM.replace("OR m.epoch = c.epoch", "OR true")
    monkeypatch.setattr(delivery, "_CLAIM", forgets)
    assert "left in" in _found(world)


def test_an_answer_that_forgets_the_epoch_is_found(world, monkeypatch):
    forgets = messages._WRITE.replace("OR epoch = %(epoch)s", "OR %(epoch)s IS NOT NULL")
    monkeypatch.setattr(messages, "_WRITE", forgets)
    assert "said" in _found(world)


def test_a_forgotten_deadline_is_found(world, monkeypatch):
    monkeypatch.setattr("tenants.kernel.due.reschedule", lambda *args, **more: None)
    assert "without a deadline" in _found(world)
