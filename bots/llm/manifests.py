"""The description of a provider: settings pages, docs and policy read it without its code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

from bots.channels.base import Field, Maturity
from bots.llm.base import FREE, Account, DataRegion, Price, Provider
from tenants.kernel import registry

PACKAGE = "bots.llm"


def Text(name: str, title: Any, help: Any = "", **more: Any) -> Field:
    return Field(name, title, "text", help, **more)


def Block(name: str, title: Any, help: Any = "", **more: Any) -> Field:
    """Several lines: a certificate, headers."""
    return Field(name, title, "block", help, **more)


def Secret(name: str, title: Any, help: Any = "", **more: Any) -> Field:
    """Encrypted at rest, shown once, never logged."""
    return Field(name, title, "secret", help, **more)


def Url(name: str, title: Any, help: Any = "", **more: Any) -> Field:
    """An http(s) address; reached through the guard against private addresses."""
    return Field(name, title, "url", help, **more)


def Number(name: str, title: Any, help: Any = "", **more: Any) -> Field:
    return Field(name, title, "number", help, **more)


def Choice(name: str, title: Any, help: Any = "", **more: Any) -> Field:
    return Field(name, title, "choice", help, **more)


@dataclass(frozen=True, slots=True, eq=False)
class ProviderManifest:
    key: str
    title: Any
    data_region: DataRegion
    settings: tuple[Field, ...]
    implementation: str
    simulator: str = ""
    prices: Mapping[str, Price] = field(default_factory=dict)  # by the beginning of a model's name
    prices_read: str = ""  # when the price list was read
    models: tuple[str, ...] = ()  # suggestions for the form
    tools: bool = True
    streams: bool = True
    concurrency: int = 50  # calls at once that one account may have, unless its settings say
    leaves: Any = ""  # what leaves the merchant, in words for the settings page
    maturity: Maturity = Maturity.SIMULATED
    gaps: tuple[str, ...] = ()

    def price(self, model: str, account: Account | None = None) -> Price:
        """The price of a model: the account's own first, then the longest matching beginning.

        A model nobody listed costs as the dearest listed one, so that it cannot slip past a
        budget; a provider without a list costs nothing.
        """
        if account is not None and (told := _told_price(account)):
            return told
        for table in (account.prices if account else {}, self.prices):
            known = [name for name in table if model.startswith(name)]
            if known:
                return table[max(known, key=len)]
        return max(self.prices.values(), key=lambda p: p.prompt + p.completion, default=FREE)

    def secrets(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.settings if f.kind == "secret")

    def missing(self, settings: Mapping[str, str]) -> tuple[str, ...]:
        """Required settings that are empty."""
        return tuple(f.name for f in self.settings if f.is_required and not settings.get(f.name))

    def build(self, account: Account) -> Provider:
        made: Provider = registry.load(self.implementation)(account)
        return made


def _told_price(account: Account) -> Price | None:
    """A price the merchant typed into the account's settings, for a million tokens."""
    prompt, completion = account.setting("price_prompt"), account.setting("price_completion")
    if not prompt and not completion:
        return None
    try:
        return Price(
            Decimal((prompt or "0").replace(",", ".")),
            Decimal((completion or "0").replace(",", ".")),
            account.setting("currency", "RUB"),
        )
    except InvalidOperation:
        return None


@cache
def manifests() -> dict[str, ProviderManifest]:
    """Every provider by key; found by folder, listed nowhere."""
    return registry.manifests(PACKAGE)


def manifest_of(key: str) -> ProviderManifest | None:
    return manifests().get(key)
