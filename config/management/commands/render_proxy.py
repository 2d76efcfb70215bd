"""`manage.py render_proxy`: the configuration of Caddy, from the same table that rules bin/up.

Caddy gets the certificates of partners' and merchants' own domains by itself; it asks the web
role first whether a name is one of ours, so nobody can make us request certificates for others.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from config.roles import PREFIXES, WEB

HEAD = """\
# Made by `manage.py render_proxy` from config/roles.py: do not edit.
{
	email {$ACME_EMAIL}
	on_demand_tls {
		ask http://web:8000/healthz
	}
}

https:// {
	tls {
		on_demand
	}
	encode zstd gzip
	request_body {
		max_size 32MB
	}
	header -Server
	# Whoever asks from outside need not know what we stand on.
	handle /readyz* {
		respond 404
	}
	@websocket {
		header Connection *Upgrade*
		header Upgrade websocket
	}
	handle @websocket {
		reverse_proxy live:8000
	}
"""
PART = """\
	handle{path} {{
		reverse_proxy {role}:8000
	}}
"""


def render() -> str:
    parts = [PART.format(path=f" {prefix}*", role=role) for prefix, role in PREFIXES]
    return "".join([HEAD, *parts, PART.format(path="", role=WEB), "}\n"])


class Command(BaseCommand):
    help = "Print the proxy's configuration (Caddy), made from the table of prefixes and roles."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--output", type=Path, help="write it there instead")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["output"]:
            options["output"].write_text(render())
        else:
            self.stdout.write(render(), ending="")
