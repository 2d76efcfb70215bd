"""Facts → figures of days: once each, in the shop's own day, the same when made anew."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.handlers import figures_advance, figures_rebuild
from analytics.histogram import bucket_of, quantile, value_of
from analytics.models import DailyFigure
from analytics.selectors.figures import Period, change, figures, last_days
from tenants.kernel import outbox
from tenants.workspace.models import Counter, Event

DAY = datetime(2026, 11, 20, 12, tzinfo=UTC)


def log(*facts):
    """(name, data, when) rows of the event log."""
    start = (Event.objects.order_by("-seq").values_list("seq", flat=True).first() or 0) + 1
    Event.objects.bulk_create(
        Event(seq=start + n, name=name, key="conversation:1", data=data, at=at)
        for n, (name, data, at) in enumerate(facts)
    )


@pytest.fixture
def inside(alpha):
    with alpha.inside():
        Event.objects.all().delete()
        DailyFigure.objects.all().delete()
        Counter.objects.filter(name="figures").delete()
        yield alpha


def rows():
    return {
        (row.day.isoformat(), row.name, row.label): row.value for row in DailyFigure.objects.all()
    }


def test_facts_are_added_up_once_however_often_they_are_told(inside):
    log(
        ("conversation.opened", {}, DAY),
        ("conversation.opened", {}, DAY),
        ("turn.answered", {"decision": "answer", "waited_ms": 900}, DAY),
        ("conversation.handed_over", {"reason": "asked"}, DAY),
        ("conversation.resolved", {"agent": 5}, DAY),
        ("message.written", {}, DAY),
    )
    expected = {
        ("2026-11-20", "opened", ""): 2,
        ("2026-11-20", "turn", "answer"): 1,
        ("2026-11-20", "waited", str(bucket_of(900))): 1,
        ("2026-11-20", "handed_over", "asked"): 1,
        ("2026-11-20", "resolved", "agent"): 1,
    }

    for _time in range(3):
        figures_advance(0)
        assert rows() == expected

    log(("conversation.opened", {}, DAY))
    figures_advance(0)
    assert rows()[("2026-11-20", "opened", "")] == 3

    before = rows()
    figures_rebuild()
    assert rows() == before


def test_a_day_is_the_shops_own(inside):
    """Moscow is three hours ahead: 22:30 UTC is the next day there."""
    log(("conversation.opened", {}, datetime(2026, 11, 20, 22, 30, tzinfo=UTC)))
    figures_advance(0)
    assert list(rows()) == [("2026-11-21", "opened", "")]


def test_figures_of_one_merchant_stay_with_it(beta, inside):
    log(("conversation.opened", {}, DAY))
    figures_advance(0)
    with beta.inside():
        figures_advance(0)
        assert not DailyFigure.objects.filter(day="2026-11-20").exists()


def test_a_fact_rings_the_work(inside):
    from tenants.models import Due

    outbox._handlers["conversation.opened"]  # the handler is registered by the app
    outbox.emit("conversation.opened", key="conversation:1", data={"conversation": 1})
    outbox.relay()
    assert Due.objects.filter(schema=inside.schema, kind="figures").exists()


def test_a_week_beside_the_one_before(inside):
    DailyFigure.objects.bulk_create(
        DailyFigure(day=day, name=name, label=label, value=value)
        for day, name, label, value in [
            (date(2026, 11, 20), "opened", "", 8),
            (date(2026, 11, 14), "opened", "", 2),
            (date(2026, 11, 13), "opened", "", 5),  # a week before
            (date(2026, 11, 20), "handed_over", "asked", 2),
            (date(2026, 11, 18), "handed_over", "no_knowledge", 1),
            (date(2026, 11, 20), "turn", "answer", 20),
            (date(2026, 11, 20), "turn", "clarify", 2),
            (date(2026, 11, 20), "turn", "refuse", 3),
            (date(2026, 11, 20), "waited", str(bucket_of(1000)), 3),
            (date(2026, 11, 20), "waited", str(bucket_of(60_000)), 2),
        ]
    )
    period = last_days(date(2026, 11, 20))
    now, before = figures(period), figures(period.before)

    assert period == Period(date(2026, 11, 14), date(2026, 11, 20))
    assert (now.opened, before.opened) == (10, 5)
    assert change(now.opened, before.opened) == 100
    assert now.handed_over == 3
    assert now.reasons == {"asked": 2, "no_knowledge": 1}
    assert (now.answers, now.refused) == (22, 3)
    assert now.median_ms == pytest.approx(1000, rel=0.05)
    assert before.share_without_person == 100
    assert figures(Period(date(2020, 1, 1), date(2020, 1, 7))).median_ms is None


def test_without_a_person_is_counted_by_dialogue(inside):
    """Handed over twice is one dialogue; one taken by a colleague nobody had called is one, too;
    and one of last week that is handed over today is none of this week's."""
    for number in (1, 2, 3, 4):
        log(("conversation.opened", {"conversation": number}, DAY))
    log(("conversation.opened", {"conversation": 9}, DAY - timedelta(days=8)))
    for number in (1, 1, 9):
        log(("conversation.handed_over", {"conversation": number, "reason": "asked"}, DAY))
        log(("conversation.returned", {"conversation": number}, DAY))
    log(("conversation.taken_over", {"conversation": 2, "agent": 5}, DAY))
    figures_advance(0)

    found = figures(last_days(DAY.date()))

    assert (found.opened, found.handed_over) == (4, 3)
    assert (found.without_person, found.share_without_person) == (2, 50)


@pytest.mark.parametrize(
    ("now", "before", "expected"), [(5, 0, None), (0, 5, -100), (None, 5, None), (3, 4, -25)]
)
def test_change_in_per_cent(now, before, expected):
    assert change(now, before) == expected


@given(st.lists(st.integers(1, 10**8), min_size=1))
def test_a_quantile_is_within_a_bucket_of_the_truth(times):
    counts: dict[int, int] = {}
    for ms in times:
        counts[bucket_of(ms)] = counts.get(bucket_of(ms), 0) + 1
    truth = sorted(times)[(len(times) + 1) // 2 - 1]
    assert quantile(counts, 0.5) == pytest.approx(truth, rel=0.051)
    assert bucket_of(value_of(bucket_of(truth))) == bucket_of(truth)


def test_the_home_page_shows_them(inside, client_of):
    today = date.today()
    DailyFigure.objects.create(day=today, name="opened", value=1234)
    DailyFigure.objects.create(day=today - timedelta(days=8), name="opened", value=1000)
    client = client_of(inside, "owner")

    page = client.get("/admin/").content.decode()

    assert "1\u202f234" in page
    assert "+23&nbsp;%" in page


def test_an_empty_shop_is_told_where_to_begin(alpha, client_of):
    page = client_of(alpha, "owner").get("/admin/").content.decode()
    assert "С чего начать" in page
    assert "/admin/catalogue/import/" in page
    agent = client_of(alpha, "agent").get("/admin/").content.decode()
    assert "/admin/catalogue/import/" not in agent
