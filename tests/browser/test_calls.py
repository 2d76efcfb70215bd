"""A call in the console: its line, and where to write to whoever rang."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from bots.channels.base import CallHappened
from bots.models import Channel, Conversation
from bots.services.accept import lane_of
from bots.services.channels import channel_create
from bots.services.receive import apply
from tests.browser.hands import shot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
BUYER = "+79991234567"


def test_a_missed_call_is_seen_and_written_to_elsewhere(desk_of, alpha):
    at = datetime.now(UTC) - timedelta(minutes=5)
    with alpha.inside():
        line, sms = (
            channel_create(kind=kind, name=name, bot=alpha.bot, settings={"number": "79990000001"})
            for kind, name in (("rostelecom", "АТС"), ("exolve", "SMS магазина"))
        )
        Channel.objects.filter(pk__in=(line.pk, sms.pk)).update(state="live")

        def rang(ident: str, state: str, **more: object) -> None:
            told = CallHappened(ident, BUYER, "in", state, at, line="+74950000001", **more)
            with transaction.atomic():
                apply(line, lane_of(line.pk, BUYER), told)

        rang("c1", "ended", seconds=65, answered_by="Анна", recording="session-1")
        rang("c2", "ringing")
    page = desk_of(alpha, "agent")
    with alpha.inside():
        rang("c2", "missed")

    page.locator(".row", has_text=BUYER).click()
    missed = page.locator(".call.is-missed", has_text="Пропущенный звонок")
    missed.wait_for()
    talked = page.locator(".call", has_text="Входящий звонок · Анна · 1:05")
    assert (
        talked.get_by_role("link", name="Запись").get_attribute("href").startswith("/recordings/")
    )
    assert missed.get_by_role("link").count() == 0
    page.get_by_text("Сюда написать нельзя: этот канал только сообщает о звонках.").wait_for()
    shot(page, "call")
    page.set_viewport_size({"width": 390, "height": 844})
    shot(page, "call-phone")
    page.set_viewport_size({"width": 1440, "height": 900})

    page.get_by_role("button", name="Написать: SMS магазина").click()
    page.locator(".composer textarea").wait_for()

    with alpha.inside():
        assert Conversation.objects.filter(channel=sms, contact__external_id=BUYER).exists()
    assert page.troubles == []
