"""What an outside system complains of, in the merchant's language."""

from __future__ import annotations

from django.utils import translation

from tenants.kernel.context import current_schema
from tenants.kernel.words import vendor_words
from tenants.selectors.hosts import merchant_of


def in_words(detail: str, language: str = "") -> str:
    """What went wrong at a vendor, in the merchant's language. `language`: another reader's."""
    with translation.override(language or merchant_of(current_schema()).language):
        return vendor_words(detail)
