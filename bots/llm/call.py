"""One question on its way through the models that may be asked."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from bots.llm.base import (
    Completion,
    DataRegion,
    ModelBudgetSpent,
    ModelMalformed,
    ModelRefused,
    ModelRequest,
    ModelTooSlow,
    NeedsMerchant,
    OnDelta,
    Patience,
    Rejected,
    RetryLater,
    Stopped,
    Usage,
    VendorError,
    estimate_prompt,
    estimate_tokens,
)
from bots.llm.breaker import Slots
from bots.llm.masking import Mask, StreamRestorer
from bots.llm.terms import CallRecord, Candidate

if TYPE_CHECKING:
    from bots.llm.gateway import Gateway

log = logging.getLogger(__name__)

BROKEN_S = 300.0  # wrong credentials are tried again after so long
BACKOFF_S = 0.4
ROUNDS = 2
# Until the last provider, an attempt may take this part of the time that is left.
SHARE = 0.65
# Too slow counts against a vendor only when it had this long.
SLOW_S = 3.0

slots = Slots()

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


class Call:
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

    def run(self, candidates: list[Candidate]) -> Completion:
        breaker = self.gateway.breaker
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
        self.gateway.before_wait()
        until = time.monotonic() + pause + 0.02
        while (left := until - time.monotonic()) > 0:
            if self.should_stop is not None and self.should_stop():
                raise Stopped
            time.sleep(min(0.1, left))
        return True

    def _verdict(self, candidates: list[Candidate]) -> VendorError:
        """What the caller is told when nobody answered: the most telling of the errors."""
        if self._left() <= 0:
            return ModelTooSlow("no model answered in time", vendor="llm")
        for kind in _TELLING:
            for error in self.errors:
                if isinstance(error, kind):
                    return error
        if self.errors:
            return self.errors[-1]
        waits = [self.gateway.breaker.wait_s(c.key) for c in candidates]
        return RetryLater("every model is resting", vendor="llm", retry_after_s=min(waits))

    def _try(self, candidate: Candidate, *, is_last: bool) -> Completion | None:
        """One attempt; None when the next candidate may be asked."""
        self.gateway.before_wait()  # for a place may have to be waited for
        left = self._left()
        patience = Patience.of(
            self.masked,
            time.monotonic() + (left if is_last else left * SHARE),
            self.should_stop,
        )
        wait_s = left * (0.5 if is_last else 0.2)
        with slots.one(candidate.key, candidate.limit, patience, wait_s) as got:
            if not got:
                self.gateway.breaker.untried(candidate.key)
                self.errors.append(
                    RetryLater("too many calls at once", vendor=candidate.account.provider)
                )
                return None
            return self._ask(candidate, patience)

    def _ask(self, candidate: Candidate, patience: Patience) -> Completion | None:
        gateway = self.gateway
        reserved = gateway.worst_cost(candidate, self.masked)
        try:
            gateway.reserve(reserved)
        except ModelBudgetSpent as exc:
            gateway.breaker.untried(candidate.key)
            candidate.is_out = True
            self.errors.append(exc)
            return None
        gateway.before_wait()
        patience.started = time.monotonic()
        given: list[str] = []
        try:
            completion = self._answer(candidate, patience, given)
        except (VendorError, Stopped) as exc:
            usage = self._usage_of_failure(exc, patience, given)
            self._settle(candidate, patience, usage, reserved, _outcome(exc))
            if isinstance(exc, Stopped):
                gateway.breaker.untried(candidate.key)
                raise
            self._after(candidate, exc, patience)
            return None
        except BaseException:
            gateway.breaker.untried(candidate.key)
            self._settle(candidate, patience, Usage(), reserved, "failed")
            raise
        gateway.breaker.succeeded(candidate.key)
        if completion.rest_s > 0:
            gateway.breaker.rest(candidate.key, completion.rest_s)
        price = candidate.price
        self._settle(candidate, patience, completion.usage, reserved, "ok")
        return replace(completion, cost=price.of(completion.usage), currency=price.currency)

    def _answer(self, candidate: Candidate, patience: Patience, given: list[str]) -> Completion:
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

    def _after(self, candidate: Candidate, exc: VendorError, patience: Patience) -> None:
        """Remember the error and what it says of the candidate; raise when this is the end."""
        self.errors.append(exc)
        breaker = self.gateway.breaker
        if isinstance(exc, NeedsMerchant):
            candidate.is_out = True
            breaker.rest(candidate.key, BROKEN_S)
            self.gateway.notice("account_broken", account=candidate.account, detail=exc.detail)
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
        candidate: Candidate,
        patience: Patience,
        usage: Usage,
        reserved: Decimal,
        outcome: str,
    ) -> None:
        terms, price = self.gateway.terms, candidate.price
        cost = price.of(usage)
        try:
            self.gateway.settle(reserved, terms.money(cost, price.currency))
            self.gateway.record(
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


def _outcome(exc: Exception) -> str:
    return next((name for kind, name in _OUTCOMES if isinstance(exc, kind)), "failed")
