"""docs/features.md names only tests and benches that exist, and only the three states."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
STATES = {"works", "works against our simulator", "not done"}


def rows() -> list[list[str]]:
    lines = (ROOT / "docs/features.md").read_text().splitlines()
    table = [line for line in lines if line.startswith("| ")][1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def test_every_proof_exists():
    missing = []
    for name, _where, proofs, _limits, _state in rows():
        assert proofs, f"{name} has no proof"
        for proof in proofs.split(", "):
            if proof.startswith("bench:"):
                if not hasattr(importlib.import_module(f"config.bench.{proof[6:]}"), "run"):
                    missing.append(proof)
                continue
            path, _, test = proof.partition("::")
            file = ROOT / path
            if not file.exists() or (test and f"def {test}(" not in file.read_text()):
                missing.append(proof)
    assert missing == []


def test_every_state_is_one_of_three():
    assert {row[4] for row in rows()} <= STATES


def test_every_document_the_readme_names_exists():
    for readme in ("README.md", "README.ru.md"):
        text = (ROOT / readme).read_text()
        for link in re.findall(r"\]\(([^)#]+)\)", text):
            assert (ROOT / link).exists(), f"{readme} → {link}"
