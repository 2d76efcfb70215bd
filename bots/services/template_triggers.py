"""Prepared replies that answer by themselves: which fits a question, and when it may."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from bots.engine.base import Answer, Claim, Decision, Source, Turn
from bots.models import Template
from bots.retrieval.morphology import analyse
from bots.retrieval.text import tokens
from bots.retrieval.text import words as fold_words
from bots.selectors.calendars import opening
from bots.services.template_intents import INTENTS
from bots.services.template_text import (
    BrokenTemplate,
    buttons_shown,
    template_render,
    text_of,
    variables_of,
)
from bots.services.template_values import (
    turn_values,
)
from tenants.kernel.context import current_schema
from tenants.selectors.hosts import merchant_of

_PHRASE_SHARE = 0.6
_FILLERS = fold_words(
    "а и же ли бы вы я у в на по ну это какой пожалуйста здравствуйте добрый день вечер привет "
    "to a i you please the"
)


def _lemmas(text: str) -> list[str]:
    """Best lemma of every word, fillers dropped unless nothing else is said."""
    found = [(t.text, analyse(t.text).lemma if not t.is_number else t.text) for t in tokens(text)]
    kept = [lemma for word, lemma in found if not {word, lemma} & _FILLERS]
    return kept or [lemma for _word, lemma in found]


@lru_cache(maxsize=4096)
def phrase_of(text: str) -> tuple[str, ...]:
    return tuple(_lemmas(text))


def matches(question: Sequence[str], phrase: str) -> float:
    """How much of the question the phrase is, 0 where it is not all in it, in order."""
    words = phrase_of(phrase)
    if not words or not question:
        return 0.0
    place = iter(question)
    if not all(any(word == other for other in place) for word in words):
        return 0.0
    return len(words) / len(question)


def triggered(turn: Turn) -> Answer | None:
    """The template that answers this turn, if one does. Nothing is counted or stored here."""
    if not turn.question.strip() or len(turn.question) > 400:
        return None
    question = _lemmas(turn.question)
    templates = [t for t in _with_triggers() if is_on_schedule(t, turn.now)]
    scored = [(_score(template, question), template) for template in templates]
    for score, template in sorted(scored, key=lambda one: -one[0]):
        if score < _PHRASE_SHARE:
            return None
        if (answer := _answer(template, turn)) is not None:
            return answer
    return None


def _with_triggers() -> Iterable[Template]:
    # By hand, once a question: most shops have few of these and most questions meet none.
    return Template.objects.raw(
        "SELECT id, code, name, intents, phrases, buttons, attachments, schedule "
        "FROM bots_template WHERE is_active "
        "AND (phrases <> '[]'::jsonb OR intents <> '[]'::jsonb) ORDER BY id"
    )


def _score(template: Template, question: Sequence[str]) -> float:
    phrases = list(template.phrases or ())
    for intent in template.intents or ():
        phrases += INTENTS.get(intent, ())
    return max(
        (matches(question, phrase) for phrase in phrases if isinstance(phrase, str)), default=0
    )


def _answer(template: Template, turn: Turn) -> Answer | None:
    """None when a value is missing: then the question goes on to the other ways of answering."""
    try:
        names = variables_of(text_of(template, turn.lang).text)
        values, sources = turn_values(turn, names)
        rendered = template_render(template, turn.lang, values)
    except BrokenTemplate:
        return None
    if not rendered.is_ready or not rendered.text:
        return None
    return Answer(
        text=rendered.text,
        lang=rendered.lang,
        decision=Decision.ANSWER,
        reason="template",
        sources=(Source("template", template.pk, template.code, template.name), *sources),
        claims=tuple(
            Claim(values[name], name.partition(".")[2], values[name], f"{s.kind}:{s.external_id}")
            for name in names
            for s in sources
            if name.startswith(f"{s.kind}.") and values.get(name)
        ),
        buttons=tuple(buttons_shown(rendered.buttons)),
        provider="template",
        confidence=1.0,
        template_id=template.pk,
    )


def is_on_schedule(template: Template, now: datetime) -> bool:
    """`{"from", "to": dates, "weekdays": [0…6], "only": "open" | "closed"}`, shop's time."""
    schedule = template.schedule or {}
    if not schedule:
        return True
    zone = merchant_of(current_schema()).time_zone
    today = now.astimezone(ZoneInfo(zone)).date()
    if (start := schedule.get("from")) and today.isoformat() < start:
        return False
    if (end := schedule.get("to")) and today.isoformat() > end:
        return False
    if (days := schedule.get("weekdays")) and today.weekday() not in days:
        return False
    if only := schedule.get("only"):
        return opening(now, zone)[0] == (only == "open")
    return True
