"""A pretend GigaChat: the token service and API v1 on one address.

Source: https://developers.sber.ru/docs/ru/gigachat/api/reference/rest/gigachat-api (read
2026-11-22).
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

from bots.llm.simulation import Asked, ModelSimulator, Reply, Trouble, paced, sse, tokens
from tenants.kernel.simulate import Answer, Request

FINISH = {"stop": "stop", "length": "length", "refusal": "blacklist", "tools": "function_call"}
SCOPES = ("GIGACHAT_API_PERS", "GIGACHAT_API_B2B", "GIGACHAT_API_CORP")


class GigaChatSimulator(ModelSimulator):
    key = "c2ltdWxhdGVkOmdpZ2FjaGF0LWtleQ=="
    model_names = ("GigaChat-2", "GigaChat-2-Pro")

    def __init__(self) -> None:
        super().__init__()
        self.route("POST", "/api/v2/oauth", self.token)
        self.route("GET", "/api/v1/models", self.models)
        self.route("POST", "/api/v1/chat/completions", self.completion)
        self.token_s = 1800.0
        self.tokens: dict[str, float] = {}
        self.seen_ids: set[str] = set()

    def reset(self) -> None:
        super().reset()
        self.token_s = 1800.0
        self.tokens.clear()
        self.seen_ids.clear()

    def expire_tokens(self) -> None:
        """Every token given so far stops working, before its time."""
        self.tokens = dict.fromkeys(self.tokens, 0.0)

    def token(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Basic {self.key}":
            return self._say(401, "credentials doesn't match db data", code=6)
        run_id = request.headers.get("rquid", "")
        try:
            fresh = uuid.UUID(run_id).version == 4 and run_id not in self.seen_ids
        except ValueError:
            fresh = False
        if not fresh:
            return self._say(400, "RqUID is missing or not a new uuid4", code=4)
        self.seen_ids.add(run_id)
        if request.form().get("scope") not in SCOPES:
            return self._say(400, "scope is empty", code=5)
        token = f"simulated.{uuid.uuid4().hex}"
        self.tokens[token] = time.time() + self.token_s
        return Answer.json({"access_token": token, "expires_at": int(self.tokens[token] * 1000)})

    def authorize(self, request: Request) -> Answer | None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.tokens.get(token, 0.0) > time.time():
            return None
        return self._say(401, "Token has expired")

    def models(self, request: Request) -> Answer:
        if refused := self.authorize(request):
            return refused
        data = [{"id": n, "object": "model", "owned_by": "salutedevices"} for n in self.model_names]
        return Answer.json({"object": "list", "data": data})

    def problem(self, body: dict[str, Any]) -> Answer | None:
        if body.get("model") not in self.model_names:
            return self._say(404, "No such model")
        for number, m in enumerate(body["messages"]):
            if m["role"] == "system" and number:
                return self._say(422, "system message must be the first message")
            if m["role"] == "function":
                try:
                    json.loads(m["content"])
                except ValueError:
                    return self._say(422, "function result must be valid JSON")
                if not body["messages"][number - 1].get("function_call"):
                    return self._say(422, "function result without a function call")
            call = m.get("function_call")
            if call and not isinstance(call.get("arguments"), dict):
                return self._say(422, "arguments must be an object")
        if "tools" in body:
            return self._say(422, "unknown field: tools")
        for function in body.get("functions") or ():
            if "$defs" in json.dumps(function) or "anyOf" in json.dumps(function):
                return self._say(400, "bad function parameters")
        return None

    def _say(self, status: int, message: str, code: int | None = None) -> Answer:
        body: dict[str, Any] = {"status": status, "message": message}
        return Answer.json(body if code is None else {"code": code, "message": message}, status)

    def trouble(self, trouble: Trouble, retry_after_s: float | None) -> Answer:
        if common := self.common_trouble(trouble):
            return common
        status, message = {
            Trouble.RATE_LIMITED: (429, "Too Many Requests"),
            Trouble.NO_QUOTA: (402, "Payment Required"),
            Trouble.SERVER_ERROR: (500, "Internal Server Error"),
            Trouble.UNAUTHORIZED: (401, "Unauthorized"),
            Trouble.NO_MODEL: (404, "No such model"),
            Trouble.TOO_LONG: (422, "Tokens limit exceeded"),
        }[trouble]
        answer = self._say(status, message)
        if retry_after_s is not None:
            answer.headers = {**answer.headers, "retry-after": f"{retry_after_s:g}"}
        return answer

    def asked(self, body: dict[str, Any]) -> Asked:
        system = "\n".join(m["content"] for m in body["messages"] if m["role"] == "system")
        turns = tuple(
            ("tool" if m["role"] == "function" else m["role"], m.get("content") or "")
            for m in body["messages"]
            if m["role"] != "system"
        )
        return Asked(system, turns, tuple(body.get("functions") or ()))

    def render(self, reply: Reply, asked: Asked, body: dict[str, Any]) -> Answer:
        headers = {"x-request-id": str(uuid.uuid4()), "x-session-id": str(uuid.uuid4())}
        prompt = asked.prompt_tokens()
        written = tokens(reply.text) + sum(tokens(c.text()) for c in reply.tools[:1])
        usage = {
            "prompt_tokens": prompt,
            "completion_tokens": written,
            "total_tokens": prompt + written,
            "precached_prompt_tokens": 0,
        }
        head = {"created": 1_760_000_000, "model": f"{body['model']}:2.0.28.2"}
        call: dict[str, Any] = {}
        if reply.tools:
            first = reply.tools[0]
            arguments: Any = first.arguments if first.raw is None else first.raw
            call = {
                "function_call": {"name": first.name, "arguments": arguments},
                "functions_state_id": str(uuid.uuid4()),
            }
        reason = FINISH[reply.reason]
        if not body.get("stream"):
            message = {"role": "assistant", "content": reply.text, **call}
            choice = {"index": 0, "message": message, "finish_reason": reason}
            whole = {**head, "object": "chat.completion", "choices": [choice]}
            # The vendor always sends usage here.
            raw = json.dumps({**whole, "usage": usage}, ensure_ascii=False).encode()
            half = len(raw) // 2
            return Answer(
                200,
                paced(reply, (raw[:half], raw[half:]), b'"}{"'),
                {"content-type": "application/json", **headers},
                cut=reply.cut_after is not None,
            )

        def chunk(delta: dict[str, Any], reason: str | None = None) -> bytes:
            choice: dict[str, Any] = {"index": 0, "delta": delta}
            if reason:
                choice["finish_reason"] = reason
            event = {**head, "object": "chat.completion.chunk", "choices": [choice]}
            if reason and reply.usage:
                event["usage"] = usage
            return sse(event)

        def pieces() -> Iterator[bytes]:
            if reply.reason == "refusal":
                yield chunk({"role": "assistant", "content": reply.text}, reason)
                yield b"data: [DONE]\n\n"
                return
            yield chunk({"role": "assistant", "content": ""})
            for number, word in enumerate(reply.split()):
                if reply.error_after == number:
                    yield sse({"status": 500, "message": "Internal Server Error"})
                    return
                yield chunk({"content": word})
            if call:
                yield chunk({"role": "assistant", "content": "", **call})
            if reply.silent_end:
                return
            yield chunk({"content": ""}, reason)
            yield b"data: [DONE]\n\n"

        return Answer(
            200,
            paced(reply, pieces(), b'data: {"choices": [{\n\n'),
            {"content-type": "text/event-stream", **headers},
            cut=reply.cut_after is not None,
        )

    @classmethod
    def settings(cls) -> dict[str, str]:
        return {
            "authorization_key": cls.key,
            "scope": "GIGACHAT_API_B2B",
            "model": cls.model_names[0],
        }
