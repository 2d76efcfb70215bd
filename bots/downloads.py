"""A stored file as an answer of ours, for whoever may see what it belongs to."""

from __future__ import annotations

from django.http import FileResponse, Http404, HttpRequest

from bots.selectors.files import file_for
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


def _answer(stored: StoredFile, name: str) -> FileResponse:
    content = file_open(stored)
    response = FileResponse(
        content,
        as_attachment=stored.mime not in _INLINE,
        filename=name,
        content_type=stored.mime if stored.mime in _INLINE else "application/octet-stream",
    )
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response
