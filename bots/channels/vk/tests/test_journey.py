"""A buyer of a community, its manager and the bot, through the engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from bots.channels.base import Inbound, SignatureMismatch
from bots.channels.vk.simulator import TOKEN, VkSimulator
from bots.models import Channel, Contact, Conversation
from tests.engine.conftest import Talk, answers, talk_of

__all__ = ["answers", "talk_of"]


@pytest.fixture
def vk(alpha, answers) -> Iterator[Any]:
    from bots.services.channels import channel_connect, channel_create
    from tenants.kernel.simulate import serve_simulator

    simulator = VkSimulator()
    with serve_simulator(simulator) as url, alpha.inside():
        simulator.url = url
        channel = channel_create(
            kind="vk", name="VK", bot=alpha.bot, secrets={"token": TOKEN}, base_url=url
        )
        assert channel_connect(channel).ok
        simulator.talk = Talk(alpha, channel)  # type: ignore[attr-defined]
        yield simulator


def fetched(alpha, vk) -> None:
    """What VK has for us is read once, and what is due is done."""
    from tenants.kernel import due
    from tenants.models import Due

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bots.services.polling.WAIT_S", 0)
        Due.objects.filter(schema=alpha.schema, kind="poll").update(due_at=timezone.now())
        due.take(alpha.schema, "poll", vk.talk.channel.pk)
        vk.talk.work(rounds=4)


def test_our_own_words_told_back_are_ours_and_a_managers_silence_the_bot(alpha, beta, vk):
    vk.buyer_says("Есть 46 размер?")
    fetched(alpha, vk)
    assert vk.texts() == ["re: Есть 46 размер?"]
    fetched(alpha, vk)  # message_reply of what we said
    assert [one[0] for one in vk.talk.thread("101")] == ["buyer", "bot"]

    vk.manager_says("Отложил для вас.")
    fetched(alpha, vk)
    vk.buyer_says("Спасибо, а доставка?")
    fetched(alpha, vk)
    with alpha.inside():
        assert Conversation.objects.get().speaker == Conversation.Speaker.AGENT
        channel = Channel.objects.get(kind="vk")
        assert channel.settings["group_id"] == "123456"
    assert [one[0] for one in vk.talk.thread("101")] == ["buyer", "bot", "echo", "buyer"]
    with beta.inside():
        assert not Contact.objects.exists()


def test_anothers_community_says_nothing_here(alpha, beta, vk):
    """Beta's channel has its own secret and its own community."""
    from bots.services.channels import adapter_of, channel_create

    with alpha.inside():
        hook = Channel.objects.get(kind="vk").secrets["hook"]
    with beta.inside():
        channel = channel_create(kind="vk", name="VK", bot=beta.bot, secrets={"token": "t"})
        event = {**vk.buyer_says("Привет"), "secret": hook}
        with pytest.raises(SignatureMismatch):
            adapter_of(channel).verify(Inbound(json.dumps(event).encode()))
