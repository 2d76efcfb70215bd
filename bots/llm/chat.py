"""The chat dialect that OpenAI started and many servers speak: pure, no I/O.

Reads and writes plain JSON; used by `openai/` and `compatible/`, which bring the calls.
"""

from __future__ import annotations

import json
import logging
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bots.llm.base import (
    Account,
    Completion,
    Finish,
    ModelMalformed,
    ModelRefused,
    ModelRequest,
    NeedsMerchant,
    OnDelta,
    ParameterRefused,
    Patience,
    Provider,
    RetryLater,
    ToolCall,
    Usage,
    VendorError,
    system_first,
    used,
)
from bots.llm.wire import DONE, error_message

log = logging.getLogger(__name__)

FINISH = {
    "stop": Finish.STOP,
    "eos": Finish.STOP,
    "length": Finish.LENGTH,
    "max_tokens": Finish.LENGTH,
    "tool_calls": Finish.TOOLS,
    "function_call": Finish.TOOLS,
    "content_filter": Finish.REFUSAL,
    "refusal": Finish.REFUSAL,
}


def messages_out(request: ModelRequest) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for m in system_first(request.messages):
        if m.role == "tool":
            out.append({"role": "tool", "tool_call_id": m.tool_call_id, "content": m.content})
        elif m.tool_calls:
            calls = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {
                        "name": call.name,
                        "arguments": json.dumps(call.arguments, ensure_ascii=False),
                    },
                }
                for call in m.tool_calls
            ]
            out.append({"role": "assistant", "content": m.content or None, "tool_calls": calls})
        else:
            out.append({"role": m.role, "content": m.content})
    return out


def tools_out(request: ModelRequest) -> list[dict[str, Any]]:
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": dict(tool.parameters),
            },
        }
        for tool in request.tools
    ]


class Forgiving(Provider):
    """A server that refuses an optional parameter is asked without it, now and from then on."""

    optional: Collection[str] = ()

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._refused_parameters: set[str] = set()

    def taken(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in body.items() if k not in self._refused_parameters}

    def complete(
        self, request: ModelRequest, patience: Patience, on_delta: OnDelta | None = None
    ) -> Completion:
        for _ in self.optional:
            try:
                return self.ask(request, patience, on_delta)
            except ParameterRefused as exc:
                log.warning("%s does not take %s: left out", self.account.id, exc.parameter)
                self._refused_parameters.add(exc.parameter)
        return self.ask(request, patience, on_delta)

    @abstractmethod
    def ask(
        self, request: ModelRequest, patience: Patience, on_delta: OnDelta | None
    ) -> Completion:
        """One try. Raises ParameterRefused, and what `complete` raises."""


@dataclass
class Gathering:
    """An answer under way: pieces in, one Completion out."""

    provider: str
    model: str
    pieces: list[str] = field(default_factory=list)
    refusal: str = ""
    reason: str = ""
    usage: Usage | None = None
    vendor_id: str = ""
    _calls: dict[int, dict[str, str]] = field(default_factory=dict)

    def tool(self, index: int | None, call_id: str, name: str, arguments: Any) -> None:
        """One piece of a tool call.

        Servers differ: the index may be missing or always 0, the id empty or repeated in every
        piece, the arguments a JSON string in pieces or a whole object.
        """
        last = max(self._calls, default=-1)
        if index is None:
            index = last + 1 if name or last < 0 else last
        held = self._calls.get(index)
        if held and name and call_id and held["id"] and held["id"] != call_id:
            index = last + 1
            held = None
        if held is None:
            held = self._calls[index] = {"id": "", "name": "", "arguments": ""}
        held["id"] = held["id"] or call_id
        held["name"] = held["name"] or name
        if isinstance(arguments, Mapping):
            arguments = json.dumps(arguments, ensure_ascii=False)
        held["arguments"] += arguments or ""

    def used(self, usage: Mapping[str, Any] | None) -> None:
        if usage:
            details = usage.get("prompt_tokens_details") or {}
            self.usage = Usage(
                prompt=int(usage.get("prompt_tokens") or 0),
                completion=int(usage.get("completion_tokens") or 0),
                cached=int(details.get("cached_tokens") or 0),
            )

    def calls(self) -> tuple[ToolCall, ...]:
        calls: list[ToolCall] = []
        seen: set[str] = set()
        for index, held in sorted(self._calls.items()):
            try:
                arguments = json.loads(held["arguments"] or "{}")
            except ValueError as exc:
                raise ModelMalformed(
                    "the arguments of a tool call are not JSON", vendor=self.provider
                ) from exc
            if not isinstance(arguments, dict):
                raise ModelMalformed(
                    "the arguments of a tool call are not an object", vendor=self.provider
                )
            call_id = held["id"]
            if not call_id or call_id in seen:
                call_id = f"call_{index}_{len(seen)}"
            seen.add(call_id)
            calls.append(ToolCall(call_id, held["name"], arguments))
        return tuple(calls)

    def completion(self, request: ModelRequest) -> Completion:
        if not self.reason:
            raise RetryLater("the answer broke off before its end", vendor=self.provider)
        finish = FINISH.get(self.reason, Finish.STOP)
        text = "".join(self.pieces)
        if self.refusal or finish is Finish.REFUSAL:
            return self._completion(request, self.refusal or text, (), Finish.REFUSAL)
        if finish is Finish.LENGTH and self._calls:
            raise ModelMalformed("a tool call was cut by the token limit", vendor=self.provider)
        calls = self.calls()
        if calls:
            finish = Finish.TOOLS
        elif finish is Finish.TOOLS:
            finish = Finish.STOP
        return self._completion(request, text, calls, finish)

    def _completion(
        self, request: ModelRequest, text: str, calls: tuple[ToolCall, ...], finish: Finish
    ) -> Completion:
        usage = used(self.usage, request, text, *(str(c.arguments) for c in calls))
        return Completion(
            text, calls, finish, usage, self.model, self.provider, vendor_id=self.vendor_id
        )


def delta_in(gathering: Gathering, event: Mapping[str, Any]) -> str:
    """One event of a stream into `gathering`; the text in it."""
    return _choice_in(gathering, event, "delta")


def answer_in(gathering: Gathering, body: Mapping[str, Any]) -> str:
    """A whole answer into `gathering`; its text."""
    if not isinstance(body, Mapping) or not body.get("choices"):
        raise ModelMalformed("the answer has no choices", vendor=gathering.provider)
    return _choice_in(gathering, body, "message")


def _choice_in(gathering: Gathering, event: Mapping[str, Any], part: str) -> str:
    if not isinstance(event, Mapping):
        raise ModelMalformed("a piece of the answer is not an object", vendor=gathering.provider)
    gathering.used(event.get("usage"))
    gathering.model = event.get("model") or gathering.model
    gathering.vendor_id = gathering.vendor_id or str(event.get("id") or "")
    choices = event.get("choices") or []
    if not choices:
        return ""
    try:
        choice = choices[0]
        message = choice.get(part) or {}
        text = message.get("content") or ""
        if isinstance(text, list):  # content parts
            text = "".join(p.get("text", "") for p in text)
        gathering.refusal += message.get("refusal") or ""
        for call in message.get("tool_calls") or ():
            function = call.get("function") or {}
            gathering.tool(
                call.get("index") if part == "delta" else None,
                call.get("id") or "",
                function.get("name") or "",
                function.get("arguments"),
            )
        gathering.reason = choice.get("finish_reason") or gathering.reason
    except (AttributeError, TypeError, KeyError) as exc:
        raise ModelMalformed(
            "a piece of the answer has an unknown shape", vendor=gathering.provider
        ) from exc
    return text


def stream_in(
    gathering: Gathering,
    events: Iterable[Any],
    on_delta: Callable[[str], None],
    *,
    clean_text: Callable[[str], str] | None = None,
    done_is_end: bool = False,
) -> None:
    """Events of a stream into `gathering`, its text to `on_delta` as it comes.

    `done_is_end`: take "[DONE]" for a finish reason, for servers that send none.
    """
    for event in events:
        if event is DONE:
            if done_is_end:
                gathering.reason = gathering.reason or "stop"
            return
        if isinstance(event, Mapping) and event.get("error"):
            raise stream_error(event, gathering.provider)
        text = delta_in(gathering, event)
        if clean_text is not None:
            text = clean_text(text)
        if text:
            gathering.pieces.append(text)
            on_delta(text)


def stream_error(event: Mapping[str, Any], provider: str) -> VendorError:
    """An error that came after 200. Most are the server's own trouble."""
    error = event["error"]
    code = str(error.get("code") or error.get("type") or "") if isinstance(error, Mapping) else ""
    message = error_message(event) or "the vendor broke off with an error"
    if code in ("content_filter", "content_policy_violation"):
        return ModelRefused(message, vendor=provider)
    if code in ("insufficient_quota", "invalid_api_key"):
        return NeedsMerchant(message, vendor=provider)
    return RetryLater(message, vendor=provider)
