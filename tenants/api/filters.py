"""Filters that several lists share."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.request import Request


def updated_since(found: QuerySet, request: Request) -> QuerySet:
    """Rows changed at or after `?updated_since=`; all of them without it.

    Raises ParseError for what is no ISO 8601 moment with an offset.
    """
    since = request.query_params.get("updated_since")
    if not since:
        return found
    try:
        # A plus sign of an offset arrives as a space where it was not encoded.
        moment = parse_datetime(since.replace(" ", "+"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ParseError(_("“updated_since” is a moment like 2026-11-25T14:05:00+03:00."))
    return found.filter(updated_at__gte=moment)
