"""People behind contacts: merging with undo, fields, facts, blocking.

A merge is an edge between two cards and moves nothing: which cards are one follows from the edges
in force alone (`_settle`), so merges and undos may come in any order. The oldest card of those
that are one is shown; the others point at it.
"""

from __future__ import annotations

import contextlib
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from bots.models import (
    Contact,
    Conversation,
    Identity,
    Message,
    Person,
    PersonFact,
    PersonField,
    PersonMerge,
)
from bots.selectors.people import cards_of, conflict, contacts_of, proofs_of, shown
from bots.selectors.policy import visible
from tenants.kernel import due, outbox
from tenants.kernel.context import current_schema
from tenants.kernel.errors import RuleBroken
from tenants.services.audit import audit
from tenants.workspace.models import User

FACTS_AT_MOST = 200


class DifferentPeople(RuleBroken):
    """Both have proven who they are, and they are not the same. `kind`: what differs."""

    code = "different_people"

    def __init__(self, kind: str) -> None:
        super().__init__(
            str(_("These are two different people: each has proven another %s."))
            % Identity.Kind(kind).label,
            kind=kind,
        )


class HeldElsewhere(RuleBroken):
    code = "held_elsewhere"
    status = 403


class NotMerged(RuleBroken):
    code = "not_merged"


class BadValue(RuleBroken):
    """`field`: the code of a field."""

    code = "invalid"
    status = 400


# ── Cards ────────────────────────────────────────────────────────────────────────────────────
_COMPLETE = """
WITH alone AS (
    SELECT id, language, row_number() OVER (ORDER BY id) AS place FROM (
        SELECT id, language FROM bots_contact WHERE person_id IS NULL
        ORDER BY id LIMIT 5000 FOR UPDATE SKIP LOCKED) AS cardless),
made AS (
    INSERT INTO bots_person (name, language, created_at)
    SELECT '', language, now() FROM alone ORDER BY place RETURNING id),
given AS (SELECT id, row_number() OVER (ORDER BY id) AS place FROM made)
UPDATE bots_contact SET person_id = given.id
FROM alone JOIN given USING (place) WHERE bots_contact.id = alone.id
"""


def people_complete() -> None:
    """Every contact has a card: those that came without one get it now, 5,000 at a time."""
    if Contact.objects.filter(person=None).exists():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_COMPLETE)


def person_of(contact: Contact) -> Person:
    """The card a contact is shown by; made where there is none, once."""
    if contact.person is None:
        with transaction.atomic():
            locked = Contact.objects.select_for_update(of=("self",)).get(pk=contact.pk)
            if locked.person is None:
                locked.person = Person.objects.create(language=locked.language)
                locked.save(update_fields=["person"])
            contact.person = locked.person
    return shown(contact.person)


# ── Merging ──────────────────────────────────────────────────────────────────────────────────
def _lock() -> None:
    """Merges of a merchant come one after another: what is one is decided over many rows."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 727))",
            [f"{current_schema()}:people"],
        )


def people_merge(
    one_id: int, other_id: int, *, by: User | None = None, reason: str = ""
) -> PersonMerge:
    """Make two cards one. The same two again change nothing.

    Raises Person.DoesNotExist; DifferentPeople where each has proven to be somebody else.
    """
    with transaction.atomic():
        _lock()
        found = {p.pk: p for p in Person.objects.filter(pk__in=(one_id, other_id))}
        if one_id == other_id:
            raise NotMerged(str(_("This is one card already.")))
        if len(found) < 2:
            raise Person.DoesNotExist
        one, other = found[one_id], found[other_id]
        ours, theirs = cards_of(one), cards_of(other)
        if ours[0] == theirs[0]:
            merge = PersonMerge.objects.filter(
                Q(one__in=ours) & Q(other__in=ours), state=PersonMerge.State.DONE
            ).first()
            if merge is None:
                raise NotMerged(str(_("This is one card already.")))
            return merge
        if kind := conflict(proofs_of(ours), proofs_of(theirs)):
            raise DifferentPeople(kind)
        PersonMerge.objects.filter(
            Q(one=one, other=other) | Q(one=other, other=one),
            state=PersonMerge.State.DISMISSED,
        ).delete()
        merge = PersonMerge.objects.create(one=one, other=other, by=by, reason=reason[:10])
        _settle([*ours, *theirs])
        _tell("person.merged", merge, by)
    return merge


def people_recognise(contact: Contact, customer: str) -> None:
    """The shop's own site says who this is: contacts with the same signed customer id are one.

    Like any other merge it can be taken back, and is not done again then; nor where both have
    proven to be two people.
    """
    mine = contact.identities.filter(
        kind=Identity.Kind.CUSTOMER, proof=Identity.Proof.SIGNED
    ).exclude(value=customer)
    if mine.exists():
        return  # a computer that several use: it joins nobody
    same = (
        Contact.objects.filter(
            identities__kind=Identity.Kind.CUSTOMER,
            identities__value=customer,
            identities__proof=Identity.Proof.SIGNED,
        )
        .exclude(pk=contact.pk)
        .select_related("person__merged_into")
        .order_by("pk")
        .first()
    )
    if same is None:
        return
    one, other = person_of(same), person_of(contact)
    ours, theirs = cards_of(one), cards_of(other)
    if one.pk == other.pk or (
        PersonMerge.objects.filter(
            Q(one__in=ours, other__in=theirs) | Q(one__in=theirs, other__in=ours)
        )
        .exclude(state=PersonMerge.State.DONE)
        .exists()
    ):
        return
    with contextlib.suppress(DifferentPeople):
        people_merge(one.pk, other.pk, reason=Identity.Kind.CUSTOMER)


def people_unmerge(merge_id: int, *, by: User | None = None) -> PersonMerge:
    """Take a merge back; other merges stay. Twice changes nothing. It is not suggested again."""
    with transaction.atomic():
        _lock()
        merge = PersonMerge.objects.select_related("one").get(pk=merge_id)
        if merge.state == PersonMerge.State.DONE:
            cards = cards_of(merge.one)
            merge.state, merge.undone_at = PersonMerge.State.UNDONE, timezone.now()
            merge.save(update_fields=["state", "undone_at"])
            _settle(cards)
            _tell("person.unmerged", merge, by)
    return merge


def people_part(contact_id: int) -> None:
    """Who has proven to be somebody else than the rest of the card leaves it."""
    with transaction.atomic():
        _lock()
        contact = Contact.objects.select_related("person").filter(pk=contact_id).first()
        if contact is None or contact.person is None:
            return
        cards = cards_of(contact.person)
        others = [card for card in cards if card != contact.person_id]
        if not others or not conflict(proofs_of([contact.person.pk]), proofs_of(others)):
            return
        mine = Q(one=contact.person) | Q(other=contact.person)
        for merge in PersonMerge.objects.filter(mine, state=PersonMerge.State.DONE):
            merge.state, merge.undone_at = PersonMerge.State.UNDONE, timezone.now()
            merge.save(update_fields=["state", "undone_at"])
            _tell("person.unmerged", merge, None)
        _settle(cards)


def people_differ(one_id: int, other_id: int, *, by: User | None = None) -> None:
    """A suggestion is wrong: it is not made again."""
    with transaction.atomic():
        _lock()
        if Person.objects.filter(pk__in=(one_id, other_id)).count() != 2:
            raise Person.DoesNotExist
        PersonMerge.objects.create(
            one_id=min(one_id, other_id), other_id=max(one_id, other_id),
            state=PersonMerge.State.DISMISSED, by=by,
        )  # fmt: skip


def _settle(cards: list[int]) -> None:
    """Point each card at the oldest it is one with, by the edges in force among them."""
    first = {card: card for card in cards}

    def find(card: int) -> int:
        while first[card] != card:
            card = first[card]
        return card

    edges = PersonMerge.objects.filter(
        one__in=cards, other__in=cards, state=PersonMerge.State.DONE
    ).values_list("one", "other")
    for one, other in edges:
        low, high = sorted((find(one), find(other)))
        first[high] = low
    groups: dict[int, list[int]] = {}
    for card in cards:
        groups.setdefault(find(card), []).append(card)
    for root, members in groups.items():
        Person.objects.filter(pk=root).update(merged_into=None)
        Person.objects.filter(pk__in=[card for card in members if card != root]).update(
            merged_into=root
        )


def _tell(name: str, merge: PersonMerge, by: User | None) -> None:
    data: dict[str, Any] = {"person": merge.one_id, "other": merge.other_id, "merge": merge.pk}
    outbox.emit(name, key=f"person:{merge.one_id}", data=data)
    audit(name, f"#{merge.one_id} + #{merge.other_id}", actor=by, **data)


def person_split(person_id: int, contact_id: int, *, by: User | None = None) -> Person:
    """Give one contact a card of its own, whatever joined it. Raises NotMerged when it is alone."""
    with transaction.atomic():
        _lock()
        person = Person.objects.get(pk=person_id)
        contacts = {c.pk: c for c in contacts_of(person).select_related("person")}
        contact = contacts.get(contact_id)
        if contact is None:
            raise Person.DoesNotExist
        if len(contacts) == 1:
            raise NotMerged(str(_("It is the only contact of this card.")))
        made = Person.objects.create(language=contact.language)
        before = contact.person_id
        contact.person = made
        contact.save(update_fields=["person"])
        PersonMerge.objects.create(
            one_id=min(before or made.pk, made.pk), other_id=max(before or made.pk, made.pk),
            state=PersonMerge.State.DISMISSED, by=by,
        )  # fmt: skip
        audit("person.split", f"#{person.pk}", actor=by, contact=contact.pk, made=made.pk)
        outbox.emit(
            "person.split", key=f"person:{person.pk}",
            data={"person": person.pk, "other": made.pk, "contact": contact.pk},
        )  # fmt: skip
    return made


# ── The card ─────────────────────────────────────────────────────────────────────────────────
def value_read(field: PersonField, value: Any) -> Any:
    """A value as it is kept; None takes it away. Raises BadValue in words."""
    if value is None or value == "":
        return None
    refused = BadValue(str(_("“%s” is not of this type.")) % field.name, field=field.code)
    match field.kind:
        case PersonField.Kind.NUMBER:
            try:
                number = Decimal(str(value))
            except InvalidOperation:
                raise refused from None
            if isinstance(value, bool) or not number.is_finite() or abs(number) >= 10**15:
                raise refused
            return int(number) if number == number.to_integral_value() else float(number)
        case PersonField.Kind.BOOL:
            if not isinstance(value, bool):
                raise refused
            return value
        case PersonField.Kind.DATE:
            try:
                return date.fromisoformat(str(value)).isoformat()
            except ValueError:
                raise refused from None
        case PersonField.Kind.CHOICE:
            if value not in field.choices:
                raise refused
            return value
        case PersonField.Kind.URL:
            if not isinstance(value, str) or urlsplit(value).scheme not in ("http", "https"):
                raise refused
            return value[:400]
    if not isinstance(value, str):
        raise refused
    return value.replace("\x00", "")[:1000]


def person_save(
    person_id: int,
    *,
    by: User,
    name: str | None = None,
    language: str | None = None,
    values: dict[str, Any] | None = None,
) -> Person:
    """Change a card; fields that are not named stay. Raises BadValue and changes nothing then."""
    with transaction.atomic():
        person = shown(Person.objects.select_for_update(of=("self",)).get(pk=person_id))
        changed = []
        if values:
            known = {field.code: field for field in PersonField.objects.all()}
            kept = dict(person.fields)
            for code, value in values.items():
                if code not in known:
                    raise BadValue(str(_("There is no field “%s”.")) % code[:40], field=code[:40])
                read = value_read(known[code], value)
                if read is None:
                    kept.pop(code, None)
                else:
                    kept[code] = read
            person.fields = kept
            changed.append("fields")
        if name is not None:
            person.name = " ".join(name.replace("\x00", "").split())[:120]
            changed.append("name")
        if language is not None:
            person.language = language[:8]
            changed.append("language")
        if changed:
            person.save(update_fields=changed)
            audit(
                "person.changed",
                f"#{person.pk}",
                actor=by,
                what=sorted({*changed, *(values or {})}),
            )
            outbox.emit("person.changed", key=f"person:{person.pk}", data={"person": person.pk})
    return person


def person_block(person_id: int, is_blocked: bool, *, by: User) -> Person:
    """What blocked people write is kept, and answered by nobody; their open chats are closed.

    Raises HeldElsewhere where one of them is hidden from who asks.
    """
    from bots.services.conversations import conversations_resolve

    person = shown(Person.objects.select_related("merged_into").get(pk=person_id))
    with transaction.atomic():
        contacts = list(contacts_of(person).values_list("pk", flat=True))
        talks = Conversation.objects.filter(contact__in=contacts)
        talks = talks.exclude(status=Conversation.Status.RESOLVED)
        if talks.exclude(pk__in=visible(by).values("pk")).exists():
            raise HeldElsewhere(_("Colleagues whose chats you do not see answer this buyer, too."))
        Contact.objects.filter(pk__in=contacts).update(is_blocked=is_blocked)
        if is_blocked:
            conversations_resolve(contacts, by=by)
        name = "person.blocked" if is_blocked else "person.unblocked"
        audit(name, f"#{person.pk}", actor=by)
        outbox.emit(name, key=f"person:{person.pk}", data={"person": person.pk})
    return person


# ── What is remembered ───────────────────────────────────────────────────────────────────────
def fact_add(
    person_id: int,
    text: str,
    *,
    by: User | None,
    kind: str = PersonFact.Kind.FACT,
    message: int | None = None,
    expires_at: datetime | None = None,
) -> PersonFact:
    """Remember something. `message`: where it was said, one of this person's.

    Raises BadValue for a message of somebody else and for a time that has passed.
    """
    with transaction.atomic():
        person = shown(Person.objects.select_related("merged_into").get(pk=person_id))
        if expires_at is not None and expires_at <= timezone.now():
            raise BadValue(str(_("This time has passed.")), field="expires_at")
        if (
            message is not None
            and not Message.objects.filter(
                pk=message, conversation__contact__in=contacts_of(person)
            ).exists()
        ):
            raise BadValue(str(_("This message is not of this person.")), field="message")
        if PersonFact.objects.filter(person__in=cards_of(person)).count() >= FACTS_AT_MOST:
            raise BadValue(str(_("Too much is remembered of this person.")), field="text")
        fact = PersonFact.objects.create(
            person=person, kind=kind, text=text.replace("\x00", "").strip()[:1000],
            message_id=message, user=by, expires_at=expires_at,
        )  # fmt: skip
        if expires_at is not None:
            due.schedule("fact", fact.pk, due_at=expires_at)
        audit("person.remembered", f"#{person.pk}", actor=by, fact=fact.pk, kind=kind)
        _tell_facts(person.pk)
    return fact


def _tell_facts(person_id: int) -> None:
    """What is remembered has changed; open cards are read again."""
    outbox.emit("person.facts", key=f"person:{person_id}", data={"person": person_id})


def fact_delete(fact: PersonFact, *, by: User) -> None:
    with transaction.atomic():
        audit("person.fact_removed", f"#{fact.person_id}", actor=by, fact=fact.pk)
        due.cancel("fact", fact.pk)
        _tell_facts(fact.person_id)
        fact.delete()


@due.worker("fact")
def forget_fact(object_id: int) -> datetime | None:
    """A fact's time has come."""
    fact = PersonFact.objects.filter(pk=object_id).first()
    if fact is None or fact.expires_at is None:
        return None
    if fact.expires_at > timezone.now():
        return fact.expires_at
    with transaction.atomic():
        _tell_facts(fact.person_id)
        fact.delete()
    return None
