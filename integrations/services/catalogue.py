"""Bringing a feed into the catalogue: only what changed is written, nothing is lost on a kill."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from integrations import feeds
from integrations.feeds.values import web_address
from integrations.models import Variant
from integrations.services.catalogue_run import CatalogueRun
from integrations.services.feed_file import feed_file
from integrations.services.folding import fold_all
from tenants.kernel.documents import Unreadable
from tenants.kernel.errors import RetryLater, RuleBroken
from tenants.kernel.files import file_delete
from tenants.kernel.jobs import JobRefused, job, job_start
from tenants.services import limits
from tenants.workspace.models import Job, StoredFile, User


class BadSource(RuleBroken):
    code = "bad_source"
    status = 400


def catalogue_import_start(
    *,
    file: StoredFile | None = None,
    url: str = "",
    user: User | None = None,
    is_full: bool = True,
    confirm: bool = False,
    price_type: str = "",
) -> Job:
    """Queue the import of a stored file or of an address.

    `is_full`: offers the feed does not name are no longer sold. `confirm`: even if that is more
    than half of the catalogue. `price_type`: which of CommerceML's prices counts.
    """
    if bool(file) == bool(url):
        raise BadSource(_("Send either a file or an address."))
    if url and not web_address(url):
        raise BadSource(_("The address must begin with http:// or https://."))
    with transaction.atomic():
        return job_start(
            "catalogue.import",
            user=user,
            file=file.pk if file else None,
            url=url,
            full=is_full,
            confirm=confirm,
            price_type=price_type,
            language=translation.get_language() or settings.LANGUAGE_CODE,
        )


@job("catalogue.import")
def catalogue_import(found: Job) -> None:
    """Do one import. Run again after a kill it finds its own rows unchanged and goes on."""
    with translation.override(found.params.get("language") or settings.LANGUAGE_CODE):
        try:
            with feed_file(found) as path:
                _import(found, path)
        except RetryLater:
            raise
        except Unreadable as exc:
            _drop_upload(found)
            raise JobRefused(_so_far(found, str(exc))) from exc
        except Exception:
            _drop_upload(found)
            raise
        _drop_upload(found)


def _so_far(found: Job, message: str) -> str:
    if not found.done:
        return message
    taken = _("%(n)s rows before that were read; nothing was taken off sale.") % {"n": found.done}
    return f"{message} {taken}"


def _drop_upload(found: Job) -> None:
    """The upload is not needed once the outcome is known; a retry after a kill still has it."""
    stored = StoredFile.objects.filter(pk=found.params.get("file")).first()
    if stored is not None:
        file_delete(stored)


def _import(found: Job, path: Path) -> None:
    price_type = found.params.get("price_type", "")
    with feeds.open_feed(path, price_type=price_type) as feed:
        found.start(feed.total)
        if "active_before" not in found.params:
            found.params["active_before"] = Variant.objects.filter(is_active=True).count()
            found.save(update_fields=["params"])
        run = CatalogueRun(found)
        fault = None
        try:
            for item in feed.items:
                run.take(item)
        except Unreadable as exc:  # what came before the fault is sound and stays
            fault = exc
        run.flush()
        fold_all()
        if fault:
            run.leave_out()
            raise fault
        if not run.offers and not run.beyond:
            raise Unreadable(_("No offer could be taken from the file."))
        held = run.retire()
        if run.beyond and limits.room("products") != 0:
            # What was taken off sale made room: the rows that found none are read once more.
            with feeds.open_feed(path, price_type=price_type) as again:
                run.take_beyond(again.items)
            fold_all()
        run.leave_out()
        found.advance(run.rows, run.rows)
        if run.left_out:
            found.message = _beyond_plan_all() % {
                "n": run.left_out,
                "most": limits.limit("products"),
            }
        if held:
            found.message += " " * bool(found.message) + _(
                "The feed lacks %(n)s of the %(all)s offers you sell, more than half, so they "
                "stay on sale. If that is meant, import again with confirmation."
            ) % {"n": held, "all": found.params["active_before"]}
        found.finish(kind=feed.kind, **run.figures(), held=held)


def _beyond_plan_all() -> str:
    return _("%(n)s rows were left out: your plan allows %(most)s goods on sale. Ask for a larger "
             "plan and import again.")  # fmt: skip
