"""Contacts by name, e-mail or telephone, and orders by number: by the policy, as all of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import BooleanField, Q, QuerySet

from bots.models import Contact, Conversation, Identity, Person
from bots.retrieval.repair import plain_reading
from bots.retrieval.text import fold
from bots.selectors.policy import Sight
from bots.selectors.search.asked import RUN, Asked, Narrow
from bots.selectors.search.snippets import utf16
from bots.selectors.search.words import (
    OF_CONTACT,
    OF_PERSON,
    Sql,
    matches,
    name_lexeme,
    query_of,
    slipped_query,
)
from integrations.models import Order
from tenants.workspace.models import User

CONTACTS_SHOWN = 10
ORDERS_SHOWN = 5
NAMED_AT_MOST = 500


def contacts_like(asked: Asked, *, slipped: bool = False) -> list[QuerySet[Contact]]:
    """Contacts whose name, user name, e-mail or telephone fits: one query each way, by an index."""
    names = (
        slipped_query(asked, OF_CONTACT) if slipped else query_of(_with_sounds(asked), name_lexeme)
    )
    ways = []
    if names:
        # Asked first and apart: few cards have a name of their own, which the planner cannot know.
        named = Sql(("name",), f"{{0}} <> '' AND {OF_PERSON.sql} @@ ({names})", BooleanField())
        people = list(Person.objects.filter(named).values_list("pk", flat=True)[:NAMED_AT_MOST])
        ways = [
            Contact.objects.filter(matches(OF_CONTACT, names)),
            *([Contact.objects.filter(Q(person__in=people))] if people else []),
        ]
    if slipped:
        return ways
    if asked.digits:
        ways.append(Contact.objects.filter(pk__in=_identified(asked.digits).values("contact")))
    elif len(asked.text) >= 3 and asked.text.isascii() and " " not in asked.text:
        mails = Identity.objects.filter(value__startswith=asked.text.lower()).values("contact")
        ways.append(Contact.objects.filter(pk__in=mails))
    return ways


def _identified(digits: str) -> QuerySet[Identity]:
    """By a whole number in any spelling, by a part of it, or by its last four digits."""
    if len(digits) >= 10:
        return Identity.objects.filter(value__in=(*_telephones(digits), digits, digits[-10:]))
    return Identity.objects.filter(_part_of("value", digits), kind=Identity.Kind.PHONE)


def _telephones(digits: str) -> tuple[str, ...]:
    """How a whole number is kept: with its country; a Russian one may be typed by 8 or without."""
    if len(digits) == 10 or (len(digits) == 11 and digits[0] in "78"):
        return (f"+7{digits[-10:]}", f"+{digits}")
    return (f"+{digits}",)


def _part_of(name: str, digits: str) -> Q:
    """The last four digits, or more of them anywhere; “8 912” is how +7 912 begins."""
    if len(digits) <= 4:
        return Q(**{f"{name}__endswith": digits})
    found = Q(**{f"{name}__contains": digits})
    return found | Q(**{f"{name}__startswith": f"+7{digits[1:]}"}) if digits[0] == "8" else found


def _with_sounds(asked: Asked) -> Asked:
    """Names are typed in either alphabet: "anna" is "анна"."""
    words = []
    for readings in asked.words:
        first = readings[0]
        if all(word.isascii() and word.isalpha() and len(word) > 2 for word in first):
            readings = (*readings, tuple(plain_reading(word) for word in first))
        words.append(tuple(dict.fromkeys(r for r in readings if all(r))))
    return Asked(asked.text, tuple(words), asked.digits, asked.plain)


def talks_with(
    sight: Sight, asked: Asked, narrow: Narrow, limit: int, *, slipped: bool
) -> list[int]:
    """Conversations with contacts that fit, the newest first."""
    found: dict[int, datetime] = {}
    for contacts in contacts_like(asked, slipped=slipped):
        found.update(
            Conversation.objects.filter(
                sight.where(), narrow.of_conversation(), contact__in=contacts.values("pk")
            )
            .order_by("-updated_at", "-pk")
            .values_list("pk", "updated_at")[:limit]
        )
    return sorted(found, key=lambda pk: (found[pk], pk), reverse=True)[:limit]


def contacts_found(
    sight: Sight, asked: Asked, narrow: Narrow, *, slipped: bool
) -> list[dict[str, Any]]:
    talks = talks_with(sight, asked, narrow, CONTACTS_SHOWN, slipped=slipped)
    rows = (
        Conversation.objects.filter(pk__in=talks)
        .select_related("contact__person", "channel")
        .prefetch_related("contact__identities")
        .order_by("-updated_at", "-pk")
    )
    return [
        {
            "contact": row.contact_id,
            "person": (row.contact.person.merged_into_id or row.contact.person_id)
            if row.contact.person
            else None,
            "name": row.contact.name or (row.contact.person.name if row.contact.person else ""),
            "username": row.contact.username,
            "identities": [
                {"kind": i.kind, "value": i.value, "proof": i.proof}
                for i in row.contact.identities.all()
            ],
            "channel": {
                "id": row.channel_id,
                "kind": row.channel.kind,
                "name": row.channel.name,
            },
            "jump": {"conversation": row.pk, "seq": row.last_seq},
            "marks": _marks_of_name(row.contact.name, asked),
        }
        for row in rows
    ]


def _marks_of_name(name: str, asked: Asked) -> list[tuple[int, int]]:
    folded = fold(name)
    if len(folded) != len(name):
        return []
    begun = [word for readings in _with_sounds(asked).words for r in readings for word in r]
    found = [
        (m.start(), m.start() + max(len(b) for b in begun if m.group().startswith(b)))
        for m in RUN.finditer(folded)
        if any(m.group().startswith(b) for b in begun)
    ]
    return utf16(name, found)


def orders_found(user: User, sight: Sight, asked: Asked) -> list[dict[str, Any]]:
    """By number from its beginning, by the buyer's telephone or e-mail.

    An order leads to a conversation only where the buyer's identity is proven.
    """
    if sight.nothing or not user.has_perm("integrations.view_order"):
        return []
    number = asked.text.lstrip("#№ ")
    if not any(map(str.isdigit, number)) and "@" not in number:
        return []
    found = Q(number__in=(number, number.upper()))
    if len(number) >= 3:
        found |= Q(number__startswith=number) | Q(number__startswith=number.upper())
    if asked.digits:
        whole = len(asked.digits) >= 10
        found |= (
            Q(phone__in=_telephones(asked.digits)) if whole else _part_of("phone", asked.digits)
        )
    elif "@" in asked.text:
        found |= Q(email=asked.text.lower())
    orders = list(Order.objects.filter(found).order_by("-placed_at")[:ORDERS_SHOWN])
    talks = _talks_of(sight, orders)
    return [
        {
            "id": one.pk,
            "number": one.number,
            "status": one.status,
            "sum": str(one.sum),
            "currency": one.currency,
            "name": one.name,
            "placed_at": one.placed_at,
            "jump": talks.get(one.phone) or talks.get(one.email),
        }
        for one in orders
    ]


def _talks_of(sight: Sight, orders: Sequence[Order]) -> dict[str, dict[str, int]]:
    values = {value for one in orders for value in (one.phone, one.email) if value}
    if not values:
        return {}
    rows = (
        Identity.objects.filter(value__in=values, proof__in=Identity.PROVEN)
        .filter(sight.where("contact__conversation__"))
        .filter(contact__conversation__isnull=False)
        .order_by("contact__conversation__updated_at")
        .values_list("value", "contact__conversation", "contact__conversation__last_seq")
    )
    return {value: {"conversation": pk, "seq": seq} for value, pk, seq in rows}
