"""People as colleagues see them: lists, cards, suggested merges. By the one policy:

whoever may see a conversation of a person sees the person, and of it what those conversations
show: contacts, telephones, episodes.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import (
    Exists,
    OuterRef,
    Q,
    QuerySet,
)
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from bots.models import (
    Consent,
    Contact,
    Conversation,
    Episode,
    Identity,
    Message,
    Person,
    PersonFact,
    PersonField,
    PersonMerge,
    Rating,
    Segment,
)
from bots.selectors.policy import Sight, sight_of
from bots.selectors.search.asked import read
from bots.selectors.search.contacts import contacts_like
from bots.selectors.segments import of_card, segment_condition
from integrations.models import Order, OrderRequest
from integrations.native.orders import orders_by_owner
from tenants.kernel.compiled import Compiled
from tenants.workspace.models import AuditEntry, User

PAGE = 30
FACTS_TOLD = 20  # to a model, the newest


# ── Cards that are one ───────────────────────────────────────────────────────────────────────
def shown(person: Person) -> Person:
    return person.merged_into or person


def cards_of(person: Person) -> list[int]:
    """Numbers of all cards that are one with this, itself first."""
    root = person.merged_into_id or person.pk
    rest = Person.objects.filter(merged_into=root).order_by("pk").values_list("pk", flat=True)
    return [root, *rest]


def contacts_of(person: Person) -> QuerySet[Contact]:
    root = person.merged_into_id or person.pk
    return Contact.objects.filter(Q(person=root) | Q(person__merged_into=root))


Proofs = dict[tuple[str, str], set[str]]


def proofs_of(cards: Iterable[int]) -> Proofs:
    """What is proven of these cards by kind; customer ids of different vendors are apart."""
    found: Proofs = {}
    rows = Identity.objects.filter(contact__person__in=list(cards), proof__in=Identity.PROVEN)
    for row in rows.values_list("kind", "value", "proof", "contact__channel__kind"):
        found.setdefault(_key(row[0], row[2], row[3]), set()).add(row[1].lower())
    return found


def _key(kind: str, proof: str, channel: str) -> tuple[str, str]:
    if kind != Identity.Kind.CUSTOMER:
        return kind, ""
    return kind, proof if proof == Identity.Proof.SIGNED else f"{proof}:{channel}"


def conflict(one: Proofs, other: Proofs) -> str:
    """The kind of identity that makes two cards two people; empty where none does."""
    for key in sorted(one.keys() & other.keys()):
        if not one[key] & other[key]:
            return key[0]
    return ""


# ── Who is seen ──────────────────────────────────────────────────────────────────────────────
def people_seen(user: User) -> QuerySet[Person]:
    """Cards a person of the merchant may open; merged ones are shown by the card they went into."""
    return _seen(sight_of(user))


def _seen(sight: Sight) -> QuerySet[Person]:
    people = Person.objects.filter(merged_into=None)
    if sight.nothing:
        return people.none()
    if sight.everything:
        return people
    talks = Conversation.objects.filter(
        Q(contact__person=OuterRef("pk")) | Q(contact__person__merged_into=OuterRef("pk"))
    )
    return people.filter(Exists(talks.filter(sight.where())))


def person_seen(user: User, pk: int) -> Person:
    """The card by its own number or by one that went into it. Raises Person.DoesNotExist."""
    found = Person.objects.filter(pk=pk).values_list("merged_into", flat=True).first()
    return people_seen(user).get(pk=found or pk)


def contacts_seen(sight: Sight, person: Person) -> QuerySet[Contact]:
    found = contacts_of(person)
    if sight.nothing:
        return found.none()
    return found if sight.everything else found.filter(sight.where("conversation__"))


def said_lately(user: User, person: Person, limit: int = 30) -> list[Message]:
    """What they wrote last, the newest first, where this colleague may read it."""
    contacts = contacts_seen(sight_of(user), person)
    rows = Message.objects.filter(
        author=Message.Author.BUYER, deleted_at=None, conversation__contact__in=contacts
    )
    return list(rows.exclude(text="").order_by("-sent_at", "-pk")[:limit])


def people_page(
    user: User,
    *,
    query: str = "",
    segment: Segment | None = None,
    channel: int | None = None,
    label: str = "",
    is_blocked: bool | None = None,
    after: str = "",
    limit: int = PAGE,
) -> dict[str, Any]:
    """`{"results", "next"}`, the newest card first."""
    sight = sight_of(user)
    found = _seen(sight)
    if segment is not None:
        found = found.filter(segment_condition(segment.conditions))
    contacts = Contact.objects.filter(of_card())
    if query.strip():
        asked = read(query)
        like = Q(pk__in=())
        for way in contacts_like(asked):
            like |= Q(pk__in=way.values("pk"))
        visible = contacts.filter(like)
        if not sight.everything:  # a hidden contact's telephone must not lead to the card
            visible = visible.filter(sight.where("conversation__"))
        found = found.filter(Exists(visible))
    if channel:
        found = found.filter(Exists(contacts.filter(channel=channel)))
    if label:
        found = found.filter(Exists(contacts.filter(conversation__labels__contains=[label])))
    if is_blocked is not None:
        blocked = Exists(contacts.filter(is_blocked=True))
        found = found.filter(blocked if is_blocked else ~blocked)
    if place := _place(after):
        found = found.filter(pk__lt=place)
    rows = list(found.order_by("-pk")[: limit + 1])
    more, rows = len(rows) > limit, rows[:limit]
    return {
        "results": _rows(sight, rows),
        "next": base64.urlsafe_b64encode(str(rows[-1].pk).encode()).decode() if more else "",
    }


def segment_count(user: User, conditions: list[dict[str, Any]]) -> int:
    """How many people of those this person may see, now."""
    return people_seen(user).filter(segment_condition(conditions)).count()


def _place(after: str) -> int:
    try:
        return min(max(int(base64.urlsafe_b64decode(after.encode())), 0), 2**62)
    except (ValueError, binascii.Error):
        return 0


def _rows(sight: Sight, people: list[Person]) -> list[dict[str, Any]]:
    pks = [person.pk for person in people]
    by_person: dict[int, list[Contact]] = {}
    contacts = Contact.objects.filter(Q(person__in=pks) | Q(person__merged_into__in=pks))
    if not sight.everything:
        contacts = contacts.filter(sight.where("conversation__"))
    for contact in contacts.select_related("channel", "person", "conversation").order_by("pk"):
        assert contact.person is not None
        by_person.setdefault(contact.person.merged_into_id or contact.person.pk, []).append(contact)
    return [_row(person, by_person.get(person.pk, [])) for person in people]


def _row(person: Person, contacts: list[Contact]) -> dict[str, Any]:
    seen = [talk.updated_at for c in contacts if (talk := _talk(c))]
    return {
        "id": person.pk,
        "name": name_of(person, contacts),
        "language": person.language or next((c.language for c in contacts if c.language), ""),
        "is_blocked": any(c.is_blocked for c in contacts),
        "fields": person.fields,
        "contacts": [_contact(c) for c in contacts],
        "last_seen": max(seen, default=None),
        "since": person.created_at,
    }


def _talk(contact: Contact) -> Conversation | None:
    return getattr(contact, "conversation", None)


def name_of(person: Person, contacts: Iterable[Contact]) -> str:
    return person.name or next((c.name or c.username for c in contacts if c.name or c.username), "")


def _contact(contact: Contact) -> dict[str, Any]:
    talk = _talk(contact)
    return {
        "id": contact.pk,
        "person": contact.person_id,
        "channel": {
            "id": contact.channel_id,
            "kind": contact.channel.kind,
            "name": contact.channel.name,
        },
        "name": contact.name,
        "username": contact.username,
        "is_reachable": contact.is_reachable,
        "is_blocked": contact.is_blocked,
        "conversation": talk.pk if talk else None,
        "talk": talk_of(talk) if talk else None,
    }


def talk_of(talk: Conversation) -> dict[str, Any]:
    """A conversation in one line of a card."""
    return {
        "id": talk.pk,
        "status": talk.status,
        "speaker": talk.speaker,
        "preview": talk.preview,
        "preview_author": talk.preview_author,
        "updated_at": talk.updated_at,
    }


# ── A card ───────────────────────────────────────────────────────────────────────────────────
def card_of(user: User, person: Person) -> dict[str, Any]:
    """Everything of one person that this colleague may see, in a constant number of queries."""
    sight = sight_of(user)
    cards = cards_of(person)
    contacts = list(
        contacts_seen(sight, person)
        .select_related("channel", "conversation")
        .prefetch_related("identities")
        .order_by("pk")
    )
    pks = [c.pk for c in contacts]
    people = list(Person.objects.filter(pk__in=cards).order_by("pk"))
    values = {code: value for one in reversed(people) for code, value in one.fields.items()}
    name = next((one.name for one in people if one.name), "")
    return {
        **_row(person, contacts),
        "name": name or name_of(person, contacts),
        "identities": _identities(contacts),
        "fields": [
            {
                "code": one.code,
                "name": one.name,
                "kind": one.kind,
                "choices": one.choices,
                "value": values.get(one.code),
            }
            for one in PersonField.objects.all()
        ],
        "facts": facts_of(cards),
        "consents": list(
            Consent.objects.filter(contact__in=pks)
            .order_by("-pk")
            .values("contact", "kind", "is_given", "text", "text_version", "at")[:50]
        ),
        "orders": orders_of(contacts),
        "episodes": episodes_of(pks),
        "merges": [
            {"id": m.pk, "one": m.one_id, "other": m.other_id, "reason": m.reason, "at": m.at,
             "by": str(m.by) if m.by else ""}
            for m in PersonMerge.objects.filter(
                one__in=cards, other__in=cards, state=PersonMerge.State.DONE
            ).select_related("by").order_by("pk")
        ],
        "suggestions": suggestions(sight, person, contacts, cards),
        "acts": acts_of(cards),
    }  # fmt: skip


def _identities(contacts: list[Contact]) -> list[dict[str, Any]]:
    return [
        {
            "contact": c.pk,
            "kind": i.kind,
            "value": i.value,
            "proof": i.proof,
            "is_proven": i.proof in Identity.PROVEN,
        }
        for c in contacts
        for i in c.identities.all()
    ]


def facts_of(cards: list[int]) -> list[dict[str, Any]]:
    now = timezone.now()
    rows = PersonFact.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=now), person__in=cards
    ).select_related("user", "message")
    return [
        {
            "id": one.pk,
            "kind": one.kind,
            "text": one.text,
            "by": str(one.user) if one.user else "",
            "at": one.at,
            "expires_at": one.expires_at,
            "message": one.message_id,
            "source": {"conversation": one.message.conversation_id, "seq": one.message.seq}
            if one.message
            else None,
        }
        for one in rows.order_by("-pk")
    ]


def orders_proven(
    identities: Iterable[Identity],
    *,
    proofs: Iterable[str] = Identity.PROVEN,
    number: str = "",
    limit: int = 5,
) -> list[Order]:
    """The newest orders of whoever has proven these telephones and e-mails. THE place for it.

    `number`: that one of theirs, however old.
    """
    proven = [one for one in identities if one.proof in proofs]
    return orders_by_owner(
        (one.value for one in proven if one.kind == Identity.Kind.PHONE),
        (one.value for one in proven if one.kind == Identity.Kind.EMAIL),
        number=number,
        limit=limit,
    )


def order_seen(user: User, talk: Conversation, number: str) -> Order | None:
    """An order of whoever writes in a conversation, where the card beside it may show it."""
    contact = talk.contact
    found = Contact.objects.filter(pk=contact.pk)
    if person := contact.person:
        found = contacts_seen(sight_of(user), person.merged_into or person)
    rows = found.prefetch_related("identities")
    identities = [one for row in rows for one in row.identities.all()]
    return next(iter(orders_proven(identities, number=number, limit=1)), None) if number else None


def orders_of(contacts: Iterable[Contact]) -> list[dict[str, Any]]:
    """The last five; only by what is proven."""
    orders = orders_proven(i for c in contacts for i in c.identities.all())
    requests: dict[int, list[dict[str, Any]]] = {}
    for one in OrderRequest.objects.filter(order__in=orders).order_by("pk"):
        told = {"id": one.pk, "kind": one.kind, "state": one.state, "sum": str(one.sum)}
        requests.setdefault(one.order_id, []).append(told)
    return [
        {
            "number": o.number,
            "status": o.status,
            "sum": str(o.sum),
            "currency": o.currency,
            "placed_at": o.placed_at,
            "lines": [line.name for line in o.lines.all()][:4],
            "track": o.parcel.track if hasattr(o, "parcel") else "",
            "requests": requests.get(o.pk, []),
        }
        for o in orders
    ]


@dataclass(frozen=True)
class Remembered:
    """A fact as a model is told it."""

    text: str
    at: datetime
    is_said: bool  # by the buyer, in a message; else a colleague wrote it down


# Each answer of a model asks for them.
_told_of = Compiled(
    lambda contact: (
        PersonFact.objects.alias(root=Coalesce("person__merged_into", "person"))
        .filter(
            Q(expires_at=None) | Q(expires_at__gt=Now()),
            root__in=Contact.objects.filter(pk=contact, person__isnull=False).values(
                root=Coalesce("person__merged_into", "person")
            ),
            kind=PersonFact.Kind.FACT,
        )
        .order_by("-pk")[:FACTS_TOLD]
    ),
    int,
)


def facts_for_model(contact_id: int) -> list[Remembered]:
    """What a model may be told of a buyer, the newest first: of their own cards only, facts that
    have not expired, never notes."""
    found = _told_of(contact_id)
    return [Remembered(fact.text, fact.at, fact.message_id is not None) for fact in found]


def episodes_of(contacts: list[int]) -> list[dict[str, Any]]:
    """The last ten with their outcomes and what the buyer thought of them."""
    rows = list(
        Episode.objects.filter(conversation__contact__in=contacts)
        .select_related("conversation__channel")
        .order_by("-started_at", "-pk")[:10]
    )
    scores: dict[int, list[dict[str, Any]]] = {}
    for one in Rating.objects.filter(episode__in=rows, score__isnull=False):
        scores.setdefault(one.episode_id, []).append(
            {"about": one.about, "score": one.score, "comment": one.comment}
        )
    return [
        {
            "id": e.pk,
            "conversation": e.conversation_id,
            "channel": {"kind": e.conversation.channel.kind, "name": e.conversation.channel.name},
            "started_at": e.started_at,
            "resolved_at": e.resolved_at,
            "by": e.resolved_by,
            "outcome": e.outcome,
            "reason": e.handover_reason,
            "start_seq": e.start_seq,
            "ratings": scores.get(e.pk, []),
        }
        for e in rows
    ]


def acts_of(cards: list[int]) -> list[dict[str, Any]]:
    """What colleagues did to the card, newest first."""
    names = [f"#{pk}" for pk in cards]
    rows = AuditEntry.objects.filter(action__startswith="person.", target__in=names)
    return [{"action": one.action, "by": one.actor, "at": one.at} for one in rows[:20]]


def suggestions(
    sight: Sight, person: Person, contacts: list[Contact], cards: list[int]
) -> list[dict[str, Any]]:
    """Cards of what is probably the same person, each with why.

    The same proven telephone, e-mail or customer id; never two who proved to be different people.
    """
    mine = [i for c in contacts for i in c.identities.all() if i.proof in Identity.PROVEN]
    if not mine:
        return []
    same = (
        Identity.objects.filter(value__in={i.value for i in mine}, proof__in=Identity.PROVEN)
        .exclude(contact__person__in=cards)
        .exclude(contact__person=None)
        .select_related("contact__person", "contact__channel")
    )
    if not sight.everything:
        same = same.filter(sight.where("contact__conversation__"))
    channels = {c.pk: c.channel.kind for c in contacts}
    have = {(*_key(i.kind, i.proof, channels[i.contact_id]), i.value.lower()): i.kind for i in mine}
    reasons: dict[int, tuple[str, str]] = {}
    for one in same[:50]:
        key = (*_key(one.kind, one.proof, one.contact.channel.kind), one.value.lower())
        other = one.contact.person
        if key in have and other is not None:
            reasons.setdefault(other.merged_into_id or other.pk, (one.kind, one.value))
    if not reasons:
        return []
    dismissed: set[int] = set()
    for a, b in PersonMerge.objects.filter(
        Q(one__in=cards) | Q(other__in=cards),
        state__in=(PersonMerge.State.DISMISSED, PersonMerge.State.UNDONE),
    ).values_list("one", "other"):
        dismissed |= {a, b}
    ours = proofs_of(cards)
    rows = {row["id"]: row for row in _rows(
        sight, list(Person.objects.filter(pk__in=reasons.keys() - dismissed)[:5])
    )}  # fmt: skip
    theirs = _proofs_by_root(rows)
    return [
        {
            "person": row["id"],
            "name": row["name"],
            "contacts": row["contacts"],
            "reason": reasons[pk][0],
            "value": reasons[pk][1],
        }
        for pk, row in rows.items()
        if not conflict(ours, theirs.get(pk, {}))
    ]


def _proofs_by_root(roots: Iterable[int]) -> dict[int, Proofs]:
    pks = list(roots)
    found: dict[int, Proofs] = {}
    rows = Identity.objects.filter(
        Q(contact__person__in=pks) | Q(contact__person__merged_into__in=pks),
        proof__in=Identity.PROVEN,
    ).annotate(root=Coalesce("contact__person__merged_into", "contact__person"))
    for root, kind, value, proof, channel in rows.values_list(
        "root", "kind", "value", "proof", "contact__channel__kind"
    ):
        found.setdefault(root, {}).setdefault(_key(kind, proof, channel), set()).add(value.lower())
    return found
