"""What goes wrong outside is told in Russian, wherever it was said."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from django.utils import translation

from bots.selectors.failures import failure_in_words
from config import texts
from tenants.kernel.words import vendor_words

ROOT = Path(__file__).resolve().parent.parent.parent
ERRORS = {
    *("RetryLater", "NeedsMerchant", "Rejected", "OutcomeUnknown", "NotFound", "Unreachable"),
    *("Check", "JobRefused", "ModelBudgetSpent", "NoModel"),
}


def said() -> Iterator[tuple[str, str]]:
    """(place, text) of every error's literal text; what is put into it later is an x."""
    for area in ("bots", "integrations", "tenants"):
        for file in (ROOT / area).rglob("*.py"):
            if "/tests/" in str(file) or file.name in ("simulator.py", "simulation.py"):
                continue
            for call in ast.walk(ast.parse(file.read_text())):
                if not isinstance(call, ast.Call):
                    continue
                name = getattr(call.func, "id", getattr(call.func, "attr", ""))
                if name not in ERRORS:
                    continue
                named = [k.value for k in call.keywords if k.arg == "detail"]
                for text in map(literal, [*call.args[:1], *named]):
                    if text and " " in text:
                        yield f"{file.relative_to(ROOT)}:{call.lineno}", text


def literal(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values
        )
    return ""


def test_every_text_of_an_error_has_its_russian():
    found = list(said())
    with translation.override("ru"):
        strange = [
            f"{place}: {text}"
            for place, text in found
            if vendor_words(text).startswith("сервис отвечает") or vendor_words(text) == text
        ]

    assert strange == []
    assert len(found) > 30


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ("", ""),
        ("Chat not found", "Telegram не находит этого чата: покупатель удалил переписку или ещё "
         "не писал боту"),
        ("no connection (refused)", "нет соединения (refused)"),
        ("no connection: refused", "нет соединения: refused"),
        ("HTTP 502", "у сервиса сбой: повторим сами (HTTP 502)"),
        ("HTTP 418", "сервис отказал (HTTP 418)"),
        ("Something of its own", "сервис отвечает: Something of its own"),
        ("Уже сказано: по-русски", "Уже сказано: по-русски"),
    ],
)  # fmt: skip
def test_a_vendors_complaint_is_told_with_what_to_do(detail, words):
    with translation.override("ru"):
        assert vendor_words(detail) == words
    with translation.override("en"):
        assert "сервис" not in vendor_words(detail)


def test_a_code_of_a_message_is_never_shown_as_it_is():
    with translation.override("ru"):
        for code in ("window_closed", "stale", "unreachable", "outcome unknown"):
            assert failure_in_words(code) != code
        assert "окно" in failure_in_words("window_closed")  # the console offers a template then


def test_a_text_has_one_translation_wherever_it_is_kept():
    """Catalogues of all parts are read as one: of two translations one would win unseen."""
    found: dict[tuple[str, str, str], set[str]] = {}
    for source in texts.sources():
        with source.open("rb") as file:
            for message in read_po(file, locale=source.parent.parent.name):
                if message.id:
                    key = (source.parent.parent.name, message.context or "", str(message.id))
                    found.setdefault(key, set()).add(str(message.string))
    assert len(found) > 2000
    assert {key: kinds for key, kinds in found.items() if len(kinds) > 1} == {}
