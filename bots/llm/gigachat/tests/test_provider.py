import threading
import time
from collections.abc import Iterator

import pytest

from bots.llm.base import Account, ChatMessage, ModelMalformed, NeedsMerchant, RetryLater, ToolCall
from bots.llm.gigachat.provider import GigaChat, _expiry, messages_out, operator_ca
from bots.llm.gigachat.simulator import GigaChatSimulator
from bots.llm.simulation import Called, Reply, sse
from bots.llm.tests.contract import PLAIN, ROUND, as_new, patience
from tenants.kernel.simulate import Answer, serve_simulator


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[GigaChatSimulator, str]]:
    sim = GigaChatSimulator()
    with serve_simulator(sim) as url:
        yield sim, url


@pytest.fixture
def served(server) -> Iterator[tuple[GigaChatSimulator, str]]:
    with as_new(server[0]):
        yield server


def provider(served, **settings) -> GigaChat:
    sim, url = served
    values = {**sim.settings(), **settings}
    return GigaChat(Account("a", "gigachat", values, base_url=url, allow_private=True))


def logins(sim) -> int:
    return sum(c.path == "/api/v2/oauth" for c in sim.calls)


def test_one_token_serves_many_threads(served):
    made = provider(served)
    threads = [threading.Thread(target=lambda: made.complete(PLAIN, patience())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert logins(served[0]) == 1
    assert len(served[0].completions()) == 6


def test_a_token_is_renewed_before_its_end(served):
    served[0].token_s = 60  # less than the safety margin
    made = provider(served)
    made.complete(PLAIN, patience())
    made.complete(PLAIN, patience())

    sim = served[0]
    assert logins(sim) == 2
    ids = [c.headers["rquid"] for c in sim.calls if c.path == "/api/v2/oauth"]
    assert len(set(ids)) == 2


@pytest.mark.parametrize("stream", [True, False])
def test_a_token_that_died_early_is_renewed_once(served, stream):
    made = provider(served)
    made.complete(PLAIN, patience())
    served[0].expire_tokens()

    assert made.complete(PLAIN, patience(), (lambda _: None) if stream else None).text
    assert logins(served[0]) == 2


def test_a_wrong_key_or_scope_needs_the_merchant(served):
    with pytest.raises(NeedsMerchant):
        provider(served, authorization_key="wrong").complete(PLAIN, patience())
    with pytest.raises(NeedsMerchant):
        provider(served, scope="OTHER").complete(PLAIN, patience())


@pytest.mark.parametrize("body", [{}, []])
def test_a_token_service_without_a_token(served, body):
    sim = served[0]
    sim._routes.insert(0, ("POST", sim._routes[0][1], lambda r: Answer.json(body)))

    with pytest.raises(ModelMalformed, match="no token"):
        provider(served).complete(PLAIN, patience())


def test_when_a_token_ends():
    now = time.time()
    assert _expiry({"expires_at": 1_900_000_000_000}) == 1_900_000_000
    assert _expiry({"exp": 1_900_000_000}) == 1_900_000_000
    assert now + 1700 < _expiry({}) < now + 1900
    assert now + 1700 < _expiry({"expires_at": "soon"}) < now + 1900


def test_the_request_as_the_vendor_wants_it(served):
    from dataclasses import replace

    provider(served).complete(replace(ROUND, temperature=0, session="s1"), patience())

    call = served[0].calls[-1]
    body = call.json()
    assert body["top_p"] == 0
    assert "temperature" not in body
    assert body["function_call"] == "auto"
    assert body["messages"][2]["function_call"] == {"name": "get_stock", "arguments": {"size": 42}}
    assert call.headers["x-session-id"] == "s1"
    assert call.headers["x-request-id"]


def test_the_note_of_a_function_call_goes_back(served):
    made = provider(served)
    served[0].script(Reply(tools=(Called("get_stock", {"size": 42}),)))

    completion = made.complete(ROUND, patience(), lambda _: None)
    call = completion.tool_calls[0]

    assert call.state
    told = messages_out(
        [completion.as_message(), ChatMessage("tool", "три", tool_call_id=call.id, name="x")]
    )
    assert told[0]["functions_state_id"] == call.state
    assert told[1] == {"role": "function", "name": "get_stock", "content": '{"result": "три"}'}


def test_results_without_calls_are_left_out_and_calls_without_results_told():
    told = messages_out(
        [
            ChatMessage("tool", "1", tool_call_id="lost"),
            ChatMessage("assistant", "", tool_calls=(ToolCall("c", "a", {}),)),
        ]
    )

    assert [m["role"] for m in told] == ["assistant", "function"]


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"choices": [{"delta": {}, "finish_reason": "error"}]}, RetryLater),
        ({"choices": [{"delta": {}, "finish_reason": "function_call"}]}, ModelMalformed),
        ({"choices": [{"delta": {"function_call": {"arguments": {}}}}]}, ModelMalformed),
        ({"nothing": 1}, ModelMalformed),
        ({"choices": []}, RetryLater),
        (
            {"choices": [{"delta": {"function_call": {"name": "a", "arguments": "[]"}}}]},
            ModelMalformed,
        ),
    ],
)
def test_odd_ends(served, event, error):
    served[0].answer_next(Answer(200, iter([sse(event)])))

    with pytest.raises(error):
        provider(served).complete(PLAIN, patience(), lambda _: None)


def test_the_check_names_what_the_contract_has(served):
    assert provider(served).check(patience()) == "GigaChat-2"
    with pytest.raises(NeedsMerchant, match="GigaChat-2-Pro"):
        provider(served, model="GigaChat-9").check(patience())


def test_the_operators_certificate(settings, tmp_path, served):
    assert operator_ca() == ""
    file = tmp_path / "root.pem"
    file.write_text("nonsense")
    settings.GIGACHAT_CA_FILE = str(file)
    with pytest.raises(NeedsMerchant, match="PEM"):
        provider(served)
    settings.GIGACHAT_CA_FILE = str(tmp_path / "missing.pem")
    with pytest.raises(NeedsMerchant, match="cannot be read"):
        operator_ca()


def test_the_simulator_is_as_strict_as_the_vendor(served):
    sim = served[0]
    bad = [
        {"model": "x"},
        {"messages": [{"role": "user"}, {"role": "system"}]},
        {"messages": [{"role": "user"}, {"role": "function", "content": "{"}]},
        {"messages": [{"role": "user"}, {"role": "function", "content": "{}"}]},
        {"messages": [{"role": "assistant", "function_call": {"arguments": "{}"}}]},
        {"tools": []},
        {"functions": [{"name": "a", "parameters": {"anyOf": []}}]},
    ]
    for change in bad:
        assert sim.problem({"model": "GigaChat-2", "messages": [], **change}) is not None
    assert sim.problem({"model": "GigaChat-2", "messages": []}) is None
