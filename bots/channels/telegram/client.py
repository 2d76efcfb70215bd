"""python-telegram-bot, called from threads.

The library is asynchronous; our workers are threads. One event loop in a thread of its own serves
all bots of a process, so connections are kept and nobody starts a loop a call.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx
from telegram import Bot
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)
from telegram.request import HTTPXRequest

from bots.channels.base import Unreachable
from tenants.kernel.errors import NeedsMerchant, OutcomeUnknown, Rejected, RetryLater
from tenants.kernel.http import async_transport

DEFAULT_BASE = "https://api.telegram.org"
READ_S = 15.0
LONG_POLL_EXTRA_S = 10.0
BOTS_KEPT = 500

# The owner took the bot out of the account, or this chat of it from the bot.
_NOT_OURS = ("BUSINESS_CONNECTION_INVALID", "BUSINESS_PEER_INVALID", "BUSINESS_PEER_USAGE_MISSING")

T = TypeVar("T")

_loop: asyncio.AbstractEventLoop | None = None
_bots: OrderedDict[tuple[str, str, str], Bot] = OrderedDict()
_lock = threading.Lock()


class Migrated(Rejected):
    """The group has another id from now on."""

    def __init__(self, to: int, **about: Any) -> None:
        super().__init__(f"the chat moved to: {to}", **about)
        self.to = to


def _running_loop() -> asyncio.AbstractEventLoop:
    global _loop
    with _lock:
        if _loop is None or _loop.is_closed():
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, daemon=True, name="telegram").start()
        return _loop


def _bot(token: str, base: str, proxy: str) -> Bot:
    key = (token, base, proxy)
    with _lock:
        if bot := _bots.get(key):
            _bots.move_to_end(key)
            return bot
        request = HTTPXRequest(
            connection_pool_size=16,
            read_timeout=READ_S,
            write_timeout=READ_S,
            pool_timeout=5.0,
            httpx_kwargs={
                "transport": async_transport(proxy=proxy, vendor="telegram"),
                "trust_env": False,
            },
        )
        bot = Bot(
            token,
            base_url=f"{base}/bot",
            base_file_url=f"{base}/file/bot",
            request=request,
            get_updates_request=request,
        )
        _bots[key] = bot
        while len(_bots) > BOTS_KEPT:
            _bots.popitem(last=False)
        return bot


def call(
    what: Callable[[Bot], Awaitable[T]],
    *,
    token: str,
    base_url: str = "",
    proxy: str = "",
    operation: str,
    write: bool = False,
    timeout_s: float = READ_S + 5,
) -> T:
    """Run one method of the Bot API. Raises VendorError by consequence, Unreachable."""
    loop = _running_loop()
    with errors(operation, write=write):
        try:
            bot = _bot(token, (base_url or DEFAULT_BASE).rstrip("/"), proxy)
        except InvalidToken as exc:
            raise NeedsMerchant(
                "this is not a bot token", vendor="telegram", operation=operation
            ) from exc

        async def run() -> T:
            return await what(bot)

        future = asyncio.run_coroutine_threadsafe(run(), loop)
        try:
            return future.result(timeout_s)
        except TimeoutError as exc:
            future.cancel()
            raise TimedOut from exc


@contextmanager
def errors(operation: str, *, write: bool) -> Iterator[None]:
    """Telegram's errors → ours (specs: error_code 401, 403, 409, 429 with retry_after, 5xx)."""
    about: dict[str, Any] = {"vendor": "telegram", "operation": operation}
    try:
        yield
    except RetryAfter as exc:
        wait = exc.retry_after
        seconds = wait.total_seconds() if hasattr(wait, "total_seconds") else float(wait)
        raise RetryLater("too many messages", retry_after_s=seconds, status=429, **about) from exc
    except InvalidToken as exc:
        raise NeedsMerchant("the token was revoked", status=401, **about) from exc
    except Forbidden as exc:
        raise Unreachable(exc.message) from exc
    except Conflict as exc:
        raise NeedsMerchant(
            "another program reads this bot's messages", status=409, **about
        ) from exc
    except ChatMigrated as exc:
        raise Migrated(exc.new_chat_id, **about) from exc
    except BadRequest as exc:
        if any(code in exc.message.upper() for code in _NOT_OURS):
            raise Unreachable(exc.message) from exc
        raise Rejected(exc.message, status=400, **about) from exc
    except TimedOut as exc:
        # Before the connection stood, nothing was sent.
        if write and not isinstance(exc.__cause__, httpx.ConnectTimeout | httpx.PoolTimeout):
            raise OutcomeUnknown("no answer in time", **about) from exc
        raise RetryLater("no answer in time", **about) from exc
    except NetworkError as exc:
        if isinstance(exc.__cause__, httpx.ConnectError) or not write:
            raise RetryLater(f"no connection: {exc.message}", **about) from exc
        raise OutcomeUnknown(exc.message, **about) from exc
    except (TelegramError, TypeError, KeyError, AttributeError) as exc:
        # An answer that is none (a proxy's page; the library stumbles over JSON of another shape):
        # what became of the call is not known.
        kind = OutcomeUnknown if write else RetryLater
        raise kind(str(exc), **about) from exc
