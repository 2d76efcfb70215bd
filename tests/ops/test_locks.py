"""Every lock holds what its list asks for, with hashes, and names no host. No index is asked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent.parent


def wanted(name: str) -> list[Requirement]:
    found = []
    for raw in (ROOT / f"{name}.in").read_text().splitlines():
        line = raw.split("#")[0].strip()
        if line.startswith("-r "):
            found += wanted(line.split()[1].removesuffix(".in"))
        elif line and not line.startswith("-"):
            found.append(Requirement(line))
    return found


def pinned(name: str) -> dict[str, set[Version]]:
    """One package may have two pins, each for some Pythons."""
    pins: dict[str, set[Version]] = {}
    text = (ROOT / f"{name}.txt").read_text()
    for package, version in re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\\n]+)", text, re.M):
        pins.setdefault(canonicalize_name(package), set()).add(Version(version))
    return pins


LOCKS = ("requirements", "requirements-embedded", "requirements-dev", "requirements-node")


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_what_its_list_asks_for(name):
    pins = pinned(name)

    missing = [
        str(requirement)
        for requirement in wanted(name)
        if not any(
            version in requirement.specifier
            for version in pins.get(canonicalize_name(requirement.name), ())
        )
    ]

    assert not missing, f"run bin/lock: {missing}"


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_its_hashes_and_no_line_names_a_host(name):
    text = (ROOT / f"{name}.txt").read_text()

    assert _without_hash(text) == []
    assert re.findall(r"(?:https?|file):|^-.*", text, re.M) == []


def test_the_locks_agree_with_each_other():
    base = pinned("requirements")

    for name in ("requirements-embedded", "requirements-dev"):
        for package, versions in pinned(name).items():
            assert versions <= base.get(package, versions), (name, package)


def _without_hash(text: str) -> list[str]:
    lines = text.splitlines()
    return [
        line
        for line, following in zip(lines, [*lines[1:], ""], strict=True)
        if "==" in line and not line.startswith((" ", "#")) and "--hash=" not in line + following
    ]
