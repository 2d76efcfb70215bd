"""Repeatable measurements on the production path, each beside its reference in the same run."""

from __future__ import annotations

import importlib
import json
import operator
import os
import pkgutil
import platform
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config import bench

OPERATORS = {"<=": operator.le, ">=": operator.ge, "==": operator.eq, "<": operator.lt}


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser) -> None:
        parser.add_argument("name", nargs="?", help="which one; without: list them")
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--channel", default="", help="ingest: signature and parsing of one")
        parser.add_argument("--size", default="default", help="small, default or full")

    def handle(self, *args, name, size, channel, **options) -> None:
        names = sorted(found.name for found in pkgutil.iter_modules(bench.__path__))
        names = [found for found in names if hasattr(_module(found), "run")]
        if name is None:
            self.stdout.write("\n".join(f"{n}: {_title(n)}" for n in names))
            return
        if name not in names:
            raise CommandError(f"There is no bench {name}; there are: {', '.join(names)}.")
        more = {"channel": channel} if channel else {}
        try:
            report = _module(name).run(size, **more)
        except (TypeError, ValueError) as exc:
            if not more:
                raise
            raise CommandError(str(exc)) from exc
        report = {"bench": name, "size": size, "machine": machine(), **report}
        report["goals"] = [judged(goal, report["figures"]) for goal in report.get("goals", [])]
        if options["json"]:
            self.stdout.write(json.dumps(report, ensure_ascii=False))
        else:
            self.stdout.write(table(report))
        if not all(goal["met"] for goal in report["goals"]):
            sys.exit(1)


def _module(name: str) -> Any:
    return importlib.import_module(f"config.bench.{name}")


def _title(name: str) -> str:
    return (_module(name).__doc__ or "").strip().partition("\n")[0]


def machine() -> dict[str, Any]:
    """What a reader needs to place the figures."""
    return {
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def judged(goal: dict[str, Any], figures: dict[str, float]) -> dict[str, Any]:
    """Fills in `value` and `met` where the bench left them to us."""
    value = goal.get("value", figures.get(goal["figure"]))
    met = value is not None and OPERATORS[goal["op"]](value, goal["goal"])
    return {**goal, "value": value, "met": goal.get("met", met)}


def table(report: dict[str, Any]) -> str:
    lines = [f"{report['bench']} ({report['size']})"]
    for title in ("figures", "reference"):
        lines.append(f"\n{title}")
        lines += [f"  {key:<46} {value}" for key, value in report.get(title, {}).items()]
    lines.append("\ngoals")
    for goal in report["goals"]:
        mark = "✓" if goal["met"] else "✗"
        lines.append(f"  {mark} {goal['figure']:<44} {goal['value']} {goal['op']} {goal['goal']}")
    return "\n".join(lines)
