"""Parts that upper apps hang on lower ones: how to fill, export and erase a merchant.

Apps below never import apps above, so each app registers its own part in `AppConfig.ready`.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any


@dataclass
class Parts:
    """Functions by name, called in the order of their registration inside the merchant's schema."""

    name: str
    members: dict[str, Callable[..., Any]] = field(default_factory=dict)

    def register(self, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def add(function: Callable[..., Any]) -> Callable[..., Any]:
            self.members[name] = function
            return function

        return add

    def __iter__(self) -> Iterator[tuple[str, Callable[..., Any]]]:
        return iter(self.members.items())


fill = Parts("fill")
"""`f(merchant, owner)` after a schema was given to a merchant: defaults, bot, channel."""
export = Parts("export")
"""`f() -> Iterable[(path, bytes | Iterable[dict])]` for the merchant's archive."""
erase = Parts("erase")
"""`f(merchant)` for what lives outside the schema: files, keys, cache, routes."""
forget = Parts("forget")
"""`f(contacts: list[int])` for what an app keeps of buyers beside conversations, when a person
is forgotten; inside the merchant's schema and the transaction that forgets."""
usage = Parts("usage")
"""`f() -> dict` of counts (tenants.selectors.usage.Usage), inside the merchant's schema."""
first_steps = Parts("first_steps")
"""`f() -> Iterable[(title, text, path)]`: what a new merchant does first, translated."""
readiness = Parts("readiness")
"""`f() -> dict` for /readyz: {"ok": bool, "detail": str}."""


def folders(package: str) -> Iterable[str]:
    """Names of the plug-in folders below a package: those that hold a `manifest.py`."""
    root = importlib.import_module(package)
    for found in pkgutil.iter_modules(root.__path__):
        if found.ispkg and importlib.util.find_spec(f"{package}.{found.name}.manifest"):
            yield found.name


def manifests(package: str) -> dict[str, Any]:
    """MANIFEST of every plug-in below a package, by key. The key must be the folder's name."""
    found = {}
    for name in folders(package):
        module: ModuleType = importlib.import_module(f"{package}.{name}.manifest")
        manifest = module.MANIFEST
        if manifest.key != name:
            raise ValueError(f"{package}.{name}: the manifest's key is {manifest.key!r}")
        found[name] = manifest
    return found


def load(dotted: str) -> Any:
    """Class behind a manifest's `implementation`."""
    module, _, name = dotted.rpartition(".")
    return getattr(importlib.import_module(module), name)
