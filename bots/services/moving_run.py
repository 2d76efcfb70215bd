"""One run of an import: a source read page by page and written, or only counted where it is dry.

Its place and counts are in the job's `params` and commit with what was written, so a killed
worker's run goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bots.importers.base import (
    KINDS,
    ContactIn,
    ConversationIn,
    FileIn,
    MessageIn,
    Refused,
    RowRefused,
    Source,
)
from bots.models import Attachment, Episode, Message
from bots.services.moving_write import Gone, Writer, counts_of
from tenants.kernel.context import release_connection
from tenants.kernel.errors import NeedsMerchant, RuleBroken, VendorError
from tenants.kernel.files import TooLarge, file_save
from tenants.kernel.words import vendor_words
from tenants.workspace.models import Job

FILE_LIMIT = 25 * 1024 * 1024
NOTES_KEPT = 200
LISTS = ("agents", "teams", "labels", "templates")
_WRITES = {"agents": "agent", "teams": "team", "labels": "label", "templates": "template"}
ONE = {
    "agents": gettext_lazy("colleague"),
    "teams": gettext_lazy("team"),
    "labels": gettext_lazy("label"),
    "templates": gettext_lazy("template"),
    "contacts": gettext_lazy("contact"),
    "conversations": gettext_lazy("dialogue"),
    "messages": gettext_lazy("message"),
    "files": gettext_lazy("file"),
}


class Stopped(Exception):
    """Somebody has stopped the job."""


class Run:
    """One pass over a source. Its place and counts are in the job's `params`."""

    def __init__(self, found: Job, source: Source) -> None:
        self.job, self.source = found, source
        self.is_dry = bool(found.params["dry"])
        self.parts = frozenset(found.params["parts"])
        goes_on = found.params.get("at") and not (self.is_dry and found.state == Job.State.RUNNING)
        if found.state != Job.State.RUNNING or not goes_on:
            if not goes_on:
                found.params = {
                    **found.params, "run": found.pk, "at": {"stage": "lists", "page": 1},
                    "theirs": dict.fromkeys(KINDS, 0), "added": dict.fromkeys(KINDS, 0),
                    "notes": [],
                }  # fmt: skip
            found.start()
        self.p = found.params
        self.run = self.p["run"]
        self.seen: set[tuple[str, str]] = set()  # of a dry run, which leaves no marks
        self.writer = Writer(source.key, source.title, self.run, self._note)

    def do(self) -> None:
        stages: dict[str, Callable[[], None]] = {
            "lists": self._lists,
            "contacts": self._contacts,
            "conversations": self._conversations,
        }
        names = list(stages)
        for name in names[names.index(self.p["at"]["stage"]) :]:
            if self.p["at"]["stage"] != name:
                self.p["at"] = {"stage": name, "page": 1}
            stages[name]()
        self.job.result = self._compared()

    def _compared(self) -> dict[str, Any]:
        here = counts_of(self.source.key)
        shown = {*self.parts, *(("messages",) if "conversations" in self.parts else ())}
        return {
            "source": self.source.title,
            "dry": self.is_dry,
            "rows": [
                {
                    "kind": kind,
                    "theirs": self.p["theirs"][kind],
                    "ours": here[kind],
                    "added": self.p["added"][kind],
                }
                for kind in KINDS
                if kind in shown
            ],
            "notes": self.p["notes"],
        }

    # ── Keeping the place ──
    def _save(self, *, page: int | None = None, done: int = 0) -> None:
        """Inside the transaction of what was done, so that both are kept or neither."""
        if page is not None:
            self.p["at"] = {**self.p["at"], "page": page}
        self.p["tries"] = 0
        self.job.done += done
        if self.job.total is not None:
            self.job.total = max(self.job.total, self.job.done)
        self.job.params = self.p
        self.job.save(update_fields=["done", "total", "refused", "errors", "params"])

    def _go_on(self) -> None:
        """Raises Stopped."""
        if not Job.objects.filter(pk=self.job.pk, state=Job.State.RUNNING).exists():
            raise Stopped
        release_connection()

    def _note(self, text: str) -> None:
        if len(self.p["notes"]) < NOTES_KEPT and text not in self.p["notes"]:
            self.p["notes"].append(text)

    def _refuse(self, kind: str, row: int | str, field: str, message: str) -> None:
        self.job.refuse(f"{ONE[kind]} {row}".strip(), field, message)

    def _count(self, table: str, kind: str, more: int = 1) -> None:
        self.p[table][kind] += more

    def _is_first(self, kind: str, external_id: str) -> bool:
        """Whether this run meets it for the first time: lists may shift while they are read."""
        if self.is_dry:
            key = (kind, external_id)
            is_first = key not in self.seen
            self.seen.add(key)
            return is_first
        known = self.writer.known(kind, external_id)
        return known is None or known.seen_in != self.run

    # ── Lists ──
    def _lists(self) -> None:
        for kind in LISTS:
            if kind not in self.parts or self.p["at"].get(kind):
                continue
            self._go_on()
            items = getattr(self.source, kind)()
            with transaction.atomic():
                for item in items:
                    self._listed(kind, item)
                if self.is_dry:
                    transaction.set_rollback(True)
            with transaction.atomic():
                self.p["at"] = {**self.p["at"], kind: True}
                self._save(done=len(items))

    def _listed(self, kind: str, item: Any) -> None:
        self._count("theirs", kind)
        if isinstance(item, Refused):
            self._refuse(kind, item.row, item.field, item.message)
            return
        try:
            with transaction.atomic():
                write = getattr(self.writer, _WRITES[kind])
                if write(item):
                    self._count("added", kind)
        except RowRefused as exc:
            self._refuse(kind, item.external_id, exc.field, exc.message)
        except Gone:
            self._gone(kind, item.external_id)
        except RuleBroken as exc:
            self._refuse(kind, item.external_id, "", str(exc))

    def _gone(self, kind: str, external_id: str) -> None:
        if not self.is_dry:
            self.writer.met(kind, external_id)
        self._refuse(kind, external_id, "", _("It was deleted here, so it is not brought again."))

    # ── Contacts ──
    def _contacts(self) -> None:
        page: int | None = self.p["at"]["page"] if "contacts" in self.parts else None
        while page is not None:
            self._go_on()
            got = self.source.contacts(page)
            self._expect(got.total, page)
            with transaction.atomic():
                for item in got.items:
                    self._contact(item)
                self._save(page=got.next or page, done=len(got.items))
            page = got.next

    def _expect(self, total: int | None, page: int) -> None:
        """The bar's end: what is behind us and what this list says it has."""
        if page == 1 and total:
            self.job.total = (self.job.total or self.job.done) + total

    def _contact(self, item: ContactIn | Refused) -> None:
        if isinstance(item, Refused):
            self._count("theirs", "contacts")
            self._refuse("contacts", item.row, item.field, item.message)
            return
        if not self._is_first("contacts", item.external_id):
            return
        self._count("theirs", "contacts")
        if self.is_dry:
            self._count(
                "added", "contacts", self.writer.known("contacts", item.external_id) is None
            )
            return
        try:
            with transaction.atomic():
                self._count("added", "contacts", self.writer.contact(item))
        except Gone:
            self._gone("contacts", item.external_id)
        except RowRefused as exc:
            self.writer.forget_rows()
            self._refuse("contacts", item.external_id, exc.field, exc.message)

    # ── Conversations ──
    def _conversations(self) -> None:
        page: int | None = self.p["at"]["page"] if "conversations" in self.parts else None
        while page is not None:
            self._go_on()
            got = self.source.conversations(page)
            self._expect(got.total, page)
            self._tell_refused(page, [one for one in got.items if isinstance(one, Refused)])
            for item in got.items:
                self._go_on()
                if not isinstance(item, Refused) and self._is_first(
                    "conversations", item.external_id
                ):
                    self._conversation(item)
            with transaction.atomic():
                self._save(page=got.next or page)
            page = got.next

    def _tell_refused(self, page: int, refused: list[Refused]) -> None:
        """Once a page, also where the run goes on in the middle of it."""
        if self.p["at"].get("told") == page:
            return
        with transaction.atomic():
            for one in refused:
                kind = one.kind or "conversations"
                self._count("theirs", kind)
                self._refuse(kind, one.row, one.field, one.message)
            self.p["at"] = {**self.p["at"], "told": page}
            self._save()

    def _conversation(self, given: ConversationIn) -> None:
        said: list[MessageIn] = []
        refused: list[Refused] = []
        for one in self.source.messages(given):
            if isinstance(one, Refused):
                refused.append(one)
            else:
                said.append(one)
        if "files" not in self.parts:
            said = [_without_files(one) for one in said]
        if self.is_dry:
            self._would(given, said)
        else:
            self._write(given, said)
        with transaction.atomic():
            self._count("theirs", "conversations")
            self._count("theirs", "messages", len(said) + len(refused))
            self._count("theirs", "files", sum(len(_files(one)) for one in said))
            for one in refused:
                where = f"{one.row} ({ONE['conversations']} {given.external_id})"
                self._refuse("messages", where, one.field, one.message)
            if not self.is_dry and (known := self.writer.known("conversations", given.external_id)):
                self.writer.see("conversations", given.external_id, known.object_id)
            self._save(done=1)

    def _write(self, given: ConversationIn, said: list[MessageIn]) -> None:
        waiting: list[tuple[Attachment, FileIn]] = []
        with transaction.atomic():
            is_first = self._is_first("contacts", given.contact.external_id)
            was_known = self.writer.known("contacts", given.contact.external_id)
            try:
                with transaction.atomic():
                    is_new, added, waiting = self.writer.conversation(given, said)
            except Gone:
                self.writer.forget_rows()
                self._gone("conversations", given.external_id)
            except RowRefused as exc:
                self.writer.forget_rows()
                self._refuse("conversations", given.external_id, exc.field, exc.message)
            else:
                self._count("added", "conversations", is_new)
                self._count("added", "messages", added)
            if is_first and (now := self.writer.known("contacts", given.contact.external_id)):
                self._count("theirs", "contacts")
                self._count("added", "contacts", was_known is None)
                self.writer.see("contacts", given.contact.external_id, now.object_id)
            self._save()
        for row, file in waiting:
            self._fetch(row, file, given)

    def _would(self, given: ConversationIn, said: list[MessageIn]) -> None:
        """What `_write` would add, from what is here."""
        if self._is_first("contacts", given.contact.external_id):
            self._count("theirs", "contacts")
            is_new = self.writer.known("contacts", given.contact.external_id) is None
            self._count("added", "contacts", is_new)
        files = [file for one in said for file in _files(one)]
        for file in files:
            if file.size is not None and file.size > FILE_LIMIT:
                self._refuse_file(file, given, _too_large())
        known = self.writer.known("conversations", given.external_id)
        if known is None:
            new_messages, new_files = len(said), len(files)
        else:
            episode = Episode.objects.filter(pk=known.object_id).first()
            if episode is None:
                self._gone("conversations", given.external_id)
                return
            here = Message.objects.filter(conversation=episode.conversation_id)
            ids = {one.external_id for one in said}
            new_messages = len(ids) - here.filter(external_id__in=ids).count()
            new_files = (
                len(files)
                - Attachment.objects.filter(
                    message__in=here,
                    file__isnull=False,
                    external_id__in=[f.external_id for f in files],
                ).count()
            )
        self._count("added", "conversations", known is None)
        self._count("added", "messages", new_messages)
        self._count("added", "files", new_files)

    # ── Files ──
    def _fetch(self, row: Attachment, file: FileIn, given: ConversationIn) -> None:
        """A file that cannot be had is said beside its message and in the report."""
        self._go_on()
        why = _too_large() if file.size is not None and file.size > FILE_LIMIT else ""
        stored = None
        if not why:
            try:
                stored = file_save(
                    self.source.file(file, FILE_LIMIT),
                    name=file.name or f"{file.kind}-{file.external_id}",
                    purpose="message",
                    limit=FILE_LIMIT,
                )
            except NeedsMerchant:
                why = _("The other side does not give this file out.")
            except VendorError as exc:
                why = _("It could not be fetched: %(why)s") % {"why": vendor_words(exc.detail)}
            except (ValueError, TooLarge) as exc:
                why = str(exc) if isinstance(exc, ValueError) else _too_large()
        with transaction.atomic():
            row.file, row.error = stored, why[:200]
            row.save(update_fields=["file", "error"])
            if stored is not None:
                self._count("added", "files")
            else:
                self._refuse_file(file, given, why)
            self._save()

    def _refuse_file(self, file: FileIn, given: ConversationIn, why: str) -> None:
        name = file.name or file.external_id
        where = f"{name} ({ONE['conversations']} {given.external_id})"
        self._refuse("files", where, "", why)


def _files(one: MessageIn) -> tuple[FileIn, ...]:
    return () if one.is_deleted else one.files


def _without_files(one: MessageIn) -> MessageIn:
    return replace(one, files=())


def _too_large() -> str:
    return _("The file is larger than %(mb)s MB.") % {"mb": FILE_LIMIT // 1024 // 1024}
