"""Everything of one merchant in one archive: a JSON line a row, the files beside them.

All rows are of one moment, whatever is written meanwhile. Secrets, password and token hashes stay
out; what is made from other rows (search passages, the raw inbox) is left out, too. Apps may add
parts of their own by `registry.export`.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from django.apps import apps
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from tenants.kernel import registry
from tenants.kernel.context import PUBLIC, merchant_context, release_connection
from tenants.kernel.files import file_delete, file_open, file_save
from tenants.kernel.jobs import JobRefused, job, job_start
from tenants.kernel.secrets import EncryptedField
from tenants.models import Merchant
from tenants.services.audit import audit
from tenants.workspace.models import Job, StoredFile, User

KIND = PURPOSE = "merchant.export"
KEPT = 3  # archives a merchant; older ones are deleted
APPS = ("workspace", "integrations", "bots", "analytics")
SECRET_FIELDS = {"workspace.User": {"password"}, "workspace.ApiToken": {"digest"}}
DERIVED = frozenset({"bots.Passage", "bots.Inbox", "bots.KnowledgeIndex", "workspace.Counter"})


def merchant_export_start(merchant: Merchant, *, actor: User | None = None) -> Job:
    """Queue the archive; the job is the platform's own, its result names the file.

    One that is waiting or being made is not begun a second time.
    """
    with merchant_context(PUBLIC), transaction.atomic():
        Merchant.objects.select_for_update(no_key=True).get(pk=merchant.pk)
        under_way = Job.objects.filter(
            kind=KIND, params__merchant=merchant.pk, state__in=(Job.State.QUEUED, Job.State.RUNNING)
        ).first()
        if under_way is not None:
            return under_way
        audit("merchant.exported", f"merchant:{merchant.slug}", actor=actor)
        return job_start(KIND, user=actor, merchant=merchant.pk, slug=merchant.slug)


@job(KIND)
def merchant_export(found: Job) -> None:
    merchant = Merchant.objects.filter(pk=found.params["merchant"]).first()
    if merchant is None:
        raise JobRefused(_("The merchant is gone."))
    found.start()
    with tempfile.TemporaryFile() as archive:
        rows = export_to(merchant, archive)
        archive.seek(0)
        with merchant_context(merchant.schema_name):
            stored = file_save(
                iter(lambda: archive.read(1 << 20), b""),
                name=f"{merchant.slug}-{timezone.localdate():%Y-%m-%d}.zip",
                purpose=PURPOSE,
                mime="application/zip",
            )
    found.advance(rows, rows)
    found.finish(file=stored.pk, rows=rows)
    _forget_old(merchant)


def export_to(merchant: Merchant, archive: IO[bytes]) -> int:
    """Write the archive; returns the number of rows in it.

    The rows come from one snapshot, the files after it: however long they take to read, no
    transaction is open meanwhile. One that was deleted in between is missing beside its row.
    """
    rows = 0
    with (
        zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out,
        tempfile.TemporaryFile("w+", encoding="utf-8") as files,
    ):
        with merchant_context(merchant.schema_name), _one_moment():
            about = json.dumps(
                _about(merchant), cls=DjangoJSONEncoder, ensure_ascii=False, indent=1
            )
            out.writestr("about.json", about)
            for model in _models():
                rows += _write(out, f"{model._meta.label_lower}.jsonl", _rows(model))
            for name, part in registry.export:
                for path, content in part():
                    if isinstance(content, bytes):
                        out.writestr(f"{name}/{path}", content)
                    else:
                        rows += _write(out, f"{name}/{path}", content)
            kept = StoredFile.objects.exclude(purpose=PURPOSE).order_by("pk")
            for row in kept.values_list("pk", "path", "name").iterator(chunk_size=2000):
                files.write(json.dumps(row) + "\n")
        release_connection()
        files.seek(0)
        for line in files:
            pk, path, name = json.loads(line)
            _copy(out, path, f"files/{pk}-{_flat(name)}")
    return rows


@contextmanager
def _one_moment() -> Iterator[None]:
    """What is read inside is what was committed when the first row was read; nothing is written.

    Inside a caller's transaction that one's rules hold: they cannot be changed any more.
    """
    if connection.in_atomic_block:
        yield
        return
    connection.cursor().close()  # path and role are set before: that is a query already
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _about(merchant: Merchant) -> dict[str, Any]:
    """What is kept of the merchant outside its schema: terms, hosts, brand, mail server."""
    with merchant_context(PUBLIC):
        found = Merchant.objects.select_related("partner", "plan", "brand__mail_server").get(
            pk=merchant.pk
        )
        server = getattr(found.brand, "mail_server", None)
        return {
            "made_at": timezone.now(),
            **_fields(found, "schema_name", "partner", "plan", "brand"),
            "partner": found.partner.slug if found.partner else None,
            "plan": found.plan and _fields(found.plan),
            "hosts": list(found.domains.order_by("pk").values_list("host", flat=True)),
            "brand": found.brand and _fields(found.brand),
            "mail_server": server and _fields(server, "brand", "sealed"),
        }


def _fields(row: models.Model, *besides: str) -> dict[str, Any]:
    fields = row._meta.concrete_fields
    return {f.name: f.value_from_object(row) for f in fields if f.name not in ("id", *besides)}


def _models() -> Iterator[type[models.Model]]:
    for label in APPS:
        for model in apps.get_app_config(label).get_models():
            if model._meta.label not in DERIVED:
                yield model


def _rows(model: type[models.Model]) -> Iterator[dict[str, Any]]:
    hidden = SECRET_FIELDS.get(model._meta.label, set())
    names = [
        field.attname
        for field in model._meta.concrete_fields
        if field.name not in hidden and not isinstance(field, EncryptedField)
    ]
    yield from model._default_manager.order_by("pk").values(*names).iterator(chunk_size=2000)


def _write(out: zipfile.ZipFile, path: str, rows: Iterable[dict[str, Any]]) -> int:
    count = 0
    with out.open(path, "w") as target:
        for row in rows:
            line = json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False)
            target.write(line.encode() + b"\n")
            count += 1
    return count


def _copy(out: zipfile.ZipFile, path: str, name: str) -> None:
    try:
        source = file_open(StoredFile(path=path))
    except FileNotFoundError:
        return  # its row says that it was there
    with source, out.open(name, "w", force_zip64=True) as target:
        while piece := source.read(1 << 20):
            target.write(piece)


def _flat(name: str) -> str:
    """A name that unpacks into the folder it is in."""
    return name.replace("/", "_").replace("\\", "_")


def _forget_old(merchant: Merchant) -> None:
    done = Job.objects.filter(kind=KIND, params__merchant=merchant.pk, state=Job.State.DONE)
    for old in done.order_by("-pk")[KEPT:]:
        with merchant_context(merchant.schema_name), transaction.atomic():
            stored = StoredFile.objects.filter(pk=old.result.get("file")).first()
            if stored is not None:
                file_delete(stored)
        Job.objects.filter(pk=old.pk).update(result={})


def export_open(found: Job, merchant: Merchant) -> tuple[str, IO[bytes]]:
    """Name and bytes of a finished archive. Raises StoredFile.DoesNotExist."""
    with merchant_context(merchant.schema_name):
        stored = StoredFile.objects.get(pk=found.result.get("file"), purpose=PURPOSE)
        return stored.name, file_open(stored)
