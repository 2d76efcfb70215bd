"""Merchants' files in S3 or what speaks like it (MinIO, Yandex Object Storage, Ceph).

One bucket, the same names as on a disk: `<schema>/<random>`. The bucket is closed to the world;
files reach people through our own pages, which ask who they are. Faults are OSError, as a disk's.

Imported only where S3_BUCKET is set: boto3 takes half a second and 30 MB.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from boto3.exceptions import Boto3Error
from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import File
from storages.backends.s3 import S3Storage

CONNECT_S, READ_S = 5, 60


@contextmanager
def _os_errors(what: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except ClientError as exc:
        code = exc.response.get("Error", {}).get("Code", "?")
        raise OSError(f"S3 said {code} ({what})") from exc
    except (BotoCoreError, Boto3Error) as exc:
        raise OSError(f"S3 does not answer: {type(exc).__name__} ({what})") from exc


class S3(S3Storage):
    """One client a process: its own cost is a tenth of a second and some megabytes a thread."""

    def __init__(self, **options: Any) -> None:
        # A bucket's name inside a host name wants a certificate for it: elsewhere it is a path.
        style = "path" if options.get("endpoint_url") else "virtual"
        super().__init__(
            **options,
            client_config=Config(
                connect_timeout=CONNECT_S,
                read_timeout=READ_S,
                retries={"mode": "standard", "max_attempts": 3},
                signature_version="s3v4",
                max_pool_connections=32,
                s3={"addressing_style": style},
                # Newer checksums are not understood by most of what speaks like S3.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
        self._resource: Any = None
        self._lock = threading.Lock()

    @property
    def connection(self) -> Any:
        with self._lock:
            if self._resource is None:
                self._resource = self._create_session().resource(
                    "s3",
                    region_name=self.region_name,
                    endpoint_url=self.endpoint_url,
                    config=self.client_config,
                )
            return self._resource

    def _open(self, name: str, mode: str = "rb") -> File:
        """The content is here when this returns: a fault is told now, not while it is read."""
        with _os_errors("open"):
            found: File = super()._open(name, mode)
            found.open()
            return found

    def _save(self, name: str, content: Any) -> str:
        with _os_errors("save"):
            saved: str = super()._save(name, content)
            return saved

    def delete(self, name: str) -> None:
        with _os_errors("delete"):
            super().delete(name)

    def exists(self, name: str) -> bool:
        with _os_errors("exists"):
            return bool(super().exists(name))

    def listdir(self, name: str) -> tuple[list[str], list[str]]:
        with _os_errors("list"):
            folders, names = super().listdir(name)
            return folders, names

    def delete_folder(self, folder: str) -> None:
        """Everything below a folder, a thousand a call; older versions where the bucket has any."""
        with _os_errors("erase"):
            prefix = f"{folder.rstrip('/')}/"
            versioned = self.bucket.Versioning().status is not None
            kept = self.bucket.object_versions if versioned else self.bucket.objects
            answers = kept.filter(Prefix=prefix).delete()
        if refused := [fault for answer in answers for fault in answer.get("Errors", ())]:
            raise OSError(f"S3 kept {len(refused)} files ({refused[0].get('Code')})")

    def answers(self) -> None:
        """Raises OSError where the bucket is not there for us."""
        with _os_errors("bucket"):
            self.connection.meta.client.head_bucket(Bucket=self.bucket_name)
