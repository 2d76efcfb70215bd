"""A vendor whose certificate no usual trust store knows, and slow bytes inside TLS."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bots.llm.base import Account, ModelTooSlow, NeedsMerchant
from bots.llm.gigachat.provider import GigaChat
from bots.llm.gigachat.simulator import GigaChatSimulator
from bots.llm.simulation import Reply
from bots.llm.tests.contract import PLAIN, patience
from tenants.kernel.simulate import serve_simulator


@pytest.fixture(scope="module")
def served(certificate) -> Iterator[tuple[GigaChatSimulator, str, str]]:
    simulator = GigaChatSimulator()
    with serve_simulator(simulator, certificate=certificate) as url:
        yield simulator, url, certificate[0]


def provider(served, **settings) -> GigaChat:
    simulator, url, _ = served
    values = {**simulator.settings(), **settings}
    return GigaChat(Account("a", "gigachat", values, base_url=url, allow_private=True))


def test_an_unknown_root_is_refused(served):
    with pytest.raises(NeedsMerchant, match="CA certificate"):
        provider(served).complete(PLAIN, patience())


def test_the_accounts_root_is_trusted(served):
    pem = Path(served[2]).read_text()

    assert provider(served, ca_pem=pem).complete(PLAIN, patience(), lambda _: None).text


def test_the_operators_root_is_trusted(served, settings):
    settings.GIGACHAT_CA_FILE = served[2]

    assert provider(served).complete(PLAIN, patience()).text


def test_slow_bytes_inside_tls_end_at_the_deadline(served, settings):
    settings.GIGACHAT_CA_FILE = served[2]
    made = provider(served)
    served[0].script(Reply("слово " * 200, pause_s=0.3))
    started = time.monotonic()

    with pytest.raises(ModelTooSlow):
        made.complete(PLAIN, patience(for_s=1.2), lambda _: None)

    assert 1.0 < time.monotonic() - started < 2.5
    assert made.complete(PLAIN, patience()).text
