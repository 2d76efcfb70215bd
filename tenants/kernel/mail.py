"""Mail of a local run lands in DATA_DIR/mail, one file a message, to be opened and read."""

from __future__ import annotations

from django.conf import settings
from django.core.mail.backends.filebased import EmailBackend


class FolderBackend(EmailBackend):
    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, file_path=settings.DATA_DIR / "mail", **kwargs)  # type: ignore[arg-type, misc]
