"""Every figure of the reports: its name, unit, and the formula in words that stands beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Tally = Mapping[str, Counter[str]]  # name → label → how many
Value = int | float | None


# Figures whose label is a length; the database finds the wanted shares of them.
LENGTHS = ("answer", "reply", "length", "handle")
SHARES = (0.5, 0.9)


def at_share(name: str, part: float) -> str:
    """Under which name of a tally the length of a share stands."""
    return f"{name}@{part}"


def quantile(counts: Mapping[str, int], share: float) -> int | None:
    """The smallest length that `share` of all are not longer than; exact."""
    lengths = sorted((int(label), n) for label, n in counts.items() if label.isdecimal() and n > 0)
    total = sum(n for _length, n in lengths)
    seen = 0
    for length, n in lengths:
        seen += n
        if seen >= share * total:
            return length
    return None


def share(part: int, whole: int) -> float | None:
    """Per cent with one digit; None of nothing."""
    return round(100 * part / whole, 1) if whole else None


@dataclass(frozen=True)
class Figure:
    key: str
    title: str | Promise
    unit: str  # count | seconds | minutes | percent | score
    formula: str | Promise
    of: Callable[[Tally], Value]
    group: str
    # Whether more is better; None where it is neither.
    is_more_good: bool | None = None


def _sum(name: str) -> Callable[[Tally], int]:
    return lambda t: sum(t[name].values())


def _label(name: str, label: str) -> Callable[[Tally], int]:
    return lambda t: t[name][label]


def _quantile(name: str, part: float) -> Callable[[Tally], int | None]:
    return lambda t: next((int(label) for label in t[at_share(name, part)]), None)


def _good(name: str) -> Callable[[Tally], float | None]:
    return lambda t: share(t[name]["4"] + t[name]["5"], sum(t[name].values()))


def _mean(name: str) -> Callable[[Tally], float | None]:
    def mean(t: Tally) -> float | None:
        scores = [(int(label), n) for label, n in t[name].items() if label.isdecimal()]
        total = sum(n for _score, n in scores)
        return round(sum(score * n for score, n in scores) / total, 2) if total else None

    return mean


FIGURES: tuple[Figure, ...] = (
    Figure(
        "opened", _("Dialogues begun"), "count",
        _("A buyer's first message, or the first one after the dialogue was closed."),
        _sum("opened"), "flow",
    ),
    Figure(
        "closed", _("Closed"), "count",
        _("Dialogues closed in the period, whoever closed them."), _sum("closed"), "flow",
    ),
    Figure(
        "taken", _("Taken"), "count",
        _("Each time a person took a dialogue or was given one."), _sum("taken"), "people",
    ),
    Figure(
        "missed", _("Missed"), "count",
        _("Closed dialogues in which a person was wanted (or nobody answered at all) and no "
          "person took them or replied."),
        _label("closed", "missed"), "people", False,
    ),
    Figure(
        "answer_median", _("First answer, median"), "seconds",
        _("From the buyer's first message to the first answer of anybody, the assistant "
          "included, by the clock; half were no longer."),
        _quantile("answer", 0.5), "speed", False,
    ),
    Figure(
        "answer_p90", _("First answer, nine in ten"), "seconds",
        _("The same time; nine in ten were no longer."), _quantile("answer", 0.9), "speed", False,
    ),
    Figure(
        "reply_median", _("A person's first reply, median"), "seconds",
        _("From the handover (without one: from the message the buyer waits about) to a "
          "person's first reply, in working hours only; half were no longer."),
        _quantile("reply", 0.5), "speed", False,
    ),
    Figure(
        "reply_p90", _("A person's first reply, nine in ten"), "seconds",
        _("The same time; nine in ten were no longer."), _quantile("reply", 0.9), "speed", False,
    ),
    Figure(
        "length_median", _("Time to close, median"), "minutes",
        _("From the first message to the closing by the clock, nights included; half were no "
          "longer. Whole minutes."),
        _quantile("length", 0.5), "speed", False,
    ),
    Figure(
        "length_p90", _("Time to close, nine in ten"), "minutes",
        _("The same time; nine in ten were no longer."), _quantile("length", 0.9), "speed", False,
    ),
    Figure(
        "handle_median", _("Handling time, median"), "seconds",
        _("From the moment a person first took the dialogue to its closing; half were no "
          "longer."),
        _quantile("handle", 0.5), "speed", False,
    ),
    Figure(
        "back", _("Buyers who came back"), "count",
        _("Closed dialogues whose buyer wrote again within 72 hours of the closing, counted on "
          "the day of the closing."),
        _sum("back"), "quality", False,
    ),
    Figure(
        "back_share", _("Came back, share"), "percent",
        _("Buyers who came back ÷ closed dialogues."),
        lambda t: share(_sum("back")(t), _sum("closed")(t)), "quality", False,
    ),
    Figure(
        "csat_person", _("Rating of people"), "percent",
        _("Ratings of 4 and 5 ÷ all ratings of people given in the period."),
        _good("rated_agent"), "quality", True,
    ),
    Figure(
        "csat_person_mean", _("Rating of people, mean"), "score",
        _("Sum of the scores ÷ their number."), _mean("rated_agent"), "quality", True,
    ),
    Figure(
        "csat_person_count", _("Ratings of people"), "count",
        _("Ratings of people given in the period."), _sum("rated_agent"), "quality",
    ),
    Figure(
        "csat_bot", _("Rating of the assistant"), "percent",
        _("Ratings of 4 and 5 ÷ all ratings of the assistant given in the period."),
        _good("rated_bot"), "quality", True,
    ),
    Figure(
        "csat_bot_mean", _("Rating of the assistant, mean"), "score",
        _("Sum of the scores ÷ their number."), _mean("rated_bot"), "quality", True,
    ),
    Figure(
        "csat_bot_count", _("Ratings of the assistant"), "count",
        _("Ratings of the assistant given in the period."), _sum("rated_bot"), "quality",
    ),
    Figure(
        "bot_share", _("Closed without a person"), "percent",
        _("Dialogues the assistant answered, with no handover and no person's reply ÷ closed "
          "dialogues."),
        lambda t: share(t["closed"]["bot"], _sum("closed")(t)), "bot", True,
    ),
    Figure(
        "bot_confirmed", _("Confirmed by the buyer"), "count",
        _("Closed without a person, and the buyer rated it 4 or 5."),
        _label("bot", "confirmed"), "bot", True,
    ),
    Figure(
        "bot_assumed", _("Assumed"), "count",
        _("Closed without a person; the buyer said nothing about it and did not come back."),
        _label("bot", "assumed"), "bot",
    ),
    Figure(
        "bot_back", _("Came back to the assistant"), "count",
        _("Closed without a person, but the buyer wrote again within 72 hours."),
        _label("bot", "back"), "bot", False,
    ),
    Figure(
        "handed", _("Handed to people"), "count",
        _("Each time the assistant called a person; the reasons below add up to it."),
        _sum("handed"), "bot", False,
    ),
    Figure(
        "offers_missed", _("Offers missed"), "count",
        _("Dialogues offered to a person who did not accept in time."), _sum("offer"), "people",
        False,
    ),
    Figure(
        "late", _("Overdue"), "count",
        _("Times a buyer's deadline passed without an answer."), _sum("late"), "people", False,
    ),
    Figure(
        "breach", _("Promises broken"), "count",
        _("Answer times of the shop that were not kept, in working hours."), _sum("breach"),
        "people", False,
    ),
    Figure(
        "sent_person", _("Messages of people"), "count",
        _("Messages people sent to buyers, from the owner's phone too; notes are not counted."),
        _label("sent", "person"), "flow",
    ),
    Figure(
        "sent_bot", _("Messages of the assistant"), "count",
        _("Messages the assistant sent to buyers, those that call a person included."),
        _label("sent", "bot"), "flow",
    ),
)  # fmt: skip

# Which are shown for one person, team, channel or hour.
OF_AGENT = (
    "taken", "closed", "reply_median", "reply_p90", "handle_median", "length_median", "back",
    "csat_person", "csat_person_count", "offers_missed", "late", "breach", "sent_person",
)  # fmt: skip
OF_PLACE = (
    "opened", "closed", "taken", "missed", "answer_median", "reply_median", "reply_p90",
    "length_median", "back_share", "csat_person", "csat_bot", "bot_share", "handed",
    "sent_person", "sent_bot",
)  # fmt: skip


def described() -> list[dict[str, Any]]:
    return [
        {
            "key": one.key,
            "title": str(one.title),
            "unit": one.unit,
            "formula": str(one.formula),
            "group": one.group,
            "is_more_good": one.is_more_good,
        }
        for one in FIGURES
    ]


BY_KEY = {one.key: one for one in FIGURES}
COST_FORMULA = _("What language models were paid for in the period, test answers included.")
