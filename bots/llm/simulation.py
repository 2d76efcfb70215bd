"""What the vendors' simulators share: a small brain, scripted replies, and named troubles.

A simulator renders a `Reply` in its vendor's protocol and knows how its vendor words a `Trouble`.
With nothing scripted it answers like a plain, obedient model: from the lines of the system prompt
that fit the question, through a tool when one fits better, with an honest "не нашёл" otherwise.
"""

from __future__ import annotations

import asyncio
import json
import re
from abc import abstractmethod
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tenants.kernel.simulate import Answer, Request, Simulator


class Trouble(StrEnum):
    RATE_LIMITED = "rate_limited"  # 429 with the vendor's headers
    NO_QUOTA = "no_quota"  # paid tokens are used up
    SERVER_ERROR = "server_error"
    UNAUTHORIZED = "unauthorized"
    NO_MODEL = "no_model"
    TOO_LONG = "too_long"  # the prompt does not fit the context
    NOT_JSON = "not_json"  # 200 with a body of HTML
    EMPTY = "empty"  # 200 with nothing in it


@dataclass(frozen=True)
class Called:
    """A tool call as the model says it. `raw` replaces the arguments' JSON (to break it)."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    raw: str | None = None

    def text(self) -> str:
        if self.raw is not None:
            return self.raw
        return json.dumps(self.arguments, ensure_ascii=False)


@dataclass(frozen=True)
class Reply:
    """What the pretended model says, and how badly the line behaves."""

    text: str = ""
    tools: tuple[Called, ...] = ()
    finish: str = ""  # "stop", "length", "refusal", "tools"; by default what the content implies
    first_pause_s: float = 0.0  # after the headers, before the first byte
    pause_s: float = 0.0  # before each further piece
    pieces: tuple[str, ...] = ()  # the text's pieces, when a test cares where it is cut
    cut_after: int | None = None  # break the connection after so many pieces
    silent_end: bool = False  # end the stream politely but without the terminal marker
    bad_json_after: int | None = None
    error_after: int | None = None  # an error object in mid-stream, after 200
    usage: bool = True

    @property
    def reason(self) -> str:
        return self.finish or ("tools" if self.tools else "stop")

    def split(self) -> tuple[str, ...]:
        return self.pieces or tuple(re.findall(r"\S+\s*|\s+", self.text))


@dataclass(frozen=True)
class Asked:
    """The question, whatever the protocol: what the brain reads."""

    system: str
    turns: tuple[tuple[str, str], ...]  # role, text; tool results as role "tool"
    tools: tuple[dict[str, Any], ...]  # name, description, parameters

    def prompt_tokens(self) -> int:
        return tokens(self.system) + sum(tokens(text) for _, text in self.turns)


def tokens(text: str) -> int:
    return len(text) // 4 + 1 if text else 0


class ModelSimulator(Simulator):
    """`script(...)` queues replies and troubles; each answers one completion."""

    key = "key-of-the-simulator"

    def __init__(self) -> None:
        super().__init__()
        self.scripted: list[Reply | tuple[Trouble, float | None]] = []
        self.pause_s = 0.0

    def reset(self) -> None:
        super().reset()
        with self._lock:
            self.scripted.clear()
        self.pause_s = 0.0

    def script(self, *items: Reply | Trouble | str, retry_after_s: float | None = None) -> None:
        with self._lock:
            for item in items:
                if isinstance(item, Trouble):
                    self.scripted.append((item, retry_after_s))
                else:
                    self.scripted.append(item if isinstance(item, Reply) else Reply(item))

    def completion(self, request: Request) -> Answer:
        if refused := self.authorize(request):
            return refused
        with self._lock:
            item = self.scripted.pop(0) if self.scripted else None
        if isinstance(item, tuple):
            return self.trouble(*item)
        body = request.json()
        if problem := self.problem(body):
            return problem
        asked = self.asked(body)
        return self.render(item or think(asked, self.pause_s), asked, body)

    def is_scripted(self, request: Request) -> bool:
        return "completion" in request.path

    def completions(self) -> list[dict[str, Any]]:
        """The bodies of the completions asked for, in order."""
        return [c.json() for c in self.calls if self.is_scripted(c)]

    @abstractmethod
    def authorize(self, request: Request) -> Answer | None:
        """The vendor's 401, or None."""

    def problem(self, body: dict[str, Any]) -> Answer | None:
        """The vendor's 400 for a request it would not take, or None."""
        return None

    @abstractmethod
    def asked(self, body: dict[str, Any]) -> Asked: ...

    @abstractmethod
    def render(self, reply: Reply, asked: Asked, body: dict[str, Any]) -> Answer: ...

    @abstractmethod
    def trouble(self, trouble: Trouble, retry_after_s: float | None) -> Answer: ...

    def common_trouble(self, trouble: Trouble) -> Answer | None:
        if trouble is Trouble.NOT_JSON:
            return Answer(200, b"<html><body>hello</body></html>", {"content-type": "text/html"})
        if trouble is Trouble.EMPTY:
            return Answer(200, b"", {"content-type": "application/json"})
        return None


async def paced(reply: Reply, pieces: Iterable[bytes], bad: bytes) -> AsyncIterator[bytes]:
    """The pieces of a stream with the reply's pauses and its break."""
    await asyncio.sleep(reply.first_pause_s)
    for number, piece in enumerate(pieces):
        if reply.bad_json_after == number:
            yield bad
        if reply.cut_after == number:
            return
        if number and reply.pause_s:
            await asyncio.sleep(reply.pause_s)
        yield piece


# --- the brain ------------------------------------------------------------------------------
_STOP = frozenset(
    [
        "и",
        "в",
        "во",
        "на",
        "не",
        "что",
        "как",
        "у",
        "о",
        "об",
        "с",
        "со",
        "к",
        "по",
        "за",
        "из",
        "для",
        "есть",
        "ли",
        "а",
        "или",
        "то",
        "это",
        "этот",
        "эта",
        "мне",
        "меня",
        "вы",
        "вас",
        "можно",
        "какой",
        "какая",
        "какие",
        "сколько",
        "когда",
        "где",
        "the",
        "a",
        "an",
        "is",
        "are",
        "do",
        "you",
        "i",
        "of",
        "to",
        "in",
        "for",
        "and",
        "or",
        "it",
        "what",
        "how",
        "when",
        "where",
        "have",
        "can",
        "my",
        "me",
    ]
)


def think(asked: Asked, pause_s: float = 0.0) -> Reply:
    """A plain model's answer: from a tool's result, through a tool, or from the facts given."""
    last_role, last_text = asked.turns[-1] if asked.turns else ("user", "")
    is_russian = bool(re.search("[а-яё]", _last_question(asked) or asked.system, re.IGNORECASE))
    if last_role == "tool":
        return Reply(_say_result(last_text, is_russian), pause_s=pause_s)
    if called := _fitting_tool(asked, last_text):
        return Reply(tools=(called,), pause_s=pause_s)
    words = {word.strip("[]"): word for word in _CONTROL.findall(asked.system)}
    if "PERSON" in words and _PERSON.search(last_text):
        return Reply(words["PERSON"], pause_s=pause_s)
    records = _records(asked.system)
    found = _from_records(records, last_text) if records else None
    if facts := found or " ".join(_fitting_facts(asked.system, last_text)):
        return Reply(facts, pause_s=pause_s)
    if "NO_ANSWER" in words:
        return Reply(words["NO_ANSWER"], pause_s=pause_s)
    text = (
        "К сожалению, я этого не нашёл. Позвать человека?"
        if is_russian
        else "I could not find that. Shall I call a person?"
    )
    return Reply(text, pause_s=pause_s)


def _last_question(asked: Asked) -> str:
    return next((text for role, text in reversed(asked.turns) if role == "user"), "")


def _stems(text: str) -> set[str]:
    words = re.findall(r"[\w\-]+", text.lower().replace("ё", "е"))
    return {w[:5] if len(w) > 5 else w for w in words if w not in _STOP and len(w) > 1}


# Words a prompt asks to be written alone: [[NO_ANSWER]], [[PERSON]].
_CONTROL = re.compile(r"\[\[[A-Z_]+\]\]")
_PERSON = re.compile(r"человек|оператор|менеджер|a person|human|operator", re.IGNORECASE)
_RECORD = re.compile(r"^\[(\d{1,2})\] ", re.MULTILINE)


def _records(system: str) -> list[tuple[str, list[str]]]:
    """Numbered records of a prompt: the number, and the lines from the title on."""
    parts = _RECORD.split(system)[1:]
    return [
        (number, [line.strip() for line in text.splitlines() if line.strip()])
        for number, text in zip(parts[::2], parts[1::2], strict=True)
    ]


def _from_records(records: list[tuple[str, list[str]]], question: str) -> str | None:
    """The line that fits best, word for word, with its record's number; None when none does."""
    wanted = _stems(question)
    best: tuple[int, int, str] | None = None
    for place, (number, lines) in enumerate(records):
        of_title = len(wanted & _stems(lines[0])) if lines else 0
        for line in lines[1:] or lines:
            for sentence in re.split(r"(?<=[.!?])\s+", line):
                hits = 2 * len(wanted & _stems(sentence)) + of_title
                if hits and (best is None or hits > best[0]):
                    said = sentence.lstrip("-*• ").rstrip(". ")
                    title = f"{lines[0].rstrip('.')}: " if sentence.startswith("-") else ""
                    best = (hits, -place, f"{title}{said} [{number}].")
    return best[2] if best else None


def _fitting_facts(system: str, question: str) -> list[str]:
    wanted = _stems(question)
    scored = []
    for place, line in enumerate(system.splitlines()):
        fact = re.sub(r"^\s*(?:[-*•]|\d+[.)])\s+", "", line).strip()
        is_fact = fact != line.strip() or re.match(r"\s*\[\w+", line)
        hits = len(wanted & _stems(fact))
        if is_fact and hits:
            scored.append((-hits, place, fact))
    scored.sort()
    best = [fact for hits, _, fact in scored if scored and hits == scored[0][0]]
    return best[:2]


def _fitting_tool(asked: Asked, question: str) -> Called | None:
    wanted = _stems(question)
    best: tuple[int, Called] | None = None
    for tool in asked.tools:
        words = _stems(f"{tool['name'].replace('_', ' ')} {tool.get('description', '')}")
        hits = len(wanted & words)
        arguments = _arguments(tool.get("parameters") or {}, question)
        if hits and arguments is not None and (best is None or hits > best[0]):
            best = (hits, Called(tool["name"], arguments))
    return best[1] if best else None


def _arguments(schema: dict[str, Any], question: str) -> dict[str, Any] | None:
    """Arguments read off the question, or None when a required one is not in it."""
    numbers = re.findall(r"\d+", question)
    codes = re.findall(r"\[[A-Z]+_\d+\]|(?<!\w)[A-ZА-Я]*-?\d[\w\-]*", question)
    out: dict[str, Any] = {}
    required = schema.get("required") or list(schema.get("properties") or {})
    for name in required:
        about = (schema.get("properties") or {}).get(name, {})
        kind = about.get("type", "string")
        if about.get("enum"):
            out[name] = about["enum"][0]
        elif kind in ("integer", "number"):
            if not numbers:
                return None
            out[name] = int(numbers[0])
        elif kind == "string" and re.search("number|order|phone|code|track|id", name):
            if not codes:
                return None
            out[name] = codes[0]
        elif kind == "string":
            out[name] = question
        else:
            return None
    return out


def _say_result(text: str, is_russian: bool) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    parts = [f"{k}: {v}" for k, v in _flat(value)]
    if not parts:
        return "Ничего не нашлось." if is_russian else "Nothing was found."
    return ("Вот что известно. " if is_russian else "Here is what I know. ") + "; ".join(parts)


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _flat(inner, name)
    elif value not in (None, ""):
        yield name or "—", value


# --- the dialect OpenAI started -------------------------------------------------------------
class ChatSimulator(ModelSimulator):
    """`/chat/completions` and `/models` as OpenAI speaks them; others bend a few methods."""

    prefix = "/v1"
    model_names: tuple[str, ...] = ("sim-model",)

    def __init__(self) -> None:
        super().__init__()
        self.route("POST", f"{self.prefix}/chat/completions", self.completion)
        self.route("GET", f"{self.prefix}/models", self.models)
        self._served = 0

    def models(self, request: Request) -> Answer:
        if refused := self.authorize(request):
            return refused
        return Answer.json(
            {
                "object": "list",
                "data": [
                    {"id": name, "object": "model", "created": 1_760_000_000, "owned_by": "sim"}
                    for name in self.model_names
                ],
            }
        )

    def authorize(self, request: Request) -> Answer | None:
        if request.headers.get("authorization") == f"Bearer {self.key}":
            return None
        return self.error(
            401, "Incorrect API key provided.", "invalid_request_error", "invalid_api_key"
        )

    def error(
        self,
        status: int,
        message: str,
        kind: str,
        code: str | None = None,
        headers: dict[str, str] | None = None,
        param: str | None = None,
    ) -> Answer:
        body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
        return Answer.json(body, status, headers)

    def trouble(self, trouble: Trouble, retry_after_s: float | None) -> Answer:
        wait = "1" if retry_after_s is None else f"{retry_after_s:g}"
        if common := self.common_trouble(trouble):
            return common
        if trouble is Trouble.RATE_LIMITED:
            return self.error(
                429,
                "Rate limit reached.",
                "requests",
                "rate_limit_exceeded",
                {
                    "retry-after": wait,
                    "x-ratelimit-limit-requests": "60",
                    "x-ratelimit-remaining-requests": "0",
                    "x-ratelimit-reset-requests": f"{wait}s",
                },
            )
        said: dict[Trouble, tuple[int, str, str, str | None]] = {
            Trouble.NO_QUOTA: (
                429,
                "You exceeded your current quota.",
                "insufficient_quota",
                "insufficient_quota",
            ),
            Trouble.SERVER_ERROR: (503, "The server is overloaded.", "server_error", None),
            Trouble.UNAUTHORIZED: (
                401,
                "Incorrect API key.",
                "invalid_request_error",
                "invalid_api_key",
            ),
            Trouble.NO_MODEL: (
                404,
                "The model does not exist.",
                "invalid_request_error",
                "model_not_found",
            ),
            Trouble.TOO_LONG: (
                400,
                "This model's maximum context length is 8192 tokens.",
                "invalid_request_error",
                "context_length_exceeded",
            ),
        }
        return self.error(*said[trouble])

    def asked(self, body: dict[str, Any]) -> Asked:
        system = "\n".join(m["content"] for m in body["messages"] if m["role"] == "system")
        turns = tuple(
            (m["role"], m.get("content") or "") for m in body["messages"] if m["role"] != "system"
        )
        return Asked(system, turns, tuple(t["function"] for t in body.get("tools") or ()))

    finish_words = {
        "stop": "stop",
        "length": "length",
        "refusal": "content_filter",
        "tools": "tool_calls",
    }

    def refusal_field(self) -> dict[str, Any]:
        return {"refusal": None}

    def render(self, reply: Reply, asked: Asked, body: dict[str, Any]) -> Answer:
        self._served += 1
        usage = {
            "prompt_tokens": asked.prompt_tokens(),
            "completion_tokens": tokens(reply.text) + sum(tokens(c.text()) for c in reply.tools),
        }
        usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
        usage_out = {**usage, "prompt_tokens_details": {"cached_tokens": 0}}
        head = {
            "id": f"chatcmpl-sim{self._served}",
            "created": 1_760_000_000,
            "model": body["model"],
        }
        headers = {
            "x-request-id": f"req_sim{self._served}",
            "x-ratelimit-remaining-requests": "59",
            "x-ratelimit-reset-requests": "1s",
        }
        calls = [
            {
                "id": f"call_sim{self._served}_{number}",
                "type": "function",
                "function": {"name": call.name, "arguments": call.text()},
            }
            for number, call in enumerate(reply.tools)
        ]
        if not body.get("stream"):
            message = {"role": "assistant", "content": reply.text or None, **self.refusal_field()}
            if calls:
                message["tool_calls"] = calls
            choice = {
                "index": 0,
                "message": message,
                "finish_reason": self.finish_words[reply.reason],
                "logprobs": None,
            }
            whole = {**head, "object": "chat.completion", "choices": [choice]}
            if reply.usage:
                whole["usage"] = usage_out
            raw = json.dumps(whole, ensure_ascii=False).encode()
            half = len(raw) // 2
            return Answer(
                200,
                paced(reply, (raw[:half], raw[half:]), b'"}{"'),
                {"content-type": "application/json", **headers},
                cut=reply.cut_after is not None,
            )

        def chunk(delta: dict[str, Any], reason: str | None = None) -> bytes:
            choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
            return sse({**head, "object": "chat.completion.chunk", "choices": [choice]})

        def pieces() -> Iterator[bytes]:
            yield chunk({"role": "assistant", "content": ""})
            for number, piece in enumerate(reply.split()):
                if reply.error_after == number:
                    yield self.stream_error()
                    return
                yield chunk({"content": piece})
            for number, call in enumerate(calls):
                yield from self.call_pieces(chunk, number, call)
            if reply.silent_end:
                return
            yield chunk({}, self.finish_words[reply.reason])
            if reply.usage and (body.get("stream_options") or {}).get("include_usage"):
                yield sse(
                    {**head, "object": "chat.completion.chunk", "choices": [], "usage": usage_out}
                )
            yield b"data: [DONE]\n\n"

        return Answer(
            200,
            paced(reply, pieces(), b'data: {"choices": [{\n\n'),
            {"content-type": "text/event-stream", **headers},
            cut=reply.cut_after is not None,
        )

    def stream_error(self) -> bytes:
        return sse({"error": {"message": "The server had an error.", "type": "server_error"}})

    def call_pieces(self, chunk: Any, number: int, call: dict[str, Any]) -> Iterator[bytes]:
        """A tool call in pieces: the name first, then the arguments, cut in two."""
        function = call["function"]
        arguments = function["arguments"]
        half = len(arguments) // 2
        yield chunk(
            {
                "tool_calls": [
                    {
                        "index": number,
                        "id": call["id"],
                        "type": "function",
                        "function": {"name": function["name"], "arguments": ""},
                    }
                ]
            }
        )
        for part in (arguments[:half], arguments[half:]):
            yield chunk({"tool_calls": [{"index": number, "function": {"arguments": part}}]})


def sse(value: Any) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"
