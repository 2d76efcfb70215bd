"""GigaChat, REST API v1.

Source: https://developers.sber.ru/docs/ru/gigachat/api/reference/rest/gigachat-api (models of the
vendor's package, 2026-06-16, read 2026-11-22).

Looks like OpenAI and is not: a token for 30 minutes from another host, asked for with a new RqUID
each time; `functions` instead of tools, one call an answer, arguments a JSON object; a function's
result must be JSON text; the assistant message is given back with its `functions_state_id`; a
refusal is a polite text with 200 and finish_reason "blacklist".
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable
from typing import Any

from django.conf import settings

from bots.llm import wire
from bots.llm.base import (
    Account,
    ChatMessage,
    Completion,
    Finish,
    ModelMalformed,
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
from tenants.kernel import trust

VENDOR = "gigachat"
OPERATION = "POST /chat/completions"
ADDRESS = "https://gigachat.devices.sberbank.ru"
AUTH_ADDRESS = "https://ngw.devices.sberbank.ru:9443"
TOKEN_S = 30 * 60.0
RENEW_BEFORE_S = 120.0

FINISH = {
    "stop": Finish.STOP,
    "length": Finish.LENGTH,
    "function_call": Finish.TOOLS,
    "blacklist": Finish.REFUSAL,
}


class TokenExpired(NeedsMerchant):
    """401 with a token we had: worth one new token, then a person has to look."""

    token = ""


class GigaChat(Provider):
    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._address = (account.base_url or ADDRESS).rstrip("/") + "/api/v1"
        self._auth_url = (account.base_url or AUTH_ADDRESS).rstrip("/") + "/api/v2/oauth"
        ca_pem = account.setting("ca_pem") or operator_ca()
        self._client = wire.account_client(account, VENDOR, self._address, ca_pem)
        self._tokens = wire.Token(self._fetch_token)

    @property
    def model(self) -> str:
        return self.account.setting("model", "GigaChat-2")

    def body(self, request: ModelRequest, *, stream: bool) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model,
            "messages": messages_out(request.messages),
            "max_tokens": request.max_tokens,
            "stream": stream,
        }
        if request.temperature > 0:
            body["temperature"] = request.temperature
        else:
            body["top_p"] = 0  # the vendor's way to ask for the likeliest answer
        if request.tools:
            body["functions"] = [
                {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": plain_schema(tool.parameters),
                }
                for tool in request.tools
            ]
            body["function_call"] = request.tool_choice
        return body

    def complete(
        self, request: ModelRequest, patience: Patience, on_delta: OnDelta | None = None
    ) -> Completion:
        try:
            return self._ask(request, patience, on_delta)
        except TokenExpired as exc:
            self._tokens.forget(exc.token)
            return self._ask(request, patience, on_delta)

    def _ask(
        self, request: ModelRequest, patience: Patience, on_delta: OnDelta | None
    ) -> Completion:
        stream = on_delta is not None
        token = self._tokens.get(patience)
        if not stream:
            wire.wait_for_whole(patience)
        answer = _Answer(self.model)
        headers = {"authorization": f"Bearer {token}", "x-request-id": str(uuid.uuid4())}
        if request.session:
            headers["x-session-id"] = request.session
        with wire.streamed(
            self._client,
            "POST",
            f"{self._address}/chat/completions",
            vendor=VENDOR,
            operation=OPERATION,
            patience=patience,
            headers=headers,
            payload=self.body(request, stream=stream),
            secrets=(token, self.account.setting("authorization_key")),
            explain=lambda status, body, message: explain(status, message, token),
        ) as response:
            answer.vendor_id = response.headers.get("x-request-id", headers["x-request-id"])
            if on_delta is None:
                answer.take(wire.body_json(response, patience), "message")
            else:
                for event in wire.sse_json(response, patience):
                    if event is wire.DONE:
                        break
                    if text := answer.take(event, "delta"):
                        on_delta(text)
            rest_s = wire.rest_s(response.headers)
        return finished(answer.completion(request), request, patience, rest_s=rest_s)

    def check(self, patience: Patience) -> str:
        with wire.streamed(
            self._client,
            "GET",
            f"{self._address}/models",
            vendor=VENDOR,
            operation="GET /models",
            patience=patience,
            headers={"authorization": f"Bearer {self._tokens.get(patience)}"},
        ) as response:
            listed = wire.body_json(response, patience)
        names = wire.served_models(listed)
        if names and self.model not in names:
            raise NeedsMerchant(
                f"this contract does not have the model; it has: {', '.join(names)}",
                vendor=VENDOR,
            )
        return self.model

    def _fetch_token(self, patience: Patience) -> tuple[str, float]:
        with wire.streamed(
            self._client,
            "POST",
            self._auth_url,
            vendor=VENDOR,
            operation="POST /oauth",
            patience=patience,
            headers={
                "authorization": f"Basic {self.account.setting('authorization_key')}",
                "rquid": str(uuid.uuid4()),
            },
            data={"scope": self.account.setting("scope", "GIGACHAT_API_PERS")},
            secrets=(self.account.setting("authorization_key"),),
            explain=explain_token,
        ) as response:
            answer = wire.body_json(response, patience)
        if not isinstance(answer, dict):
            raise ModelMalformed("the token service sent no token", vendor=VENDOR)
        token = answer.get("access_token") or answer.get("tok")
        if not token:
            raise ModelMalformed("the token service sent no token", vendor=VENDOR)
        return str(token), _expiry(answer) - RENEW_BEFORE_S - time.time()


def operator_ca() -> str:
    """The Russian root certificate the operator put on this machine, as PEM."""
    return trust.operator_ca(settings.GIGACHAT_CA_FILE or settings.RUSSIAN_CA_FILE, VENDOR)


def _expiry(answer: dict[str, Any]) -> float:
    """Seconds of the epoch. `expires_at` is in ms; `exp` of some installations in either."""
    try:
        moment = float(answer.get("expires_at") or answer.get("exp") or 0)
    except (TypeError, ValueError):
        moment = 0.0
    if moment > 1e11:
        moment /= 1000
    return moment if moment > 1e9 else time.time() + TOKEN_S


def explain_token(status: int, body: Any, message: str) -> VendorError | None:
    """Wrong keys and wrong scopes come as 400 and 401 of the token service."""
    return NeedsMerchant(message) if status in (400, 401, 403) else None


def explain(status: int, message: str, token: str) -> VendorError | None:
    if status == 401:
        expired = TokenExpired(message)
        expired.token = token
        return expired
    if status == 404:
        return NeedsMerchant(message)
    return None


# --- messages -------------------------------------------------------------------------------
def messages_out(messages: Iterable[ChatMessage]) -> list[dict[str, Any]]:
    """Ours → GigaChat: one function call a message, each followed by its result.

    Several calls of one answer (made by another provider before a fallback) are told one after
    another. A result whose call is unknown is left out: the vendor answers 422 to it.
    """
    out: list[dict[str, Any]] = []
    source = system_first(messages)
    results = {m.tool_call_id: m for m in source if m.role == "tool"}
    for m in source:
        if m.role == "tool":
            continue
        if not m.tool_calls:
            out.append({"role": m.role, "content": m.content})
            continue
        for number, call in enumerate(m.tool_calls):
            message: dict[str, Any] = {
                "role": "assistant",
                "content": "" if number else m.content,
                "function_call": {"name": call.name, "arguments": call.arguments},
            }
            if call.state:
                message["functions_state_id"] = call.state
            out.append(message)
            result = results.get(call.id)
            content = _as_json(result.content) if result else '{"error": "no result"}'
            out.append({"role": "function", "name": call.name, "content": content})
    return out


def _as_json(content: str) -> str:
    try:
        json.loads(content)
    except ValueError:
        return json.dumps({"result": content}, ensure_ascii=False)
    return content


class _Answer:
    def __init__(self, model: str) -> None:
        self.model = model
        self.vendor_id = ""
        self.pieces: list[str] = []
        self.reason = ""
        self.state = ""
        self.usage: Usage | None = None
        self.call: tuple[str, dict[str, Any]] | None = None

    def take(self, event: Any, part: str) -> str:
        """One event of a stream (`delta`) or the whole answer (`message`); its text."""
        try:
            if usage := event.get("usage"):
                self.usage = Usage(
                    int(usage.get("prompt_tokens") or 0),
                    int(usage.get("completion_tokens") or 0),
                    int(usage.get("precached_prompt_tokens") or 0),
                )
            self.model = event.get("model") or self.model
            if "choices" not in event and event.get("message"):
                raise RetryLater(wire.error_message(event), vendor=VENDOR)
            choices = event["choices"]
            if not choices:
                return ""
            message = choices[0].get(part) or {}
            self.reason = choices[0].get("finish_reason") or self.reason
            self.state = message.get("functions_state_id") or self.state
            if call := message.get("function_call"):
                self.call = (str(call["name"]), arguments_of(call.get("arguments")))
            text = str(message.get("content") or "")
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as exc:
            raise ModelMalformed("the answer has an unknown shape", vendor=VENDOR) from exc
        self.pieces.append(text)
        # The polite text of a refusal is not for the buyer.
        return "" if self.reason == "blacklist" else text

    def completion(self, request: ModelRequest) -> Completion:
        if self.reason == "error":
            raise RetryLater("the vendor could not finish the answer", vendor=VENDOR)
        if not self.reason:
            raise RetryLater("the answer broke off before its end", vendor=VENDOR)
        finish = FINISH.get(self.reason, Finish.STOP)
        calls: tuple[ToolCall, ...] = ()
        if self.call and finish is not Finish.REFUSAL:
            name, arguments = self.call
            calls = (ToolCall(f"call_{uuid.uuid4().hex[:12]}", name, arguments, self.state),)
            finish = Finish.TOOLS
        elif finish is Finish.TOOLS:
            raise ModelMalformed("a function call without a function", vendor=VENDOR)
        text = "".join(self.pieces)
        usage = used(self.usage, request, text)
        return Completion(text, calls, finish, usage, self.model, VENDOR, vendor_id=self.vendor_id)
