"""Types, lint and unit tests of the browser code, as `npm run …` says them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest
from django.conf import settings

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


def test_every_inner_line_of_a_thread_has_words():
    """What the server tells by a code is told to people in both languages."""
    said = re.compile(r'system_line\(\s*\w+,\s*"(\w+)"|"code": "(still_waiting)"')
    codes = {
        one
        for path in (settings.BASE_DIR / "bots").rglob("*.py")
        for found in said.findall(path.read_text())
        for one in found
        if one
    }
    words = (static_build.SOURCES / "console" / "src" / "words" / "codes.ts").read_text()
    table = words[: words.index("export const REASONS")]
    assert len(codes) > 10
    assert {code for code in codes if len(re.findall(rf"\n    {code}: ", table)) != 2} == set()
