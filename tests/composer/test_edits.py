"""Changing and taking back one's own messages: where the channel allows, with history."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from bots.models import Delivery, Message
from bots.selectors.threads import thread_since
from tenants.kernel.errors import Rejected, RetryLater
from tests.engine.pretend import Pretend

pytestmark = pytest.mark.django_db


@pytest.fixture
def said(alpha, talks, api_of, channel_is):
    """(alpha's talk, the agent's client, the agent's sent message)."""
    channel_is(can_edit=True, can_delete=True)
    mine, _other = talks
    api = api_of(alpha, "agent")
    sent = api.post(
        f"/api/v1/conversations/{mine.conversation().pk}/reply/", {"text": "Цена 300 ₽"},
        format="json",
    )  # fmt: skip
    mine.work()
    return mine, api, sent.json()["id"]


def edit(api, pk: int, text: str):
    return api.patch(f"/api/v1/messages/{pk}/", {"text": text}, format="json")


def row(shop, pk: int) -> Message:
    with shop.inside():
        return Message.objects.get(pk=pk)


def test_the_buyers_text_changes_first_and_what_it_was_is_kept(alpha, said):
    mine, api, pk = said

    asked = edit(api, pk, "Цена 350 ₽")
    assert (asked.status_code, asked.json()["text"]) == (202, "Цена 300 ₽")
    assert asked.json()["meta"]["change"]["state"] == "waiting"
    mine.work()

    found = row(alpha, pk)
    assert Pretend.changed == [("edit", f"out-{pk}", "Цена 350 ₽")]
    assert (found.text, found.meta["before"]) == ("Цена 350 ₽", ["Цена 300 ₽"])
    assert found.edited_at is not None
    assert "change" not in found.meta
    assert mine.conversation().preview == "Цена 350 ₽"


def test_a_busy_channel_is_asked_again_and_a_refusal_is_told(alpha, said):
    mine, api, pk = said
    Pretend.trouble.append(RetryLater("busy", retry_after_s=0.01))
    edit(api, pk, "Цена 350 ₽")
    mine.work()
    with alpha.inside():
        from tenants.kernel import due

        due.reschedule("change", pk, due_at=timezone.now() - timedelta(seconds=1))
    mine.work()
    assert row(alpha, pk).text == "Цена 350 ₽"

    Pretend.trouble.append(Rejected("message can't be edited"))
    edit(api, pk, "Цена 400 ₽")
    mine.work()

    found = row(alpha, pk)
    assert found.text == "Цена 350 ₽"
    assert (found.meta["change"]["state"], found.meta["change"]["detail"]) == (
        "refused",
        "сервис отвечает: message can't be edited",
    )


def test_a_message_taken_back_stays_for_colleagues_only(alpha, said):
    mine, api, pk = said

    assert api.delete(f"/api/v1/messages/{pk}/").status_code == 202
    mine.work()

    found = row(alpha, pk)
    assert Pretend.changed == [("delete", f"out-{pk}", "")]
    assert (found.text, found.deleted_at is not None) == ("Цена 300 ₽", True)
    again = edit(api, pk, "x")
    assert (again.status_code, again.json()["error"]["why"]) == (409, "state")


def test_one_that_was_not_sent_yet_never_is(alpha, talks, api_of, channel_is):
    mine, _other = talks
    api = api_of(alpha, "agent")
    sent = api.post(
        f"/api/v1/conversations/{mine.conversation().pk}/reply/", {"text": "Ой"}, format="json"
    )

    assert api.delete(f"/api/v1/messages/{sent.json()['id']}/").status_code == 202
    mine.work()

    assert row(alpha, sent.json()["id"]).state == "dropped"
    assert ("buyer", "Ой") not in Pretend.sent


def test_only_ones_own_and_only_while_no_colleague_speaks(alpha, beta, said, api_of):
    mine, api, pk = said
    with alpha.inside():
        bots = Message.objects.filter(author="bot").values_list("pk", flat=True).first()

    assert edit(api, bots, "x").json()["error"]["why"] == "author"
    other = edit(api_of(alpha, "supervisor"), pk, "x")
    assert (other.status_code, other.json()["error"]["why"]) == (409, "author")
    assert edit(api_of(beta), pk + 10_000, "x").status_code == 404
    api_of(alpha, "supervisor").post(
        f"/api/v1/conversations/{mine.conversation().pk}/take-over/", {"force": True}, format="json"
    )
    taken = edit(api, pk, "x")
    assert (taken.status_code, taken.json()["error"]["code"]) in (
        (409, "already_taken"),
        (404, "not_found"),
    )
    assert row(alpha, pk).text == "Цена 300 ₽"


def test_a_channel_that_does_not_and_one_too_late_say_so(alpha, said, channel_is):
    _mine, api, pk = said
    channel_is(can_edit=False, can_delete=True, delete_within_s=48 * 3600)

    no = edit(api, pk, "x")
    with alpha.inside():
        Message.objects.filter(pk=pk).update(sent_at=timezone.now() - timedelta(hours=49))
    late = api.delete(f"/api/v1/messages/{pk}/")

    assert (no.status_code, no.json()["error"]["why"]) == (409, "channel")
    assert no.json()["error"]["message"] == "Этот канал не даёт менять отправленное."
    assert (late.status_code, late.json()["error"]["why"]) == (409, "late")
    assert Pretend.changed == []


def test_a_buyers_page_is_told_what_is_gone_and_what_reads_anew(alpha, said):
    mine, api, pk = said
    with alpha.inside():
        chat = mine.conversation().contact.external_id
        before = thread_since(mine.channel.pk, chat, after=0)
    api.delete(f"/api/v1/messages/{pk}/")
    mine.work()

    with alpha.inside():
        nudged = thread_since(mine.channel.pk, chat, after=before["cursor"], also=(pk,))
        back = thread_since(mine.channel.pk, chat, after=before["cursor"], changed=True)

    assert pk in [one["id"] for one in before["messages"]]
    assert (nudged["gone"], back["gone"]) == ([pk], [pk])
    with alpha.inside():
        assert Delivery.objects.filter(message=pk).get().state == "sent"
