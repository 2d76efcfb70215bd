"""ONE registry of what can be done to a conversation by name: bulk acts, macros and rules.

`ACTIONS[name](conversation, params, by)` does it and says how to undo it, `{}` where nothing
changed or nothing can be undone. `undo(conversation_id, undo, by)` takes it back, unless somebody
has moved the conversation on since. `PARAMS[name]` says which parameters an action takes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from bots.models import Conversation, Team
from bots.services import acts, assignment, conversations
from tenants.kernel.errors import RuleBroken
from tenants.workspace.models import User

Action = Callable[[Conversation, dict[str, Any], User | None], dict[str, Any]]
Undo = Callable[[int, dict[str, Any], User | None], bool]
ACTIONS: dict[str, Action] = {}
PARAMS: dict[str, tuple[str, ...]] = {}
_undo: dict[str, Undo] = {}


class BadParams(RuleBroken):
    code = "invalid"
    status = 400


def action(name: str, *params: str) -> Callable[[Action], Action]:
    def add(function: Action) -> Action:
        ACTIONS[name], PARAMS[name] = function, params
        return function

    return add


def undoes(name: str) -> Callable[[Undo], Undo]:
    def add(function: Undo) -> Undo:
        _undo[name] = function
        return function

    return add


def undo(conversation_id: int, how: dict[str, Any], by: User | None) -> bool:
    """False where it cannot be taken back any more."""
    return _undo[how["act"]](conversation_id, how, by)


def _person(params: dict[str, Any]) -> User | None:
    if (pk := params.get("agent")) is None:
        return None
    found = User.objects.filter(pk=pk).first() if isinstance(pk, int) else None
    if found is None:
        raise BadParams(_("There is no such person."))
    return found


def _team(params: dict[str, Any]) -> Team | None:
    if (pk := params.get("team")) is None:
        return None
    found = Team.objects.filter(pk=pk).first() if isinstance(pk, int) else None
    if found is None:
        raise BadParams(_("There is no such team."))
    return found


def _state(conversation: Conversation) -> dict[str, Any]:
    waiting = conversation.waiting_since
    return {
        "speaker": conversation.speaker,
        "agent": conversation.agent_id,
        "team": conversation.team_id,
        "waiting_since": waiting.isoformat() if waiting else "",
    }


# ── Who answers ──────────────────────────────────────────────────────────────────────────────
@action("assign", "agent", "team")
def assign(conversation: Conversation, params: dict[str, Any], by: User | None) -> dict[str, Any]:
    before = _state(conversation)
    after = assignment.assign(conversation.pk, _person(params), _team(params), by)
    return _undo_speaker("assign", before, after)


@action("return_to_bot", "instruction")
def return_to_bot(
    conversation: Conversation, params: dict[str, Any], by: User | None
) -> dict[str, Any]:
    if by is None:
        raise BadParams(_("A person returns a chat to the assistant."))
    before = _state(conversation)
    after = conversations.conversation_return_to_bot(
        conversation_id=conversation.pk, agent=by, instruction=str(params.get("instruction") or "")
    )
    return _undo_speaker("assign", before, after)


def _undo_speaker(act: str, before: dict[str, Any], after: Conversation) -> dict[str, Any]:
    same = (before["speaker"], before["agent"], before["team"])
    if same == (after.speaker, after.agent_id, after.team_id):
        return {}
    return {"act": act, "epoch": after.epoch, "before": before}


@undoes("assign")
def assign_back(conversation_id: int, how: dict[str, Any], by: User | None) -> bool:
    now = Conversation.objects.get(pk=conversation_id)
    if now.epoch != how["epoch"] or now.status == Conversation.Status.RESOLVED:
        return False
    before = how["before"]
    team = Team.objects.filter(pk=before["team"]).first() if before["team"] else None
    team = team or assignment.default_team()
    agent = User.objects.filter(pk=before["agent"] or 0, is_active=True).first()
    if before["speaker"] == Conversation.Speaker.BOT and by is not None:
        if now.speaker != Conversation.Speaker.BOT:
            if now.agent_id not in (None, by.pk):
                assignment.assign(conversation_id, by, by=None)
            conversations.conversation_return_to_bot(conversation_id=conversation_id, agent=by)
        assignment.assign(conversation_id, None, team)
    elif before["speaker"] == Conversation.Speaker.QUEUE and (
        now.speaker == Conversation.Speaker.BOT and by is not None
    ):
        assignment.assign(conversation_id, by, team)
        assignment.assign(conversation_id, None, team)
    else:
        assignment.assign(conversation_id, agent, team)
    return True


@action("resolve")
def resolve(conversation: Conversation, params: dict[str, Any], by: User | None) -> dict[str, Any]:
    before = _state(conversation)
    if conversation.status == Conversation.Status.RESOLVED:
        return {}
    after = conversations.conversation_resolve(conversation_id=conversation.pk, by=by)
    return {"act": "resolve", "epoch": after.epoch, "before": before}


@undoes("resolve")
def resolve_back(conversation_id: int, how: dict[str, Any], by: User | None) -> bool:
    return acts.unresolve(conversation_id, epoch=how["epoch"], before=how["before"], by=by)


# ── What is noted on it ──────────────────────────────────────────────────────────────────────
def _names(params: dict[str, Any]) -> list[str]:
    names = params.get("labels")
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
        raise BadParams(_("Name the labels."))
    return names


@action("label", "labels")
def label(conversation: Conversation, params: dict[str, Any], by: User | None) -> dict[str, Any]:
    added, _removed = acts.label(conversation.pk, add=_names(params), by=by)
    return {"act": "label", "add": [], "remove": added} if added else {}


@action("unlabel", "labels")
def unlabel(conversation: Conversation, params: dict[str, Any], by: User | None) -> dict[str, Any]:
    _added, removed = acts.label(conversation.pk, remove=_names(params), by=by)
    return {"act": "label", "add": removed, "remove": []} if removed else {}


@undoes("label")
def label_back(conversation_id: int, how: dict[str, Any], by: User | None) -> bool:
    acts.label(conversation_id, add=how["add"], remove=how["remove"], by=by)
    return True


@action("priority", "priority")
def priority(conversation: Conversation, params: dict[str, Any], by: User | None) -> dict[str, Any]:
    wanted = params.get("priority")
    if wanted not in Conversation.Priority.values:
        raise BadParams(_("There is no such priority."))
    before = acts.prioritise(conversation.pk, wanted, by=by)
    return {"act": "priority", "priority": before} if before != wanted else {}


@undoes("priority")
def priority_back(conversation_id: int, how: dict[str, Any], by: User | None) -> bool:
    acts.prioritise(conversation_id, how["priority"], by=by)
    return True


@action("snooze", "until", "wake_on_reply")
def snooze(conversation: Conversation, params: dict[str, Any], by: User | None) -> dict[str, Any]:
    was_open = conversation.status == Conversation.Status.OPEN
    acts.snooze(
        conversation.pk,
        _moment(params.get("until")),
        wake_on_reply=bool(params.get("wake_on_reply", True)),
        by=by,
    )
    return {"act": "snooze"} if was_open else {}


def _moment(value: Any) -> datetime:
    try:
        found = value if isinstance(value, datetime) else parse_datetime(str(value))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise BadParams(_("Say until when, with the time zone."))
    return found


@undoes("snooze")
def snooze_back(conversation_id: int, how: dict[str, Any], by: User | None) -> bool:
    acts.wake(conversation_id, by=by)
    return True


@action("follow")
def follow(conversation: Conversation, params: dict[str, Any], by: User | None) -> dict[str, Any]:
    who = _person(params) or by
    if who is None:
        raise BadParams(_("There is no such person."))
    return {"act": "follow", "agent": who.pk} if acts.follow(conversation.pk, who, by=by) else {}


@undoes("follow")
def follow_back(conversation_id: int, how: dict[str, Any], by: User | None) -> bool:
    who = User.objects.filter(pk=how["agent"]).first()
    return who is not None and acts.follow(conversation_id, who, follows=False, by=by)
