"""What a model provider is: the words, the request, the answer, the errors.

Providers live in `bots/llm/<name>/` and import only this module, its neighbours `wire` and
`chat`, and `tenants.kernel`. They are synchronous: a worker is a thread, and one call occupies
one thread until its deadline at the latest.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from tenants.kernel.errors import NeedsMerchant, Rejected, RetryLater, VendorError

Role = Literal["system", "user", "assistant", "tool"]


# --- errors ---------------------------------------------------------------------------------
class ModelTooSlow(RetryLater):
    """No first byte in time, a stall between bytes, or the caller's deadline is over."""


class ModelMalformed(VendorError):
    """The answer cannot be used (bad JSON, an unknown tool, nothing in it): repeat or fall back."""


class ModelRefused(VendorError):
    """The vendor's filter or the model itself declined. Another provider may answer.

    `text` is the vendor's polite sentence, when there was one; it is not meant for the buyer.
    """

    def __init__(
        self,
        detail: str = "",
        *,
        text: str = "",
        usage: Usage | None = None,
        **about: Any,
    ) -> None:
        super().__init__(detail, **about)
        self.text = text
        self.usage = usage


class ParameterRefused(Rejected):
    """The server does not know a field that is optional for us: leave it out and ask again."""

    def __init__(self, detail: str = "", *, parameter: str, **about: Any) -> None:
        super().__init__(detail, **about)
        self.parameter = parameter


class ModelBudgetSpent(VendorError):
    """The merchant's hard limit is reached: templates and handover from here, never silence."""


class NoModel(NeedsMerchant):
    """Nothing may be called: no provider is set up, or policy leaves none. `detail` says which."""


class Stopped(Exception):
    """`should_stop` said so (a newer message, a takeover). Nothing is wrong with the vendor."""


# --- conversation ---------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class ToolCall:
    """`state` is an opaque note of the provider (GigaChat's functions_state_id): hand it back."""

    id: str
    name: str
    arguments: dict[str, Any]
    state: str = ""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    role: Role
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    name: str = ""  # of the tool, for role "tool"


@dataclass(frozen=True, slots=True)
class ToolSpec:
    name: str
    description: str
    parameters: Mapping[str, Any]  # JSON Schema of an object


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One question to a model.

    `session` is an opaque id for the vendor's prompt cache; never a buyer's id or name.
    `timeout_s` is the whole time the caller has, retries and fallbacks included;
    `first_byte_s` bounds the wait for the first byte of one attempt, `stall_s` a gap after it.
    """

    messages: tuple[ChatMessage, ...]
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: Literal["auto", "none"] = "auto"
    temperature: float = 0.2
    max_tokens: int = 800
    timeout_s: float = 20.0
    first_byte_s: float = 10.0
    stall_s: float = 8.0
    purpose: str = "reply"
    session: str = ""
    conversation_id: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens. `cached` is the part of `prompt` the vendor served from its cache.

    `is_estimated` marks figures of ours, for vendors that send none (a broken-off stream).
    """

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    is_estimated: bool = False


class Finish(StrEnum):
    STOP = "stop"
    LENGTH = "length"
    REFUSAL = "refusal"
    TOOLS = "tools"


@dataclass(frozen=True, slots=True)
class Completion:
    text: str
    tool_calls: tuple[ToolCall, ...]
    finish: Finish
    usage: Usage
    model: str
    provider: str
    ms: int = 0
    first_ms: int = 0
    vendor_id: str = ""  # the vendor's request id, for its support
    rest_s: float = 0.0  # the vendor asks for this pause before the next call
    cost: Decimal = Decimal(0)
    currency: str = ""

    def as_message(self) -> ChatMessage:
        """This answer as the next assistant message, for a tool round."""
        return ChatMessage("assistant", self.text, tool_calls=self.tool_calls)


# --- patience -------------------------------------------------------------------------------
@dataclass(slots=True)
class Patience:
    """How long one attempt may take, and whether it is still wanted. Times are monotonic."""

    deadline: float
    first_byte_s: float = 10.0
    stall_s: float = 8.0
    should_stop: Callable[[], bool] | None = None
    started: float = field(default_factory=time.monotonic)
    first_byte_at: float | None = None
    last_byte_at: float | None = None
    asked_at: float = 0.0
    attempt_at: float = 0.0

    def begin(self) -> None:
        """A request is about to go out: the wait for the first byte starts now."""
        self.attempt_at = time.monotonic()
        self.first_byte_at = self.last_byte_at = None

    @classmethod
    def of(
        cls, request: ModelRequest, deadline: float, should_stop: Callable[[], bool] | None
    ) -> Patience:
        return cls(deadline, request.first_byte_s, request.stall_s, should_stop)

    def left(self) -> float:
        return self.deadline - time.monotonic()

    def check_wanted(self) -> None:
        """Ask `should_stop` (at most ten times a second: it may cost a query)."""
        if self.should_stop is None:
            return
        now = time.monotonic()
        if now - self.asked_at >= 0.1:
            self.asked_at = now
            if self.should_stop():
                raise Stopped

    def byte(self) -> None:
        """Bytes of the body arrived."""
        self.last_byte_at = time.monotonic()
        if self.first_byte_at is None:
            self.first_byte_at = self.last_byte_at

    def next_wait_s(self, step_s: float) -> float:
        """How long the next read may block, at most `step_s`. Raises when patience is over."""
        self.check_wanted()
        now = time.monotonic()
        if now >= self.deadline:
            raise ModelTooSlow("the time for this answer is over")
        if self.last_byte_at is None:
            left = max(self.started, self.attempt_at) + self.first_byte_s - now
            if left <= 0:
                raise ModelTooSlow(f"no first byte in {self.first_byte_s:g} s")
        else:
            left = self.last_byte_at + self.stall_s - now
            if left <= 0:
                raise ModelTooSlow(f"the stream stalled for {self.stall_s:g} s")
        return max(0.001, min(step_s, left, self.deadline - now))


OnDelta = Callable[[str], None]


# --- description of a provider --------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Price:
    """Money for a million tokens. A cached prompt token costs `cached` (None: as any other)."""

    prompt: Decimal
    completion: Decimal
    currency: str
    cached: Decimal | None = None

    def of(self, usage: Usage) -> Decimal:
        cached_price = self.prompt if self.cached is None else self.cached
        cached = min(usage.cached, usage.prompt)
        total = (
            (usage.prompt - cached) * self.prompt
            + cached * cached_price
            + usage.completion * self.completion
        )
        return total / 1_000_000


FREE = Price(Decimal(0), Decimal(0), "RUB")


class DataRegion(StrEnum):
    RU = "ru"
    FOREIGN = "foreign"
    OWN = "own"


@dataclass(frozen=True, slots=True, eq=False)
class Account:
    """Credentials and settings of one provider, as the resolver found them.

    `id` names the credentials without revealing them (a row id): breaker, limits and logs use it.
    `owner` is who pays: "merchant", "partner" or "platform".
    """

    id: str
    provider: str
    settings: Mapping[str, str]
    owner: str = "merchant"
    base_url: str = ""  # overrides the vendor's address, where the operator allows it
    allow_private: bool | None = None  # None: as the operator's setting says
    proxy: str = ""
    prices: Mapping[str, Price] = field(default_factory=dict)  # override the manifest's

    def setting(self, key: str, default: str = "") -> str:
        return str(self.settings.get(key) or default)


class Provider(ABC):
    """One account of one vendor. Instances are cached and shared by threads."""

    def __init__(self, account: Account) -> None:
        self.account = account

    @property
    @abstractmethod
    def model(self) -> str:
        """The model a call will ask for."""

    @abstractmethod
    def complete(
        self, request: ModelRequest, patience: Patience, on_delta: OnDelta | None = None
    ) -> Completion:
        """Ask once; stream when `on_delta` is given.

        Raises RetryLater (ModelTooSlow among them), NeedsMerchant, Rejected, ModelRefused,
        ModelMalformed, Stopped. Never repeats the call by itself: the gateway decides.
        """

    def region(self) -> DataRegion | None:
        """Where the data goes when that depends on the account; None: as the manifest says."""
        return None

    def check(self, patience: Patience) -> str:
        """Try the credentials with the cheapest call; a line for the merchant. Raises as above."""
        answer = self.complete(
            ModelRequest((ChatMessage("user", "ping"),), max_tokens=8), patience, None
        )
        return answer.model


# --- helpers every provider needs -----------------------------------------------------------
def system_first(messages: Iterable[ChatMessage]) -> tuple[ChatMessage, ...]:
    """All system text in one first message: several vendors refuse it anywhere else."""
    system = [m.content for m in messages if m.role == "system" and m.content]
    rest = tuple(m for m in messages if m.role != "system")
    return (ChatMessage("system", "\n\n".join(system)), *rest) if system else rest


def estimate_tokens(*texts: str) -> int:
    """A rough upper guess: a token is at least about 2.5 letters of Russian or English."""
    return sum(len(text) * 2 // 5 + 1 for text in texts if text)


def estimate_prompt(request: ModelRequest) -> int:
    texts = [m.content for m in request.messages]
    texts += [str(c.arguments) for m in request.messages for c in m.tool_calls]
    texts += [t.name + t.description + str(t.parameters) for t in request.tools]
    return estimate_tokens(*texts) + 4 * len(request.messages)


def used(usage: Usage | None, request: ModelRequest, *texts: str) -> Usage:
    """What the vendor counted, else our guess."""
    return usage or Usage(estimate_prompt(request), estimate_tokens(*texts), is_estimated=True)


def arguments_of(raw: Any) -> dict[str, Any]:
    """A tool call's arguments: an object, or the JSON text of one. Raises TypeError, ValueError."""
    arguments = json.loads(raw) if isinstance(raw, str) and raw else raw or {}
    if not isinstance(arguments, dict):
        raise TypeError("arguments")
    return arguments


def plain_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON Schema without $ref, anyOf-with-null and decoration.

    pydantic writes optional fields as `anyOf: [X, null]` and nested models as `$defs`; GigaChat
    and Yandex answer 400 to both. What cannot be said plainly is left out, not guessed.
    """
    definitions = schema.get("$defs", {})

    def plain(node: Any, depth: int = 0) -> Any:
        if not isinstance(node, Mapping) or depth > 12:
            return node if not isinstance(node, Mapping) else {"type": "object"}
        if "$ref" in node:
            name = str(node["$ref"]).rsplit("/", 1)[-1]
            return plain({**definitions.get(name, {}), **_without(node, "$ref")}, depth + 1)
        for union in ("anyOf", "oneOf", "allOf"):
            if union in node:
                options = [o for o in node[union] if o.get("type") != "null"]
                base = _without(node, union)
                return plain({**(options[0] if options else {}), **base}, depth + 1)
        out: dict[str, Any] = {}
        for key, value in node.items():
            if key in ("title", "default", "$defs", "$schema", "additionalProperties", "examples"):
                continue
            if key == "properties":
                out[key] = {name: plain(sub, depth + 1) for name, sub in value.items()}
            elif key == "items":
                out[key] = plain(value, depth + 1)
            elif key == "type" and isinstance(value, list):
                out[key] = next((t for t in value if t != "null"), "string")
            elif key == "const":
                out["enum"] = [value]
            else:
                out[key] = value
        return out

    result = plain(schema)
    result.setdefault("type", "object")
    result.setdefault("properties", {})
    return result


def _without(node: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {k: v for k, v in node.items() if k != key}


def finished(
    completion: Completion, request: ModelRequest, patience: Patience, *, rest_s: float = 0.0
) -> Completion:
    """Times filled in, and the promises every provider makes checked in one place."""
    if completion.finish is Finish.REFUSAL:
        raise ModelRefused(
            "the model or its filter declined",
            vendor=completion.provider,
            text=completion.text,
            usage=completion.usage,
        )
    known = {tool.name for tool in request.tools}
    for call in completion.tool_calls:
        if call.name not in known:
            raise ModelMalformed("the model called an unknown tool", vendor=completion.provider)
    if not completion.text.strip() and not completion.tool_calls:
        raise ModelMalformed("the answer is empty", vendor=completion.provider)
    now = time.monotonic()
    first = patience.first_byte_at or now
    return replace(
        completion,
        ms=round((now - patience.started) * 1000),
        first_ms=round((first - patience.started) * 1000),
        rest_s=rest_s,
    )


__all__ = [
    "FREE",
    "Account",
    "ChatMessage",
    "Completion",
    "DataRegion",
    "Finish",
    "ModelBudgetSpent",
    "ModelMalformed",
    "ModelRefused",
    "ModelRequest",
    "ModelTooSlow",
    "NeedsMerchant",
    "NoModel",
    "OnDelta",
    "ParameterRefused",
    "Patience",
    "Price",
    "Provider",
    "Rejected",
    "RetryLater",
    "Stopped",
    "ToolCall",
    "ToolSpec",
    "Usage",
    "VendorError",
    "estimate_prompt",
    "estimate_tokens",
    "finished",
    "plain_schema",
    "system_first",
]
