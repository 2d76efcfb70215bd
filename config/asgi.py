"""One ASGI application for the roles `ingest`, `live` and, behind a thread bridge, `web`.

ASGI_ROLES limits what this process serves: production runs each role apart, a local run all.
"""

import os
from collections.abc import Awaitable, Callable
from typing import Any, cast

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

import django

django.setup()

from a2wsgi import WSGIMiddleware  # noqa: E402
from a2wsgi.wsgi_typing import WSGIApp  # noqa: E402

from bots.ingest import application as ingest  # noqa: E402
from bots.live import application as live  # noqa: E402
from config.roles import WEB, role_of  # noqa: E402
from config.wsgi import application as web  # noqa: E402

App = Callable[[Any, Any, Any], Awaitable[None]]
ROLES: dict[str, App] = {
    "ingest": ingest,
    "live": live,
    WEB: WSGIMiddleware(cast(WSGIApp, web), workers=12),
}
SERVED = frozenset(os.environ.get("ASGI_ROLES", "ingest,live,web").split(","))


async def application(scope, receive, send) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    role = "live" if scope["type"] == "websocket" else role_of(scope["path"])
    if role not in SERVED:
        role = next(iter(SERVED))
    await ROLES[role](scope, receive, send)


async def _lifespan(receive, send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await ingest.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
