from collections.abc import Iterator

import httpx
import pytest

from bots.llm.base import Account
from bots.llm.gigachat.provider import GigaChat
from bots.llm.gigachat.simulator import GigaChatSimulator
from bots.llm.tests.contract import answers, bodies, check, spec
from tenants.kernel.simulate import serve_simulator


@pytest.fixture
def served() -> Iterator[tuple[GigaChatSimulator, str, GigaChat]]:
    sim = GigaChatSimulator()
    with serve_simulator(sim) as url:
        account = Account("a", "gigachat", sim.settings(), base_url=url, allow_private=True)
        yield sim, url, GigaChat(account)


def test_requests_fit_the_description(served):
    root, (sim, _, provider) = spec("gigachat", "gigachat_v1_schemas.json"), served
    known = root["$defs"]["Chat"]["properties"]
    message = root["$defs"]["Messages"]["properties"]

    for body in bodies(provider, sim):
        check(root, "#/$defs/Chat", body)
        assert set(body) <= set(known)
        for sent in body["messages"]:
            assert set(sent) <= set(message)


@pytest.mark.parametrize(
    ("stream", "name"), [(False, "ChatCompletion"), (True, "ChatCompletionChunk")]
)
def test_the_simulator_fits_the_description(served, stream, name):
    root, (sim, url, provider) = spec("gigachat", "gigachat_v1_schemas.json"), served
    body = [b for b in bodies(provider, sim) if b["stream"] is stream][-1]
    key = {"authorization": f"Bearer {next(iter(sim.tokens))}"}

    told = [event for _, event in answers(sim, f"{url}/api/v1/chat/completions", body, key)]

    assert len(told) >= 4
    for event in told:
        check(root, f"#/$defs/{name}", event)
    models = httpx.get(f"{url}/api/v1/models", headers=key, timeout=5).json()
    check(root, "#/$defs/Models", models)
