"""Around a model call: who may be asked, in which order, for how much, and what is written down.

    policy → budget → mask → provider after provider, within the caller's time → restore → record

Knows neither Django nor the database: what it needs from them is handed over.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from bots.llm.base import (
    Account,
    Completion,
    DataRegion,
    ModelBudgetSpent,
    ModelRequest,
    NeedsMerchant,
    NoModel,
    OnDelta,
    Provider,
    Usage,
    estimate_prompt,
)
from bots.llm.breaker import Breaker
from bots.llm.call import Call
from bots.llm.manifests import ProviderManifest, manifest_of, manifests
from bots.llm.masking import Known, Mask
from bots.llm.terms import CallRecord, Candidate, Meter, Notice, Terms
from tenants.kernel import registry


def _no_notice(kind: str, *, account: Account | None = None, detail: str = "") -> None:
    pass


_process_breaker = Breaker()


# --- providers, kept between calls ----------------------------------------------------------
_built: dict[tuple[object, ...], Provider] = {}
_built_lock = threading.Lock()
_BUILT_MOST = 500


def provider_for(account: Account, manifest: ProviderManifest) -> Provider:
    """The provider of these very credentials; tokens and connections stay with it."""
    key = (
        account.provider,
        account.id,
        account.base_url,
        account.proxy,
        account.allow_private,
        tuple(sorted(account.settings.items())),
    )
    if (found := _built.get(key)) is not None:
        return found
    with _built_lock:  # a burst of first calls builds it once
        if (found := _built.get(key)) is None:
            found = manifest.build(account)
            while len(_built) >= _BUILT_MOST:
                _built.pop(next(iter(_built)))
            _built[key] = found
    return found


def warm_up() -> None:
    """Load every provider's code: a vendor's package takes over a second on its first import."""
    for manifest in manifests().values():
        registry.load(manifest.implementation)


class Gateway:
    """One merchant's way to its models. Cheap to make; make one per call or keep it."""

    def __init__(
        self,
        terms: Terms,
        *,
        recorder: Callable[[CallRecord], None] = lambda record: None,
        meter: Meter | None = None,
        breaker: Breaker | None = None,
        notice: Notice = _no_notice,
        before_wait: Callable[[], None] = lambda: None,
        find: Callable[[str], ProviderManifest | None] = manifest_of,
    ) -> None:
        self.terms = terms
        self.record = recorder
        self._meter = meter
        self.breaker = breaker or _process_breaker
        self.notice = notice
        self.before_wait = before_wait
        self._find = find

    def complete(
        self,
        request: ModelRequest,
        *,
        known: Known | None = None,
        on_delta: OnDelta | None = None,
        on_restart: Callable[[], bool] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Completion:
        """Ask the merchant's models, one after another, within `request.timeout_s`.

        `on_delta` gets the restored text as it comes. When an attempt fails after some of it was
        given out, `on_restart()` is asked: True means "forgotten, start again", False (and no
        `on_restart`) ends the call with the error. `should_stop` is polled about ten times a
        second in the calling thread.

        Raises NoModel, ModelBudgetSpent, ModelRefused, ModelTooSlow, RetryLater, NeedsMerchant,
        Rejected, ModelMalformed: all VendorError; and Stopped.
        """
        deadline = time.monotonic() + request.timeout_s
        candidates = self._candidates()
        mask = Mask(known)
        masked = replace(request, messages=mask.messages(request.messages))
        call = Call(self, request, masked, mask, on_delta, on_restart, should_stop, deadline)
        return call.run(candidates)

    def why_not(self) -> str:
        """Why no model may be asked, in words; empty where one may."""
        try:
            self._candidates()
        except NoModel as exc:
            return exc.detail
        return ""

    # --- policy ---
    def _candidates(self) -> list[Candidate]:
        found: list[Candidate] = []
        left_out: list[str] = []
        for account in self.terms.accounts:
            manifest = self._find(account.provider)
            if manifest is None:
                left_out.append(f"{account.provider}: unknown provider")
                continue
            if missing := manifest.missing(account.settings):
                left_out.append(f"{account.provider}: not filled in: {', '.join(missing)}")
                continue
            try:
                candidate = Candidate(account, manifest, provider_for(account, manifest))
            except NeedsMerchant as exc:
                self.notice("account_broken", account=account, detail=exc.detail)
                left_out.append(f"{account.provider}: {exc.detail}")
                continue
            if self._is_abroad(candidate.region):
                left_out.append(f"{account.provider}: foreign providers are switched off")
                continue
            found.append(candidate)
        if not found:
            raise NoModel("; ".join(left_out) or "no model is set up", vendor="llm")
        return found

    def _is_abroad(self, region: DataRegion) -> bool:
        return (
            region is DataRegion.FOREIGN
            and self.terms.home == "RU"
            and not self.terms.foreign_allowed
        )

    # --- money ---
    def reserve(self, amount: Decimal) -> None:
        """Take the money aside before it is spent, so that parallel calls cannot overspend.

        Raises ModelBudgetSpent. A free model needs no money and is never stopped.
        """
        budget = self.terms.budget
        if not amount or budget is None or self._meter is None:
            return
        total = self._meter.add(amount)
        if total > budget:
            self._meter.add(-amount)
            self.notice("budget_hard")
            raise ModelBudgetSpent("the budget for models is spent", vendor="llm")
        if total >= budget * self.terms.soft_share:
            self.notice("budget_soft")

    def settle(self, reserved: Decimal, paid: Decimal) -> None:
        """The real cost instead of the reservation."""
        if self._meter is not None and self.terms.budget is not None and paid != reserved:
            self._meter.add(paid - reserved)

    def worst_cost(self, candidate: Candidate, request: ModelRequest) -> Decimal:
        price = candidate.price
        usage = Usage(estimate_prompt(request), request.max_tokens)
        return self.terms.money(price.of(usage), price.currency)
