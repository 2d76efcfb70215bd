"""Translations: every `locale/<language>/LC_MESSAGES/django.po` → the `.mo` beside it.

In Python, so that nobody has to install gettext. No Django here: `bin/test` calls it directly.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOPS = ("config", "tenants", "integrations", "bots", "analytics", "templates")


def sources() -> Iterator[Path]:
    for top in TOPS:
        yield from sorted((ROOT / top).glob("**/locale/*/LC_MESSAGES/*.po"))


def compile_all() -> int:
    """How many were compiled; those already newer than their source are left."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    done = 0
    for source in sources():
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns > source.stat().st_mtime_ns:
            continue
        with source.open("rb") as file:
            catalogue = read_po(file, locale=source.parent.parent.name, abort_invalid=True)
        new = target.with_suffix(".mo.new")
        with new.open("wb") as file:
            write_mo(file, catalogue, use_fuzzy=False)
        new.replace(target)
        done += 1
    return done
