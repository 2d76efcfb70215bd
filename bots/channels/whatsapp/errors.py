"""What Graph API's error codes ask of us: a consequence and a sentence for the merchant.

The same codes come with an HTTP answer and, later, with a message's status. We decide by the code,
never by Meta's text. Source: https://developers.facebook.com/docs/whatsapp/cloud-api (error codes).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn

from django.utils.translation import gettext_noop as _

from bots.channels.base import Unreachable
from tenants.kernel.errors import NeedsMerchant, NotFound, Rejected, RetryLater


class Then(StrEnum):
    """What a code asks for."""

    MERCHANT = "merchant"  # the account: a person has to act
    LATER = "later"  # the same call may work after a while
    GONE = "gone"  # this buyer cannot be written to here
    FIX = "fix"  # as it is, it will never be taken


@dataclass(frozen=True)
class Meaning:
    then: Then
    words: str
    wait_s: float | None = None


_TOKEN = _("Meta does not accept the token: make a permanent one and paste it anew")
_RIGHTS = _("the token lacks a right: give its system user both WhatsApp permissions")
_LOCKED = _("Meta has locked this account: see what it asks for in Business Manager")
_PAYMENT = _("Meta cannot charge the account: check the payment method in WhatsApp Manager")
_BUSY = _("too many calls: it is tried again by itself")
_FAULT = _("Meta has a fault: it is tried again by itself")
_SHAPE = _("Meta does not accept this message as it is")
_COUNT = _("the values do not fit the template: look at its approved text")
_FLOW = _("Meta has stopped this form")

MEANINGS: Mapping[int, Meaning] = {
    0: Meaning(Then.MERCHANT, _TOKEN),
    1: Meaning(Then.LATER, _FAULT),
    2: Meaning(Then.LATER, _FAULT),
    3: Meaning(Then.MERCHANT, _RIGHTS),
    4: Meaning(Then.LATER, _BUSY, 60),
    10: Meaning(Then.MERCHANT, _RIGHTS),
    33: Meaning(Then.FIX, _("Meta does not know this number or account: check the ids")),
    190: Meaning(Then.MERCHANT, _TOKEN),
    368: Meaning(Then.MERCHANT, _LOCKED),
    80007: Meaning(Then.LATER, _BUSY, 60),
    130429: Meaning(Then.LATER, _BUSY, 5),
    130472: Meaning(
        Then.FIX, _("Meta keeps marketing from this buyer in an experiment of its own")
    ),
    130497: Meaning(Then.GONE, _("Meta does not let this account write to the buyer's country")),
    131000: Meaning(Then.LATER, _FAULT),
    131005: Meaning(Then.MERCHANT, _RIGHTS),
    131008: Meaning(Then.FIX, _SHAPE),
    131009: Meaning(Then.FIX, _SHAPE),
    131016: Meaning(Then.LATER, _FAULT, 30),
    131020: Meaning(Then.FIX, _SHAPE),
    131021: Meaning(Then.FIX, _("this is the shop's own number")),
    131026: Meaning(
        Then.GONE, _("WhatsApp cannot deliver: no such account, an old app, or the shop is blocked")
    ),
    131030: Meaning(
        Then.FIX, _("a test number writes to five listed numbers only: add the buyer's in Meta")
    ),
    131031: Meaning(Then.MERCHANT, _LOCKED),
    131037: Meaning(
        Then.MERCHANT, _("Meta has not approved the number's name: see WhatsApp Manager")
    ),
    131041: Meaning(Then.FIX, _SHAPE),
    131042: Meaning(Then.MERCHANT, _PAYMENT),
    131044: Meaning(Then.MERCHANT, _PAYMENT),
    131045: Meaning(Then.MERCHANT, _("the number is not registered with Cloud API: register it")),
    131047: Meaning(
        Then.FIX, _("more than 24 hours since the buyer wrote: only a template may go out")
    ),
    131048: Meaning(
        Then.MERCHANT,
        _("Meta holds the number back: too many buyers blocked or reported it lately"),
    ),
    131049: Meaning(
        Then.FIX, _("Meta lets no more marketing through to this buyer today: try tomorrow")
    ),
    131050: Meaning(Then.FIX, _("the buyer wants no marketing from the shop")),
    131051: Meaning(Then.FIX, _SHAPE),
    131052: Meaning(Then.LATER, _("Meta could not fetch the buyer's file: ask to send it again")),
    131053: Meaning(Then.FIX, _("Meta does not take this file: another kind, or smaller")),
    131056: Meaning(Then.LATER, _BUSY, 6),
    131057: Meaning(Then.LATER, _FAULT, 60),
    131059: Meaning(Then.FIX, _SHAPE),
    131062: Meaning(Then.FIX, _("this message needs the buyer's phone, which is hidden")),
    131063: Meaning(Then.FIX, _("marketing templates are switched off for this account in Meta")),
    131064: Meaning(
        Then.MERCHANT, _("Meta has cut the account's limit: its templates are in a wrong category")
    ),
    132000: Meaning(Then.FIX, _COUNT),
    132001: Meaning(Then.FIX, _("Meta has no approved template of this name and language")),
    132005: Meaning(Then.FIX, _("with its values the template is too long")),
    132007: Meaning(Then.FIX, _("the template breaks Meta's rules on content")),
    132008: Meaning(Then.FIX, _COUNT),
    132012: Meaning(Then.FIX, _COUNT),
    132015: Meaning(
        Then.FIX, _("Meta has paused the template: buyers complained. Change it or wait")
    ),
    132016: Meaning(Then.FIX, _("Meta has switched the template off for good: make a new one")),
    132068: Meaning(Then.FIX, _FLOW),
    132069: Meaning(Then.FIX, _FLOW),
    133016: Meaning(Then.LATER, _BUSY, 3600),
    135000: Meaning(Then.LATER, _FAULT),
    137000: Meaning(Then.FIX, _("the buyer's phone or app is another one now: wait for a message")),
    138000: Meaning(Then.FIX, _("calls are not switched on for this number")),
    138006: Meaning(Then.FIX, _("the buyer has not allowed calls")),
    139100: Meaning(Then.LATER, _FAULT, 60),
    139101: Meaning(Then.FIX, _SHAPE),
    139102: Meaning(Then.LATER, _FAULT),
    139103: Meaning(Then.LATER, _FAULT),
}


def meaning_of(code: Any) -> Meaning | None:
    if not isinstance(code, int) or isinstance(code, bool):
        return None
    if 200 <= code <= 299:
        return Meaning(Then.MERCHANT, _RIGHTS)
    return MEANINGS.get(code)


def words_of(error: Any) -> str:
    """A sentence for an entry of `errors`; Meta's own where the code is not known to us."""
    if not isinstance(error, dict):
        return ""
    if found := meaning_of(error.get("code")):
        return found.words
    data = error.get("error_data")
    details = data.get("details") if isinstance(data, dict) else ""
    said = str(details or error.get("message") or error.get("title") or "")
    return f"{said} ({error.get('code')})" if said else ""


def refuse(error: Mapping[str, Any], *, operation: str, status: int) -> NoReturn:
    """Raise what an answer's `error` means. `status`: of the HTTP answer."""
    about: dict[str, Any] = {"vendor": "whatsapp", "operation": operation, "status": status}
    found = meaning_of(error.get("code"))
    words = words_of(error) or f"HTTP {status}"
    if found is None:
        if status in (401, 403):
            raise NeedsMerchant(words, **about)
        if status == 429 or status >= 500 or error.get("is_transient"):
            raise RetryLater(words, **about)
        if status == 404 or error.get("error_subcode") == 33:
            raise NotFound(words, **about)
        raise Rejected(words, **about)
    match found.then:
        case Then.MERCHANT:
            raise NeedsMerchant(words, **about)
        case Then.LATER:
            raise RetryLater(words, retry_after_s=found.wait_s, **about)
        case Then.GONE:
            raise Unreachable(words)
        case Then.FIX:
            raise Rejected(words, **about)
