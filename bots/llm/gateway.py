"""Around a model call: who may be asked, in which order, for how much, and what is written down.

    policy → budget → mask → provider after provider, within the caller's time → restore → record

Knows neither Django nor the database: what it needs from them is handed over.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Protocol

from bots.llm.base import (
    Account,
    Completion,
    DataRegion,
    ModelBudgetSpent,
    ModelMalformed,
    ModelRefused,
    ModelRequest,
    ModelTooSlow,
    NeedsMerchant,
    NoModel,
    OnDelta,
    Patience,
    Price,
    Provider,
    Rejected,
    RetryLater,
    Stopped,
    Usage,
    VendorError,
    estimate_prompt,
    estimate_tokens,
)
from bots.llm.breaker import Breaker, Slots
from bots.llm.manifests import ProviderManifest, manifest_of, manifests
from bots.llm.masking import Known, Mask, StreamRestorer
from tenants.kernel import registry

log = logging.getLogger(__name__)

BROKEN_S = 300.0  # wrong credentials are tried again after so long
BACKOFF_S = 0.4
ROUNDS = 2
# Until the last provider, an attempt may take this part of the time that is left.
SHARE = 0.65
# Too slow counts against a vendor only when it had this long.
SLOW_S = 3.0


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


def _no_notice(kind: str, *, account: Account | None = None, detail: str = "") -> None:
    pass


@dataclass(slots=True)
class _Candidate:
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


# --- providers, kept between calls ----------------------------------------------------------
_built: dict[tuple[object, ...], Provider] = {}
_built_lock = threading.Lock()
_BUILT_MOST = 500

slots = Slots()


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
        self._record = recorder
        self._meter = meter
        self._breaker = breaker or _process_breaker
        self._notice = notice
        self._before_wait = before_wait
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
        call = _Call(self, request, masked, mask, on_delta, on_restart, should_stop, deadline)
        return call.run(candidates)

    def why_not(self) -> str:
        """Why no model may be asked, in words; empty where one may."""
        try:
            self._candidates()
        except NoModel as exc:
            return exc.detail
        return ""

    # --- policy ---
    def _candidates(self) -> list[_Candidate]:
        found: list[_Candidate] = []
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
                candidate = _Candidate(account, manifest, provider_for(account, manifest))
            except NeedsMerchant as exc:
                self._notice("account_broken", account=account, detail=exc.detail)
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
            self._notice("budget_hard")
            raise ModelBudgetSpent("the budget for models is spent", vendor="llm")
        if total >= budget * self.terms.soft_share:
            self._notice("budget_soft")

    def settle(self, reserved: Decimal, paid: Decimal) -> None:
        """The real cost instead of the reservation."""
        if self._meter is not None and self.terms.budget is not None and paid != reserved:
            self._meter.add(paid - reserved)

    def worst_cost(self, candidate: _Candidate, request: ModelRequest) -> Decimal:
        price = candidate.price
        usage = Usage(estimate_prompt(request), request.max_tokens)
        return self.terms.money(price.of(usage), price.currency)


class _Call:
    """One question on its way through the candidates."""

    def __init__(
        self,
        gateway: Gateway,
        request: ModelRequest,
        masked: ModelRequest,
        mask: Mask,
        on_delta: OnDelta | None,
        on_restart: Callable[[], bool] | None,
        should_stop: Callable[[], bool] | None,
        deadline: float,
    ) -> None:
        self.gateway = gateway
        self.request = request
        self.masked = masked
        self.mask = mask
        self.on_delta = on_delta
        self.on_restart = on_restart
        self.should_stop = should_stop
        self.deadline = deadline
        self.has_given = False
        self.errors: list[VendorError] = []

    def run(self, candidates: list[_Candidate]) -> Completion:
        breaker = self.gateway._breaker
        for round_number in range(ROUNDS):
            waits: list[float] = []
            before = len(self.errors)
            open_ones = [c for c in candidates if not c.is_out]
            for place, candidate in enumerate(open_ones):
                if self._left() <= 0:
                    break
                if wait := breaker.wait_s(candidate.key):
                    waits.append(wait)
                    continue
                is_last = place == len(open_ones) - 1
                completion = self._try(candidate, is_last=is_last)
                if completion is not None:
                    return completion
            if round_number == ROUNDS - 1 or not any(not c.is_out for c in candidates):
                break
            if not self._pause(waits, self.errors[before:]):
                break
        raise self._verdict(candidates)

    def _left(self) -> float:
        return self.deadline - time.monotonic()

    def _pause(self, waits: list[float], failed: list[VendorError]) -> bool:
        """Wait before the next round; False when that would take too much of the time left."""
        pause = BACKOFF_S
        if not failed:
            pause = min(waits, default=BACKOFF_S)
        elif asked := [e.retry_after_s or 0.0 for e in failed if isinstance(e, RetryLater)]:
            pause = max(BACKOFF_S, min(asked))
        if pause > self._left() / 2:
            return False
        self.gateway._before_wait()
        until = time.monotonic() + pause + 0.02
        while (left := until - time.monotonic()) > 0:
            if self.should_stop is not None and self.should_stop():
                raise Stopped
            time.sleep(min(0.1, left))
        return True

    def _verdict(self, candidates: list[_Candidate]) -> VendorError:
        """What the caller is told when nobody answered: the most telling of the errors."""
        if self._left() <= 0:
            return ModelTooSlow("no model answered in time", vendor="llm")
        for kind in (
            ModelRefused,
            ModelBudgetSpent,
            RetryLater,
            ModelMalformed,
            NeedsMerchant,
            Rejected,
        ):
            for error in self.errors:
                if isinstance(error, kind):
                    return error
        if self.errors:
            return self.errors[-1]
        waits = [self.gateway._breaker.wait_s(c.key) for c in candidates]
        return RetryLater("every model is resting", vendor="llm", retry_after_s=min(waits))

    def _try(self, candidate: _Candidate, *, is_last: bool) -> Completion | None:
        """One attempt; None when the next candidate may be asked."""
        self.gateway._before_wait()  # for a place may have to be waited for
        left = self._left()
        patience = Patience.of(
            self.masked,
            time.monotonic() + (left if is_last else left * SHARE),
            self.should_stop,
        )
        wait_s = left * (0.5 if is_last else 0.2)
        with slots.one(candidate.key, candidate.limit, patience, wait_s) as got:
            if not got:
                self.gateway._breaker.untried(candidate.key)
                self.errors.append(
                    RetryLater("too many calls at once", vendor=candidate.account.provider)
                )
                return None
            return self._ask(candidate, patience)

    def _ask(self, candidate: _Candidate, patience: Patience) -> Completion | None:
        gateway = self.gateway
        reserved = gateway.worst_cost(candidate, self.masked)
        try:
            gateway.reserve(reserved)
        except ModelBudgetSpent as exc:
            gateway._breaker.untried(candidate.key)
            candidate.is_out = True
            self.errors.append(exc)
            return None
        gateway._before_wait()
        patience.started = time.monotonic()
        given: list[str] = []
        try:
            completion = self._answer(candidate, patience, given)
        except (VendorError, Stopped) as exc:
            usage = self._usage_of_failure(exc, patience, given)
            self._settle(candidate, patience, usage, reserved, _outcome(exc))
            if isinstance(exc, Stopped):
                gateway._breaker.untried(candidate.key)
                raise
            self._after(candidate, exc, patience)
            return None
        except BaseException:
            gateway._breaker.untried(candidate.key)
            self._settle(candidate, patience, Usage(), reserved, "failed")
            raise
        gateway._breaker.succeeded(candidate.key)
        if completion.rest_s > 0:
            gateway._breaker.rest(candidate.key, completion.rest_s)
        price = candidate.price
        self._settle(candidate, patience, completion.usage, reserved, "ok")
        return replace(completion, cost=price.of(completion.usage), currency=price.currency)

    def _answer(self, candidate: _Candidate, patience: Patience, given: list[str]) -> Completion:
        request, mask = self.masked, self.mask
        if candidate.region is DataRegion.OWN and not self.gateway.terms.masks_own_servers:
            request, mask = self.request, Mask()
        restorer = StreamRestorer(mask)

        def give(text: str) -> None:
            if text:
                given.append(text)
                self.has_given = True
                assert self.on_delta is not None
                self.on_delta(text)

        def take(piece: str) -> None:
            give(restorer.feed(piece) if mask.is_used else piece)

        completion = candidate.provider.complete(
            request, patience, take if self.on_delta is not None else None
        )
        if not mask.is_used:
            return completion
        if self.on_delta is not None:
            give(restorer.end())
        return replace(
            completion,
            text=mask.restore(completion.text),
            tool_calls=tuple(mask.restore_call(c) for c in completion.tool_calls),
        )

    def _after(self, candidate: _Candidate, exc: VendorError, patience: Patience) -> None:
        """Remember the error and what it says of the candidate; raise when this is the end."""
        self.errors.append(exc)
        breaker = self.gateway._breaker
        if isinstance(exc, NeedsMerchant):
            candidate.is_out = True
            breaker.rest(candidate.key, BROKEN_S)
            self.gateway._notice("account_broken", account=candidate.account, detail=exc.detail)
        elif isinstance(exc, RetryLater):
            if exc.retry_after_s:
                breaker.rest(candidate.key, exc.retry_after_s)
            elif isinstance(exc, ModelTooSlow) and time.monotonic() - patience.started < SLOW_S:
                breaker.untried(candidate.key)  # the caller had little time: proves nothing
            else:
                breaker.failed(candidate.key)
        else:
            breaker.succeeded(candidate.key)  # it answers, only not this
            candidate.is_out = not isinstance(exc, ModelMalformed)
        if self.has_given:
            if self.on_restart is None or not self.on_restart():
                raise exc
            self.has_given = False

    def _usage_of_failure(self, exc: Exception, patience: Patience, given: list[str]) -> Usage:
        """What the vendor will bill for an answer we could not use. Error answers cost nothing."""
        if isinstance(exc, ModelRefused) and exc.usage is not None:
            return exc.usage
        if patience.first_byte_at is None or getattr(exc, "status", None) is not None:
            return Usage()
        return Usage(
            estimate_prompt(self.masked), estimate_tokens("".join(given)), is_estimated=True
        )

    def _settle(
        self,
        candidate: _Candidate,
        patience: Patience,
        usage: Usage,
        reserved: Decimal,
        outcome: str,
    ) -> None:
        terms, price = self.gateway.terms, candidate.price
        cost = price.of(usage)
        try:
            self.gateway.settle(reserved, terms.money(cost, price.currency))
            self.gateway._record(
                CallRecord(
                    provider=candidate.account.provider,
                    model=candidate.provider.model,
                    purpose=self.request.purpose,
                    prompt_tokens=usage.prompt,
                    completion_tokens=usage.completion,
                    cached_tokens=usage.cached,
                    cost=cost,
                    currency=price.currency,
                    ms=round((time.monotonic() - patience.started) * 1000),
                    outcome=outcome,
                    account=candidate.account.id,
                    owner=candidate.account.owner,
                    conversation_id=self.request.conversation_id,
                )
            )
        except Exception:
            # An answer that was paid for is not lost because it could not be written down.
            log.exception("a model call could not be recorded")


# Of several errors, the one that tells the caller most.
_TELLING: tuple[type[VendorError], ...] = (
    ModelRefused,
    ModelBudgetSpent,
    RetryLater,
    ModelMalformed,
    NeedsMerchant,
    Rejected,
)
_OUTCOMES: tuple[tuple[type[Exception], str], ...] = (
    (Stopped, "stopped"),
    (ModelRefused, "refused"),
    (ModelMalformed, "malformed"),
    (ModelTooSlow, "too_slow"),
    (RetryLater, "retry_later"),
    (NeedsMerchant, "needs_merchant"),
    (Rejected, "rejected"),
)


def _outcome(exc: Exception) -> str:
    return next((name for kind, name in _OUTCOMES if isinstance(exc, kind)), "failed")


_process_breaker = Breaker()
