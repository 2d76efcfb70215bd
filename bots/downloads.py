"""A stored file as an answer of ours, for whoever may see what it belongs to."""

from __future__ import annotations

import io
from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from bots.models import Message
from bots.selectors.files import file_for
from bots.selectors.policy import visible
from bots.services.recordings import recording_of
from bots.services.uploads import of_link_out
from tenants.kernel.files import file_open
from tenants.workspace.models import StoredFile, User

# Shown in the browser; everything else is only ever downloaded.
_INLINE = frozenset(
    {
        *("image/png", "image/jpeg", "image/gif", "image/webp"),
        *("audio/ogg", "audio/mpeg", "audio/mp4", "audio/wav", "audio/webm", "video/mp4"),
    }
)


def download(user: User, pk: int) -> FileResponse:
    """Raises Http404 for what is not there and for what is not this person's alike."""
    try:
        stored, name = file_for(user, pk)
        return _answer(stored, name)
    except (StoredFile.DoesNotExist, FileNotFoundError):
        raise Http404 from None


def sent(request: HttpRequest, signed: str) -> FileResponse:
    """A file that went out as a link: whoever has the address may fetch it, for a day."""
    file_id = of_link_out(signed)
    stored = StoredFile.objects.filter(pk=file_id).first() if file_id else None
    if stored is None:
        raise Http404
    try:
        return _answer(stored, stored.name)
    except FileNotFoundError:
        raise Http404 from None


def recording(user: User, pk: int, address: str) -> HttpResponseBase:
    """A call's recording: the bytes, or where the telephone company keeps it.

    Raises Http404 for what is not there and for what is not this person's alike; NoRecording.
    """
    message = (
        Message.objects.select_related("conversation__channel")
        .filter(pk=pk, meta__code="call", conversation__in=visible(user))
        .first()
    )
    found = recording_of(message, address) if message else None
    if found is None:
        raise Http404
    if not found.url:
        return as_download(found.content, mime=found.mime, name=f"call-{pk}")
    answer = HttpResponse(status=302, headers={"Location": found.url})
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _answer(stored: StoredFile, name: str) -> FileResponse:
    content = file_open(stored)
    return as_download(content, mime=stored.mime, name=name)


def as_download(content: Any, *, mime: str, name: str) -> FileResponse:
    """Bytes, or a file that is open, as the browser may have them."""
    response = FileResponse(
        io.BytesIO(content) if isinstance(content, bytes) else content,
        as_attachment=mime not in _INLINE,
        filename=name,
        content_type=mime if mime in _INLINE else "application/octet-stream",
    )
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response
