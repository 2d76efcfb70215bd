"""Queries of the hot path, compiled once a process.

Django makes the same SQL anew at each call; for a query with joins that costs more than running
it. A `Compiled` query is written with the model layer like any other, and afterwards only gets
its values.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Generic, TypeVar

from django.db import connection, connections
from django.db.models import Model, QuerySet
from django.db.models.query import ModelIterable

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class _Kept:
    """`params`: each with the place of the value it stands for, None where it is constant."""

    compiler: Any
    sql: str
    params: list[tuple[Any, int | None]]


class Compiled(Generic[M]):
    """`Compiled(lambda pk: Thing.objects.filter(pk=pk), int)(7)` → a list of things.

    `types`: int or str for each value. A value is compared with a column and stands in the query
    as a parameter; whether a condition is there at all cannot depend on it. No prefetching.
    """

    def __init__(self, make: Callable[..., QuerySet[M, M]], *types: type) -> None:
        self._make = make
        # What stands for a value while the query is compiled: nothing that a row has.
        self._marks = [
            -7_140_000_000_000_000 - n if kind is int else f"\ue000{n}"
            for n, kind in enumerate(types)
        ]
        self._kept: _Kept | None = None

    def __call__(self, *values: Any) -> list[M]:
        # Two threads may compile it at once: the same comes out.
        kept = self._kept = self._kept or self._compile()
        params = [values[place] if place is not None else param for param, place in kept.params]
        compiler = copy.copy(kept.compiler)
        compiler.connection = connections[connection.alias]
        compiler.execute_sql = lambda **_: [_rows(kept.sql, params)]
        # What ModelIterable wants of a queryset.
        queryset: Any = SimpleNamespace(
            db=connection.alias,
            query=SimpleNamespace(get_compiler=lambda using: compiler),
            _known_related_objects={},
        )
        return list(ModelIterable(queryset))

    def first(self, *values: Any) -> M | None:
        """The first of them, None where there is none."""
        return next(iter(self(*values)), None)

    def _compile(self) -> _Kept:
        compiler = self._make(*self._marks).query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        places = {mark: place for place, mark in enumerate(self._marks)}
        marked = [(p, places.get(p) if isinstance(p, int | str) else None) for p in params]
        if {place for _, place in marked if place is not None} != set(places.values()):
            raise ValueError("a value does not stand in the query as it is")
        return _Kept(compiler, sql, marked)


def _rows(sql: str, params: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()
