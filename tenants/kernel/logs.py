"""Log lines know their merchant and request; nothing that looks like a token passes."""

from __future__ import annotations

import json
import logging
import re
from contextvars import ContextVar

from tenants.kernel.context import current_schema

request_id: ContextVar[str] = ContextVar("request_id", default="-")

# Telegram puts the token in the path; others put keys in queries and headers.
_SECRETS = re.compile(
    r"(?i)(/bot)\d+:[\w-]{20,}|((?:api[-_]?key|token|secret|password|authorization)[\"']?\s*[=:]\s*"
    r"[\"']?(?:bearer\s+)?)[\w.~+/=-]{8,}"
)


def scrub(text: str) -> str:
    return _SECRETS.sub(lambda m: (m.group(1) or m.group(2)) + "[hidden]", text)


class MerchantFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.schema = current_schema()
        record.request_id = request_id.get()
        message = record.getMessage()
        if (clean := scrub(message)) != message:
            record.msg, record.args = clean, ()
        return True


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "logger": record.name,
            "schema": getattr(record, "schema", "public"),
            "request": getattr(record, "request_id", "-"),
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["error"] = scrub(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)
