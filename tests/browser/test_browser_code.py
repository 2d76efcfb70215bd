"""Types, lint and unit tests of the browser code, as `npm run …` says them."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from config import static_build

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("script", ["types", "lint", "test"])
def test_browser_code(script: str):
    if not (static_build.SOURCES / "node_modules").exists() and not shutil.which("npm"):
        pytest.skip("no Node here; bin/up brings one")
    npm, environment = static_build.install_packages()
    done = subprocess.run(
        [*npm, "run", "--silent", script],
        cwd=static_build.SOURCES,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_widget_fits_its_budget_packed_the_old_way_too():
    """Everything fetched beside the file is under 3 KB (test_widget.py measures it)."""
    packed = static_build.SOURCES / "dist" / "widget" / "widget.js.gz"
    if not packed.exists():
        static_build.build_browser_code()
    assert packed.stat().st_size <= 27 * 1024
