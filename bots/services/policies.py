"""Answer times as a merchant writes them."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from bots.models import SlaPolicy
from bots.selectors.conditions import LASTING, conditions_checked
from bots.services.rules import actions_checked

POLICIES_AT_MOST = 50
MARKS = ("warned", "breached")


def policy_save(policy: SlaPolicy | None, **given: Any) -> SlaPolicy:
    """Make or change one. Raises ValidationError by field."""
    saved = policy or SlaPolicy()
    for name, value in given.items():
        setattr(saved, name, value)
    faults: dict[str, Any] = {}
    saved.name = " ".join(str(saved.name or "").split())[:80]
    if not saved.name:
        faults["name"] = _("Give it a name.")
    if not (saved.first_reply_s or saved.next_reply_s or saved.resolve_s):
        faults["first_reply_s"] = _("Promise at least one time.")
    try:
        saved.when = conditions_checked(saved.when or [], only=LASTING)
    except ValidationError as error:
        faults["when"] = error.messages
    try:
        written = saved.escalate if isinstance(saved.escalate, dict) else {}
        saved.escalate = {mark: actions_checked(written.get(mark) or []) for mark in MARKS}
    except ValidationError as error:
        faults["escalate"] = error.messages
    if policy is None and SlaPolicy.objects.count() >= POLICIES_AT_MOST:
        faults["name"] = _("At most %s of them.") % POLICIES_AT_MOST
    if faults:
        raise ValidationError(faults)
    saved.save()
    return saved
