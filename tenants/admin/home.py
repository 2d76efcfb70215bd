"""The first page of an admin. Upper apps know the figures; they register what fills it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from tenants.selectors.requests import site_or_none

Filler = Callable[[HttpRequest], dict[str, Any]]
_fillers: dict[str, Filler] = {}


@dataclass(frozen=True)
class Notice:
    """Something that wants a person now. `level`: waiting | late."""

    text: str
    url: str = ""
    link: str = ""
    level: str = "waiting"


Notifier = Callable[[HttpRequest], Iterable[Notice]]
_notifiers: dict[str, list[Notifier]] = {}


def notifier(*sites: str) -> Callable[[Notifier], Notifier]:
    """Register a function whose notices stand on top of the first page of "merchant", "platform".

    It says what this person may see.
    """

    def add(function: Notifier) -> Notifier:
        for site in sites:
            _notifiers.setdefault(site, []).append(function)
        return function

    return add


def filler(site: str) -> Callable[[Filler], Filler]:
    """Register the function that gives the first page of `site` its context.

    `home_template` in the answer is the template of the page's content.
    """

    def add(function: Filler) -> Filler:
        _fillers[site] = function
        return function

    return add


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    site = site_or_none(request)
    name = "merchant" if site and site.merchant else "platform"
    function = _fillers.get(name)
    notices = [notice for tell in _notifiers.get(name, ()) for notice in tell(request)]
    return {**context, "notices": notices, **(function(request) if function else {})}
