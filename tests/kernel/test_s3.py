"""Files in S3: a server that speaks it, on loopback; the same pages and life as on a disk."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from django.core.files.storage import default_storage
from moto.server import ThreadedMotoServer

from bots.models import Attachment, Contact, Conversation, Episode, Message
from tenants.kernel import due
from tenants.kernel.context import PUBLIC, merchant_context
from tenants.kernel.files import TooLarge, file_bytes, file_delete, file_save, folder_delete
from tenants.services import merchants as service
from tenants.workspace.models import Job, StoredFile

BUCKET, KEY = "merchants-files", "pretend-key"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def bucket(server, settings) -> Iterator[Any]:
    """The product's files are here for the time of a test."""
    found = boto3.resource(
        "s3",
        endpoint_url=server,
        region_name="us-east-1",
        aws_access_key_id=KEY,
        aws_secret_access_key=KEY,
    ).Bucket(BUCKET)
    found.create()
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "tenants.kernel.s3.S3",
            "OPTIONS": {
                "bucket_name": BUCKET,
                "endpoint_url": server,
                "region_name": "us-east-1",
                "access_key": KEY,
                "secret_key": KEY,
                "max_memory_size": 1024,
            },
        },
    }
    yield found
    found.object_versions.delete()
    found.objects.delete()
    found.delete()


def keys(bucket: Any) -> list[str]:
    return sorted(item.key for item in bucket.objects.all())


def test_each_merchant_has_its_own_folder(alpha, beta, bucket):
    content = b"\x00\xff" * 300_000
    for shop in (alpha, beta):
        with shop.inside():
            file_save(content, name=f"{shop.slug}.bin", purpose="test")

    found = keys(bucket)

    assert sorted(key.partition("/")[0] for key in found) == sorted([alpha.schema, beta.schema])
    with alpha.inside():
        stored = StoredFile.objects.get(purpose="test")
        assert file_bytes(stored.pk) == ("alpha.bin", content)


def test_too_large_and_refused_rows_leave_nothing(alpha, bucket):
    with alpha.inside():
        with pytest.raises(TooLarge):
            file_save(b"x" * 11, name="a.txt", purpose="test", limit=10)
        with pytest.raises(Exception, match="value too long"):
            file_save(b"x", name="a.txt", purpose="p" * 500)
    assert keys(bucket) == []


def test_a_deleted_file_goes_with_the_commit(alpha, bucket, django_capture_on_commit_callbacks):
    with alpha.inside():
        stored = file_save(b"x", name="a.txt", purpose="test")
        with django_capture_on_commit_callbacks() as callbacks:
            file_delete(stored)
        assert len(keys(bucket)) == 1
        for callback in callbacks:
            callback()
    assert keys(bucket) == []


def test_an_attachment_is_served_by_our_own_page_only(alpha, beta, client_of, bucket):
    with alpha.inside():
        stored = file_save(b"secret of alpha", name="Счёт.txt", purpose="chat")
        contact = Contact.objects.create(channel=alpha.channel, external_id="x")
        talk = Conversation.objects.create(channel=alpha.channel, contact=contact, lane=1)
        message = Message.objects.create(
            conversation=talk,
            episode=Episode.objects.create(conversation=talk),
            seq=1,
            author="buyer",
            kind="text",
        )
        Attachment.objects.create(message=message, file=stored, name="Счёт.txt")

    answer = client_of(alpha, "owner").get(f"/files/{stored.pk}/")
    foreign = client_of(beta, "owner").get(f"/files/{stored.pk}/")

    assert b"".join(answer.streaming_content) == b"secret of alpha"
    assert answer["Content-Length"] == "15"
    assert foreign.status_code == 404


@pytest.mark.parametrize("versioned", [False, True])
def test_erasing_a_merchant_leaves_the_others_files(alpha, beta, bucket, versioned):
    if versioned:
        bucket.Versioning().enable()
    for shop in (alpha, beta):
        with shop.inside():
            for number in range(3):
                file_save(b"x", name=f"{number}.txt", purpose="test")
    default_storage.save(f"{alpha.schema}/deep/er", io.BytesIO(b"no row knows it"))
    stray = next(key for key in keys(bucket) if key.startswith(alpha.schema))
    default_storage.delete(stray)

    folder_delete(alpha.schema)
    folder_delete(alpha.schema)

    left = {item.key.partition("/")[0] for item in bucket.object_versions.all()}
    assert left == {beta.schema}
    assert len(keys(bucket)) == 3


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_an_archive_holds_the_files_and_deletion_takes_them(alpha, beta, bucket, platform_client):
    for shop in (alpha, beta):
        with shop.inside():
            file_save(f"of {shop.slug}".encode(), name="a.txt", purpose="test")
    pk = alpha.merchant.pk
    platform_client.post(f"/admin/tenants/merchant/{pk}/export/", {"_form_submitted": "on"})
    with merchant_context(PUBLIC):
        job = Job.objects.get(kind="merchant.export")
        due.take(PUBLIC, "job", job.pk)

    answer = platform_client.get(f"/admin/exports/{job.pk}/")

    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        [name] = [n for n in archive.namelist() if n.startswith("files/")]
        assert archive.read(name) == b"of alpha"
    service.merchant_delete(alpha.merchant, confirm="alpha", grace=timedelta(0))
    assert service.merchant_erase(pk) is None
    assert {key.partition("/")[0] for key in keys(bucket)} == {beta.schema}


def test_a_bucket_that_is_away_is_told_and_loses_no_merchant(alpha, visitor, bucket, settings):
    with alpha.inside():
        stored = file_save(b"x", name="a.txt", purpose="test")
    options = {**settings.STORAGES["default"]["OPTIONS"], "bucket_name": "not-there"}
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {**settings.STORAGES["default"], "OPTIONS": options},
    }

    with alpha.inside(), pytest.raises(OSError, match="S3 said"):
        file_save(b"x", name="a.txt", purpose="test")
    with pytest.raises(OSError, match="S3 said"):
        folder_delete(alpha.schema)
    check = visitor("localhost").get("/readyz?role=web").json()["checks"]["files"]

    assert check["ok"] is False
    assert KEY not in json.dumps(check)
    with alpha.inside():
        assert StoredFile.objects.filter(pk=stored.pk).exists()


def test_settings_choose_the_storage_and_a_disk_never_loads_boto():
    program = (
        "import os, sys, django; django.setup()\n"
        "from django.core.files.storage import default_storage as s\n"
        "s.get_valid_name('x')\n"
        "print(type(s._wrapped).__name__, 'boto3' in sys.modules)\n"
    )

    def run(**variables: str) -> str:
        found = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.local", **variables},
            capture_output=True,
            text=True,
            check=True,
        )
        return found.stdout.strip()

    assert run() == "FileSystemStorage False"
    assert run(S3_BUCKET="b", S3_ENDPOINT_URL="http://127.0.0.1:1") == "S3 True"
