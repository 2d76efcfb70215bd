"""Broadcasts as a merchant makes them: what is kept, what is refused, start, pause, stop, a test.

The sending itself is bots.services.broadcast_run.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from bots.models import (
    Broadcast,
    BroadcastItem,
    Channel,
    Contact,
    Conversation,
    Message,
    Segment,
)
from bots.selectors.advertising import bans, erid_fits, inn_fits, is_marked
from bots.selectors.audience import TIED, WHO, channels_of, counted
from bots.selectors.sendable import manifest_of
from bots.services.broadcast_text import (
    content,
    dressed,
    languages_of,
    source_of,
    values_of,
    variables_for,
)
from bots.services.broadcast_write import Refused, message_write
from bots.services.delivery import tell_of
from bots.services.template_samples import SAMPLES
from bots.services.template_text import VARIABLES, BrokenTemplate, template_parse
from bots.services.templates import template_clean
from integrations.models import Order, OrderRequest
from tenants.kernel import due
from tenants.kernel.errors import RuleBroken
from tenants.kernel.text import whole
from tenants.services.audit import audit
from tenants.workspace.models import User

State = Broadcast.State
CONTACTS_AT_MOST, THROTTLE_AT_MOST, LANGUAGES = 10_000, 60_000, ("ru", "en")
# From so many on it is confirmed by its name.
LARGE = 100
FARTHEST = timedelta(days=365)
FIELDS = (
    "kind", "name", "channels", "audience", "template", "texts", "buttons", "files", "ad",
    "throttle", "quiet_from", "quiet_to", "scheduled_at",
)  # fmt: skip


class NotThen(RuleBroken):
    """It is sent, stopped or done already; `state` says which."""

    code = "broadcast_state"


class NotConfirmed(RuleBroken):
    """Many get it: `confirm` has to be its name. `gets`: how many."""

    code = "confirm"
    status = 400


class NotReady(RuleBroken):
    """`faults`: by field, what has to be put right before it goes out."""

    code = "not_ready"
    status = 400


# ── What is kept ─────────────────────────────────────────────────────────────────────────────
def broadcast_save(
    data: Mapping[str, Any], *, broadcast: Broadcast | None = None, by: User | None = None
) -> Broadcast:
    """Make or change a draft; what is not named stays. Raises ValidationError by field, NotThen."""
    with transaction.atomic():
        if broadcast is None:
            row = Broadcast(user=by, kind=str(data.get("kind", "")))
        else:
            row = _held(broadcast.pk)
            if row.state not in (State.DRAFT, State.READY):
                raise _not_then(row)
        given = {name: data[name] for name in FIELDS if name in data}
        faults = _put(row, given)
        if faults:
            raise ValidationError(faults)
        is_waiting = row.state == State.READY
        if is_waiting and (problems := faults_of(row)):
            raise ValidationError(problems)
        row.save()
        if is_waiting:
            due.reschedule("broadcast", row.pk, due_at=row.scheduled_at or timezone.now())
    return row


def _put(row: Broadcast, given: Mapping[str, Any]) -> dict[str, list[str]]:
    """Set what fits; the rest is told by field."""
    faults: dict[str, list[str]] = {}

    def fault(name: str, message: str) -> None:
        faults.setdefault(name, []).append(message)

    for name, value in given.items():
        setattr(row, name, value)
    if row.kind not in Broadcast.Kind.values:
        fault("kind", _("Choose what it is: about an order, or advertising."))
    row.name = " ".join(str(row.name or "").split())[:120]
    if not row.name:
        fault("name", _("Give it a name."))
    known = set(
        Channel.objects.filter(pk__in=[c for c in row.channels if isinstance(c, int)]).values_list(
            "pk", flat=True
        )
    )
    row.channels = list(dict.fromkeys(c for c in row.channels if c in known))
    row.audience = _audience(row.audience, fault)
    if "texts" in given or "buttons" in given or "files" in given:
        try:
            clean = template_clean(
                {
                    **({"texts": row.texts} if any(row.texts.values()) else {}),
                    "buttons": row.buttons,
                    "attachments": row.files,
                }
            )
        except ValidationError as error:
            for name, messages in error.message_dict.items():
                faults.setdefault("files" if name == "attachments" else name, []).extend(messages)
        else:
            row.texts, row.buttons = clean.get("texts", {}), clean["buttons"]
    row.ad = {
        name: " ".join(str((row.ad or {}).get(name) or "").split())[:200]
        for name in ("advertiser", "inn", "erid")
    }
    if row.ad["inn"] and not inn_fits(row.ad["inn"]):
        fault("inn", _("This INN does not add up: 10 figures of a company or 12 of a person."))
    if row.ad["erid"] and not erid_fits(row.ad["erid"]):
        fault("erid", _("erid is 7 to 64 Latin letters and figures, as the data operator gave it."))
    row.throttle = min(max(int(row.throttle or 0), 0), THROTTLE_AT_MOST)
    if not (0 <= int(row.quiet_from) <= 23 and 0 <= int(row.quiet_to) <= 23):
        fault("quiet_from", _("Hours are numbers from 0 to 23."))
    if row.scheduled_at is not None and row.scheduled_at > timezone.now() + FARTHEST:
        fault("scheduled_at", _("Choose a time within a year."))
    return faults


def _audience(given: Any, fault: Any) -> dict[str, Any]:
    """Only what its kind asks for, of the right types."""
    given = given if isinstance(given, Mapping) else {}
    who = given.get("who")
    if who is None and not given:
        return {}
    if who not in WHO:
        fault("audience", _("Say who gets it."))
        return {}
    found: dict[str, Any] = {"who": who}

    def of(name: str, values: Any) -> list[str]:
        return [str(one) for one in given.get(name) or () if str(one) in values]

    if who == "segment":
        found["segment"] = given.get("segment")
        if not Segment.objects.filter(pk=whole(str(found["segment"])) or 0).exists():
            fault("segment", _("Choose a segment."))
    elif who == "labels":
        found["labels"] = [str(one)[:60] for one in given.get("labels") or ()][:50]
        if not found["labels"]:
            fault("labels", _("Name at least one label."))
    elif who == "contacts":
        ids = [one for one in given.get("contacts") or () if isinstance(one, int)]
        found["contacts"] = list(dict.fromkeys(ids))
        if len(ids) > CONTACTS_AT_MOST:
            fault("contacts", _("At most %s buyers in a list.") % CONTACTS_AT_MOST)
        elif not ids:
            fault("contacts", _("Name at least one buyer."))
    elif who == "orders":
        found["statuses"] = of("statuses", Order.Status.values)
        if not found["statuses"]:
            fault("statuses", _("Choose at least one state of orders."))
        for name in ("from", "to"):
            if given.get(name):
                try:
                    found[name] = datetime.fromisoformat(str(given[name])).date().isoformat()
                except ValueError:
                    fault(name, _("“%s” is not a date like 2026-12-01.") % given[name])
    elif who == "requests":
        found["kinds"] = of("kinds", OrderRequest.Kind.values)
        found["states"] = of("states", OrderRequest.State.values)
        if not found["kinds"] or not found["states"]:
            fault("kinds", _("Choose which requests, in which state."))
    return found


def faults_of(broadcast: Broadcast) -> dict[str, list[str]]:
    """What keeps it from going out, by field."""
    faults: dict[str, list[str]] = {}
    channels = channels_of(broadcast)
    if not channels:
        faults["channels"] = [_("Choose at least one channel.")]
    who = broadcast.audience.get("who")
    if not who:
        faults["audience"] = [_("Say who gets it.")]
    languages = languages_of(broadcast)
    if not languages:
        faults["texts"] = [_("Write the text in at least one language.")]
    allowed = variables_for(broadcast.kind, str(who))
    names: set[str] = set()
    for lang in languages:
        used, problems = _variables(source_of(broadcast, lang)[0], allowed)
        names |= used
        if problems:
            faults.setdefault("texts", []).extend(f"{lang}: {one}" for one in problems)
        if not broadcast.is_advertising and not used & {"order.number", "order.status"}:
            faults.setdefault("texts", []).append(
                f"{lang}: "
                + _("A message about an order names it: put {{order.number}} into the text.")
            )
    if not broadcast.is_advertising and who and who not in TIED:
        faults.setdefault("audience", []).append(
            _("A service message is tied to an order or a request: choose buyers by these.")
        )
    if broadcast.is_advertising:
        _advertising(broadcast, channels, faults)
    return faults


def _variables(text: str, allowed: tuple[str, ...]) -> tuple[set[str], list[str]]:
    try:
        pieces = template_parse(text)
    except BrokenTemplate as broken:
        return set(), broken.faults
    if any(piece.kind == "ask" for piece in pieces):
        return set(), [_("Nobody is there to be asked: take {{ask: …}} out.")]
    names = {piece.text for piece in pieces if piece.kind == "variable"}
    wrong = sorted(names - set(allowed))
    titles = "”, “".join(str(VARIABLES[name]) for name in wrong)
    return names, [_("“%s” is not known of these buyers.") % titles] if wrong else []


def _advertising(
    broadcast: Broadcast, channels: list[Channel], faults: dict[str, list[str]]
) -> None:
    if is_marked():
        if not broadcast.ad.get("advertiser"):
            faults["advertiser"] = [_("Name the advertiser as in its registration.")]
        if not inn_fits(broadcast.ad.get("inn", "")):
            faults["inn"] = [
                _("This INN does not add up: 10 figures of a company or 12 of a person.")
            ]
        if not erid_fits(broadcast.ad.get("erid", "")):
            faults["erid"] = [
                _("erid is 7 to 64 Latin letters and figures, as the data operator gave it.")
            ]
    forbidden = bans()
    if channels and all(channel.kind in forbidden for channel in channels):
        words = {_(forbidden[channel.kind]) for channel in channels}
        faults.setdefault("channels", []).append(
            _("Advertising is forbidden in the channels you chose.") + " " + " ".join(sorted(words))
        )


# ── Sending ──────────────────────────────────────────────────────────────────────────────────
def _held(pk: int) -> Broadcast:
    return Broadcast.objects.select_for_update(of=("self",), no_key=True).get(pk=pk)


def _not_then(row: Broadcast) -> NotThen:
    return NotThen(_("This does not fit its state: %s.") % row.get_state_display(), state=row.state)


def broadcast_start(pk: int, *, by: User, confirm: str = "") -> Broadcast:
    """Send it, or let it wait for its time. Raises NotReady, NotConfirmed, NotThen."""
    with transaction.atomic():
        row = _held(pk)
        if row.state != State.DRAFT:
            raise _not_then(row)
        if faults := faults_of(row):
            words = " ".join(one for found in faults.values() for one in found)
            raise NotReady(words, faults=faults)
        gets = counted(row).gets
        if not gets:
            raise NotReady(
                _("Nobody of these can be written to."),
                faults={"audience": [_("Nobody of these can be written to.")]},
            )
        if gets >= LARGE and confirm.strip() != row.name:
            raise NotConfirmed(_("Many will get it: type its name to confirm."), gets=gets)
        row.state, row.detail, row.user = State.READY, "", by
        row.save(update_fields=["state", "detail", "user"])
        due.reschedule("broadcast", row.pk, due_at=row.scheduled_at or timezone.now())
        audit("broadcast.started", f"{row} (#{row.pk})", actor=by, gets=gets, kind=row.kind)
    return row


def broadcast_pause(pk: int, *, by: User) -> Broadcast:
    """What has been handed to the channel still goes; pausing twice changes nothing."""
    return _turn(pk, by, (State.SENDING, State.READY), State.PAUSED, "paused")


def broadcast_resume(pk: int, *, by: User) -> Broadcast:
    return _turn(pk, by, (State.PAUSED,), State.SENDING, "resumed")


def _turn(pk: int, by: User, wanted: tuple[str, ...], to: str, verb: str) -> Broadcast:
    with transaction.atomic():
        row = _held(pk)
        if row.state == to:
            return row
        if row.state not in wanted:
            raise _not_then(row)
        # One that was paused before its list was made begins with making it.
        row.state = to if to != State.SENDING or row.started_at else State.READY
        row.detail = ""
        row.save(update_fields=["state", "detail"])
        if to == State.SENDING:
            begins = row.scheduled_at if row.started_at is None else None
            due.reschedule("broadcast", row.pk, due_at=begins or timezone.now())
        audit(f"broadcast.{verb}", f"{row} (#{row.pk})", actor=by)
    return row


def broadcast_stop(pk: int, *, by: User) -> Broadcast:
    """Nobody gets it any more: what waits for the channel is taken back, what is out stays out."""
    with transaction.atomic():
        row = _held(pk)
        if row.state == State.STOPPED:
            return row
        if row.state not in (State.READY, State.SENDING, State.PAUSED):
            raise _not_then(row)
        row.state, row.finished_at, row.detail = State.STOPPED, timezone.now(), ""
        row.save(update_fields=["state", "finished_at", "detail"])
        BroadcastItem.objects.filter(broadcast=row, state=BroadcastItem.State.WAITING).update(
            state=BroadcastItem.State.SKIPPED, reason="stopped", at=timezone.now()
        )
        _take_back(row)
        due.cancel("broadcast", row.pk)
        audit("broadcast.stopped", f"{row} (#{row.pk})", actor=by)
    return row


def _take_back(row: Broadcast) -> None:
    """Messages that wait for their channel: a claim that is under way wins or loses as a whole."""
    items = BroadcastItem.objects.filter(
        broadcast=row, state=BroadcastItem.State.WRITTEN, message__state=Message.State.QUEUED
    )
    waiting = Message.objects.filter(pk__in=list(items.values_list("message", flat=True)))
    for message in waiting.select_for_update(skip_locked=True).order_by("pk"):
        taken = Message.objects.filter(pk=message.pk, state=Message.State.QUEUED).update(
            state=Message.State.DROPPED, failure="stopped"
        )
        if taken:
            BroadcastItem.objects.filter(broadcast=row, message=message).update(
                state=BroadcastItem.State.SKIPPED, reason="stopped", at=timezone.now()
            )
            tell_of(message, "dropped")


def broadcast_delete(pk: int, *, by: User) -> None:
    """A draft that was never sent. What was sent stays: it is a record. Raises NotThen."""
    with transaction.atomic():
        row = _held(pk)
        if row.state != State.DRAFT:
            raise _not_then(row)
        audit("broadcast.deleted", f"{row} (#{row.pk})", actor=by)
        row.delete()


def broadcast_copy(pk: int, *, by: User) -> Broadcast:
    """The same again as a draft, to be sent to whoever fits by then."""
    row = Broadcast.objects.get(pk=pk)
    with transaction.atomic():
        copy = Broadcast.objects.create(
            **{name: getattr(row, name) for name in FIELDS if name not in ("name", "scheduled_at")},
            name=(_("%s, again") % row.name)[:120],
            user=by,
        )
        audit("broadcast.added", f"{copy} (#{copy.pk})", actor=by, copy_of=row.pk)
    return copy


# ── A test ───────────────────────────────────────────────────────────────────────────────────
def test_send(pk: int, contact: Contact, *, by: User) -> int:
    """To one contact of one's own, as it will be, whatever its consent. Returns the message's id.

    Raises NotReady where something is missing, Refused where this contact cannot be written to.
    """
    row = Broadcast.objects.select_related("template").get(pk=pk)
    channel = contact.channel
    faults = {
        name: found
        for name, found in faults_of(row).items()
        if name in ("texts", "advertiser", "inn", "erid")
    }
    if row.is_advertising and channel.kind in (forbidden := bans()):
        faults["channels"] = [_(forbidden[channel.kind])]
    if faults:
        words = " ".join(one for found in faults.values() for one in found)
        raise NotReady(words, faults=faults)
    manifest = manifest_of(channel)
    with transaction.atomic():
        conversation = (
            Conversation.objects.locked().select_related("contact", "channel").get(contact=contact)
        )
        if manifest is None or contact.is_blocked or not contact.is_reachable:
            raise Refused("unreachable")
        # Nobody else's order is told of: an invented one.
        lang = "en" if conversation.language.startswith("en") else "ru"
        said = content(row, conversation.language, {**SAMPLES[lang], **values_of(conversation)})
        if not said.text:
            raise Refused("no_value")
        written = message_write(
            conversation,
            dressed(row, said, manifest),
            meta={"broadcast_test": row.pk, **({"ad": True} if row.is_advertising else {})},
        )
        audit("broadcast.tested", f"{row} (#{row.pk})", actor=by, contact=contact.pk)
    return written
