"""Processes are roles of one code base. This table rules them: locally one dispatcher on one port
sends each request to its role; in production it renders the proxy's configuration.
"""

from __future__ import annotations

import os
import sys

# Longest prefix first. What is not listed is `web`.
PREFIXES: tuple[tuple[str, str], ...] = (
    ("/hooks/", "ingest"),
    ("/live/", "live"),
)
WEB = "web"


def role_of(path: str) -> str:
    """Role that answers a path; an ASGI websocket is always `live`."""
    for prefix, role in PREFIXES:
        if path.startswith(prefix):
            return role
    return WEB


def workers() -> int:
    """How many worker processes a machine runs: `WORKERS`, else two where there are two cores.

    Raises ValueError in words.
    """
    wanted = os.environ.get("WORKERS") or str(min(2, os.cpu_count() or 1))
    if not (wanted.isdecimal() and 1 <= int(wanted) <= 64):
        raise ValueError(f"WORKERS is {wanted!r}")
    return int(wanted)


def commands() -> dict[str, list[str]]:
    """The processes of one machine: name → command. Images run the same ones, each apart."""
    env = os.environ
    return {
        "asgi": [
            *(sys.executable, "-m", "uvicorn", "config.asgi:application"),
            *("--host", env.get("HOST", "127.0.0.1"), "--port", env.get("PORT", "8000")),
            *("--loop", "uvloop", "--http", "httptools", "--lifespan", "on"),
            # Addresses of buyers come from TRUSTED_PROXIES, not from whoever sends a header.
            *("--no-proxy-headers", "--no-server-header", "--no-access-log"),
            *("--ws-per-message-deflate", "false", "--timeout-graceful-shutdown", "5"),
            *("--log-level", "warning"),
        ],
        "worker": [
            *(sys.executable, "-m", "celery", "-A", "config", "worker"),
            *("-P", "threads", "--concurrency", env.get("WORKER_THREADS", "300")),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            *("--loglevel", "INFO"),
        ],
        "scheduler": [sys.executable, "manage.py", "scheduler"],
    }


if __name__ == "__main__":
    # `python -m config.roles worker`: become that process. What images and service files call.
    _command = commands()[sys.argv[1]]
    os.execv(_command[0], _command)  # noqa: S606
