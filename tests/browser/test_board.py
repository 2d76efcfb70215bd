"""Board and reports as a supervisor uses them: a real server, real sockets, Chromium."""

from __future__ import annotations

import gzip
import re
from typing import Any

import pytest

from analytics.handlers import figures_advance
from analytics.tests.test_board import Floor
from analytics.tests.week import Week
from bots.models import Conversation, Message
from config import static_build
from tests.browser.hands import shot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def fill(alpha: Any) -> Floor:
    floor = Floor(alpha)
    with alpha.inside():
        Week(alpha).live()
        figures_advance(0)
    floor.talk("Анна Сергеевна", 12, speaker="queue", deadline_at=floor.ago(2))
    floor.talk("Returns buyer", 4, speaker="queue", team=floor.returns)
    floor.talk("Held by Ann", 7, speaker="agent", agent=alpha.agent, unread=1)
    floor.talk("With the bot", 1, speaker="bot")
    return floor


def test_a_supervisor_watches_whispers_and_takes(alpha, beta, desk_of):
    floor = fill(alpha)
    talk = floor.talk("Quiet buyer", 9, speaker="agent", agent=alpha.agent, unread=1)
    with alpha.inside():
        held = Conversation.objects.get(contact__name="Held by Ann")
    agent = desk_of(alpha, "agent")
    page = desk_of(alpha, "owner")
    agent.goto(f"{agent.url.split('#')[0]}#{talk.pk}")
    agent.reload()
    agent.get_by_role("heading", name="Quiet buyer").first.wait_for()

    page.get_by_role("link", name="Табло").click()
    tile = page.locator(".tile", has_text="Ждут человека")
    tile.wait_for()
    assert tile.locator("strong").inner_text() == "4"
    shot(page, "board-1440-light-ru")
    # It changes by itself.
    floor.talk("One more", 1, speaker="queue")
    with alpha.inside():
        from django.db import transaction

        from tenants.kernel import outbox

        with transaction.atomic():
            outbox.emit("conversation.offer_ended", key="x", data={"how": "declined"})
    tile.locator("strong", has_text="5").wait_for(timeout=8000)
    tile.click()
    rows = page.locator(".behind li")
    rows.first.wait_for()
    assert rows.count() == 5
    row = rows.filter(has_text="Quiet buyer")
    row.get_by_role("button", name="Шепнуть").click()
    row.get_by_role("textbox").fill("Предложите обмен")
    shot(page, "board-list-1440-light-ru")
    row.get_by_role("button", name="Отправить").click()
    row.get_by_text("видит только").wait_for()
    # The agent sees it in the open thread at once.
    agent.get_by_text("Предложите обмен").first.wait_for(timeout=8000)

    # Of another chat of theirs, that they do not look at now, nobody learns that it was seen.
    other = rows.filter(has_text="Held by Ann")
    other.get_by_role("button", name="Смотреть незаметно").click()
    page.get_by_role("heading", name="Held by Ann").first.wait_for()
    page.wait_for_timeout(2500)  # reading would be told after a second, looking at once
    with alpha.inside():
        seen = Conversation.objects.get(pk=held.pk)
        assert (seen.last_read_seq, seen.unread) == (0, 1)
        assert not Message.objects.filter(conversation=held, kind="system").exists()
    assert "Owner Alpha" not in agent.locator(".list").inner_text()
    assert not page.troubles
    assert not agent.troubles


@pytest.mark.parametrize(("width", "theme", "lang"), [(1440, "light", "ru"), (390, "dark", "en")])
def test_reports_show_the_week_on_any_screen(alpha, desk_of, width, theme, lang):
    fill(alpha)
    with alpha.inside():
        owner = alpha.owner
        owner.language = lang
        owner.save(update_fields=["language"])
    page = desk_of(
        alpha, "owner", viewport={"width": width, "height": 900}, color_scheme=theme,
        locale="ru-RU" if lang == "ru" else "en-US",
    )  # fmt: skip
    page.goto(f"{page.url.split('#')[0]}#reports")
    page.reload()
    page.locator(".asking input[type=date]").first.fill("2026-11-16")
    page.locator(".asking input[type=date]").nth(1).fill("2026-11-22")
    begun = page.locator(
        ".figure", has=page.locator("h3", has_text=re.compile("начат|begun", re.I))
    )
    begun.first.wait_for()
    begun.first.locator(".value", has_text="7").wait_for(timeout=8000)
    # Both days were chosen one after the other: the figures of the whole week have come with this.
    share = "57,1\u00a0%" if lang == "ru" else "57.1\u00a0%"
    page.locator(".figure .value", has_text=share).first.wait_for(timeout=8000)
    shown = {
        card.locator("h3").inner_text(): card.locator(".value").inner_text()
        for card in page.locator(".figure").all()
    }
    assert {"7", "3", "1", share} <= set(shown.values())
    shot(page, f"reports-{width}-{theme}-{lang}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.goto(f"{page.url.split('#')[0]}#board")
    page.locator(".tile").first.wait_for()
    shot(page, f"board-{width}-{theme}-{lang}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not page.troubles


def test_agents_are_not_shown_the_way(alpha, desk_of):
    page = desk_of(alpha, "agent")
    page.locator(".rail").wait_for()
    page.wait_for_timeout(500)
    assert page.get_by_role("link", name="Табло").count() == 0


def test_areas_do_not_weigh_on_the_first_load(browser_code):
    dist = static_build.SOURCES / "dist"
    console = (dist / "console" / "console.js").read_bytes()
    assert b"/board/rebalance/" not in console
    assert len(gzip.compress((dist / "areas" / "areas.js").read_bytes())) <= 45_000
