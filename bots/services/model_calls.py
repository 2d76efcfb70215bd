"""A model call inside a merchant: its accounts, its budget, its log. What the engine calls.

No database connection is held while a model is waited for: terms are read before, the log row is
written after, and the connection goes back to the pool in between.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any, cast
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.core.cache import cache, caches
from django.db import connection, transaction
from django.db.models import Sum
from django.utils.connection import ConnectionProxy

from bots.llm.base import Account, Completion, ModelBudgetSpent, ModelRequest, OnDelta
from bots.llm.breaker import Breaker
from bots.llm.gateway import Gateway
from bots.llm.manifests import manifests
from bots.llm.masking import Known
from bots.llm.terms import CallRecord, Terms
from bots.models import ModelAccount, ModelCall
from bots.services import model_down
from bots.services.model_budget import budget_of
from bots.services.partner_keys import key_broke, key_faults, key_works
from bots.services.vendor_words import in_words
from tenants.kernel import outbox
from tenants.kernel.context import PUBLIC, current_schema, merchant_context, release_connection
from tenants.kernel.secrets import Unreadable, seal, unseal
from tenants.kernel.store import store
from tenants.models import Partner
from tenants.selectors.hosts import merchant_of
from tenants.services import limits

log = logging.getLogger(__name__)

KEEP_S = 15.0
# Postgres is the truth; the counter in the cache is made anew from it this often.
METER_S = 300


def model_complete(
    request: ModelRequest,
    *,
    bot: Mapping[str, Any],
    known: Known | None = None,
    on_delta: OnDelta | None = None,
    on_restart: Callable[[], bool] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Completion:
    """Ask the models of the current merchant. `bot` is BotVersion.config.

    Call it outside a transaction. Raises what `Gateway.complete` raises.
    """
    if _house().is_spent:
        raise ModelBudgetSpent("the plan's dialogues of this month are used up", vendor="plan")
    gateway = model_gateway(bot)
    return gateway.complete(
        request, known=known, on_delta=on_delta, on_restart=on_restart, should_stop=should_stop
    )


def model_gateway(bot: Mapping[str, Any]) -> Gateway:
    """The gateway of the current merchant, as this bot may use it."""
    kept = _house()
    terms = Terms(
        accounts=kept.accounts_for(bot.get("providers") or ()),
        home=kept.region,
        foreign_allowed=bool(bot.get("foreign_models")),
        budget=kept.budget,
        currency=kept.currency,
        rates=settings.MODEL_CURRENCY_RATES,
    )
    return Gateway(
        terms,
        recorder=_Recorder(kept),
        meter=BudgetMeter(terms),
        breaker=_breaker,
        notice=partial(_notice, budget=kept.budget, is_own=kept.is_own_budget),
        before_wait=release_connection,
    )


def session_of(conversation_id: int) -> str:
    """An opaque name of a conversation for a vendor's prompt cache."""
    text = f"{current_schema()}:{conversation_id}".encode()
    return hmac.new(settings.MASTER_KEY.encode(), text, hashlib.sha256).hexdigest()[:32]


# --- accounts -------------------------------------------------------------------------------
@dataclass(frozen=True)
class _House:
    """A merchant's terms, read once in a while."""

    region: str
    currency: str
    budget: Decimal | None
    own: tuple[Account, ...]
    partners: tuple[Account, ...]
    broken: frozenset[str]
    # The month's dialogues are used up: no model until it ends.
    is_spent: bool = False
    # The budget is the merchant's own wish, below the plan's.
    is_own_budget: bool = False

    def accounts_for(self, order: Any) -> tuple[Account, ...]:
        """The accounts a bot names, in its order.

        An entry is {"provider": key} or {"account": id}, with an optional "model" of its own. A
        provider named is the merchant's own account, else its partner's.
        """
        found: list[Account] = []
        for entry in order:
            wanted = entry if isinstance(entry, Mapping) else {"provider": str(entry)}
            for account in (*self.own, *self.partners):
                is_it = (
                    account.id.endswith(f":{wanted['account']}") and account.owner == "merchant"
                    if wanted.get("account")
                    else account.provider == wanted.get("provider")
                )
                if is_it:
                    found.append(_with_model(account, str(wanted.get("model") or "")))
                    break
        return tuple(found)


def _with_model(account: Account, model: str) -> Account:
    if not model or model == account.settings.get("model"):
        return account
    return replace(account, settings={**account.settings, "model": model})


_houses: dict[str, tuple[float, _House]] = {}
_lock = threading.Lock()


def _house() -> _House:
    schema = current_schema()
    now = time.monotonic()
    if (kept := _houses.get(schema)) and kept[0] > now:
        return kept[1]
    house = _read_house(schema)
    with _lock:
        if len(_houses) > 5_000:
            _houses.clear()
        _houses[schema] = (now + KEEP_S, house)
    return house


def account_forgive(row: ModelAccount) -> None:
    """New credentials are tried at once, whatever the old ones did."""
    _breaker.forgive(f"{row.provider}:{current_schema()}:{row.pk}")


def partner_account_forgive(partner_id: int, provider: str) -> None:
    _breaker.forgive(f"{provider}:partner{partner_id}:{provider}")


def accounts_forget() -> None:
    """After a change of accounts. Other processes follow within KEEP_S."""
    with _lock:
        _houses.pop(current_schema(), None)


def _read_house(schema: str) -> _House:
    merchant = merchant_of(schema)
    own, broken = [], set()
    for row in ModelAccount.objects.exclude(state=ModelAccount.State.PAUSED):
        account = account_of(row)
        own.append(account)
        if row.state == ModelAccount.State.BROKEN:
            broken.add(account.id)
    lent = _partner_accounts(merchant.partner_id)
    if lent and merchant.partner_id is not None:
        faults = key_faults(merchant.partner_id)
        broken |= {account.id for account in lent if account.provider in faults}
    budget = budget_of(merchant)
    return _House(
        region=merchant.region,
        currency=merchant.currency,
        budget=budget.limit,
        is_own_budget=budget.is_own,
        own=tuple(own),
        partners=lent,
        broken=frozenset(broken),
        is_spent=limits.use(limits.DIALOGUES).is_spent,
    )


def secrets_of(row: ModelAccount) -> dict[str, str]:
    return dict(cast(Mapping[str, str], row.secrets or {}))


def account_of(row: ModelAccount) -> Account:
    """The account as providers know it. The current merchant's."""
    return Account(
        f"{current_schema()}:{row.pk}",
        row.provider,
        {**row.settings, **secrets_of(row)},
        "merchant",
        row.base_url,
        _may_be_private(row.base_url or row.settings.get("base_url", "")),
        row.proxy,
    )


def _may_be_private(address: str) -> bool | None:
    """True for a model server of our own network that the operator has named."""
    host = urlsplit(address).hostname or ""
    return True if host and host in settings.MODEL_PRIVATE_HOSTS else None


def _partner_accounts(partner_id: int | None) -> tuple[Account, ...]:
    """Keys a partner lends its merchants. Its secrets hold {"models": {provider: settings}}."""
    if partner_id is None:
        return ()
    with merchant_context(PUBLIC):
        partner = Partner.objects.only("secrets").get(pk=partner_id)
    try:
        kept = partner_secrets(partner).get("models") or {}
    except Unreadable:
        log.error("the secrets of partner %s cannot be read", partner_id)
        return ()
    return tuple(partner_account(partner_id, provider, values) for provider, values in kept.items())


def partner_account(partner_id: int, provider: str, values: Mapping[str, str]) -> Account:
    """A partner's key as providers know it."""
    return Account(
        f"partner{partner_id}:{provider}",
        provider,
        {k: v for k, v in values.items() if k != "base_url_override"},
        "partner",
        values.get("base_url_override", ""),
        _may_be_private(values.get("base_url_override") or values.get("base_url", "")),
    )


def partner_providers() -> list[str]:
    """Providers the current merchant's partner lends it a key of."""
    return [account.provider for account in _house().partners]


def partner_secrets(partner: Partner) -> dict[str, Any]:
    """Raises Unreadable."""
    if not partner.secrets:
        return {}
    kept: dict[str, Any] = json.loads(unseal(f"partner:{partner.pk}", partner.secrets))
    return kept


def partner_models_set(*, partner: Partner, models: Mapping[str, Mapping[str, str]]) -> None:
    """Keep a partner's model keys: {provider: settings}. They are sealed, never shown again."""
    kept = {**partner_secrets(partner), "models": models}
    partner.secrets = seal(f"partner:{partner.pk}", json.dumps(kept, ensure_ascii=False))
    partner.save(update_fields=["secrets"])
    with _lock:
        _houses.clear()


# --- money ----------------------------------------------------------------------------------
class BudgetMeter:
    """This month's model money of the current merchant, in millionths of its currency.

    Lives in the cache, where counting is atomic over processes; made from the log of calls when
    the cache has lost it. With no cache at all the log alone counts.
    """

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    def add(self, amount: Decimal) -> Decimal:
        key = f"llm:spent:{current_schema()}:{datetime.now(UTC):%Y-%m}"
        step = int(amount * 1_000_000)
        try:
            # One command: Django's cache needs two for the same, and it is on every call's way.
            total = int(store().incrby(key, step))
            if total == step:
                total = self._made_anew(key)
            return Decimal(total) / 1_000_000
        except redis.RedisError:
            log.warning("the budget is counted without the cache", exc_info=True)
            return self.from_log() + max(amount, Decimal(0))

    def _made_anew(self, key: str) -> int:
        """The counter was not there (or stood at nothing): put what the log knows below it."""
        known = int(self.from_log() * 1_000_000)
        with store().pipeline() as pipe:
            pipe.incrby(key, known)
            pipe.expire(key, METER_S)
            return int(pipe.execute()[0])

    def from_log(self) -> Decimal:
        month = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        rows = (
            ModelCall.objects.filter(created_at__gte=month)
            .values_list("currency")
            .annotate(Sum("cost"))
        )
        return sum((self._terms.money(cost, currency) for currency, cost in rows), Decimal(0))


_INSERT = (
    "INSERT INTO bots_modelcall (provider, model, purpose, prompt_tokens, completion_tokens, "
    "cost, currency, ms, outcome, conversation_id) VALUES (%s,%s,%s,%s,%s,%s,%s,%s,%s,%s)"
)


class _Recorder:
    """A row for each call; an account that works again is marked so."""

    def __init__(self, house: _House) -> None:
        self._house = house

    def __call__(self, record: CallRecord) -> None:
        with connection.cursor() as cursor:
            # By hand: the model layer costs as much again as the statement.
            cursor.execute(
                _INSERT,
                (
                    record.provider,
                    record.model[:80],
                    record.purpose[:16],
                    record.prompt_tokens,
                    record.completion_tokens,
                    record.cost,
                    record.currency,
                    record.ms,
                    record.outcome,
                    record.conversation_id,
                ),
            )
        if record.purpose == "reply":
            model_down.note(record.outcome)
        if record.outcome == "ok" and record.account in self._house.broken:
            if record.owner == "partner":
                key_works(_partner_of(record.account), record.provider)
                accounts_forget()
            else:
                _mark(record.account, ModelAccount.State.LIVE, "")


def _notice(
    kind: str,
    *,
    account: Account | None = None,
    detail: str = "",
    budget: Decimal | None = None,
    is_own: bool = False,
) -> None:
    """Tell the merchant once: of a budget once a month (of another one anew), of an account when
    its state changes."""
    try:
        if kind == "account_broken":
            if account is not None and account.owner == "merchant":
                _mark(account.id, ModelAccount.State.BROKEN, detail)
            elif account is not None:
                log.error("a partner's model account %s does not work: %s", account.id, detail)
                _partner_told(account, detail)
        elif cache.add(f"llm:told:{kind}:{datetime.now(UTC):%Y-%m}:{budget}", 1, 40 * 86_400):
            with transaction.atomic():
                outbox.emit(
                    f"model.{kind}", key="models", data={"budget": str(budget), "own": is_own}
                )
    except Exception:  # it stands beside an answer and must not cost it
        log.exception("a notice about models was not kept")


def _partner_told(account: Account, detail: str) -> None:
    secrets = [account.settings.get(name, "") for name in manifests()[account.provider].secrets()]
    key_broke(_partner_of(account.id), account.provider, detail, secrets=secrets)
    accounts_forget()


def _partner_of(account_id: str) -> int:
    """The partner in the name of its account, "partner7:openai"."""
    return int(account_id.partition(":")[0].removeprefix("partner"))


def _mark(account_id: str, state: ModelAccount.State, detail: str) -> None:
    pk = int(account_id.rpartition(":")[2])
    with transaction.atomic():
        changed = (
            ModelAccount.objects.filter(pk=pk)
            .exclude(state__in=[state, ModelAccount.State.PAUSED])
            .update(state=state, state_detail=in_words(detail)[:300])
        )
        if changed:
            outbox.emit(
                "model_account.broken" if detail else "model_account.works",
                key=f"model_account:{pk}",
                data={"account": pk},
            )
    accounts_forget()


# A partner's key rests for all its merchants; a merchant's own key has its schema in its name.
_breaker = Breaker(ConnectionProxy(caches, "common"))
