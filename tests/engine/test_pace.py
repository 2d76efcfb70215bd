"""A channel's pace: what the platform allows, kept by all processes together."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import redis
from django.utils import timezone

from bots.channels.base import ChannelManifest, Sent
from bots.models import Message
from bots.services import limits
from tenants.models import Due
from tests.engine.pretend import MANIFEST, Pretend

pytestmark = pytest.mark.django_db


def _manifest(**rates: float) -> ChannelManifest:
    return replace(MANIFEST, **rates)  # type: ignore[arg-type]


def test_a_burst_is_let_through_and_the_next_one_waits(alpha, beta):
    manifest = _manifest(rate_per_s=10.0, rate_per_chat_s=0.0)
    with alpha.inside():
        waits = [limits.wait_s(7, f"chat{n}", manifest) for n in range(8)]
    assert waits[:6] == [0.0] * 6
    assert 0.0 < waits[6] <= 0.1
    with beta.inside():
        assert limits.wait_s(7, "chat0", manifest) == 0.0  # another merchant's channel 7


def test_who_comes_behind_leaves_room_for_buyers_who_wait(alpha):
    manifest = _manifest(rate_per_s=10.0, rate_per_chat_s=0.0)
    with alpha.inside():
        behind = [limits.wait_s(9, f"b{n}", manifest, behind=True) for n in range(5)]
        waits = [limits.wait_s(9, f"chat{n}", manifest) for n in range(4)]
        after = limits.wait_s(9, "b9", manifest, behind=True)

    assert behind[:2] == [0.0, 0.0]
    assert all(0.0 < wait <= 0.1 for wait in behind[2:])
    assert waits == [0.0] * 4
    assert after > 0.3


def test_one_chat_waits_while_others_go_on_and_takes_nothing_from_them(alpha):
    manifest = _manifest(rate_per_s=1000.0, rate_per_chat_s=1.0)
    with alpha.inside():
        assert [limits.wait_s(8, "a", manifest) for _ in range(4)] == [0.0] * 4
        assert 0.5 < limits.wait_s(8, "a", manifest) <= 1.0
        assert limits.wait_s(8, "b", manifest) == 0.0


def test_without_redis_a_process_keeps_the_pace_itself(alpha, monkeypatch):
    def deaf():
        raise redis.ConnectionError("no redis")

    monkeypatch.setattr(limits, "store", deaf)
    limits._script.cache_clear()
    limits._local.clear()
    manifest = _manifest(rate_per_s=10.0, rate_per_chat_s=0.0)
    with alpha.inside():
        waits = [limits.wait_s(7, "chat", manifest) for _ in range(8)]
    assert waits[:6] == [0.0] * 6
    assert 0.0 < waits[6] <= 0.1


def test_without_paces_nobody_waits(alpha):
    with alpha.inside():
        manifest = _manifest(rate_per_s=0.0, rate_per_chat_s=0.0)
        assert [limits.wait_s(7, "chat", manifest) for _ in range(50)] == [0.0] * 50


def test_a_short_pause_is_sat_out_on_the_spot(alpha, talk_of, monkeypatch):
    """The buyer does not wait for the row's way back through the scan."""
    talk = talk_of(alpha)
    pauses = [0.2, 0.05]
    monkeypatch.setattr(limits, "wait_s", lambda *_, **_more: pauses.pop(0) if pauses else 0.0)
    begun = time.monotonic()
    talk.says("Есть кто?")
    assert time.monotonic() - begun >= 0.25
    assert talk.thread()[-1] == ("bot", "sent", "re: Есть кто?")


def test_a_long_pause_gives_the_worker_back(alpha, talk_of, monkeypatch):
    talk = talk_of(alpha)
    monkeypatch.setattr(limits, "wait_s", lambda *_, **_more: 30.0)
    begun = time.monotonic()
    talk.says("Есть кто?")
    assert time.monotonic() - begun < 5
    assert talk.thread()[-1] == ("bot", "queued", "re: Есть кто?")


def test_an_answer_nobody_understands_is_an_unknown_outcome(alpha, talk_of):
    """Sent once more at most, then told as not delivered; never in a loop."""
    talk = talk_of(alpha)
    Pretend.trouble += [KeyError("message_id"), KeyError("message_id"), KeyError("message_id")]
    talk.says("Вопрос про доставку?")
    for _ in range(4):
        Due.objects.filter(schema=alpha.schema).update(due_at=timezone.now())
        talk.work()
    assert talk.thread()[-1][1] == "failed"
    assert len(Pretend.trouble) == 1


def test_a_platform_that_gives_an_id_twice_makes_nobody_send_again(alpha, talk_of, monkeypatch):
    talk = talk_of(alpha)
    monkeypatch.setattr(Pretend, "send", lambda self, call: Sent("in-m1"))  # the buyer's own id
    talk.says("Вопрос про доставку?")
    assert talk.thread()[-1][:2] == ("bot", "sent")
    with alpha.inside():
        assert Message.objects.get(author="bot").external_id == ""
