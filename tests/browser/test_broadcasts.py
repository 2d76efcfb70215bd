"""A broadcast on its pages, as people write and follow one."""

from __future__ import annotations

import pytest
from django.utils import timezone

from bots.models import (
    Broadcast,
    BroadcastItem,
    Channel,
    Consent,
    Contact,
    Conversation,
    Episode,
    Message,
)
from tests.browser.hands import shot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ADD = "/admin/bots/broadcast/add/"


def buyers(shop, names: list[str]) -> list[Contact]:
    channel = Channel.objects.get(kind="web")
    found = []
    for number, name in enumerate(names):
        contact = Contact.objects.create(channel=channel, external_id=f"bc{number}", name=name)
        talk = Conversation.objects.create(
            channel=channel, contact=contact, lane=-(2**40) - number, status="resolved",
            speaker="nobody",
        )  # fmt: skip
        talk.episode = Episode.objects.create(conversation=talk, resolved_at=timezone.now())
        talk.save(update_fields=["episode"])
        Consent.objects.create(
            contact=contact, kind="marketing", is_given=True, text_version="t", text="t"
        )
        found.append(contact)
    return found


def test_one_is_written_seen_counted_and_stopped(browse, alpha):
    with alpha.inside():
        buyers(alpha, ["Анна", "Борис"])
    page = browse(alpha.host, ADD, shop=alpha)
    assert page.locator("[data-kind=advertising]").is_hidden()

    page.fill("[name=name]", "Осенняя распродажа")
    page.check("[name=kind][value=advertising]")
    page.select_option("[name=who]", "all")
    page.check("[name=channels] >> nth=0")
    page.fill("[name=text_ru]", "Скидка 20 % до воскресенья")
    page.fill("[name=advertiser]", "ООО «Ромашка»")
    page.fill("[name=inn]", "7707083893")
    page.fill("[name=erid]", "2VtzqvXq1Rw")

    page.wait_for_selector("[data-shown] .desk-bubble:has-text('erid: 2VtzqvXq1Rw')")
    assert page.locator("[data-who=orders]").is_hidden()
    shot(page, "broadcast-editor")
    page.click("#broadcast button[type=submit]")
    page.wait_for_selector("[data-gets='2']")
    shot(page, "broadcast-counted")
    assert not page.troubles


def test_progress_and_results_are_followed(browse, alpha):
    with alpha.inside():
        row = Broadcast.objects.create(
            kind="advertising", name="Осень", state="paused", started_at=timezone.now(),
            channels=[Channel.objects.get(kind="web").pk], audience={"who": "all"},
            texts={"ru": "Скидка"},
        )  # fmt: skip
        for number, contact in enumerate(buyers(alpha, [f"Покупатель {n}" for n in range(60)])):
            message = None
            if number % 3 == 0:
                talk = contact.conversation
                message = Message.objects.create(
                    conversation=talk, episode=talk.episode, seq=1, author="automation",
                    text="Скидка", state=["sent", "read", "failed"][number // 3 % 3],
                )  # fmt: skip
            state = "written" if message else ["waiting", "skipped"][number % 2]
            reason = "no_consent" if state == "skipped" else ""
            BroadcastItem.objects.create(
                broadcast=row, contact=contact, message=message, state=state, reason=reason
            )
    page = browse(alpha.host, f"/admin/bots/broadcast/{row.pk}/change/", shop=alpha)

    page.wait_for_selector("[data-figures]:has-text('из 60')")
    shot(page, "broadcast-progress")
    page.select_option("[name=result]", "failed")
    page.click("form[method=get] button")
    page.wait_for_selector("tbody tr")
    assert page.locator("tbody tr").count() == 6
    page.click("summary >> text=Остановить")
    page.click("[value=stop]")
    page.wait_for_selector("#run[data-over='1']")

    assert not page.troubles
    with alpha.inside():
        assert not BroadcastItem.objects.filter(state="waiting").exists()
