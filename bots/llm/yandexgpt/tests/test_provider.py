import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from bots.llm.base import (
    Account,
    ChatMessage,
    ModelMalformed,
    ModelRefused,
    NeedsMerchant,
    RetryLater,
    ToolCall,
)
from bots.llm.simulation import Called, Reply
from bots.llm.tests.contract import PLAIN, ROUND, as_new, patience
from bots.llm.yandexgpt.provider import YandexGPT, _seconds_until, messages_out, service_jwt
from bots.llm.yandexgpt.simulator import YandexSimulator
from tenants.kernel.simulate import Answer, serve_simulator

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
SERVICE_KEY = json.dumps(
    {
        "id": "key1",
        "service_account_id": "sa1",
        "private_key": f"PLEASE DO NOT REMOVE THIS LINE!\n{PEM}",
    }
)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[YandexSimulator, str]]:
    sim = YandexSimulator()
    with serve_simulator(sim) as url:
        yield sim, url


@pytest.fixture
def served(server) -> Iterator[tuple[YandexSimulator, str]]:
    with as_new(server[0]):
        yield server


def provider(served, **settings) -> YandexGPT:
    sim, url = served
    values = {**sim.settings(), **settings}
    return YandexGPT(Account("a", "yandexgpt", values, base_url=url, allow_private=True))


def part(text: str, status: str = "PARTIAL") -> bytes:
    message = {"role": "assistant", "text": text}
    alternative = {"message": message, "status": f"ALTERNATIVE_STATUS_{status}"}
    return json.dumps({"result": {"alternatives": [alternative]}}).encode() + b"\n"


def test_the_request_as_the_vendor_wants_it(served):
    provider(served).complete(ROUND, patience())

    call = served[0].calls[-1]
    body = call.json()
    assert body["modelUri"] == "gpt://b1gsimulated/yandexgpt/latest"
    assert body["completionOptions"]["maxTokens"] == "800"
    assert body["toolChoice"] == {"mode": "AUTO"}
    assert call.headers["x-data-logging-enabled"] == "false"
    assert call.headers["x-folder-id"] == "b1gsimulated"
    assert provider(served, model="ds://tuned").model_uri == "ds://tuned"


def test_a_service_account_key_is_changed_for_a_token_once(served):
    made = provider(served, api_key="", service_account_key=SERVICE_KEY)

    assert made.complete(PLAIN, patience()).text
    assert made.complete(PLAIN, patience()).text

    sim = served[0]
    assert len(sim.iam_tokens) == 1
    assert sim.calls[-1].headers["authorization"] == "Bearer t1.simulated1"


def test_a_token_that_died_early_is_renewed_by_the_next_try(served):
    made = provider(served, api_key="", service_account_key=SERVICE_KEY)
    made.complete(PLAIN, patience())
    served[0].expire_tokens()

    with pytest.raises(RetryLater):
        made.complete(PLAIN, patience())
    assert made.complete(PLAIN, patience()).text


def test_the_signed_request_can_be_verified():
    head, claims, signature = service_jwt(SERVICE_KEY).split(".")

    def decoded(text: str) -> bytes:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))

    assert json.loads(decoded(head)) == {"typ": "JWT", "alg": "PS256", "kid": "key1"}
    assert json.loads(decoded(claims))["iss"] == "sa1"
    KEY.public_key().verify(
        decoded(signature),
        f"{head}.{claims}".encode(),
        padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32),
        hashes.SHA256(),
    )


@pytest.mark.parametrize("key", ["{", "{}", '{"id": "1", "private_key": "x"}', "[]"])
def test_a_damaged_service_key_needs_the_merchant(key):
    with pytest.raises(NeedsMerchant):
        service_jwt(key)


def test_a_key_of_another_kind_needs_the_merchant():
    from cryptography.hazmat.primitives.asymmetric import ed25519

    pem = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(NeedsMerchant):
        service_jwt(json.dumps({"id": "1", "private_key": pem.decode()}))


def test_no_key_at_all_needs_the_merchant(served):
    with pytest.raises(NeedsMerchant, match="neither an API key"):
        provider(served, api_key="").complete(PLAIN, patience())


def test_a_token_service_without_a_token(served):
    served[0].route("POST", "/never", served[0].token)
    made = provider(served, api_key="", service_account_key=SERVICE_KEY)
    served[0]._routes = [
        (m, p, (lambda r: Answer.json({})) if "iam" in p.pattern else h)
        for m, p, h in served[0]._routes
    ]
    with pytest.raises(ModelMalformed, match="no token"):
        made.complete(PLAIN, patience())


def test_when_a_token_ends():
    assert _seconds_until("2099-01-01T00:00:00.123456789Z") > 1e9
    assert _seconds_until("") == 3600
    assert _seconds_until("2001-01-01T00:00:00Z") < 0


def test_a_letter_cut_in_its_bytes_waits_for_the_next_piece(served):
    served[0].answer_next(
        Answer(200, iter([part("Да\ufffd"), part("Даль"), part("Даль", "FINAL")]))
    )
    pieces: list[str] = []

    text = provider(served).complete(PLAIN, patience(), pieces.append).text

    assert pieces == ["Да", "ль"]
    assert text == "Даль"


def test_words_taken_back_are_not_an_answer(served):
    served[0].answer_next(Answer(200, iter([part("Да, есть"), part("Нет", "FINAL")])))

    with pytest.raises(ModelMalformed, match="took back"):
        provider(served).complete(PLAIN, patience(), lambda _: None)


def test_a_filter_that_fires_late_is_a_refusal(served):
    served[0].answer_next(
        Answer(200, iter([part("Да, "), part("Не могу об этом.", "CONTENT_FILTER")]))
    )
    pieces: list[str] = []

    with pytest.raises(ModelRefused):
        provider(served).complete(PLAIN, patience(), pieces.append)

    assert pieces == ["Да, "]


@pytest.mark.parametrize(
    "body",
    [
        b"[]\n",
        b'{"result": {"alternatives": []}}\n',
        part("", "TOOL_CALLS"),
    ],
)
def test_shapes_nobody_knows_are_refused(served, body):
    served[0].answer_next(Answer(200, body))

    with pytest.raises(ModelMalformed):
        provider(served).complete(PLAIN, patience())


def test_arguments_as_text_are_read_too(served):
    served[0].script(Reply(tools=(Called("get_stock", raw='{"size": 41}'),)))

    completion = provider(served).complete(ROUND, patience())

    assert completion.tool_calls[0].arguments == {"size": 41}


def test_a_filtered_prompt_is_a_refusal(served):
    sim = served[0]
    sim.answer_next(sim.error(400, 3, "Bad Request", "content violates the ethics rules"))

    with pytest.raises(ModelRefused):
        provider(served).complete(PLAIN, patience())


def test_another_folder_needs_the_merchant(served):
    with pytest.raises(NeedsMerchant):
        provider(served, folder_id="b1gother").complete(PLAIN, patience())


def test_results_that_follow_one_another_form_one_list():
    calls = (ToolCall("1", "a", {}), ToolCall("2", "b", {"x": 1}))
    told = messages_out(
        [
            ChatMessage("user", "и?"),
            ChatMessage("assistant", "Смотрю.", tool_calls=calls),
            ChatMessage("tool", "1", tool_call_id="1", name="a"),
            ChatMessage("tool", "2", tool_call_id="2", name="b"),
        ]
    )

    assert [set(m) - {"role"} for m in told] == [
        {"text"},
        {"text"},
        {"toolCallList"},
        {"toolResultList"},
    ]
    results = told[-1]["toolResultList"]["toolResults"]
    assert [r["functionResult"]["name"] for r in results] == ["a", "b"]
