"""A pretend OpenAI: /v1/chat/completions and /v1/models.

Source: https://platform.openai.com/docs/api-reference/chat (spec 2.3.0, read 2026-11-22).
"""

from __future__ import annotations

import re
from typing import Any

from bots.llm.simulation import ChatSimulator
from tenants.kernel.simulate import Answer, Request


class OpenAISimulator(ChatSimulator):
    key = "sk-simulated-openai-key"
    model_names = ("gpt-4.1-mini", "gpt-5-mini")

    def __init__(self) -> None:
        super().__init__()
        self.route("GET", "/v1/models/{name}", self.model)

    def model(self, request: Request) -> Answer:
        if refused := self.authorize(request):
            return refused
        name = request.params["name"]
        if name not in self.model_names:
            return self.error(
                404,
                f"The model '{name}' does not exist",
                "invalid_request_error",
                "model_not_found",
            )
        return Answer.json(
            {"id": name, "object": "model", "created": 1_760_000_000, "owned_by": "sim"}
        )

    def problem(self, body: dict[str, Any]) -> Answer | None:
        """Reasoning models take neither `temperature` nor `max_tokens`."""
        if re.match(r"o\d|gpt-5", body["model"]):
            for name in ("temperature", "max_tokens"):
                if name in body:
                    return self.error(
                        400,
                        f"Unsupported parameter: '{name}'.",
                        "invalid_request_error",
                        "unsupported_parameter",
                        param=name,
                    )
        return None

    @classmethod
    def settings(cls) -> dict[str, str]:
        """Settings of an account that this simulator accepts, without the address."""
        return {"api_key": cls.key, "model": "gpt-4.1-mini"}
