"""Holding requests and simulators against the vendors' own descriptions.

The descriptions are not part of the product: VENDOR_SPECS names the folder that has them, and
without it these tests are skipped.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from bots.llm.base import ChatMessage, ModelRequest, Patience, Provider, ToolCall, ToolSpec
from bots.llm.simulation import Called, ModelSimulator, Reply

TOOL = ToolSpec(
    "get_stock",
    "Остаток товара",
    {"type": "object", "properties": {"size": {"type": "integer"}}, "required": ["size"]},
)
CALL = ToolCall("c1", "get_stock", {"size": 42})
PLAIN = ModelRequest(
    (ChatMessage("system", "- Размер 42 есть."), ChatMessage("user", "Есть размер 42?")),
    session="s1",
)
ROUND = ModelRequest(
    (
        *PLAIN.messages,
        ChatMessage(
            "assistant", "Смотрю.", tool_calls=(ToolCall("c1", "get_stock", {"size": 42}),)
        ),
        ChatMessage("tool", '{"qty": 3}', tool_call_id="c1", name="get_stock"),
    ),
    tools=(TOOL,),
)
REPLIES = (
    Reply("Размер есть."),
    Reply(tools=(Called("get_stock", {"size": 42}),)),
    Reply("Нет.", finish="refusal"),
    Reply("Обрыв", finish="length"),
)


def patience(
    *,
    for_s: float = 5.0,
    first_byte_s: float = 3.0,
    stall_s: float = 2.0,
    should_stop: Callable[[], bool] | None = None,
) -> Patience:
    return Patience(time.monotonic() + for_s, first_byte_s, stall_s, should_stop)


@contextmanager
def as_new(sim: ModelSimulator) -> Iterator[None]:
    """A simulator that stays up between tests, each time as it was made."""
    sim.reset()
    routes = list(sim._routes)
    yield
    sim._routes[:] = routes


def spec(*path: str) -> Any:
    folder = os.environ.get("VENDOR_SPECS", "")
    if not folder:
        pytest.skip("VENDOR_SPECS is not set: the vendors' descriptions are not here")
    return _load(Path(folder, "channels", *path))


@cache
def _load(path: Path) -> Any:
    if path.suffix == ".json":
        return json.loads(path.read_text())
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return _null_told(yaml.load(path.read_text(), Loader=loader))


def _null_told(node: Any) -> Any:
    """OpenAPI's `nullable` in words of JSON Schema."""
    if isinstance(node, list):
        return [_null_told(n) for n in node]
    if not isinstance(node, dict):
        return node
    node = {k: _null_told(v) for k, v in node.items()}
    if node.pop("nullable", False):
        return {"anyOf": [node, {"type": "null"}]}
    return node


def check(root: dict[str, Any], ref: str, value: Any) -> None:
    jsonschema.Draft202012Validator({**root, "$ref": ref}).validate(value)


def bodies(provider: Provider, sim: ModelSimulator) -> list[dict[str, Any]]:
    """What we send: plain, with tools, after a tool round; whole and streamed."""
    sim.reset()
    for request in (PLAIN, ROUND):
        provider.complete(request, patience(), None)
        provider.complete(request, patience(), lambda _: None)
    return sim.completions()


def answers(
    sim: ModelSimulator, url: str, body: dict[str, Any], headers: dict[str, str]
) -> Iterator[tuple[Reply, Any]]:
    """What the simulator says to such a request: one event or one whole answer at a time."""
    for reply in REPLIES:
        sim.script(reply)
        raw = httpx.post(url, json=body, headers=headers, timeout=5).content
        for line in raw.splitlines():
            line = line.removeprefix(b"data:").strip()
            if line and line != b"[DONE]":
                yield reply, json.loads(line)
