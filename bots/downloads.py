"""A stored file as an answer of ours, for whoever may see what it belongs to."""

from __future__ import annotations

from django.http import FileResponse, Http404

from bots.selectors.files import file_for
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
        content = file_open(stored)
    except (StoredFile.DoesNotExist, FileNotFoundError):
        raise Http404 from None
    response = FileResponse(
        content,
        as_attachment=stored.mime not in _INLINE,
        filename=name,
        content_type=stored.mime if stored.mime in _INLINE else "application/octet-stream",
    )
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response
