from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.llm.base import (
    Account,
    DataRegion,
    Finish,
    ModelMalformed,
    ModelRefused,
    ModelRequest,
    NeedsMerchant,
    Rejected,
    RetryLater,
)
from bots.llm.compatible.provider import Compatible, Thoughts, explain, headers_in
from bots.llm.compatible.simulator import CompatibleSimulator
from bots.llm.simulation import Called, Reply, sse
from bots.llm.tests.contract import PLAIN, ROUND, as_new, patience
from tenants.kernel.simulate import Answer, serve_simulator


class Served(CompatibleSimulator):
    url = ""


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Served]]:
    sims = {flavour: Served(flavour) for flavour in ("vllm", "ollama", "llamacpp")}
    with ExitStack() as stack:
        for sim in sims.values():
            sim.url = stack.enter_context(serve_simulator(sim)) + "/v1"
        yield sims


@pytest.fixture(params=["vllm", "ollama", "llamacpp"])
def sim(request, servers) -> Iterator[Served]:
    with as_new(servers[request.param]):
        yield servers[request.param]


@pytest.fixture
def vllm(servers) -> Iterator[Served]:
    with as_new(servers["vllm"]):
        yield servers["vllm"]


def provider(sim, **settings) -> Compatible:
    values = {**sim.settings(), "base_url": sim.url, **settings}
    return Compatible(Account("a", "compatible", values, allow_private=True))


def test_every_flavour_answers_and_calls_tools(sim):
    made = provider(sim)
    sim.script("Да, есть.", Reply(tools=(Called("get_stock", {"size": 42}),)))
    pieces: list[str] = []

    assert made.complete(PLAIN, patience(), pieces.append).text == "Да, есть."
    completion = made.complete(ROUND, patience(), pieces.append)

    assert completion.finish is Finish.TOOLS
    assert completion.tool_calls[0].arguments == {"size": 42}
    assert completion.tool_calls[0].id


def test_two_calls_without_ids_are_told_apart(servers):
    two = (Called("get_stock", {"size": 41}), Called("get_stock", {"size": 42}))
    servers["ollama"].script(Reply(tools=two))

    whole = provider(servers["ollama"]).complete(ROUND, patience())

    assert [c.arguments["size"] for c in whole.tool_calls] == [41, 42]
    assert len({c.id for c in whole.tool_calls}) == 2


def test_an_error_in_mid_stream_is_not_an_end(sim):
    sim.script(Reply("раз два три", error_after=2))

    with pytest.raises(RetryLater):
        provider(sim).complete(PLAIN, patience(), lambda _: None)


@pytest.mark.parametrize("name", ["stream_options", "temperature", "max_tokens"])
def test_what_a_server_does_not_know_is_left_out(sim, name):
    sim.refuses = (name,)
    made = provider(sim)

    assert made.complete(PLAIN, patience(), lambda _: None).text
    assert made.complete(PLAIN, patience(), lambda _: None).text
    assert [name in body for body in sim.completions()] == [True, False, False]


def test_a_server_without_tools_still_answers(sim):
    sim.tools_enabled = False
    request = ModelRequest(PLAIN.messages, tools=ROUND.tools)

    assert provider(sim).complete(request, patience()).text == "Размер 42 есть."


def test_a_server_that_refuses_everything_is_not_asked_for_ever(vllm):
    vllm.refuses = ("model",)

    with pytest.raises(Rejected):
        provider(vllm).complete(PLAIN, patience())


def test_a_server_that_is_loading_is_tried_later(sim):
    sim.loading = True

    with pytest.raises(RetryLater):
        provider(sim).complete(PLAIN, patience())


def test_a_missing_model_needs_the_merchant(sim):
    with pytest.raises(NeedsMerchant):
        provider(sim, model="nothing").complete(PLAIN, patience())
    with pytest.raises(NeedsMerchant, match="qwen3-8b"):
        provider(sim, model="nothing").check(patience())


def test_a_server_without_a_list_of_models_is_asked_for_a_word(vllm):
    vllm._routes = [r for r in vllm._routes if r[0] != "GET"]

    assert provider(vllm).check(patience()) == "qwen3-8b"


def test_a_wrong_key_does_not_pass_the_check(vllm):
    with pytest.raises(NeedsMerchant):
        provider(vllm, api_key="wrong").check(patience())


def test_a_server_that_ignores_stream_is_read_whole(vllm):
    choice = {"index": 0, "message": {"content": "Да."}, "finish_reason": None}
    vllm.answer_next(Answer.json({"choices": [choice]}))
    pieces: list[str] = []

    completion = provider(vllm).complete(PLAIN, patience(), pieces.append)

    assert "".join(pieces) == completion.text == "Да."
    assert completion.usage.is_estimated


def test_an_error_with_200_is_an_error(vllm):
    vllm.answer_next(Answer.json({"error": "the runner died"}))

    with pytest.raises(RetryLater, match="runner died"):
        provider(vllm).complete(PLAIN, patience())


def test_done_is_an_end_even_without_a_reason(vllm):
    events = [
        sse({"choices": [{"index": 0, "delta": {"content": "Да."}}]}),
        b": ping\n\nevent: x\ndata:\n\ndata: [DONE]\n\n",
    ]
    vllm.answer_next(Answer(200, iter(events), {"content-type": "text/event-stream"}))

    assert provider(vllm).complete(PLAIN, patience(), lambda _: None).text == "Да."


@pytest.mark.parametrize(
    "event",
    [
        [1],
        {"choices": [7]},
        {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": 5}]}}]},
    ],
)
def test_shapes_nobody_knows_are_refused(vllm, event):
    vllm.answer_next(Answer(200, iter([sse(event)]), {"content-type": "text/event-stream"}))

    with pytest.raises(ModelMalformed):
        provider(vllm).complete(PLAIN, patience(), lambda _: None)


def test_a_huge_answer_is_cut_off(vllm):
    vllm.answer_next(Answer(200, (b"x" * 100_000 for _ in range(60))))

    with pytest.raises(ModelMalformed, match="too large"):
        provider(vllm).complete(PLAIN, patience())


def test_extra_headers_are_sent_and_bad_ones_named(vllm):
    made = provider(vllm, headers="OpenAI-Project: folder-1\n\nX-A: b")
    made.complete(PLAIN, patience())

    assert vllm.calls[-1].headers["openai-project"] == "folder-1"
    assert headers_in("") == {}
    with pytest.raises(NeedsMerchant, match="line 2"):
        headers_in("A: b\nno colon")


def test_the_address_is_needed_and_the_region_is_said(vllm):
    with pytest.raises(NeedsMerchant):
        Compatible(Account("a", "compatible", {"model": "m"}))
    assert provider(vllm).region() is DataRegion.OWN
    assert provider(vllm, data_region="foreign").region() is DataRegion.FOREIGN


def test_a_bad_certificate_is_said_at_once(vllm):
    with pytest.raises(NeedsMerchant, match="PEM"):
        provider(vllm, ca_pem="nonsense")


def test_words_for_errors():
    assert isinstance(explain(400, "blocked by content filter", {}), ModelRefused)
    assert explain(400, "maximum context length", {"max_tokens": 1}) is None
    assert isinstance(explain(429, "no credits left", {}), NeedsMerchant)
    assert explain(400, "odd", {"temperature": 1}) is None


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("<think>хм</think>\n\nДа.", "Да."),
        ("Да <think>.", "Да <think>."),
        ("  Да.", "  Да."),
        ("<think>без конца", ""),
        ("<thi", "<thi"),
        ("", ""),
    ],
)
def test_thoughts_are_not_the_answer(said, text):
    for size in (1, 3, 100):
        thoughts = Thoughts()
        parts = [thoughts.feed(said[i : i + size]) for i in range(0, len(said), size)]
        assert "".join([*parts, thoughts.end()]) == text


@given(st.text(alphabet="<>/think Да\n", max_size=40), st.integers(1, 7))
def test_thoughts_do_not_depend_on_the_cuts(said, size):
    whole, cut = Thoughts(), Thoughts()
    at_once = whole.feed(said) + whole.end()
    parts = [cut.feed(said[i : i + size]) for i in range(0, len(said), size)]

    assert "".join([*parts, cut.end()]) == at_once
