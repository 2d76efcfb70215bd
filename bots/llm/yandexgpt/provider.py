"""YandexGPT in Yandex AI Studio, the native text generation API.

Source: https://yandex.cloud/ru/docs/foundation-models/text-generation/api-ref/ (cloudapi
2026-07-23, read 2026-11-22).

Peculiar: numbers of tokens are strings; a stream is JSON lines, each with the whole text so far;
the text is in `text`; a refusal is a status, not an error; tool calls and their results are lists
inside a message, matched by name and order, for there are no ids.
"""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from bots.llm import wire
from bots.llm.base import (
    Account,
    ChatMessage,
    Completion,
    Finish,
    ModelMalformed,
    ModelRefused,
    ModelRequest,
    NeedsMerchant,
    OnDelta,
    Patience,
    Provider,
    RetryLater,
    ToolCall,
    Usage,
    VendorError,
    arguments_of,
    finished,
    plain_schema,
    system_first,
    used,
)

VENDOR = "yandexgpt"
OPERATION = "POST /foundationModels/v1/completion"
ADDRESS = "https://llm.api.cloud.yandex.net"
IAM_ADDRESS = "https://iam.api.cloud.yandex.net"
IAM_REFRESH_S = 3600.0  # a token lives up to 12 h; the vendor advises an hourly change

FINISH = {
    "ALTERNATIVE_STATUS_FINAL": Finish.STOP,
    "ALTERNATIVE_STATUS_TRUNCATED_FINAL": Finish.LENGTH,
    "ALTERNATIVE_STATUS_CONTENT_FILTER": Finish.REFUSAL,
    "ALTERNATIVE_STATUS_TOOL_CALLS": Finish.TOOLS,
}


class YandexGPT(Provider):
    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._address = (account.base_url or ADDRESS).rstrip("/")
        self._iam_address = (account.base_url or IAM_ADDRESS).rstrip("/")
        ca_pem = account.setting("ca_pem")
        self._client = wire.account_client(account, VENDOR, self._address, ca_pem)
        self._iam_client = wire.account_client(account, VENDOR, self._iam_address, ca_pem)
        self._tokens = wire.Token(self._fetch_token)

    @property
    def model(self) -> str:
        return self.account.setting("model", "yandexgpt/latest")

    @property
    def model_uri(self) -> str:
        if "://" in self.model:
            return self.model
        return f"gpt://{self.account.setting('folder_id')}/{self.model}"

    def body(self, request: ModelRequest, *, stream: bool) -> dict[str, Any]:
        body: dict[str, Any] = {
            "modelUri": self.model_uri,
            "completionOptions": {
                "stream": stream,
                "temperature": min(1.0, request.temperature),
                "maxTokens": str(request.max_tokens),
            },
            "messages": messages_out(request.messages),
        }
        if request.tools:
            body["tools"] = [
                {
                    "function": {
                        "name": tool.name,
                        "description": tool.description,
                        "parameters": plain_schema(tool.parameters),
                    }
                }
                for tool in request.tools
            ]
            body["toolChoice"] = {"mode": request.tool_choice.upper()}
        return body

    def headers(self, patience: Patience) -> dict[str, str]:
        """`x-data-logging-enabled: false` keeps the exchange out of the vendor's logs."""
        headers = {
            "x-data-logging-enabled": "false",
            "x-folder-id": self.account.setting("folder_id"),
        }
        if key := self.account.setting("api_key"):
            headers["authorization"] = f"Api-Key {key}"
        else:
            headers["authorization"] = f"Bearer {self._tokens.get(patience)}"
        return headers

    def complete(
        self, request: ModelRequest, patience: Patience, on_delta: OnDelta | None = None
    ) -> Completion:
        stream = on_delta is not None
        if not stream:
            wire.wait_for_whole(patience)
        answer = _Answer(self.model)
        headers = self.headers(patience)
        token = headers["authorization"].partition(" ")[2]
        with wire.streamed(
            self._client,
            "POST",
            f"{self._address}/foundationModels/v1/completion",
            vendor=VENDOR,
            operation=OPERATION,
            patience=patience,
            headers=headers,
            payload=self.body(request, stream=stream),
            secrets=(token,),
            explain=lambda status, body, message: self._explain(status, message, token),
        ) as response:
            answer.vendor_id = response.headers.get("x-request-id", "")
            pieces = (
                wire.json_lines(response, patience)
                if stream
                else [wire.body_json(response, patience)]
            )
            for piece in pieces:
                new = answer.take(piece)
                if new and on_delta is not None:
                    on_delta(new)
            if on_delta is not None and (rest := answer.rest()):
                on_delta(rest)
            rest_s = wire.rest_s(response.headers)
        return finished(answer.completion(request), request, patience, rest_s=rest_s)

    def _explain(self, status: int, message: str, token: str) -> VendorError | None:
        text = message.lower()
        if status == 401 and not self.account.setting("api_key"):
            self._tokens.forget(token)
            return RetryLater(message)
        if status == 404 or (status == 400 and "model" in text):
            return NeedsMerchant(message)
        if status == 400 and ("content" in text or "ethic" in text):
            return ModelRefused(message)
        return None

    def _fetch_token(self, patience: Patience) -> tuple[str, float]:
        key_text = self.account.setting("service_account_key")
        if not key_text:
            raise NeedsMerchant(
                "neither an API key nor a service account key is set", vendor=VENDOR
            )
        with wire.streamed(
            self._iam_client,
            "POST",
            f"{self._iam_address}/iam/v1/tokens",
            vendor=VENDOR,
            operation="POST /iam/v1/tokens",
            patience=patience,
            payload={"jwt": service_jwt(key_text)},
        ) as response:
            answer = wire.body_json(response, patience)
        token = answer.get("iamToken") if isinstance(answer, dict) else None
        if not token:
            raise ModelMalformed("the token service sent no token", vendor=VENDOR)
        left = _seconds_until(str(answer.get("expiresAt") or "")) - 60
        return str(token), min(IAM_REFRESH_S, left)


def _seconds_until(moment: str) -> float:
    """RFC 3339 with up to nine digits of a second."""
    try:
        head, _, _ = moment.removesuffix("Z").partition(".")
        return datetime.fromisoformat(head + "+00:00").timestamp() - time.time()
    except ValueError:
        return IAM_REFRESH_S


def service_jwt(key_text: str) -> str:
    """A signed request for a token, from the JSON the console gives for a service account.

    Reads: id, service_account_id, private_key (PEM). PS256, an hour at most.
    """
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    try:
        key = json.loads(key_text)
        pem = key["private_key"]
        private = serialization.load_pem_private_key(
            pem[pem.index("-----BEGIN") :].encode(), password=None
        )
        if not isinstance(private, rsa.RSAPrivateKey):
            raise TypeError("not an RSA key")
        head = {"typ": "JWT", "alg": "PS256", "kid": key["id"]}
        now = int(time.time())
        claims = {
            "iss": key["service_account_id"],
            "aud": f"{IAM_ADDRESS}/iam/v1/tokens",
            "iat": now,
            "exp": now + 3600,
        }
    except (ValueError, KeyError, TypeError) as exc:
        raise NeedsMerchant("the service account key is not the JSON of the console") from exc
    signed = f"{_b64(json.dumps(head).encode())}.{_b64(json.dumps(claims).encode())}"
    signature = private.sign(
        signed.encode(),
        padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32),
        hashes.SHA256(),
    )
    return f"{signed}.{_b64(signature)}"


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


# --- messages -------------------------------------------------------------------------------
def messages_out(messages: Iterable[ChatMessage]) -> list[dict[str, Any]]:
    """Ours → Yandex. Tool results that follow one another form one list, in their order.

    A message holds text or a list, not both: text beside tool calls goes first, by itself.
    """
    out: list[dict[str, Any]] = []
    for m in system_first(messages):
        if m.role == "tool":
            result = {"functionResult": {"name": m.name, "content": m.content}}
            if out and "toolResultList" in out[-1]:
                out[-1]["toolResultList"]["toolResults"].append(result)
            else:
                out.append({"role": "user", "toolResultList": {"toolResults": [result]}})
            continue
        if m.content or not m.tool_calls:
            out.append({"role": m.role, "text": m.content})
        if m.tool_calls:
            calls = [
                {"functionCall": {"name": c.name, "arguments": c.arguments}} for c in m.tool_calls
            ]
            out.append({"role": m.role, "toolCallList": {"toolCalls": calls}})
    return out


class _Answer:
    """An answer under way. Each piece carries the whole text so far; only what is new goes on."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.vendor_id = ""
        self.text = ""
        self.given = ""
        self.status = ""
        self.usage: Usage | None = None
        self.calls: tuple[ToolCall, ...] = ()

    def take(self, piece: Any) -> str:
        """One line of a stream, or the whole answer; the text that is new and certain."""
        try:
            if error := piece.get("error"):
                raise RetryLater(
                    wire.error_message({"error": error}) or "broken off", vendor=VENDOR
                )
            result = piece.get("result") or piece
            alternative = result["alternatives"][0]
            message = alternative.get("message") or {}
            self.status = alternative.get("status") or ""
            self.text = message.get("text") or self.text
            calls = (message.get("toolCallList") or {}).get("toolCalls") or ()
            if calls:
                self.calls = tuple(
                    _call_in(number, call["functionCall"]) for number, call in enumerate(calls)
                )
            if usage := result.get("usage"):
                self.usage = Usage(
                    int(usage.get("inputTextTokens") or 0), int(usage.get("completionTokens") or 0)
                )
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as exc:
            raise ModelMalformed("the answer has an unknown shape", vendor=VENDOR) from exc
        # A letter cut in the middle of its bytes arrives as U+FFFD and is right in the next piece.
        certain = self.text.rstrip("\ufffd")
        if not certain.startswith(self.given) or FINISH.get(self.status) is Finish.REFUSAL:
            return ""
        new = certain[len(self.given) :]
        self.given = certain
        return new

    def rest(self) -> str:
        if FINISH.get(self.status) is Finish.REFUSAL:
            return ""
        if not self.text.startswith(self.given):
            raise ModelMalformed("the model took back what it had said", vendor=VENDOR)
        return self.text[len(self.given) :]

    def completion(self, request: ModelRequest) -> Completion:
        finish = FINISH.get(self.status)
        if finish is None:
            raise RetryLater("the answer broke off before its end", vendor=VENDOR)
        if finish is not Finish.REFUSAL and self.calls:
            finish = Finish.TOOLS
        usage = used(self.usage, request, self.text)
        calls = self.calls if finish is Finish.TOOLS else ()
        if finish is Finish.TOOLS and not calls:
            raise ModelMalformed("tool calls without any", vendor=VENDOR)
        return Completion(
            self.text, calls, finish, usage, self.model, VENDOR, vendor_id=self.vendor_id
        )


def _call_in(number: int, call: dict[str, Any]) -> ToolCall:
    return ToolCall(f"call_{number}", call["name"], arguments_of(call.get("arguments")))
