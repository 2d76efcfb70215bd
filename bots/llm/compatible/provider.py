"""Any server that speaks OpenAI's chat dialect: vLLM, Ollama, llama.cpp, a router.

Sources: https://docs.vllm.ai (OpenAI-compatible server), https://docs.ollama.com/openai,
https://github.com/ggml-org/llama.cpp/tree/master/tools/server (read 2026-11-22).

They differ in what they leave out and what they refuse, so: an optional parameter a server answers
400 to is left out from then on; usage is estimated when missing; tool-call ids are made up when
empty; "stop" with tool calls means tool calls; a stream may end with [DONE] and no finish reason;
a server that ignores `stream` is read whole; an error may come after 200.
"""

from __future__ import annotations

import re
from typing import Any

from bots.llm import chat, wire
from bots.llm.base import (
    Account,
    Completion,
    DataRegion,
    ModelRefused,
    ModelRequest,
    NeedsMerchant,
    OnDelta,
    ParameterRefused,
    Patience,
    VendorError,
    finished,
)
from tenants.kernel.errors import NotFound

VENDOR = "compatible"
OPERATION = "POST /chat/completions"
# In the order they are given up when a 400 names none of them.
OPTIONAL = (
    "stream_options",
    "parallel_tool_calls",
    "tool_choice",
    "temperature",
    "max_tokens",
    "tools",
)


class Compatible(chat.Forgiving):
    optional = OPTIONAL

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._address = (account.base_url or account.setting("base_url")).rstrip("/")
        if not self._address:
            raise NeedsMerchant("the address of the server is not set", vendor=VENDOR)
        self._client = wire.account_client(
            account, VENDOR, self._address, account.setting("ca_pem")
        )
        self._headers = headers_in(account.setting("headers"))
        if key := account.setting("api_key"):
            self._headers["authorization"] = f"Bearer {key}"
        self._secrets = (account.setting("api_key"), *self._headers.values())

    @property
    def model(self) -> str:
        return self.account.setting("model")

    def region(self) -> DataRegion:
        return DataRegion(self.account.setting("data_region", "own"))

    def body(self, request: ModelRequest, *, stream: bool) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model,
            "messages": chat.messages_out(request),
            "temperature": request.temperature,
            "max_tokens": request.max_tokens,
        }
        if request.tools:
            body["tools"] = chat.tools_out(request)
            if request.tool_choice != "auto":
                body["tool_choice"] = request.tool_choice
        if stream:
            body["stream"] = True
            body["stream_options"] = {"include_usage": True}
        return self.taken(body)

    def ask(
        self, request: ModelRequest, patience: Patience, on_delta: OnDelta | None
    ) -> Completion:
        body = self.body(request, stream=on_delta is not None)
        gathering = chat.Gathering(VENDOR, self.model)
        thoughts = Thoughts()
        if on_delta is None:
            wire.wait_for_whole(patience)
        with wire.streamed(
            self._client,
            "POST",
            f"{self._address}/chat/completions",
            vendor=VENDOR,
            operation=OPERATION,
            patience=patience,
            headers=self._headers,
            payload=body,
            secrets=self._secrets,
            explain=lambda status, answer, message: explain(status, message, body),
        ) as response:
            is_stream = "text/event-stream" in response.headers.get("content-type", "")
            if on_delta is None or not is_stream:
                whole = wire.body_json(response, patience)
                if isinstance(whole, dict) and whole.get("error"):
                    raise chat.stream_error(whole, VENDOR)
                text = thoughts.feed(chat.answer_in(gathering, whole)) + thoughts.end()
                gathering.pieces.append(text)
                gathering.reason = gathering.reason or "stop"
                if on_delta is not None and text:
                    on_delta(text)
            else:
                chat.stream_in(
                    gathering,
                    wire.sse_json(response, patience),
                    on_delta,
                    clean_text=thoughts.feed,
                    done_is_end=True,
                )
                if rest := thoughts.end():
                    gathering.pieces.append(rest)
                    on_delta(rest)
            rest_s = wire.rest_s(response.headers)
        return finished(gathering.completion(request), request, patience, rest_s=rest_s)

    def check(self, patience: Patience) -> str:
        """The model must be among those served. Servers without a list are asked for a word."""
        try:
            with wire.streamed(
                self._client,
                "GET",
                f"{self._address}/models",
                vendor=VENDOR,
                operation="GET /models",
                patience=patience,
                headers=self._headers,
                secrets=self._secrets,
            ) as response:
                listed = wire.body_json(response, patience)
        except NotFound:
            return super().check(patience)
        names = wire.served_models(listed)
        if names and self.model not in names and f"{self.model}:latest" not in names:
            raise NeedsMerchant(
                f"the server does not have this model; it has: {', '.join(names[:5])}",
                vendor=VENDOR,
            )
        return self.model


class Thoughts:
    """Takes `<think>…</think>` at the beginning of an answer out of the text."""

    _OPEN, _CLOSE = "<think>", "</think>"

    def __init__(self) -> None:
        self._held = ""
        self._state = "start"

    def feed(self, piece: str) -> str:
        if self._state == "text":
            return piece
        if self._state == "after":
            piece = piece.lstrip()
            self._state = "text" if piece else "after"
            return piece
        self._held += piece
        if self._state == "start":
            begun = self._held.lstrip()
            if self._OPEN.startswith(begun[: len(self._OPEN)]) and len(begun) < len(self._OPEN):
                return ""
            if not begun.startswith(self._OPEN):
                self._state = "text"
                return self._release(self._held)
            self._state = "thinking"
        end = self._held.find(self._CLOSE)
        if end < 0:
            return ""
        self._state = "after"
        return self.feed(self._release(self._held[end + len(self._CLOSE) :]))

    def end(self) -> str:
        """What was held back; an unfinished thought is dropped."""
        return self._release(self._held) if self._state == "start" else ""

    def _release(self, text: str) -> str:
        self._held = ""
        return text


def headers_in(text: str) -> dict[str, str]:
    """ "Name: value" lines → headers. Raises NeedsMerchant naming the line that is none."""
    headers = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if (
            not colon
            or not re.fullmatch(r"[A-Za-z0-9\-]+", name.strip())
            or not value.isprintable()
        ):
            raise NeedsMerchant(
                f"a header line is not “Name: value” (line {number})", vendor=VENDOR
            )
        headers[name.strip().lower()] = value.strip()
    return headers


def explain(status: int, message: str, body: dict[str, Any]) -> VendorError | None:
    text = message.lower()
    if status == 404:
        return NeedsMerchant(message)
    if status == 429 and re.search(r"quota|balance|credit|billing", text):
        return NeedsMerchant(message)
    if status in (400, 422, 501):
        if "content" in text and ("filter" in text or "policy" in text):
            return ModelRefused(message)
        if "context" in text or "too long" in text or "maximum" in text:
            return None
        for name in OPTIONAL:
            if name in body and re.search(rf"\b{name}\b", text):
                return ParameterRefused(message, parameter=name)
        if "tools" in body and re.search(r"\btool|--jinja|function", text):
            return ParameterRefused(message, parameter="tools")
    return None
