"""A worker that is new has loaded what its first buyers need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ASK = """
import sys, django
django.setup()
from config.celery import load
load()
known = set(sys.modules)
from bots.retrieval.concepts import _rules
from bots.retrieval.glossary import built_in
print(built_in.cache_info().currsize, _rules.cache_info().currsize)
from bots.answerer.dialogue import answer
from bots.channels.telegram.adapter import Telegram
from bots.llm.gigachat.provider import GigaChat
from bots.llm.openai.provider import OpenAI
print(sorted(set(sys.modules) - known))
"""


def test_words_and_vendors_packages_are_loaded_beforehand():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == ["1 1", "[]"], done.stderr
