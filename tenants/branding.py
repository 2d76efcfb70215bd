"""Callables Unfold asks for what a page shows of a brand."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest


def _value(request: HttpRequest, name: str) -> str:
    site = getattr(request, "site", None)
    return site.brand.get(name, "") if site else ""


def site_title(request: HttpRequest) -> str:
    return _value(request, "name")


def site_subheader(request: HttpRequest) -> str:
    return ""


def site_icon(request: HttpRequest) -> str | None:
    return None


def site_logo(request: HttpRequest) -> str | None:
    return None


def favicon(request: HttpRequest) -> str:
    return _value(request, "favicon")


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    return []


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    return context
