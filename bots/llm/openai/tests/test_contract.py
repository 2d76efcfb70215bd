from collections.abc import Iterator

import pytest

from bots.llm.base import Account
from bots.llm.openai.provider import OpenAI
from bots.llm.openai.simulator import OpenAISimulator
from bots.llm.tests.contract import answers, bodies, check, spec
from tenants.kernel.simulate import serve_simulator

SCHEMA = "#/components/schemas/"


@pytest.fixture
def served() -> Iterator[tuple[OpenAISimulator, str]]:
    sim = OpenAISimulator()
    with serve_simulator(sim) as url:
        yield sim, f"{url}/v1"


def _properties(root, name) -> set[str]:
    schema = root["components"]["schemas"][name]
    known: set[str] = set()
    for part in schema.get("allOf", [schema]):
        if "$ref" in part:
            known |= _properties(root, part["$ref"].rsplit("/", 1)[-1])
        known |= set(part.get("properties", {}))
    return known


@pytest.mark.parametrize("model", ["gpt-4.1-mini", "gpt-5-mini"])
def test_requests_fit_the_description(served, model):
    root, (sim, url) = spec("openai", "openapi.yaml"), served
    settings = {**sim.settings(), "model": model}
    provider = OpenAI(Account("a", "openai", settings, base_url=url, allow_private=True))

    for body in bodies(provider, sim):
        check(root, f"{SCHEMA}CreateChatCompletionRequest", body)
        assert set(body) <= _properties(root, "CreateChatCompletionRequest")
        assert body["store"] is False


@pytest.mark.parametrize(
    ("stream", "name"),
    [(False, "CreateChatCompletionResponse"), (True, "CreateChatCompletionStreamResponse")],
)
def test_the_simulator_fits_the_description(served, stream, name):
    root, (sim, url) = spec("openai", "openapi.yaml"), served
    provider = OpenAI(Account("a", "openai", sim.settings(), base_url=url, allow_private=True))
    body = [b for b in bodies(provider, sim) if bool(b.get("stream")) is stream][-1]
    key = {"authorization": f"Bearer {sim.key}"}

    told = [event for _, event in answers(sim, f"{url}/chat/completions", body, key)]

    assert len(told) >= 4
    for event in told:
        check(root, SCHEMA + name, event)
