"""What an outside system complains of, in the reader's language where the words are ours."""

from __future__ import annotations

from django.utils import translation
from django.utils.translation import gettext

from tenants.kernel.context import current_schema
from tenants.selectors.hosts import merchant_of


def in_words(detail: str, language: str = "") -> str:
    """What went wrong at a vendor, in the merchant's language where the words are ours.

    Ours may end with ": " and something of the vendor's. `language`: another reader's.
    """
    head, colon, tail = detail.partition(": ")
    with translation.override(language or merchant_of(current_schema()).language):
        if (whole := gettext(detail)) != detail or not detail:
            return whole
        return f"{gettext(head)}{colon}{tail}" if head else detail
