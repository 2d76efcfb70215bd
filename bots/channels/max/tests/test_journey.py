"""A buyer in MAX, from “Start” to a proven phone, through the engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from bots.channels.max.simulator import TOKEN, MaxSimulator
from bots.engine.base import Answer, Decision
from bots.models import Contact, Identity
from tenants.kernel.simulate import serve_simulator
from tests.engine.conftest import Talk, answers, talk_of

__all__ = ["answers", "talk_of"]


@pytest.fixture
def max_(alpha, answers) -> Iterator[Any]:
    from bots.services.channels import channel_connect, channel_create

    simulator = MaxSimulator()
    with serve_simulator(simulator) as url, alpha.inside():
        simulator.url = url
        channel = channel_create(
            kind="max", name="MAX", bot=alpha.bot, secrets={"token": TOKEN}, base_url=url
        )
        assert channel_connect(channel).ok
        simulator.talk = Talk(alpha, channel)  # type: ignore[attr-defined]
        yield simulator


def fetched(alpha, max_) -> None:
    from tenants.kernel import due
    from tenants.models import Due

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bots.services.polling.WAIT_S", 0)
        Due.objects.filter(schema=alpha.schema, kind="poll").update(due_at=timezone.now())
        due.take(alpha.schema, "poll", max_.talk.channel.pk)
        max_.talk.work(rounds=4)


def test_who_is_asked_for_a_phone_gives_it_by_a_button(alpha, beta, max_, answers):
    max_.buyer_starts(payload="promo42")
    fetched(alpha, max_)
    assert max_.texts()  # a greeting
    answers.append(
        Answer("Назовите телефон.", "ru", Decision.CLARIFY, memory={"awaiting": "phone"})
    )
    max_.buyer_says("Где мой заказ 727?")
    fetched(alpha, max_)

    (keyboard,) = max_.sent[-1]["body"]["attachments"]
    assert keyboard["payload"]["buttons"] == [
        [{"type": "request_contact", "text": "📱 Отправить мой номер"}]
    ]
    answers.append("Заказ в пути.")
    max_.buyer_says(None, max_.contact("7 900 555-00-01"))
    fetched(alpha, max_)
    assert max_.texts()[-1] == "Заказ в пути."
    with alpha.inside():
        (identity,) = Identity.objects.all()
        assert (identity.kind, identity.value, identity.proof) == (
            "phone", "+79005550001", "shared",
        )  # fmt: skip
        assert Contact.objects.get().data["deep_link"] == "promo42"
    with beta.inside():
        assert not Contact.objects.exists()


def test_a_buyer_who_stopped_the_bot_is_not_written_to_and_comes_back(alpha, max_):
    max_.buyer_says("Есть 46 размер?")
    max_.dialogue().is_suspended = True
    fetched(alpha, max_)
    assert [one[1] for one in max_.talk.thread("101") if one[0] == "bot"] == ["failed"]
    with alpha.inside():
        assert not Contact.objects.get().is_reachable
    max_.buyer_says("Передумал. Есть 48?")
    fetched(alpha, max_)
    with alpha.inside():
        assert Contact.objects.get().is_reachable
    assert max_.texts() == ["re: Передумал. Есть 48?"]
