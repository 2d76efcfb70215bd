from collections.abc import Iterator

import pytest

from bots.llm.base import Account, ModelRefused, NeedsMerchant, RetryLater
from bots.llm.openai.provider import OpenAI, explain
from bots.llm.openai.simulator import OpenAISimulator
from bots.llm.simulation import Trouble
from bots.llm.tests.contract import PLAIN, ROUND, as_new, patience
from tenants.kernel.simulate import Answer, serve_simulator


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[OpenAISimulator, str]]:
    sim = OpenAISimulator()
    with serve_simulator(sim) as url:
        yield sim, f"{url}/v1"


@pytest.fixture
def served(server) -> Iterator[tuple[OpenAISimulator, str]]:
    with as_new(server[0]):
        yield server


def provider(served, **settings) -> OpenAI:
    sim, url = served
    values = {**sim.settings(), **settings}
    return OpenAI(Account("a", "openai", values, base_url=url, allow_private=True))


def test_reasoning_models_get_room_to_think_and_no_temperature(served):
    made = provider(served, model="gpt-5-mini")
    made.complete(PLAIN, patience())

    body = served[0].completions()[-1]
    assert "temperature" not in body
    assert body["reasoning_effort"] == "low"
    assert body["max_completion_tokens"] > PLAIN.max_tokens


def test_a_parameter_the_model_refuses_is_left_out_from_then_on(served):
    sim = served[0]
    made = provider(served)
    sim.answer_next(
        sim.error(400, "Unsupported value", "x", "unsupported_value", param="temperature")
    )

    made.complete(PLAIN, patience())
    made.complete(PLAIN, patience(), lambda _: None)

    assert ["temperature" in b for b in sim.completions()] == [True, False, False]


def test_organisation_project_and_session_are_sent(served):
    made = provider(served, organization="org-1", project="proj-1")

    completion = made.complete(PLAIN, patience())

    call = served[0].calls[-1]
    assert call.headers["openai-organization"] == "org-1"
    assert call.headers["openai-project"] == "proj-1"
    assert call.json()["prompt_cache_key"] == "s1"
    assert completion.vendor_id.startswith("req_sim")


def test_tools_are_sent_with_their_choice(served):
    provider(served).complete(ROUND, patience())

    body = served[0].completions()[-1]
    assert body["tool_choice"] == "auto"
    assert body["messages"][2]["tool_calls"][0]["function"]["arguments"] == '{"size": 42}'


def test_an_empty_rate_limit_asks_for_a_rest(served):
    sim = served[0]
    whole = {
        "choices": [{"index": 0, "message": {"content": "да"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4}},
    }
    headers = {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1m30s"}
    sim.answer_next(Answer.json(whole, headers=headers))

    completion = provider(served).complete(PLAIN, patience())

    assert completion.rest_s == 90
    assert (completion.usage.prompt, completion.usage.cached) == (9, 4)


def test_the_check_names_the_model_or_says_what_is_wrong(served):
    assert provider(served).check(patience()) == "gpt-4.1-mini"
    with pytest.raises(NeedsMerchant):
        provider(served, model="gpt-99").check(patience())
    with pytest.raises(NeedsMerchant):
        provider(served, api_key="sk-wrong-wrong-wrong").check(patience())


def test_a_refusal_of_the_model_itself_is_recognised(served):
    sim = served[0]
    message = {"content": None, "refusal": "I can't help with that."}
    sim.answer_next(
        Answer.json({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
    )

    with pytest.raises(ModelRefused) as caught:
        provider(served).complete(PLAIN, patience())

    assert caught.value.text == "I can't help with that."


def test_a_rate_limit_keeps_its_wish(served):
    served[0].script(Trouble.RATE_LIMITED, retry_after_s=20)

    with pytest.raises(RetryLater) as caught:
        provider(served).complete(PLAIN, patience())

    assert caught.value.retry_after_s == 20
    assert caught.value.status == 429


def test_a_filtered_prompt_is_a_refusal():
    body = {"error": {"code": "content_policy_violation"}}

    assert isinstance(explain(400, body, "no"), ModelRefused)
    assert explain(400, {"error": "odd"}, "no") is None
    assert explain(400, {"error": {"code": "unsupported_value", "param": "model"}}, "no") is None
