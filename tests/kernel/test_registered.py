"""Workers and the scheduler load no page: what they do must be registered without one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

_LOOK = """
import importlib, json, pkgutil
import django
django.setup()
from tenants.kernel import due, jobs, outbox

def known():
    handlers = [f for found in outbox._handlers.values() for f in found] + outbox._listeners
    kinds = (f"job {kind}" for kind in jobs._kinds)
    return {*due._workers, *kinds, *(f"{f.__module__}.{f.__name__}" for f in handlers)}

at_start = known()
for app in ("tenants", "integrations", "bots", "analytics"):
    package = importlib.import_module(app)
    for found in pkgutil.walk_packages(package.__path__, app + "."):
        if not {"tests", "migrations", "management"} & set(found.name.split(".")):
            importlib.import_module(found.name)
print(json.dumps([sorted(at_start), sorted(known() - at_start)]))
"""


def test_everything_that_does_work_is_known_before_any_page_is_loaded():
    done = subprocess.run(
        [sys.executable, "-c", _LOOK], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    at_start, missing = json.loads(done.stdout.splitlines()[-1])
    assert {"turn", "deliver", "inbox", "bots.handlers.tell_consoles"} <= set(at_start)
    assert missing == []
