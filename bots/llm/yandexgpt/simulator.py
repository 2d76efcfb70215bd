"""A pretend Yandex AI Studio: native completion and the token service.

Source: https://yandex.cloud/ru/docs/foundation-models/text-generation/api-ref/ (read 2026-11-22).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from bots.llm.simulation import Asked, ModelSimulator, Reply, Trouble, paced, tokens
from tenants.kernel.simulate import Answer, Request

STATUS = {
    "stop": "ALTERNATIVE_STATUS_FINAL",
    "length": "ALTERNATIVE_STATUS_TRUNCATED_FINAL",
    "refusal": "ALTERNATIVE_STATUS_CONTENT_FILTER",
    "tools": "ALTERNATIVE_STATUS_TOOL_CALLS",
}


class YandexSimulator(ModelSimulator):
    key = "AQVNsimulated-yandex-key"
    folder = "b1gsimulated"

    def __init__(self) -> None:
        super().__init__()
        self.route("POST", "/foundationModels/v1/completion", self.completion)
        self.route("POST", "/iam/v1/tokens", self.token)
        self.iam_tokens: list[str] = []
        self._served = 0

    def reset(self) -> None:
        super().reset()
        self.iam_tokens.clear()

    def token(self, request: Request) -> Answer:
        jwt = (request.json() or {}).get("jwt", "")
        if jwt.count(".") != 2:
            return Answer.json({"code": 16, "message": "JWT is invalid", "details": []}, 401)
        self.iam_tokens.append(f"t1.simulated{len(self.iam_tokens) + 1}")
        return Answer.json(
            {"iamToken": self.iam_tokens[-1], "expiresAt": "2099-01-01T00:00:00.123456789Z"}
        )

    def expire_tokens(self) -> None:
        """Every token given so far stops working."""
        self.iam_tokens.append("")

    def authorize(self, request: Request) -> Answer | None:
        sent = request.headers.get("authorization", "")
        current = self.iam_tokens[-1] if self.iam_tokens else ""
        if sent == f"Api-Key {self.key}" or (current and sent == f"Bearer {current}"):
            return None
        return self.error(401, 16, "Unauthenticated", "Unknown api key or token")

    def problem(self, body: dict[str, Any]) -> Answer | None:
        uri = body.get("modelUri", "")
        if not uri.startswith(f"gpt://{self.folder}/"):
            return self.error(403, 7, "Forbidden", "Permission to the folder denied")
        for message in body["messages"]:
            held = [k for k in ("text", "toolCallList", "toolResultList") if k in message]
            if len(held) != 1:
                return self.error(400, 3, "Bad Request", "one of text, toolCallList is required")
        if not str(body["completionOptions"].get("maxTokens", "1")).isdigit():
            return self.error(400, 3, "Bad Request", "maxTokens is invalid")
        return None

    def error(
        self, status: int, grpc: int, word: str, message: str, headers: dict[str, str] | None = None
    ) -> Answer:
        body = {
            "error": {
                "grpcCode": grpc,
                "httpCode": status,
                "message": message,
                "httpStatus": word,
                "details": [],
            }
        }
        return Answer.json(body, status, headers)

    def trouble(self, trouble: Trouble, retry_after_s: float | None) -> Answer:
        if common := self.common_trouble(trouble):
            return common
        headers = None if retry_after_s is None else {"retry-after": f"{retry_after_s:g}"}
        return {
            Trouble.RATE_LIMITED: self.error(
                429,
                8,
                "Too Many Requests",
                "ai.textGenerationCompletionSessionsCount.count exceeded",
                headers,
            ),
            Trouble.NO_QUOTA: self.error(403, 7, "Forbidden", "The billing account is not active"),
            Trouble.SERVER_ERROR: self.error(
                503, 14, "Service Unavailable", "upstream is unavailable"
            ),
            Trouble.UNAUTHORIZED: self.error(401, 16, "Unauthorized", "Unknown api key"),
            Trouble.NO_MODEL: self.error(404, 5, "Not Found", "Failed to find the model"),
            Trouble.TOO_LONG: self.error(
                400, 3, "Bad Request", "number of input tokens must be no more than 32768"
            ),
        }[trouble]

    def asked(self, body: dict[str, Any]) -> Asked:
        system = "\n".join(m.get("text", "") for m in body["messages"] if m["role"] == "system")
        turns: list[tuple[str, str]] = []
        for m in body["messages"]:
            if m["role"] == "system":
                continue
            if "toolResultList" in m:
                turns += [
                    ("tool", r["functionResult"]["content"])
                    for r in m["toolResultList"]["toolResults"]
                ]
            else:
                turns.append((m["role"], m.get("text", "")))
        return Asked(system, tuple(turns), tuple(t["function"] for t in body.get("tools") or ()))

    def render(self, reply: Reply, asked: Asked, body: dict[str, Any]) -> Answer:
        self._served += 1
        headers = {"content-type": "application/json", "x-request-id": f"yc-sim-{self._served}"}
        completion_tokens = tokens(reply.text) + sum(tokens(c.text()) for c in reply.tools)
        prompt_tokens = asked.prompt_tokens()

        def piece(message: dict[str, Any], status: str) -> bytes:
            result: dict[str, Any] = {
                "alternatives": [{"message": {"role": "assistant", **message}, "status": status}],
                "modelVersion": "01.01.2026",
            }
            if reply.usage:
                result["usage"] = {
                    "inputTextTokens": str(prompt_tokens),
                    "completionTokens": str(completion_tokens),
                    "totalTokens": str(prompt_tokens + completion_tokens),
                    "completionTokensDetails": {"reasoningTokens": "0"},
                }
            return json.dumps({"result": result}, ensure_ascii=False).encode() + b"\n"

        def last() -> bytes:
            if not reply.tools:
                return piece({"text": reply.text}, STATUS[reply.reason])
            calls = []
            for call in reply.tools:
                arguments: Any = call.arguments if call.raw is None else call.raw
                calls.append({"functionCall": {"name": call.name, "arguments": arguments}})
            return piece({"toolCallList": {"toolCalls": calls}}, STATUS[reply.reason])

        def pieces() -> Iterator[bytes]:
            so_far = ""
            for number, word in enumerate(reply.split()):
                if reply.error_after == number:
                    error = {"grpcCode": 13, "httpCode": 500, "message": "Internal error"}
                    yield json.dumps({"error": error}).encode() + b"\n"
                    return
                so_far += word
                yield piece({"text": so_far}, "ALTERNATIVE_STATUS_PARTIAL")
            if not reply.silent_end:
                yield last()

        if body["completionOptions"].get("stream"):
            chunks = paced(reply, pieces(), b'{"result": {"alternatives": [\n')
        else:
            raw = last()
            half = len(raw) // 2
            chunks = paced(reply, (raw[:half], raw[half:]), b'"}{"')
        return Answer(200, chunks, headers, cut=reply.cut_after is not None)

    @classmethod
    def settings(cls) -> dict[str, str]:
        return {"api_key": cls.key, "folder_id": cls.folder, "model": "yandexgpt/latest"}
