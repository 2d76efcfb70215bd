"""`manage.py simulate openai --port 9001`: a pretend vendor to point an account at."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.kernel.simulate import serve_simulator, simulators

PACKAGES = ("bots.llm", "bots.channels", "bots.importers", "integrations.connectors")


class Command(BaseCommand):
    help = "Serve the simulator of a provider, channel or connector on a loopback port."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", nargs="?", help="a plug-in's key; without it, a list")
        parser.add_argument("--port", type=int, default=0, help="0: any free port")
        parser.add_argument("--latency", type=float, default=0.0, help="seconds before an answer")

    def handle(self, *args: Any, **options: Any) -> None:
        known = simulators(*PACKAGES)
        if not options["kind"]:
            self.stdout.write("\n".join(sorted(known)))
            return
        if options["kind"] not in known:
            raise CommandError(f"unknown: {options['kind']}; known: {', '.join(sorted(known))}")
        simulator = known[options["kind"]]()
        simulator.latency_s = options["latency"]
        with serve_simulator(simulator, port=options["port"]) as url:
            self.stdout.write(url)
            for name, value in getattr(simulator, "settings", dict)().items():
                self.stdout.write(f"  {name}: {value}")
            self.stdout.flush()
            done = threading.Event()
            with contextlib.suppress(ValueError):  # not the main thread
                signal.signal(signal.SIGTERM, lambda *_: done.set())
            with contextlib.suppress(KeyboardInterrupt):
                done.wait()
