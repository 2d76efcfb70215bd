"""The platform's and the partners' landing page. The words are the same for every brand."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse


def landing(request: HttpRequest) -> HttpResponse:
    return TemplateResponse(request, "desk/landing.html", {})


def merchant_front(request: HttpRequest) -> HttpResponse:
    """A merchant's host has no shop window of its own: people come here to work."""
    return redirect("merchant:index")
