"""A merchant's accounts at model providers: kept, tried, listed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

from django.conf import settings as django_settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from bots.llm.base import Patience
from bots.llm.gateway import provider_for
from bots.llm.manifests import ProviderManifest, manifests
from bots.models import ModelAccount
from bots.services.desk_settings import setting_save
from bots.services.model_budget import Budget, budget_of
from bots.services.model_calls import (
    account_forgive,
    account_of,
    accounts_forget,
    in_words,
    secrets_of,
)
from tenants.kernel import outbox
from tenants.kernel.errors import NeedsMerchant, RuleBroken, VendorError
from tenants.models import Merchant
from tenants.services.audit import audit
from tenants.workspace.models import User

CHECK_S = 15.0


class UnknownProvider(RuleBroken):
    code = "unknown_provider"
    status = 400


class SettingsRefused(RuleBroken):
    """`data["fields"]` names the settings at fault."""

    code = "settings_refused"
    status = 400


def provider_manifest(key: str) -> ProviderManifest:
    try:
        return manifests()[key]
    except KeyError:
        raise UnknownProvider(_("There is no model provider named “%s”.") % key) from None


def settings_checked(
    manifest: ProviderManifest, values: Mapping[str, Any], kept: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """(settings, secrets) to keep. `kept`: what is stored; a secret left empty stays.

    A stored secret is for the address it was given with: with another one it is asked for anew.
    Raises SettingsRefused.
    """
    known = {field.name: field for field in manifest.settings}
    if unknown := sorted(set(values) - set(known)):
        raise SettingsRefused(_("Unknown settings: %s") % ", ".join(unknown), fields=unknown)
    secret_names = set(manifest.secrets())
    plain = {
        name: str(values.get(name) or field.default)
        for name, field in known.items()
        if name not in secret_names
    }
    is_moved = kept.get("base_url", "") != plain.get("base_url", "")
    secrets = {} if is_moved else {k: kept[k] for k in secret_names if kept.get(k)}
    secrets |= {k: str(v) for k, v in values.items() if k in secret_names and v}
    if missing := manifest.missing({**plain, **secrets}):
        raise SettingsRefused(_("Not filled in: %s") % ", ".join(missing), fields=list(missing))
    for field in manifest.settings:
        if field.choices and plain.get(field.name) not in dict(field.choices):
            raise SettingsRefused(_("Not one of the choices: %s") % field.name, fields=[field.name])
    return plain, secrets


def account_save(
    *,
    provider: str,
    values: Mapping[str, Any],
    name: str = "",
    account: ModelAccount | None = None,
    base_url: str = "",
    proxy: str = "",
    position: int = 0,
) -> ModelAccount:
    """Keep an account. A secret left empty keeps the one there was. Nothing is called.

    Raises UnknownProvider, SettingsRefused.
    """
    manifest = provider_manifest(provider)
    if base_url and not django_settings.ALLOW_PRIVATE_ADDRESSES:
        raise SettingsRefused(_("The address cannot be changed here."), fields=["base_url"])
    kept = {**account.settings, **secrets_of(account)} if account else {}
    plain, secrets = settings_checked(manifest, values, kept)
    with transaction.atomic():
        account = account or ModelAccount(provider=provider)
        account.name, account.settings = name, plain
        account.secrets = cast(Any, secrets)
        account.base_url, account.proxy, account.position = base_url, proxy, position
        account.state, account.state_detail = ModelAccount.State.LIVE, ""
        account.save()
        outbox.emit(
            "model_account.saved",
            key=f"model_account:{account.pk}",
            data={"account": account.pk},
        )
    account_forgive(account)
    accounts_forget()
    return account


def account_check(account: ModelAccount) -> str:
    """Try the credentials with the cheapest call; the model's name. Marks the account.

    Raises NeedsMerchant, RetryLater and the other errors of `bots.llm.base`.
    """
    manifest = provider_manifest(account.provider)
    given = account_of(account)
    if not connection.in_atomic_block:
        connection.close()
    try:
        model = provider_for(given, manifest).check(Patience(time.monotonic() + CHECK_S))
    except VendorError as exc:
        exc.detail = in_words(exc.detail)
        if isinstance(exc, NeedsMerchant):
            _mark(account, ModelAccount.State.BROKEN, exc.detail)
        raise
    _mark(account, ModelAccount.State.LIVE, "")
    account_forgive(account)
    return model


def account_delete(account: ModelAccount) -> None:
    with transaction.atomic():
        outbox.emit(
            "model_account.deleted",
            key=f"model_account:{account.pk}",
            data={"account": account.pk},
        )
        account.delete()
    accounts_forget()


def _mark(account: ModelAccount, state: ModelAccount.State, detail: str) -> None:
    account.state, account.state_detail = state, detail[:300]
    account.save(update_fields=["state", "state_detail"])
    accounts_forget()


# ── Money ──
class BudgetRefused(RuleBroken):
    code = "budget"
    status = 400


def budget_save(merchant: Merchant, own: Decimal | None, *, actor: User) -> Budget:
    """None: the plan's alone counts. Raises BudgetRefused where it is more than that."""
    plan = budget_of(merchant).plan
    if own is not None and own < 0:
        raise BudgetRefused(_("A budget cannot be below nothing."))
    if own is not None and plan is not None and own > plan:
        raise BudgetRefused(
            _("Your plan allows %(plan)s a month; a budget of your own can only be lower.")
            % {"plan": f"{plan:f}"}
        )
    with transaction.atomic():
        setting_save("models", {"budget": "" if own is None else f"{own:f}"})
        audit("model.budget_changed", "models", actor=actor, budget="" if own is None else str(own))
    accounts_forget()
    return budget_of(merchant)
