"""`manage.py compile_texts`: translations from .po to .mo, without gettext installed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from config import texts


class Command(BaseCommand):
    help = "Compile every locale/*/LC_MESSAGES/*.po to .mo."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{texts.compile_all()} catalogues compiled")
