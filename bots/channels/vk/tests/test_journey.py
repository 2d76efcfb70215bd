"""A buyer of a community, its manager and the bot, through the engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.utils import timezone

from bots.channels.base import Inbound, SignatureMismatch
from bots.channels.vk.simulator import GROUP_ID, TOKEN, VkSimulator
from bots.channels.vk.tests.sample import VkSample
from bots.models import Channel, Contact, Conversation, Inbox
from bots.services.channels import adapter_of
from tenants.kernel.simulate import serve_simulator
from tests.engine.conftest import Talk, answers, talk_of
from tests.fixtures.aside import run_aside

__all__ = ["answers", "talk_of"]


@pytest.fixture
def vk(alpha, answers) -> Iterator[Any]:
    from bots.services.channels import channel_connect, channel_create

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
    with alpha.inside():  # the message named a number only
        assert Contact.objects.get().name == "Анна Петрова"
        assert Contact.objects.get().picture == f"{vk.url}/files/anna"

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


def test_what_was_read_is_read_with_all_before_it(alpha, vk):
    for text in ("Есть 46 размер?", "А 48?"):
        vk.buyer_says(text)
        fetched(alpha, vk)
    vk.buyer_reads()
    fetched(alpha, vk)
    said = [one for one in vk.talk.thread("101") if one[0] == "bot"]
    assert [state for _, state, _ in said] == ["read", "read"]


@pytest.mark.django_db(transaction=True)
def test_the_hook_answers_vks_question_and_then_ok(transactional_db, alpha):
    """Through the ingest: the word is asked for with the community's token."""
    from bots.ingest import Ingest
    from bots.services.channels import channel_create

    simulator = VkSimulator()
    with serve_simulator(simulator) as url:
        with alpha.inside():
            channel = channel_create(
                kind="vk", name="VK", bot=alpha.bot, secrets={"token": TOKEN}, base_url=url
            )
            secret = adapter_of(channel)._secret  # type: ignore[attr-defined]
        question = {"type": "confirmation", "group_id": GROUP_ID}
        said = {**VkSample().says("Есть 46 размер?"), "secret": secret}

        async def calls() -> list[tuple[int, str]]:
            ingest = Ingest()
            transport = httpx.ASGITransport(app=ingest)  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport, base_url="http://hook") as client:
                told = [
                    await client.post(f"/hooks/{channel.route_key}/", json=one)
                    for one in (question, said, said, {**said, "secret": "guess"})
                ]
            await ingest.close()
            return [(one.status_code, one.text) for one in told]

        answers = run_aside(calls())
    assert answers[:3] == [(200, simulator.code), (200, "ok"), (200, "ok")]
    assert answers[3][0] == 403
    with alpha.inside():
        (row,) = Inbox.objects.all()
        assert secret not in json.dumps(row.payload)


def test_anothers_community_says_nothing_here(alpha, beta, vk):
    """Beta's channel has its own secret and its own community."""
    from bots.services.channels import channel_create

    with alpha.inside():
        hook = Channel.objects.get(kind="vk").secrets["hook"]
    with beta.inside():
        channel = channel_create(kind="vk", name="VK", bot=beta.bot, secrets={"token": "t"})
        event = {**vk.buyer_says("Привет"), "secret": hook}
        with pytest.raises(SignatureMismatch):
            adapter_of(channel).verify(Inbound(json.dumps(event).encode()))
