"""Uploads: a form's file, or the file alone as the body."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from tenants.kernel.errors import RuleBroken
from tenants.kernel.files import PIECE, TooLarge, file_save
from tenants.workspace.models import StoredFile


class FileTooLarge(RuleBroken):
    code = "too_large"
    status = 413


class RawFile(BaseParser):
    """`curl --data-binary @feed.xml -H 'Content-Type: application/xml'`: the body is the file."""

    media_type = "*/*"

    def parse(self, stream, media_type=None, parser_context=None) -> dict[str, Any]:
        name = ""
        if parser_context:
            name = parser_context["request"].query_params.get("name", "")
        return {"file": RawStream(stream, name or "file")}


class RawStream:
    """Enough of an uploaded file for `file_save`."""

    def __init__(self, stream: Any, name: str) -> None:
        self._stream, self.name, self.content_type = stream, name, ""

    def chunks(self, size: int = PIECE) -> Iterator[bytes]:
        while piece := self._stream.read(size):
            yield piece


def upload_save(request, *, purpose: str, limit: int) -> StoredFile | None:
    """The request's file, kept; None where none was sent. Raises FileTooLarge, ParseError."""
    upload = request.data.get("file") if hasattr(request.data, "get") else None
    if upload is None:
        return None
    if not hasattr(upload, "chunks"):
        raise ParseError(_("“file” must be a file: send the form as multipart/form-data."))
    try:
        stored = file_save(upload.chunks(), name=upload.name, purpose=purpose, limit=limit)
    except TooLarge:
        raise FileTooLarge(
            _("The file is larger than %(mb)s MB.") % {"mb": limit // 1_000_000}
        ) from None
    if not stored.size:
        from tenants.kernel.files import file_delete

        file_delete(stored)
        raise ParseError(_("The file is empty."))
    return stored


def flag(request, name: str, default: bool) -> bool:
    """A yes or no of a form, of JSON or of the address."""
    value = request.data.get(name) if hasattr(request.data, "get") else None
    value = request.query_params.get(name) if value is None else value
    if value is None or value == "":
        return default
    if isinstance(value, bool):
        return value
    try:
        found = json.loads(str(value).lower())
    except ValueError:
        found = {"yes": True, "on": True, "no": False, "off": False}.get(str(value).lower())
    if found not in (True, False):
        raise ParseError(_("“%s” is true or false.") % name)
    return bool(found)
