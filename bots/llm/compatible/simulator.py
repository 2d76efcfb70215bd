"""A pretend self-hosted server in three flavours: "vllm", "ollama", "llamacpp".

Sources: as in provider.py. What differs from OpenAI, by flavour:
vllm      unknown tool set-up answers 400; usage only when asked for
ollama    no usage in streams, empty tool-call ids, "stop" with tool calls, the whole call in one
          piece, plain-text errors, an error line in mid-stream
llamacpp  503 while loading, no [DONE] problem, tools need --jinja
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bots.llm.simulation import Asked, ChatSimulator, Reply, sse
from tenants.kernel.simulate import Answer, Request


class CompatibleSimulator(ChatSimulator):
    key = "local-key-simulated"
    model_names = ("qwen3-8b",)

    def __init__(self, flavour: str = "vllm") -> None:
        super().__init__()
        self.flavour = flavour
        self.refuses: tuple[str, ...] = ()  # parameters answered with 400
        self.tools_enabled = True
        self.loading = False

    def reset(self) -> None:
        super().reset()
        self.refuses, self.tools_enabled, self.loading = (), True, False

    def authorize(self, request: Request) -> Answer | None:
        return None if self.flavour == "ollama" else super().authorize(request)

    def problem(self, body: dict[str, Any]) -> Answer | None:
        if self.loading:
            return Answer.json(
                {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}},
                503,
            )
        if body["model"] not in self.model_names:
            return self._plain(404, f"model '{body['model']}' not found")
        for name in self.refuses:
            if name in body:
                return self._plain(400, f"{name}: Extra inputs are not permitted")
        if body.get("tools") and not self.tools_enabled:
            return self._plain(400, "auto tool choice requires --enable-auto-tool-choice to be set")
        return None

    def _plain(self, status: int, message: str) -> Answer:
        if self.flavour == "ollama":
            return Answer.json({"error": message}, status)
        if self.flavour == "vllm":
            return Answer.json(
                {"object": "error", "message": message, "type": "BadRequestError", "code": status},
                status,
            )
        return Answer.json({"error": {"code": status, "message": message}}, status)

    def render(self, reply: Reply, asked: Asked, body: dict[str, Any]) -> Answer:
        if self.flavour == "ollama":
            if body.get("stream"):
                reply = Reply(**{**reply.__dict__, "usage": False})
            if reply.tools:
                reply = Reply(**{**reply.__dict__, "finish": "stop"})
        return super().render(reply, asked, body)

    def call_pieces(self, chunk: Any, number: int, call: dict[str, Any]) -> Iterator[bytes]:
        if self.flavour != "ollama":
            yield from super().call_pieces(chunk, number, call)
            return
        yield chunk({"tool_calls": [{"index": 0, **call, "id": ""}]})

    def stream_error(self) -> bytes:
        if self.flavour == "ollama":
            return b'{"error":"an error was encountered while running the model"}\n'
        return sse({"error": {"message": "engine is dead", "type": "InternalServerError"}})

    @classmethod
    def settings(cls) -> dict[str, str]:
        return {"api_key": cls.key, "model": cls.model_names[0], "data_region": "own"}
