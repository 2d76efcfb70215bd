"""Moving in: a source is read page by page and written, with its place and counts kept beside.

A run is one job, or several where one was stopped and gone on with: what the run has counted stays
counted. Each page or conversation commits with the job's own row, so a killed worker's run goes on
where it was. A dry run reads all of it and writes nothing.

The token is sealed in the job and leaves it when the work ends, at the latest an hour after a dry
run. Nothing is told of what is written (`moving_write`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bots.importers.base import (
    About,
    Fault,
    ImporterManifest,
    Source,
)
from bots.importers.table import columns
from bots.services.moving_run import LISTS, Run, Stopped
from integrations.feeds import Unreadable, table_rows
from integrations.feeds.base import RowRefused as FeedRowRefused
from integrations.feeds.table import no_formula
from tenants.kernel import due, registry
from tenants.kernel.context import current_schema
from tenants.kernel.errors import RetryLater, RuleBroken, VendorError
from tenants.kernel.files import file_delete, file_on_disk
from tenants.kernel.jobs import JobRefused, job, job_start
from tenants.kernel.secrets import seal, unseal
from tenants.kernel.words import vendor_words
from tenants.workspace.models import Job, StoredFile, User

JOB = "moving"
END = "moving.end"
# How long a dry run's token and table wait for the decision.
KEPT_FOR = timedelta(hours=1)
TRIES, TRIES_IN_ALL = 5, 10
ALL = (*LISTS, "contacts", "conversations", "files")
NAMES = {
    "agents": gettext_lazy("Colleagues"),
    "teams": gettext_lazy("Teams"),
    "labels": gettext_lazy("Labels"),
    "templates": gettext_lazy("Templates"),
    "contacts": gettext_lazy("Contacts"),
    "conversations": gettext_lazy("Dialogues"),
    "messages": gettext_lazy("Messages"),
    "files": gettext_lazy("Files"),
}


class Busy(RuleBroken):
    """One import of history at a time: two of one source would race for the same rows."""

    code = "moving_busy"


def importers() -> dict[str, ImporterManifest]:
    return registry.manifests("bots.importers")


# ── Starting, going on, stopping ─────────────────────────────────────────────────────────────
def moving_start(
    importer: str,
    *,
    asked: Mapping[str, Any],
    user: User,
    token: str = "",
    file: StoredFile | None = None,
    parts: tuple[str, ...] = ALL,
    is_dry: bool = True,
    after: Job | None = None,
) -> Job:
    """Queue a run. `asked`: what its form was told, secrets apart.

    `after`: a stopped or failed run that is gone on with. Raises Busy.
    """
    with transaction.atomic():
        _nobody_else()
        goes_on: dict[str, Any] = {}
        if after is not None and not is_dry and not after.params.get("dry"):
            goes_on = {
                name: after.params[name]
                for name in ("run", "at", "theirs", "added", "notes")
                if name in after.params
            }
        return job_start(
            JOB,
            user=user,
            importer=importer,
            asked=dict(asked),
            sealed=seal(current_schema(), token) if token else "",
            file=file.pk if file else None,
            parts=[name for name in ALL if name in parts],
            dry=is_dry,
            language=translation.get_language() or settings.LANGUAGE_CODE,
            **goes_on,
        )


def moving_do(tried: Job, *, user: User) -> Job:
    """What a dry run has shown, for real, with the token or table it still has.

    Raises Busy; RuleBroken where the hour is over.
    """
    with transaction.atomic():
        tried = Job.objects.select_for_update().get(pk=tried.pk)
        _nobody_else()
        if not may_do(tried):
            raise RuleBroken(_("The dry run is too old: its token is forgotten. Begin anew."))
        params = {
            name: tried.params[name] for name in ("importer", "asked", "sealed", "file", "parts")
        }
        tried.params = {**tried.params, "sealed": "", "file": None}
        tried.save(update_fields=["params"])
        return job_start(
            JOB,
            user=user,
            dry=False,
            language=translation.get_language() or settings.LANGUAGE_CODE,
            **params,
        )


def may_do(tried: Job) -> bool:
    kept = tried.params.get("sealed") or tried.params.get("file")
    return bool(tried.state == Job.State.DONE and tried.params.get("dry") and kept)


def moving_stop(found: Job) -> bool:
    """What is written stays; the run may be gone on with. False where it was over."""
    with transaction.atomic():
        stopped = Job.objects.filter(
            pk=found.pk, kind=JOB, state__in=[Job.State.QUEUED, Job.State.RUNNING]
        ).update(
            state=Job.State.FAILED, finished_at=timezone.now(), message=_("Stopped by a person.")
        )
        if stopped:
            _forget(Job.objects.get(pk=found.pk))
    return bool(stopped)


def _nobody_else() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 3))", [f"{current_schema()}:moving"]
        )
    if Job.objects.filter(kind=JOB, state__in=[Job.State.QUEUED, Job.State.RUNNING]).exists():
        raise Busy(_("An import is under way. Wait for its end, or stop it."))


def _forget(found: Job) -> None:
    """Token and table leave the job."""
    with transaction.atomic():
        pk = found.params.get("file") or 0
        stored = StoredFile.objects.filter(pk=pk, purpose="import").first()
        if stored is not None:
            file_delete(stored)
        found.params = {**found.params, "sealed": "", "file": None}
        found.save(update_fields=["params"])


@due.worker(END)
def _end(job_id: int) -> datetime | None:
    found = Job.objects.filter(pk=job_id, kind=JOB).first()
    if found is not None:
        _forget(found)
    return None


# ── Before a run ─────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Sample:
    """The head of a table, and which column looks like what."""

    header: int
    heading: list[Any]
    rows: list[list[Any]]
    guess: dict[str, int]


def moving_check(importer: str, address: str, token: str, account: str = "") -> list[About]:
    """Accounts a token may move in from. Raises VendorError."""
    found: list[About] = registry.load(importers()[importer].implementation).check(
        address, token, account
    )
    return found


def table_sample(stored: StoredFile, table: str) -> Sample:
    """Raises Unreadable."""
    with file_on_disk(stored) as path:
        header, heading, rows = columns.heading_row(_rows_of(path)())
    if not heading:
        raise Unreadable(_("No row of headings was found in the table."))
    return Sample(header, heading, rows, columns.guess(heading, table))


def table_columns(table: str) -> Sequence[Any]:
    return tuple(columns.TABLES[table])


def table_missing(chosen: Mapping[str, int], table: str) -> list[str]:
    return [str(one.title) for one in columns.missing(chosen, table)]


# ── The job ──────────────────────────────────────────────────────────────────────────────────
@job(JOB)
def moving_run(found: Job) -> None:
    with translation.override(found.params.get("language") or settings.LANGUAGE_CODE):
        try:
            with _source(found) as source:
                Run(found, source).do()
        except Stopped:
            _forget(found)
            found.state = Job.State.FAILED
            return
        except RetryLater as exc:
            _again(found, exc)
        except Unreadable as exc:
            _forget(found)
            raise JobRefused(str(exc)) from exc
        except VendorError as exc:
            _forget(found)
            raise JobRefused(vendor_words(exc.detail)) from exc
        except Exception:
            _forget(found)
            raise
        if found.params.get("dry"):
            due.schedule(END, found.pk, due_at=timezone.now() + KEPT_FOR)
        else:
            _forget(found)


def _again(found: Job, exc: RetryLater) -> None:
    """A server may stumble: some tries with pauses, then words and a button to go on."""
    tries = found.params.get("tries", 0) + 1
    in_all = found.params.get("tries_in_all", 0) + 1
    if tries > TRIES or in_all > TRIES_IN_ALL or "private address" in exc.detail:
        _forget(found)
        raise JobRefused(
            _("The other side does not answer: %(why)s. What is here already stays; go on later.")
            % {"why": vendor_words(exc.detail).rstrip(".")}
        ) from exc
    found.params = {**found.params, "tries": tries, "tries_in_all": in_all}
    found.save(update_fields=["params"])
    raise RetryLater(
        exc.detail, retry_after_s=min(exc.retry_after_s or 5.0 * 2**tries, 300.0)
    ) from exc


@contextmanager
def _source(found: Job) -> Iterator[Source]:
    manifest = importers().get(found.params["importer"])
    if manifest is None:
        raise JobRefused(_("This kind of import is not known any more."))
    kind = registry.load(manifest.implementation)
    asked = found.params["asked"]
    if manifest.asks == "account":
        if not found.params.get("sealed"):
            raise JobRefused(_("The token is forgotten. Enter it again."))
        token = unseal(current_schema(), found.params["sealed"])
        source = kind(asked["address"], token, asked["account"])
        try:
            yield source
        finally:
            source.close()
        return
    stored = StoredFile.objects.filter(pk=found.params.get("file") or 0).first()
    if stored is None:
        raise JobRefused(_("The uploaded file is gone. Send it again."))
    with file_on_disk(stored) as path:
        source = kind(asked, _rows_of(path))
        try:
            yield source
        finally:
            source.close()


def _rows_of(path: Path) -> Callable[[], Iterator[tuple[int, list[Any]]]]:
    def rows() -> Iterator[tuple[int, list[Any]]]:
        for number, cells in table_rows(path):
            yield number, [_cell(cell) for cell in cells]

    return rows


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return no_formula(value, "")
        except FeedRowRefused as exc:
            return Fault(exc.message)
    return value
