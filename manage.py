#!/usr/bin/env python3
"""Django's command line. `--settings` or DJANGO_SETTINGS_MODULE choose; local is the default.

On one machine it finds the services of a running `bin/up`; where none runs, it starts
PostgreSQL and Redis for as long as the command takes.
"""

import contextlib
import os
import sys
from pathlib import Path

# These touch neither database nor Redis.
ALONE = {
    *("help", "--help", "-h", "version", "--version", "check", "makemigrations", "makemessages"),
    *("compile_texts", "build_static", "collectstatic", "findstatic", "render_proxy"),
}

# These change roles, schemas and tables, so they use the owner's login.
OF_THE_OWNER = {
    *("prepare_database", "migrate_all", "repair_merchants", "migrate", "migrate_schemas"),
    *("makemigrations", "sqlmigrate", "showmigrations"),
}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    if OF_THE_OWNER.intersection(sys.argv[1:2]):
        os.environ["DB_ROLE"] = "owner"
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        _use_venv()
        raise
    local = os.environ["DJANGO_SETTINGS_MODULE"] == "config.settings.local"
    with contextlib.ExitStack() as stack:
        if local and not ALONE.intersection([*sys.argv[1:2], *({"--help"} & set(sys.argv))]):
            from config.embedded.services import borrowed
            from config.embedded.trouble import Trouble

            try:
                stack.enter_context(borrowed())
            except Trouble as trouble:
                sys.exit(f"✗ {trouble}")
        execute_from_command_line(sys.argv)


def _use_venv() -> None:
    """Started with the machine's own Python: go on with the one `bin/up` made."""
    python = Path(__file__).resolve().parent / ".venv" / "bin" / "python"
    if python.exists() and not os.environ.get("WENT_TO_VENV"):
        os.environ["WENT_TO_VENV"] = "1"
        os.execv(python, [str(python), *sys.argv])  # noqa: S606


if __name__ == "__main__":
    main()
