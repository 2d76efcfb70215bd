"""Mail of a local run lands in DATA_DIR/mail, one file a message, to be opened and read."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.mail.backends.filebased import EmailBackend


class FolderBackend(EmailBackend):
    def __init__(self, fail_silently: bool = False, **kwargs: Any) -> None:
        super().__init__(fail_silently, str(settings.DATA_DIR / "mail"), **kwargs)
