"""What the gateway is handed: whose models, for how much, who notes and who is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from bots.llm.base import (
    Account,
    DataRegion,
    Price,
    Provider,
)
from bots.llm.manifests import ProviderManifest


@dataclass(frozen=True, slots=True)
class Terms:
    """What a merchant may use. `accounts` are in the order of fallback.

    `budget` is the hard limit of the period in `currency`, None for none; `soft_share` of it is
    where the merchant is warned. `rates` say what one unit of another currency is worth; a missing
    rate counts as 100, so that an unknown currency is not taken for a cheap one.
    """

    accounts: tuple[Account, ...]
    home: str = "RU"
    foreign_allowed: bool = False
    masks_own_servers: bool = True
    budget: Decimal | None = None
    soft_share: Decimal = Decimal("0.8")
    currency: str = "RUB"
    rates: Mapping[str, Decimal] = field(default_factory=dict)

    def money(self, amount: Decimal, currency: str) -> Decimal:
        if not amount or currency == self.currency:
            return amount
        return amount * self.rates.get(currency, Decimal(100))


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One attempt, for the log of calls. Holds no text.

    `outcome`: ok | refused | malformed | too_slow | retry_later | needs_merchant | rejected |
    stopped | failed.
    """

    provider: str
    model: str
    purpose: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    cost: Decimal
    currency: str
    ms: int
    outcome: str
    account: str
    owner: str
    conversation_id: int | None


class Meter(Protocol):
    """Money of the current period, in the merchant's currency, reservations included."""

    def add(self, amount: Decimal) -> Decimal:
        """Count `amount` (negative gives a reservation back); the new total."""
        ...


class Notice(Protocol):
    """`kind`: "budget_soft" | "budget_hard" | "account_broken". Called often; tells once."""

    def __call__(self, kind: str, *, account: Account | None = None, detail: str = "") -> None: ...


@dataclass(slots=True)
class Candidate:
    account: Account
    manifest: ProviderManifest
    provider: Provider
    is_out: bool = False

    @property
    def key(self) -> str:
        return f"{self.account.provider}:{self.account.id}"

    @property
    def region(self) -> DataRegion:
        return self.provider.region() or self.manifest.data_region

    @property
    def price(self) -> Price:
        return self.manifest.price(self.provider.model, self.account)

    @property
    def limit(self) -> int:
        text = self.account.setting("concurrency")
        return int(text) if text.isdigit() else self.manifest.concurrency
