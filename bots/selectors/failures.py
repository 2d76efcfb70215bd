"""Why a message did not arrive, in the reader's words and with what to do."""

from __future__ import annotations

from django.utils.translation import gettext, gettext_noop

from tenants.kernel.words import vendor_words

_WORDS = {
    "stale": gettext_noop(
        "it could not leave for too long and is old by now. Look whether it still fits"
    ),
    "window_closed": gettext_noop("the time to answer is over, only a template may go out"),
    "outcome unknown": gettext_noop(
        "we do not know whether it arrived. Ask the buyer before you repeat it"
    ),
    "unreachable": gettext_noop("the buyer cannot be reached in this channel any more"),
    "could not be fetched": gettext_noop("it could not be fetched. Ask for it once more"),
}


def failure_in_words(failure: str) -> str:
    """`Message.failure` in the language that is active: a code of ours, or what a vendor said."""
    return gettext(_WORDS[failure]) if failure in _WORDS else vendor_words(failure)
