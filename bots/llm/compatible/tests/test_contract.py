"""The dialect is OpenAI's: what we send and what the simulator says fit that description."""

import pytest

from bots.llm.base import Account
from bots.llm.compatible.provider import Compatible
from bots.llm.compatible.simulator import CompatibleSimulator
from bots.llm.tests.contract import answers, bodies, check, spec
from tenants.kernel.simulate import serve_simulator

SCHEMA = "#/components/schemas/"


@pytest.mark.parametrize("flavour", ["vllm", "llamacpp", "ollama"])
def test_requests_and_simulator_fit_the_dialect(flavour):
    root, sim = spec("openai", "openapi.yaml"), CompatibleSimulator(flavour)
    with serve_simulator(sim) as address:
        url = f"{address}/v1"
        account = Account("a", "compatible", sim.settings(), base_url=url, allow_private=True)
        sent = bodies(Compatible(account), sim)
        key = {"authorization": f"Bearer {sim.key}"}
        whole = [e for _, e in answers(sim, f"{url}/chat/completions", sent[0], key)]
        events = [e for _, e in answers(sim, f"{url}/chat/completions", sent[1], key)]

    for body in sent:
        check(root, f"{SCHEMA}CreateChatCompletionRequest", body)
    for answer in whole:
        check(root, f"{SCHEMA}CreateChatCompletionResponse", answer)
    for event in events:
        check(root, f"{SCHEMA}CreateChatCompletionStreamResponse", event)
