"""Against the message and field lists of the vendor's published interface."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from bots.llm.base import Account
from bots.llm.tests.contract import answers, bodies, spec
from bots.llm.yandexgpt.provider import YandexGPT
from bots.llm.yandexgpt.simulator import YandexSimulator
from tenants.kernel.simulate import serve_simulator

PACKAGE = "yandex.cloud.ai.foundation_models.v1."
SCALARS: dict[str, Any] = {
    "string": str,
    "string(int64)": str,
    "string(RFC3339)": str,
    "boolean": bool,
    "number": (int, float),
    "object(any JSON)": dict,
}


def fits(root: dict[str, Any], kind: str, value: Any, where: str = "") -> None:
    """The value has only fields the description knows, each of its type, one of each oneof."""
    kind, _, nullable = kind.partition("|")
    if value is None:
        assert nullable == "null", where
    elif found := re.fullmatch(r"array<(.+)>", kind):
        assert isinstance(value, list), where
        for number, item in enumerate(value):
            fits(root, found[1], item, f"{where}[{number}]")
    elif kind in SCALARS:
        assert isinstance(value, SCALARS[kind]), (where, value)
        if kind == "string(int64)":
            int(value)
    elif kind in root["enums"]:
        assert value in [v["name"] for v in root["enums"][kind]["values"]], (where, value)
    else:
        fields = root["messages"][kind]["fields"]
        assert set(value) <= set(fields), (where, set(value) - set(fields))
        chosen = [fields[name].get("oneof") for name in value]
        for oneof in filter(None, chosen):
            assert chosen.count(oneof) == 1, (where, oneof)
        for name, inner in value.items():
            fits(root, fields[name]["type"], inner, f"{where}.{name}")


@pytest.fixture
def served() -> Iterator[tuple[YandexSimulator, str, YandexGPT]]:
    sim = YandexSimulator()
    with serve_simulator(sim) as url:
        account = Account("a", "yandexgpt", sim.settings(), base_url=url, allow_private=True)
        yield sim, url, YandexGPT(account)


def test_the_path_is_the_described_one(served):
    root, (sim, _, provider) = spec("yandex-ai", "foundation_models_v1.json"), served
    bodies(provider, sim)
    method = root["services"][f"{PACKAGE}TextGenerationService"]["methods"]["Completion"]

    assert {(c.method, c.path) for c in sim.calls} == {
        (h["method"], h["path"]) for h in method["http"]
    }


def test_requests_fit_the_description(served):
    root, (sim, _, provider) = spec("yandex-ai", "foundation_models_v1.json"), served

    for body in bodies(provider, sim):
        fits(root, f"{PACKAGE}CompletionRequest", body)


def test_the_simulator_fits_the_description(served):
    root, (sim, url, provider) = spec("yandex-ai", "foundation_models_v1.json"), served
    key = {"authorization": f"Api-Key {sim.key}"}

    for body in bodies(provider, sim):
        for _, answer in answers(sim, f"{url}/foundationModels/v1/completion", body, key):
            assert set(answer) == {"result"}
            fits(root, f"{PACKAGE}CompletionResponse", answer["result"])
