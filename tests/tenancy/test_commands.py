"""Merchants from the command line: the same services, the same rules."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

pytestmark = pytest.mark.django_db


def run(command: str, *arguments: str, **options: object) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out, **options)
    return out.getvalue()


def test_a_token_from_the_command_line_opens_the_api(alpha, client_of):
    token = run("api_token", merchant="alpha").strip().splitlines()[-1]

    answer = client_of(alpha).get("/api/v1/bots/", HTTP_AUTHORIZATION=f"Bearer {token.strip()}")

    assert answer.status_code == 200
    assert len(answer.json()["results"]) == 1


def test_a_token_for_nobody_is_refused(alpha):
    with pytest.raises(CommandError):
        run("api_token", merchant="nobody-of-this-name")


def test_benches_are_listed():
    assert "ingest" in run("bench")
    with pytest.raises(CommandError):
        run("bench", "nothing")
