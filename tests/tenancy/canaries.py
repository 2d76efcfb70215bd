"""Rows in every table of a merchant, with a mark in every text nobody else may read.

The rows are made from the models, so a table that comes later is planted too. Numbers start far
above the other merchant's, so an id that is asked for on the wrong host can only be a stranger's.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.postgres.search import SearchVectorField
from django.db import connection, models, transaction
from django.utils import timezone
from psycopg import sql

from tenants.kernel.secrets import EncryptedField

# Where a mark would break the row's meaning, or where no text of a merchant ever is.
NO_MARKS = {
    "sessions.Session",
    "admin.LogEntry",
    "auth.Permission",
    "auth.Group",
    "auth.Group_permissions",
    "workspace.User_groups",
    "workspace.User_user_permissions",
    "contenttypes.ContentType",
}
# Names of plug-ins, state machines and addresses that code looks up.
KEPT_AS_IS = {
    "bots.Channel.kind",
    "bots.Channel.route_key",
    "workspace.User.password",
    "workspace.ApiToken.digest",
    "workspace.Counter.name",
    "workspace.Setting.name",
}
# One number for the planted row of every table: an address that is asked for with it means all.
FIRST_ID = 900_000


def tenant_models() -> Iterator[type[models.Model]]:
    """Every model whose table is in a merchant's schema, tables between two models included."""
    for config in apps.get_app_configs():
        if config.name in settings.TENANT_APPS:
            yield from config.get_models(include_auto_created=True)


def mark_of(slug: str) -> str:
    return f"zq{slug}canary"


def plant(slug: str) -> dict[str, list[Any]]:
    """Inside the merchant: mark what is there, add a row where none is. Returns pks by model."""
    mark = mark_of(slug)
    waiting = list(tenant_models())
    pks: dict[str, list[Any]] = {}
    for _round in range(12):
        postponed = []
        for model in waiting:
            try:
                with transaction.atomic():
                    pks[model._meta.label] = _plant_one(model, mark, pks)
            except _NotYet:
                postponed.append(model)
        if not postponed:
            return pks
        assert len(postponed) < len(waiting), f"cannot be planted: {postponed}"
        waiting = postponed
    raise AssertionError(f"cannot be planted: {waiting}")


class _NotYet(Exception):
    """A row it refers to comes first."""


_numbers = itertools.count(FIRST_ID)


def _number() -> int:
    return next(_numbers)


def _plant_one(model: type[models.Model], mark: str, pks: dict[str, list[Any]]) -> list[Any]:
    label = model._meta.label
    if label in NO_MARKS:
        return list(model._default_manager.values_list("pk", flat=True))
    row = model(**_values(model, mark, pks))
    model._base_manager.bulk_create([row])
    if label != "workspace.AuditEntry":  # nobody may change those
        _mark_all(model, mark)
    return [row.pk]


def _values(model: type[models.Model], mark: str, pks: dict[str, list[Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if field.is_relation:
            target = field.related_model._meta.label
            if target == model._meta.label:
                continue
            if target not in pks or not pks[target]:
                if field.null:
                    continue
                raise _NotYet(f"{model._meta.label} needs {target}")
            found[field.attname] = pks[target][0]
        else:
            found[field.attname] = _value(field, mark)
    return found


def _value(field: models.Field, mark: str) -> Any:
    key = f"{field.model._meta.label}.{field.name}"
    if isinstance(field, EncryptedField):
        return {"secret": mark}
    if key in KEPT_AS_IS and field.has_default():
        return field.get_default()
    if field.choices:
        return field.flatchoices[0][0]
    match field:
        case models.AutoField() | models.BigAutoField():
            return FIRST_ID
        case models.EmailField():
            return f"{mark}-{_number()}@mark.example"
        case models.URLField():
            return f"https://{mark}.example/{_number()}"[: field.max_length]
        case models.GenericIPAddressField():
            return "10.9.8.7"
        case models.CharField() | models.TextField():
            size = field.max_length or 200
            if key.endswith((".lang", ".language", ".currency")) or size < len(mark):
                return "ru"[:size]
            if field.unique or _in_constraint(field):
                return f"{mark}-{_number()}"[-size:] if size < 24 else f"{mark}-{_number()}"
            return mark
        case models.JSONField():
            return [mark] if field.default is list else {"mark": mark}
        case models.BooleanField():
            return field.get_default() if field.has_default() else True
        case models.DateTimeField():
            return timezone.now()
        case models.DateField():
            return date(2026, 1, 1) + timedelta(days=_number() % 300)
        case models.TimeField():
            return time(18) if field.name.startswith(("close", "end")) else time(9)
        case models.DurationField():
            return timedelta(seconds=1)
        case models.DecimalField() | models.FloatField():
            return Decimal(1)
        case models.UUIDField():
            return uuid.uuid4()
        case SearchVectorField():
            return mark
        case models.BinaryField():
            return mark.encode()
        case models.SmallIntegerField() | models.PositiveSmallIntegerField():
            return 1
        case models.BigIntegerField() if field.primary_key:
            return _number()
        case models.IntegerField():
            return _number()
    if field.null:
        return None
    if field.has_default():
        return field.get_default()
    raise AssertionError(f"say in canaries.py what a {type(field).__name__} is: {key}")


def _in_constraint(field: models.Field) -> bool:
    return any(
        field.name in getattr(constraint, "fields", ())
        for constraint in field.model._meta.constraints
    )


def _mark_all(model: type[models.Model], mark: str) -> None:
    """Rows that were there before get the mark at the end of every free text."""
    for field in model._meta.concrete_fields:
        key = f"{model._meta.label}.{field.name}"
        size = field.max_length
        is_text = isinstance(field, models.CharField | models.TextField)
        if not is_text or isinstance(field, EncryptedField) or field.choices:
            continue
        if key in KEPT_AS_IS or isinstance(field, models.EmailField | models.URLField):
            continue
        if field.unique or field.primary_key or _in_constraint(field) or (size or 99) < 40:
            continue
        with connection.cursor() as cursor:
            cursor.execute(
                sql.SQL("UPDATE {0} SET {1} = left({1}, {2}) || {3} WHERE {1} NOT LIKE {4}").format(
                    sql.Identifier(model._meta.db_table),
                    sql.Identifier(field.column),
                    max(0, (size or 100_000) - len(mark) - 1),
                    f" {mark}",
                    f"%{mark}%",
                )
            )


def snapshot(schema: str) -> dict[str, str]:
    """A fingerprint of every table of the current merchant, to tell that nothing was changed.

    `last_used_at`, sessions and the like change by reading; their tables are left out.
    """
    found = {}
    with connection.cursor() as cursor:
        for model in tenant_models():
            if model._meta.label in ("sessions.Session", "workspace.ApiToken"):
                continue
            table = model._meta.db_table
            cursor.execute(
                sql.SQL(
                    "SELECT count(*) || md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), "
                    "'')) FROM {} t"
                ).format(sql.Identifier(schema, table))
            )
            found[table] = cursor.fetchone()[0]
    return found
