"""ONE registry of what can be done to a conversation by name: bulk acts, macros and rules.

`ACTIONS[name](conversation, params, by)` does it and says how to undo it, `{}` where nothing
changed or nothing can be undone. `undo(conversation_id, undo, by)` takes it back, unless somebody
has moved the conversation on since. `PARAMS[name]` says which parameters an action takes.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from bots.engine.base import Reason
from bots.models import Contact, Conversation, Message, Team, TeamMember, Template
from bots.services import acts, assignment, conversations, elsewhere, messages, queues, sla
from bots.services.template_text import template_render
from bots.services.template_values import context_for
from bots.services.templates import template_sent
from tenants.kernel import due
from tenants.kernel.errors import RuleBroken
from tenants.workspace.models import User

Action = Callable[[Conversation, dict[str, Any], User | None], dict[str, Any]]
Undo = Callable[[int, dict[str, Any], User | None], bool]
ACTIONS: dict[str, Action] = {}
# What stays done whatever is undone: said before a macro is run.
LASTING = frozenset({"send_template", "send_elsewhere", "notify"})
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
    team = team or queues.default_team()
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
    before["sla"] = conversation.sla
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


@action("snooze", "until", "minutes", "wake_on_reply")
def snooze(conversation: Conversation, params: dict[str, Any], by: User | None) -> dict[str, Any]:
    was_open = conversation.status == Conversation.Status.OPEN
    acts.snooze(
        conversation.pk,
        _until(conversation, params),
        wake_on_reply=bool(params.get("wake_on_reply", True)),
        by=by,
    )
    return {"act": "snooze"} if was_open else {}


def _until(conversation: Conversation, params: dict[str, Any]) -> datetime:
    """A moment, or so many minutes of working time from now (what rules and macros say)."""
    minutes = params.get("minutes")
    if params.get("until") or not isinstance(minutes, int) or not 0 < minutes <= 525_600:
        return _moment(params.get("until"))
    return sla.after_working(conversation, minutes * 60)


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


# ── What is said ─────────────────────────────────────────────────────────────────────────────
def _words(params: dict[str, Any], name: str = "text") -> str:
    text = params.get(name)
    if not isinstance(text, str) or not text.strip():
        raise BadParams(_("There is nothing to write."))
    return text.strip()[:4_000]


@action("note", "text")
def note(conversation: Conversation, params: dict[str, Any], by: User | None) -> dict[str, Any]:
    written = _note(conversation, params, by)
    return {"act": "note", "message": written}


def _note(
    conversation: Conversation,
    params: dict[str, Any],
    by: User | None,
    mentions: Sequence[int] = (),
) -> int:
    """`once` in the parameters: a job that begins again writes it once."""
    text = _words(params)
    if by is not None:
        made = conversations.note_add(
            conversation_id=conversation.pk, agent=by, text=text, mentions=mentions,
            client_key=params.get("once") or "",
        )  # fmt: skip
        return made.pk
    return conversations.note_by_rule(conversation.pk, text, mentions)


@undoes("note")
def note_back(conversation_id: int, how: dict[str, Any], by: User | None) -> bool:
    return conversations.note_remove(conversation_id, how["message"])


@action("notify", "agents", "to", "text")
def notify(conversation: Conversation, params: dict[str, Any], by: User | None) -> dict[str, Any]:
    """A note that calls people: named ones, who holds it, the leads of its team or all of it."""
    called = _called(conversation, params)
    if not called:
        raise BadParams(_("There is nobody to tell."))
    _note(conversation, params, by, called)
    return {}


def _called(conversation: Conversation, params: dict[str, Any]) -> list[int]:
    people = params.get("agents")
    named = [pk for pk in people if isinstance(pk, int)] if isinstance(people, list) else []
    to = params.get("to")
    if to == "holder" and conversation.agent_id is not None:
        named.append(conversation.agent_id)
    if to in ("leads", "team"):
        members = TeamMember.objects.filter(user__is_active=True)
        members = (
            members.filter(team=conversation.team_id)
            if conversation.team_id is not None
            else members.filter(team__is_default=True)
        )
        if to == "leads":
            members = members.filter(is_lead=True)
        named += members.values_list("user_id", flat=True)
    found = User.objects.filter(pk__in=named, is_active=True).values_list("pk", flat=True)
    return sorted(found)


def _template(params: dict[str, Any]) -> Template:
    found = Template.objects.filter(pk=params.get("template") or 0, is_active=True).first()
    if found is None:
        raise BadParams(_("There is no such template."))
    return found


@action("send_template", "template")
def send_template(
    conversation: Conversation, params: dict[str, Any], by: User | None
) -> dict[str, Any]:
    """Words to the buyer. By a person it is their reply; by a rule nobody's, and the buyer who
    waits still does."""
    found = _template(params)
    rendered = template_render(found, conversation.language, context_for(conversation, agent=by))
    if not rendered.is_ready:
        raise BadParams(_("The template “%s” asks for what is not known here.") % found.name)
    if by is not None:
        conversations.reply_send(
            conversation_id=conversation.pk, agent=by, text=rendered.text,
            client_key=params.get("once") or uuid.uuid4().hex, template_id=found.pk,
            files=rendered.attachments,
        )  # fmt: skip
    else:
        _said_by_rule(conversation, found, rendered.text)
    return {}


@action("send_elsewhere", "template", "kinds")
def send_elsewhere(
    conversation: Conversation, params: dict[str, Any], by: User | None
) -> dict[str, Any]:
    """A template where this buyer can be written to: `kinds` in that order, else any channel."""
    try:
        kinds = elsewhere.kinds_of(params.get("kinds"))
    except ValueError as exc:
        raise BadParams(_("There is no kind of channel named “%s”.") % exc) from exc
    elsewhere.write(conversation, _template(params), kinds, by)
    return {}


def _said_by_rule(conversation: Conversation, template: Template, text: str) -> None:
    with transaction.atomic():
        now = Conversation.objects.locked().get(pk=conversation.pk)
        if now.status == Conversation.Status.RESOLVED or now.episode_id is None:
            raise acts.NotNow(_("This chat is closed already."))
        way = conversations.way_out(now, template.pk, text)
        written = messages.write(
            conversation=now.pk,
            author=Message.Author.AUTOMATION,
            kind=Message.Kind.TEMPLATE,
            text=text,
            language=now.language,
            meta=way,
        )
        assert written is not None
        template_sent(template.pk, written.id)
        due.schedule("deliver", now.pk)


# ── Who the buyer is, and whose turn it is ───────────────────────────────────────────────────
def _tags(params: dict[str, Any]) -> list[str]:
    tags = params.get("tags")
    if not isinstance(tags, list) or not tags or not all(isinstance(one, str) for one in tags):
        raise BadParams(_("Name the tags."))
    return [" ".join(one.split())[:40] for one in tags][:20]


def _tag(contact_id: int, add: list[str], remove: list[str]) -> tuple[list[str], list[str]]:
    with transaction.atomic():
        # Conversation before contact, as whoever takes a message in.
        talk = Conversation.objects.locked().filter(contact=contact_id).first()
        contact = Contact.objects.select_for_update(no_key=True).get(pk=contact_id)
        kept = (contact.data or {}).get("tags")
        before = [str(one) for one in kept] if isinstance(kept, list) else []
        added = [one for one in dict.fromkeys(add) if one not in before]
        removed = [one for one in before if one in remove]
        if added or removed:
            tags = [*(one for one in before if one not in removed), *added]
            contact.data = {**(contact.data or {}), "tags": tags}
            contact.save(update_fields=["data"])
            if talk is not None:
                sla.decide_again(talk.pk)
    return added, removed


@action("tag", "tags")
def tag(conversation: Conversation, params: dict[str, Any], by: User | None) -> dict[str, Any]:
    added, _removed = _tag(conversation.contact_id, _tags(params), [])
    return {"act": "tag", "add": [], "remove": added} if added else {}


@action("untag", "tags")
def untag(conversation: Conversation, params: dict[str, Any], by: User | None) -> dict[str, Any]:
    _added, removed = _tag(conversation.contact_id, [], _tags(params))
    return {"act": "tag", "add": removed, "remove": []} if removed else {}


@undoes("tag")
def tag_back(conversation_id: int, how: dict[str, Any], by: User | None) -> bool:
    contact = Conversation.objects.values_list("contact_id", flat=True).get(pk=conversation_id)
    _tag(contact, how["add"], how["remove"])
    return True


@action("to_queue", "team")
def to_queue(conversation: Conversation, params: dict[str, Any], by: User | None) -> dict[str, Any]:
    """People answer from now on: of a team, or of the one it has."""
    from bots.engine.handover import hand_over

    before = _state(conversation)
    team = _team(params)
    if conversation.speaker == Conversation.Speaker.BOT:
        if team is not None:
            assignment.assign(conversation.pk, None, team, by=None)
        hand_over(conversation_id=conversation.pk, reason=Reason.POLICY)
    elif conversation.speaker == Conversation.Speaker.NOBODY:
        raise acts.NotNow(_("This chat is closed already."))
    else:
        assignment.assign(conversation.pk, None, team, by)
    after = Conversation.objects.get(pk=conversation.pk)
    return _undo_speaker("assign", before, after)
