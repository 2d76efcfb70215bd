"""Long work a person watches: a Job row, done by a worker, with progress and refused rows."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from tenants.kernel import due
from tenants.kernel.errors import RetryLater, VendorError
from tenants.kernel.words import vendor_words
from tenants.workspace.models import Job, User

log = logging.getLogger(__name__)
Run = Callable[[Job], None]
_kinds: dict[str, Run] = {}


class JobRefused(Exception):
    """The work cannot be done at all; the message is for the person who asked."""


def job(kind: str) -> Callable[[Run], Run]:
    """Register the function that does jobs of `kind`: it calls `start`, `advance`, `finish`.

    Tried again from the beginning after a kill, so it must be idempotent.
    """

    def add(function: Run) -> Run:
        _kinds[kind] = function
        return function

    return add


def job_start(kind: str, *, user: User | None = None, **params: Any) -> Job:
    """Queue a job inside the caller's transaction."""
    found = Job.objects.create(kind=kind, params=params, user_id=user.pk if user else None)
    due.schedule("job", found.pk)
    return found


@due.worker("job")
def run_job(object_id: int) -> datetime | None:
    found = Job.objects.filter(pk=object_id).first()
    if found is None or found.state in (Job.State.DONE, Job.State.FAILED):
        return None
    try:
        _kinds[found.kind](found)
    except (JobRefused, VendorError) as exc:
        if isinstance(exc, RetryLater):
            raise
        found.fail(vendor_words(exc.detail) if isinstance(exc, VendorError) else str(exc))
    except Exception:  # a job ends, also in a way nobody thought of
        log.exception("job %s %s failed", found.kind, found.pk)
        found.fail(_("An error on our side stopped this; we have noted it. Try again."))
    else:
        if found.state == Job.State.RUNNING:
            found.finish(**found.result)
    return None
