"""Everything a stranger can call, found by walking what the product serves with.

A route whose parameter is not in PARAMETERS fails the suite: whoever adds it says here what a
stranger would put in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import models
from django.http import HttpResponse
from django.urls import URLPattern, URLResolver, get_resolver

from tests.tenancy.canaries import mark_of

Planted = dict[str, list[Any]]


@dataclass(frozen=True)
class Route:
    """One address: its pieces with `<parameter>` holes, and the view behind it."""

    path: str
    parameters: tuple[str, ...]
    name: str
    view: Callable[..., Any]


_HOLE = re.compile(
    r"<(?:[^<>:]+:)?([A-Za-z_]\w*)>|\(\?P<([A-Za-z_]\w*)>[^()]*(?:\([^()]*\)[^()]*)*\)"
)


def routes(urlconf: str) -> list[Route]:
    """Every address of a host, the admin's own included."""
    return list(_walk(get_resolver(urlconf).url_patterns, ""))


def _walk(patterns: list[Any], prefix: str) -> Iterator[Route]:
    for pattern in patterns:
        text = prefix + _plain(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, text)
        else:
            assert isinstance(pattern, URLPattern)
            names = tuple(_names(text))
            yield Route(f"/{text}", names, pattern.name or "", pattern.callback)


def _plain(text: str) -> str:
    """`^x/(?P<pk>\\d+)/$` and `x/<int:pk>/` alike → `x/<pk>/`."""
    text = _HOLE.sub(lambda m: f"<{m[1] or m[2]}>", text.removeprefix("^"))
    return text.replace("\\Z", "").replace("$", "").replace("\\.", ".").replace("\\/", "/")


def _names(text: str) -> list[str]:
    return re.findall(r"<(\w+)>", text)


# ── What a stranger puts in ──────────────────────────────────────────────────────────────────
def _of_model(route: Route, planted: Planted) -> list[Any]:
    """Numbers of the rows the view and its address speak of; of all where they name none."""
    labels = {model._meta.label for model in [model_of(route)] if model is not None}
    said = {word.rstrip("s") for word in route.path.lower().split("/")}
    labels |= {label for label in planted if label.rpartition(".")[2].lower() in said}
    found = {pks[0] for label, pks in planted.items() if pks and label in labels}
    if not found:
        found = {pks[0] for pks in planted.values() if pks and isinstance(pks[0], int)}
    return sorted(found, key=str)


PARAMETERS: dict[str, Callable[[Route, Planted], list[Any]]] = {
    "pk": _of_model,
    "id": _of_model,
    "object_id": _of_model,
    "job_id": _of_model,
    "content_type_id": lambda route, planted: [1],
    "app_label": lambda route, planted: ["bots", "workspace", "tenants"],
    "key": lambda route, planted: planted["route_key"],
    "route_key": lambda route, planted: planted["route_key"],
    "uidb64": lambda route, planted: ["OTAwMDAx"],
    "token": lambda route, planted: ["abc123-0123456789abcdef"],
    "signed": lambda route, planted: ["NQ:1xYz:c2lnbmVkIGJ5IHNvbWVib2R5IGVsc2U"],
    "url": lambda route, planted: ["nothing"],
    "rest": lambda route, planted: ["nothing/here/"],
    "kind": lambda route, planted: ["web"],
    "format": lambda route, planted: [".json"],
}
# Views that walk to another page by design and know no row.
ANYTHING = "nothing"


def model_of(route: Route) -> type[models.Model] | None:
    """The model a view serves: an admin's or a viewset's."""
    view = route.view
    for owner in (
        getattr(getattr(view, "__wrapped__", view), "__self__", None),
        getattr(view, "model_admin", None),
    ):
        if model := getattr(owner, "model", None):
            return model
    for owner in (getattr(view, "cls", None), getattr(view, "view_class", None)):
        queryset = getattr(owner, "queryset", None)
        if queryset is not None:
            return queryset.model
        if model := getattr(owner, "model", None):
            return model
    return None


def unclassified(found: list[Route]) -> list[str]:
    """Parameters nobody has said a stranger's value for, with their route."""
    return [
        f"{route.path}: <{name}>"
        for route in found
        for name in route.parameters
        if name not in PARAMETERS
    ]


def addresses(route: Route, planted: Planted) -> Iterator[str]:
    """The route with a stranger's values in every hole."""
    paths = [route.path]
    for name in route.parameters:
        values = PARAMETERS[name](route, planted)
        paths = [path.replace(f"<{name}>", str(value)) for path in paths for value in values]
    yield from paths


# ── Calling ──────────────────────────────────────────────────────────────────────────────────
METHODS = ("get", "post")
API_METHODS = ("get", "post", "put", "patch", "delete")
# Where nothing of a row may be shown: an address with a stranger's number ends so.
REFUSALS = frozenset(
    {301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 406, 409, 410, 415, 429, 503}
)


def methods_of(route: Route) -> tuple[str, ...]:
    """Ways to call it: of an API view those it answers. The rest is 405 before a view looks."""
    if "/api/" not in route.path:
        return METHODS
    view = getattr(route.view, "cls", None) or getattr(route.view, "view_class", None)
    # What is no class of methods (a function, a set of views) is called in every way.
    own = [method for method in API_METHODS if hasattr(view, method)]
    return tuple(own) or API_METHODS


@dataclass
class Found:
    """What is wrong, a line each; `called` proves that the walk went somewhere."""

    leaks: list[str] = field(default_factory=list)
    called: int = 0
    answered: int = 0


def call_all(
    found: list[Route],
    planted: Planted,
    client: Any,
    who: str,
    *,
    owner: str,
    skip: Callable[[Route], bool] = lambda route: False,
) -> Found:
    """Call every address in every way as `who` and look for marks of `owner`."""
    seen = Found()
    for route in found:
        if skip(route):
            continue
        is_foreign = any(name in ("pk", "id", "object_id") for name in route.parameters)
        for path in addresses(route, planted):
            is_api = "/api/" in path
            for method in methods_of(route):
                seen.called += 1
                body = {"content_type": "application/json"} if is_api and method != "get" else {}
                if body:
                    body["data"] = json.dumps({})
                response = getattr(client, method)(path, **body)
                seen.answered += response.status_code < 400
                where = f"{who}: {method.upper()} {path} → {response.status_code}"
                if mark_of(owner) in text_of(response):
                    seen.leaks.append(f"{where} shows a mark of {owner}")
                if response.status_code in (500, 501, 502, 504):
                    seen.leaks.append(f"{where} breaks")
                if is_foreign and response.status_code not in REFUSALS:
                    nobodys = re.sub(r"\d{6,}", NOBODYS, path)
                    as_missing = getattr(client, method)(nobodys, **body)
                    if plain_text(response, path) != plain_text(as_missing, nobodys):
                        seen.leaks.append(f"{where} answers for a stranger's row")
    return seen


# A number no row has, for anybody.
NOBODYS = "123456789012"


def plain_text(response: HttpResponse, path: str) -> str:
    """The answer without what differs from call to call: a page that asks "are you sure?" before
    it looks is no leak where it asks the same for a number nobody has.
    """
    text = f"{response.status_code} {text_of(response)}"
    for number in re.findall(r"\d{6,}", path):
        text = text.replace(number, "")
    # Tokens against forged requests, nonces, times, the length of it all.
    return re.sub(r"[\w-]{20,}|\d\d:\d\d:\d\d|'Content-Length': '\d+'", "", text)


def text_of(response: HttpResponse) -> str:
    """Headers, cookies and body."""
    body = (
        b"".join(response.streaming_content)  # type: ignore[attr-defined]
        if getattr(response, "streaming", False)
        else response.content
    )
    return f"{dict(response.headers)} {response.cookies} {body.decode(errors='replace')}"
