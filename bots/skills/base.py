"""What a bot can do for a buyer. A skill returns facts; the engine finds the words.

A skill is one folder with a `manifest.py`: `docs/adding-a-skill.md`. It asks for capabilities,
never for a vendor, and reaches orders through the buyer (SkillContext.access_order), so someone
else's order reads exactly like a missing one.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache as cache_once
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from django.core.cache import cache
from pydantic import BaseModel

from bots.engine.base import Asker, Source
from bots.engine.facts import Record
from integrations.base import Capability
from integrations.native.orders import order_by_number, orders_by_owner
from tenants.kernel.phones import phone_normalised
from tenants.kernel.registry import load, manifests
from tenants.kernel.store import AWAY

if TYPE_CHECKING:
    from integrations.models import Order

# What a skill's folder needs of ours; it imports nothing else.
__all__ = [
    "Access",
    "Capability",
    "Effect",
    "NotFound",
    "Record",
    "Skill",
    "SkillContext",
    "SkillManifest",
    "SkillResult",
    "Source",
    "TooManyAttempts",
]

# Proofs that a contact is who they say they are; typing a phone is not one of them.
PROVEN = frozenset({"code", "shared", "signed", "thread"})
# Wrong pairs of number and phone: a conversation, and a contact in an hour whatever they open.
ATTEMPTS_A_CONVERSATION = 5
ATTEMPTS_AN_HOUR = 10
# A new browser is a new contact, so an order's number and a phone are counted, too, whoever asks.
GUESSES_AN_HOUR = 20


class Effect(StrEnum):
    READS = "reads"
    WRITES = "writes"  # the buyer is asked first
    MOVES_MONEY = "moves_money"  # a person is asked first


class NotFound(LookupError):
    """No such order for this buyer: missing and someone else's are the same."""


class TooManyAttempts(Exception):
    """The buyer has guessed too often; a person takes over."""


@dataclass(frozen=True)
class SkillManifest:
    """`tells_model`: when to use the skill, as the model reads it."""

    key: str
    title: Any
    tells_model: str
    needs: frozenset[Capability]
    effect: Effect
    implementation: str


@dataclass(frozen=True)
class SkillResult:
    """`facts` are values for the reply; `records` are what its claims are checked against."""

    facts: Mapping[str, Any]
    records: tuple[Record, ...] = ()
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True)
class Access:
    """An order the buyer may ask about. `is_full`: more than status and date may be told."""

    order: Order
    is_full: bool


@dataclass
class SkillContext:
    """Who asks. `attempts` is what the conversation remembers of wrong guesses."""

    asker: Asker
    phone: str = ""  # as typed in the dialogue
    attempts: int = 0
    used: list[str] = field(default_factory=list)

    def proven(self, kind: str) -> list[str]:
        return [value for k, value, proof in self.asker.proofs if k == kind and proof in PROVEN]

    def claimed_phones(self) -> list[str]:
        told = [value for k, value, _ in self.asker.proofs if k == "phone"]
        return [n for n in map(normal_phone, [self.phone, *told]) if n]

    def access_order(self, number: str) -> Access:
        """The order, if this buyer may ask about it.

        Raises NotFound alike for a missing and for a foreign one; TooManyAttempts when guessing.
        """
        self._count_or_stop()
        order = order_by_number(number)
        if order is not None and self._is_proven_owner(order):
            return Access(order, is_full=True)
        phones = self.claimed_phones()
        if phones and any(_hourly(one) >= GUESSES_AN_HOUR for one in self._guessed(number, phones)):
            raise TooManyAttempts
        if order is not None and order.phone and normal_phone(order.phone) in phones:
            return Access(order, is_full=False)
        if phones:
            self._note_failure(self._guessed(number, phones))
        raise NotFound(number)

    def own_orders(self) -> list[Order]:
        """Newest orders of a proven buyer."""
        phones = [normal_phone(p) for p in self.proven("phone")]
        return orders_by_owner([p for p in phones if p], self.proven("email"))

    def _is_proven_owner(self, order: Order) -> bool:
        phones = {normal_phone(p) for p in self.proven("phone")} - {""}
        emails = {e.lower() for e in self.proven("email")}
        return bool(
            (order.phone and normal_phone(order.phone) in phones)
            or (order.email and order.email.lower() in emails)
        )

    def _count_or_stop(self) -> None:
        if self.attempts >= ATTEMPTS_A_CONVERSATION:
            raise TooManyAttempts
        if self.asker.contact_id is not None and _hourly(self._contact) >= ATTEMPTS_AN_HOUR:
            raise TooManyAttempts

    @property
    def _contact(self) -> str:
        return f"order-attempts:{self.asker.contact_id}"

    def _guessed(self, number: str, phones: list[str]) -> list[str]:
        """Keys of what is tried out; none in a preview, which no buyer sees."""
        if self.asker.contact_id is None:
            return []
        tried = [f"number:{number.strip().upper()}", *(f"phone:{phone}" for phone in phones)]
        return [f"order-guesses:{sha256(one.encode()).hexdigest()[:32]}" for one in tried]

    def _note_failure(self, guessed: list[str]) -> None:
        self.attempts += 1
        if self.asker.contact_id is not None:
            with suppress(*AWAY):  # the conversation counts by itself
                for key in (self._contact, *guessed):
                    cache.add(key, 0, 3600)
                    cache.incr(key)


def _hourly(key: str) -> int:
    try:
        return int(cache.get(key) or 0)
    except AWAY:
        return 0


def normal_phone(text: str) -> str:
    """E.164, or nothing for what is no phone."""
    try:
        return phone_normalised(text) if text else ""
    except ValueError:
        return ""


A = TypeVar("A", bound=BaseModel)


class Skill(Generic[A]):
    Args: ClassVar[type[BaseModel]]

    def run(self, context: SkillContext, args: A) -> SkillResult:
        raise NotImplementedError


def skills() -> dict[str, SkillManifest]:
    """Every skill by key, found by its folder."""
    return manifests("bots.skills")


def skill(key: str) -> Skill[Any]:
    return load(skills()[key].implementation)()


def as_tool(manifest: SkillManifest) -> dict[str, Any]:
    """The skill as a model's tool: name, description, JSON schema of its arguments."""
    return {
        "name": manifest.key,
        "description": manifest.tells_model,
        "parameters": _arguments_of(manifest.implementation),
    }


@cache_once
def _arguments_of(implementation: str) -> dict[str, Any]:
    schema: dict[str, Any] = load(implementation).Args.model_json_schema()
    schema.pop("title", None)
    return schema
