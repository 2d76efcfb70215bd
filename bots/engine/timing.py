"""How long to wait for the rest of a burst, and when waiting must end."""

from __future__ import annotations

import re
from datetime import timedelta

MAX_QUIET_S = 1.2
BURST_CAP_S = 10.0

# Somebody who says only this is about to ask something.
_OPENERS = re.compile(
    r"^\s*(здравствуй\w*|добр\w+ (день|вечер|утро)|доброго времени|привет\w*|hello|hi|hey|"
    r"good (morning|day|evening)|скажите|подскажите|а|и|ещё|еще|вопрос|можно|tell me|question)"
    r"[\s,.!)]*$",
    re.IGNORECASE,
)
_UNFINISHED = re.compile(
    r"(,|:|-|—|\bи|\bили|\bа|\bно|\bчто|\band|\bor|\bbut|\bthe|\.\.\.|…)\s*$", re.I
)


def quiet_s(text: str) -> float:
    """Seconds to wait for more after a message: 0 for one that reads complete."""
    text = text.strip()
    if not text or _OPENERS.match(text) or _UNFINISHED.search(text):
        return MAX_QUIET_S
    if text[-1] in "?!.)" or len(text) > 60:
        return 0.0
    words = text.split()
    if len(words) >= 4 or any(ch.isdigit() for ch in text):
        return 0.0
    return MAX_QUIET_S if len(words) == 1 else MAX_QUIET_S / 2


# How long a buyer may wait for a person before somebody is told. Working time comes with SLAs.
QUEUE_WAIT = timedelta(minutes=15)
AGENT_WAIT = timedelta(minutes=15)
