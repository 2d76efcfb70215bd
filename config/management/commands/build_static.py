"""`manage.py build_static`: browser code, translations, collected files. Skips what is current."""

from __future__ import annotations

import subprocess
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config import static_build, texts


class Command(BaseCommand):
    help = "Build the browser code, compile the translations, collect the static files."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--force", action="store_true", help="build even if nothing changed")

    def handle(self, *args: Any, **options: Any) -> None:
        texts.compile_all()
        digest = static_build.inputs_hash()
        if not options["force"] and static_build.is_current():
            self.stdout.write("nothing changed")
            return
        try:
            static_build.build_browser_code()
        except static_build.CannotBuild as trouble:
            raise CommandError(str(trouble)) from None
        # A process of its own: settings list static/dist only where it is when they are read.
        collected = subprocess.run(
            [sys.executable, "manage.py", "collectstatic", "--noinput", "--clear", "-v", "0"],
            cwd=static_build.ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if collected.returncode:
            raise CommandError(collected.stdout + collected.stderr)
        static_build.mark_built(digest)
        self.stdout.write("built")
