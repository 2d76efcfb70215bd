"""Why a message did not arrive, in the reader's words and with what to do."""

from __future__ import annotations

from django.utils.translation import gettext, gettext_noop

_WORDS = {
    "stale": gettext_noop(
        "it could not leave for too long and is old by now. Look whether it still fits"
    ),
    "window_closed": gettext_noop("the time to answer is over, only a template may go out"),
    "outcome unknown": gettext_noop(
        "we do not know whether it arrived. Ask the buyer before you repeat it"
    ),
}


def failure_in_words(failure: str) -> str:
    """`Message.failure` in the language that is active: a code, our words, or a vendor's.

    Ours may end with ": " and something of the vendor's.
    """
    if failure in _WORDS:
        return gettext(_WORDS[failure])
    if not failure or (whole := gettext(failure)) != failure:
        return failure and whole
    head, colon, tail = failure.partition(": ")
    return f"{gettext(head)}{colon}{tail}" if head else failure
