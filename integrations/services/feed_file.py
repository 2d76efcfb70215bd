"""Where the bytes of a feed come from: a stored upload or an address."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
from django.utils.translation import gettext as _

from integrations.feeds.values import web_address
from tenants.kernel.documents import Unreadable
from tenants.kernel.errors import RetryLater
from tenants.kernel.files import file_on_disk
from tenants.kernel.http import outgoing, vendor_errors
from tenants.kernel.jobs import JobRefused
from tenants.kernel.words import vendor_words
from tenants.workspace.models import Job, StoredFile

MAX_FILE = 500 * 1024 * 1024
MAX_REDIRECTS = 5
DOWNLOAD_S = 900.0
DOWNLOAD_TRIES = 3


@contextmanager
def feed_file(found: Job) -> Iterator[Path]:
    """The feed of this import as a file for as long as it is read. Raises JobRefused, RetryLater,
    VendorError, Unreadable."""
    if url := found.params.get("url"):
        with tempfile.TemporaryDirectory(prefix="feed-") as folder:
            path = Path(folder) / "feed"
            _download_patiently(found, url, path)
            yield path
        return
    stored = StoredFile.objects.filter(pk=found.params.get("file")).first()
    if stored is None:
        raise JobRefused(_("The uploaded file is gone. Send it again."))
    with file_on_disk(stored) as path:
        yield path


def _download_patiently(found: Job, url: str, path: Path) -> None:
    """A shop's server may stumble: some tries, then words instead of an endless wait."""
    try:
        _download(url, path)
    except RetryLater as exc:
        tries = found.params.get("tries", 0) + 1
        if tries >= DOWNLOAD_TRIES or "private address" in exc.detail:
            message = _("The feed could not be fetched: %s.") % vendor_words(exc.detail).rstrip(".")
            raise JobRefused(message) from exc
        found.params["tries"] = tries
        found.save(update_fields=["params"])
        raise RetryLater(
            exc.detail, retry_after_s=min(exc.retry_after_s or 2.0**tries, 60)
        ) from exc


def _download(url: str, path: Path) -> None:
    """Fetch a feed to a file. Redirects are followed one by one, each past the address guard.

    Raises VendorError, Unreadable.
    """
    begun = time.monotonic()
    with outgoing(vendor="feed", timeout_s=60.0) as client:
        for _hop in range(MAX_REDIRECTS + 1):
            with (
                vendor_errors("feed", f"GET {urlsplit(url).hostname}"),
                client.stream("GET", url) as response,
            ):
                if response.is_redirect:
                    url = web_address(urljoin(url, response.headers.get("location", "")))
                    if not url:
                        raise Unreadable(_("The address redirects to something that is no page."))
                    continue
                response.raise_for_status()
                _write(response, path, begun)
                return
    raise Unreadable(_("The address redirects in a circle."))


def _write(response: httpx.Response, path: Path, begun: float) -> None:
    size = 0
    with path.open("wb") as out:
        for piece in response.iter_bytes(256 * 1024):
            size += len(piece)
            if size > MAX_FILE:
                limit = MAX_FILE // 1_000_000
                raise Unreadable(_("The feed is larger than %(mb)s MB.") % {"mb": limit})
            if time.monotonic() - begun > DOWNLOAD_S:
                raise RetryLater(_("the server sends too slowly"))
            out.write(piece)
