"""OpenAI, Chat Completions, through the official package.

Source: https://platform.openai.com/docs/api-reference/chat (spec 2.3.0, read 2026-11-22).

The package makes the request (address, key, headers, body) and tells errors apart; the answer's
bytes are read here, so that deadline, size and cancellation hold alike for every provider. Its own
repeats are off: the gateway decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import openai

from bots.llm import chat, wire
from bots.llm.base import (
    Account,
    Completion,
    ModelRefused,
    ModelRequest,
    ModelTooSlow,
    NeedsMerchant,
    OnDelta,
    ParameterRefused,
    Patience,
    RetryLater,
    VendorError,
    finished,
)

VENDOR = "openai"
OPERATION = "POST /chat/completions"
ADDRESS = "https://api.openai.com/v1"
_REASONING = re.compile(r"(?:o\d|gpt-[5-9])")
# A reasoning model spends part of the limit before it writes the first word.
REASONING_TOKENS = 4_000
OPTIONAL = frozenset({"temperature", "reasoning_effort", "prompt_cache_key"})


class OpenAI(chat.Forgiving):
    optional = OPTIONAL

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        address = account.base_url or account.setting("base_url", ADDRESS)
        self._client = openai.OpenAI(
            api_key=account.setting("api_key"),
            organization=account.setting("organization") or None,
            project=account.setting("project") or None,
            base_url=address,
            max_retries=0,
            # The package takes httpx clients too; its types name only its own fork.
            http_client=cast(Any, wire.account_client(account, VENDOR, address)),
        )

    @property
    def model(self) -> str:
        return self.account.setting("model", "gpt-4.1-mini")

    def body(self, request: ModelRequest, *, stream: bool) -> dict[str, Any]:
        """Keyword arguments of `chat.completions.create`.

        store=False: OpenAI keeps nothing of the exchange for later retrieval.
        """
        is_reasoning = bool(_REASONING.match(self.model))
        body: dict[str, Any] = {
            "model": self.model,
            "messages": chat.messages_out(request),
            "store": False,
            "max_completion_tokens": request.max_tokens + REASONING_TOKENS * is_reasoning,
        }
        if is_reasoning:
            body["reasoning_effort"] = self.account.setting("reasoning_effort", "low")
        else:
            body["temperature"] = request.temperature
        if request.tools:
            body["tools"] = chat.tools_out(request)
            body["tool_choice"] = request.tool_choice
        if request.session:
            body["prompt_cache_key"] = request.session
        if stream:
            body["stream"] = True
            body["stream_options"] = {"include_usage": True}
        return self.taken(body)

    def ask(
        self, request: ModelRequest, patience: Patience, on_delta: OnDelta | None
    ) -> Completion:
        gathering = chat.Gathering(VENDOR, self.model)
        if on_delta is None:
            wire.wait_for_whole(patience)
        patience.begin()
        patience.next_wait_s(wire.STEP_S)
        create: Any = self._client.chat.completions.with_streaming_response.create
        with (
            wire.reaching(VENDOR, OPERATION),
            wire.patient(patience),
            self._errors(),
            create(
                model=self.model,
                messages=(),
                # As they are: the package would walk through every message for its types, which
                # costs more CPU than the rest of the call.
                extra_body=self.body(request, stream=on_delta is not None),
                timeout=wire.timeouts(patience),
            ) as raw,
        ):
            response: Any = raw.http_response
            if on_delta is None:
                text = chat.answer_in(gathering, wire.body_json(response, patience))
                gathering.pieces.append(text)
            else:
                chat.stream_in(gathering, wire.sse_json(response, patience), on_delta)
            gathering.vendor_id = response.headers.get("x-request-id", gathering.vendor_id)
            rest_s = wire.rest_s(response.headers)
        return finished(gathering.completion(request), request, patience, rest_s=rest_s)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except openai.APIStatusError as exc:
            raise wire.status_error(
                exc.status_code,
                exc.response.content,
                exc.response.headers,
                vendor=VENDOR,
                operation=OPERATION,
                secrets=(self.account.setting("api_key"),),
                explain=explain,
            ) from exc
        except openai.APITimeoutError as exc:
            raise ModelTooSlow("no connection in time") from exc
        except openai.APIConnectionError as exc:
            raise exc.__cause__ or RetryLater("no connection") from exc

    def check(self, patience: Patience) -> str:
        with wire.reaching(VENDOR, "GET /models/{id}"), wire.patient(patience), self._errors():
            return self._client.models.retrieve(self.model).id


def explain(status: int, body: Any, message: str) -> VendorError | None:
    """OpenAI's own words for what the status alone does not tell."""
    error = body.get("error") if isinstance(body, dict) else None
    error = error if isinstance(error, dict) else {}
    code = str(error.get("code") or error.get("type") or "")
    if code == "insufficient_quota":
        return NeedsMerchant("the account has no money left")
    if code == "model_not_found" or status == 404:
        return NeedsMerchant(message)
    if code in ("content_filter", "content_policy_violation", "invalid_prompt"):
        return ModelRefused(message)
    parameter = str(error.get("param") or "")
    if code in ("unsupported_parameter", "unsupported_value") and parameter in OPTIONAL:
        return ParameterRefused(message, parameter=parameter)
    return None
