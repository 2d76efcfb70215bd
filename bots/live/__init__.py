"""The `live` role: websockets of buyers and agents, and their HTTP fallback.

Plain ASGI: the first prefix that fits answers. An unknown path is refused without a word.
"""

from __future__ import annotations

from typing import Any

_apps: list[tuple[str, Any]] = []


def _routes() -> list[tuple[str, Any]]:
    """Made at the first call: importing this package must not need the apps to be loaded."""
    if not _apps:
        from bots.live.chat import application as chat
        from bots.live.console import ConsoleConsumer
        from bots.live.console_poll import poll

        console = ConsoleConsumer.as_asgi()

        async def consoles(scope: dict[str, Any], receive: Any, send: Any) -> None:
            await (console if scope["type"] == "websocket" else poll)(scope, receive, send)

        _apps.extend([("/live/chat/", chat), ("/live/console/", consoles)])
    return _apps


def _speaks_http(path: str) -> bool:
    return path.startswith("/live/chat/") or path == "/live/console/poll/"


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    for prefix, answer in _routes():
        is_here = scope["path"].startswith(prefix)
        if is_here and (scope["type"] == "websocket" or _speaks_http(scope["path"])):
            await answer(scope, receive, send)
            return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 4404})
        return
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})
