"""What a form is given. An empty POST is still a POST: `request.POST or None` would forget it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, QueryDict


def posted(request: HttpRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


def uploads(request: HttpRequest) -> Any:
    return request.FILES if request.method == "POST" else None
