"""The first page of an admin. Upper apps know the figures; they register what fills it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

Filler = Callable[[HttpRequest], dict[str, Any]]
_fillers: dict[str, Filler] = {}


def filler(site: str) -> Callable[[Filler], Filler]:
    """Register the function that gives the first page of `site` its context.

    `home_template` in the answer is the template of the page's content.
    """

    def add(function: Filler) -> Filler:
        _fillers[site] = function
        return function

    return add


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    site = getattr(request, "site", None)
    function = _fillers.get("merchant" if site and site.merchant else "platform")
    return {**context, **(function(request) if function else {})}
