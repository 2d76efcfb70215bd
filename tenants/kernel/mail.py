"""Mail servers: the guarded way out, and the folder that mail of a local run lands in."""

from __future__ import annotations

import smtplib
import socket
import ssl
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.mail.backends.filebased import EmailBackend

from tenants.kernel.guard import checked_address


class FolderBackend(EmailBackend):
    """DATA_DIR/mail, one file a message, to be opened and read."""

    def __init__(self, fail_silently: bool = False, **kwargs: Any) -> None:
        super().__init__(fail_silently, str(settings.DATA_DIR / "mail"), **kwargs)


@dataclass(frozen=True)
class MailAccount:
    """A server that takes letters. `security`: tls | starttls | none, as workspace's MailServer."""

    host: str
    port: int
    security: str
    username: str = ""
    password: str = field(default="", repr=False)
    sender: str = ""


def mail_socket(host: str, port: int, timeout_s: float | None, source: Any = None) -> socket.socket:
    """A socket to a checked address, so that a name cannot change its mind in between.

    Raises OSError, AddressRefused for what leads inside.
    """
    if not (settings.ALLOW_PRIVATE_ADDRESSES or host in settings.MAIL_PRIVATE_HOSTS):
        host = checked_address(host, port)
    return socket.create_connection((host, port), timeout_s, source)


class _LogIn(smtplib.SMTP):
    def login(self, *args: Any, **kwargs: Any) -> Any:
        """A server may hang up on a refused log-in before the next way of it was tried."""
        try:
            return super().login(*args, **kwargs)
        except smtplib.SMTPServerDisconnected as exc:
            raise smtplib.SMTPAuthenticationError(535, b"") from exc


class Smtp(_LogIn):
    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return mail_socket(host, port, timeout, self.source_address)


class SmtpTls(_LogIn, smtplib.SMTP_SSL):
    context: ssl.SSLContext

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = mail_socket(host, port, timeout, self.source_address)
        return self.context.wrap_socket(plain, server_hostname=host)
