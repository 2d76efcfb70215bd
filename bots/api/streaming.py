"""Lines of JSON while the work goes on, to the one who asked and to nobody else."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from queue import Queue
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from tenants.kernel.context import current_schema, merchant_context, release_connection
from tenants.kernel.errors import RuleBroken

log = logging.getLogger(__name__)

Show = Callable[[str], bool]


def streamed(work: Callable[[Show], dict[str, Any]]) -> Iterator[bytes]:
    """`{"t": "text", "text": all so far}`…, then `{"t": "done", …}` or `{"t": "error", "error"}`.

    The work runs in a thread inside the caller's merchant: an answer is read after the request has
    left it. When the reader goes away `show` says so.
    """
    schema, language = current_schema(), translation.get_language()
    lines: Queue[dict[str, Any] | None] = Queue()
    gone = threading.Event()

    def show(text: str) -> bool:
        lines.put({"t": "text", "text": text})
        return not gone.is_set()

    def run() -> None:
        try:
            with merchant_context(schema), translation.override(language):
                lines.put(_done(work, show))
        except Exception:  # a reader that is told nothing waits for ever
            log.exception("a streamed answer broke off")
            lines.put({"t": "error", "error": {"code": "failed", "message": ""}})
        finally:
            release_connection()
            lines.put(None)

    threading.Thread(target=run, name="streamed", daemon=True).start()

    def read() -> Iterator[bytes]:
        try:
            while (line := lines.get()) is not None:
                yield json.dumps(line, ensure_ascii=False, default=str).encode() + b"\n"
        finally:
            gone.set()

    return read()


def _done(work: Callable[[Show], dict[str, Any]], show: Show) -> dict[str, Any]:
    try:
        return {"t": "done", **work(show)}
    except RuleBroken as exc:
        return {"t": "error", "error": {"code": exc.code, "message": str(exc), **exc.data}}
    except Exception:  # as above, in words
        log.exception("a streamed answer could not be made")
        message = _("Something broke on our side. Nothing is lost: try again.")
        return {"t": "error", "error": {"code": "failed", "message": message}}
