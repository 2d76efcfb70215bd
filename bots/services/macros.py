"""Several acts by one press: all of them or none, and taken back as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from bots.models import Conversation, Macro, MacroRun, Team, TeamMember
from bots.selectors.policy import leads, visible
from bots.services.actions import ACTIONS, LASTING, undo
from bots.services.rules import actions_checked
from tenants.kernel.errors import RuleBroken
from tenants.workspace.models import User

MACROS_AT_MOST = 200
UNDO_FOR = timedelta(minutes=10)


class TooLate(RuleBroken):
    code = "too_late"
    status = 410


class NotDone(RuleBroken):
    """One of the acts was refused; nothing of the macro was done."""

    code = "macro_refused"


@dataclass(frozen=True)
class Undone:
    changed: int
    left: list[str]  # acts that somebody has moved on since


def macros_of(user: User) -> QuerySet[Macro]:
    """What a person may use: own, their teams', everybody's."""
    teams = TeamMember.objects.filter(user=user).values("team")
    mine = Q(owner=user) | Q(owner=None, team=None) | Q(owner=None, team__in=teams)
    if user.role in (User.Role.OWNER, User.Role.ADMIN) or user.is_superuser:
        mine |= Q(owner=None)
    return Macro.objects.filter(mine).select_related("team")


def may_change(user: User, macro: Macro) -> bool:
    """One's own; a team's for its leads; everybody's for owner, administrator and supervisor."""
    if macro.owner_id is not None:
        return macro.owner_id == user.pk
    if macro.team_id is not None:
        return leads(user, macro.team_id)
    return user.is_superuser or user.role != User.Role.AGENT


def lasting(then: Sequence[Any]) -> list[str]:
    """Acts of it that cannot be taken back: said before it is run."""
    return [row["act"] for row in then if isinstance(row, dict) and row.get("act") in LASTING]


def macro_save(
    macro: Macro | None,
    *,
    by: User,
    name: str,
    then: Sequence[Any],
    owner: User | None = None,
    team: Team | None = None,
    position: int = 0,
) -> Macro:
    """Make or change one. Raises ValidationError by field, NotDone where it is not theirs."""
    faults: dict[str, Any] = {}
    saved = macro or Macro()
    saved.name, saved.position = " ".join(name.split())[:80], position
    saved.owner, saved.team = owner, None if owner else team
    if not saved.name:
        faults["name"] = _("Give it a name.")
    try:
        saved.then = actions_checked(then)
    except ValidationError as error:
        faults["then"] = error.messages
    if not faults.get("then") and not saved.then:
        faults["then"] = _("Say what is done.")
    if not may_change(by, saved):
        faults["owner"] = _("You may keep macros of your own.")
    if macro is None and Macro.objects.count() >= MACROS_AT_MOST:
        faults["name"] = _("At most %s macros.") % MACROS_AT_MOST
    if faults:
        raise ValidationError(faults)
    saved.save()
    return saved


def macro_run(macro: Macro, conversation_id: int, by: User) -> MacroRun:
    """Everything of it or, where one act is refused, nothing.

    Raises NotDone naming the act, Conversation.DoesNotExist for what the person may not see.
    """
    steps: list[dict[str, Any]] = []
    try:
        with transaction.atomic():
            for row in macro.then:
                if not isinstance(row, dict) or row.get("act") not in ACTIONS:
                    continue
                # Read again: an act before it may have changed it, or hidden it.
                conversation = (
                    visible(by).select_related("channel", "contact").get(pk=conversation_id)
                )
                params = {key: value for key, value in row.items() if key != "act"}
                try:
                    how = ACTIONS[row["act"]](conversation, params, by)
                except RuleBroken as exc:
                    raise NotDone(str(exc), act=row["act"]) from exc
                if how:
                    steps.append({**how, "of": row["act"]})
            run = MacroRun.objects.create(
                macro=macro, user=by, conversation_id=conversation_id, undo=steps,
                at=timezone.now(),
            )  # fmt: skip
    except Conversation.DoesNotExist:
        if not visible(by).filter(pk=conversation_id).exists():
            raise
        raise NotDone(_("After a step of it you may no longer see this chat.")) from None
    return run


def run_undo(run_id: int, by: User) -> Undone:
    """Take a press back, the last act first; twice changes nothing. Raises TooLate."""
    with transaction.atomic():
        run = MacroRun.objects.select_for_update().filter(pk=run_id, user=by).first()
        if run is None or run.at + UNDO_FOR < timezone.now():
            raise TooLate(_("This can no longer be undone."))
        if run.undone_at is not None:
            return Undone(0, [])
        changed, left = 0, []
        for how in reversed(run.undo):
            try:
                with transaction.atomic():
                    taken_back = undo(run.conversation_id, how, by)
            except (RuleBroken, Conversation.DoesNotExist):
                taken_back = False
            if taken_back:
                changed += 1
            else:
                left.append(how["of"])
        run.undone_at = timezone.now()
        run.save(update_fields=["undone_at"])
    return Undone(changed, left)
