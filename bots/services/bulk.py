"""One act on many conversations, as a job; undone as one within a while."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.core import signing
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from bots.models import Conversation
from bots.selectors.policy import visible
from bots.services.actions import ACTIONS, LASTING, PARAMS, BadParams, undo
from tenants.kernel.context import current_schema
from tenants.kernel.errors import RetryLater, RuleBroken
from tenants.kernel.jobs import job, job_start
from tenants.workspace.models import Job, User

AT_MOST = 10_000
UNDO_FOR = timedelta(seconds=60)
SAVE_EVERY = 25


class TooLate(RuleBroken):
    code = "too_late"
    status = 410


def bulk_start(
    ids: Sequence[int],
    act: str,
    params: dict[str, Any],
    by: User,
    *,
    each: Mapping[str, dict[str, Any]] | None = None,
) -> tuple[Job, str]:
    """(job, undo token). The conversations are those of now, each seen by `by` when its turn is.

    `each`: more parameters of single ones, by their number as text.
    """
    if act not in ACTIONS:
        raise BadParams(_("There is no such act."))
    if unknown := sorted(set(params) - set(PARAMS[act])):
        raise BadParams(_("“%s” is not asked for here.") % unknown[0])
    if len(ids) > AT_MOST:
        raise BadParams(_("At most %s chats at once.") % AT_MOST)
    with transaction.atomic():
        found = job_start(
            "conversations.bulk",
            user=by,
            ids=list(dict.fromkeys(ids)),
            act=act,
            params=params,
            each=dict(each or {}),
        )
    return found, signing.dumps(found.pk, salt=_salt(by))


def _salt(by: User) -> str:
    return f"bulk:{current_schema()}:{by.pk}"


@job("conversations.bulk")
def run(found: Job) -> None:
    """May begin again after a kill: what is done is passed over, its undoing is kept."""
    ids, done = found.params["ids"], dict(found.params.get("undo") or {})
    by = User.objects.filter(pk=found.user_id or 0, is_active=True).first()
    found.start(total=len(ids))
    if by is None:
        found.fail(_("This person no longer works here."))
        return
    for count, pk in enumerate(ids, 1):
        if str(pk) not in done:
            done[str(pk)] = _one(found, pk, by)
        if count % SAVE_EVERY == 0:
            _keep(found, done)
            found.advance(count)
    _keep(found, done)
    found.advance(len(ids))
    found.finish(changed=sum(bool(how) for how in done.values()))


def _one(found: Job, pk: int, by: User) -> dict[str, Any]:
    conversation = visible(by).filter(pk=pk).first()
    if conversation is None:
        found.refuse(pk, "id", _("There is no such chat."))
        return {}
    params = {**found.params["params"], **(found.params.get("each") or {}).get(str(pk), {})}
    if found.params["act"] in (*LASTING, "note"):
        params["once"] = f"bulk-{found.pk}-{pk}"  # a job that begins again says it to nobody twice
    try:
        return ACTIONS[found.params["act"]](conversation, params, by)
    except RuleBroken as exc:
        found.refuse(pk, exc.code, str(exc))
        return {}


def _keep(found: Job, done: dict[str, Any]) -> None:
    found.params = {**found.params, "undo": done}
    found.save(update_fields=["params"])


def undo_start(token: str, by: User) -> Job:
    """Take a bulk act back, as a job. Raises TooLate, also for a stranger's token."""
    try:
        pk = signing.loads(token, salt=_salt(by))
    except signing.BadSignature:
        raise TooLate(_("This can no longer be undone.")) from None
    with transaction.atomic():
        done = Job.objects.select_for_update().filter(pk=pk, kind="conversations.bulk").first()
        now = timezone.now()
        if done is None or (done.finished_at and done.finished_at + UNDO_FOR < now):
            raise TooLate(_("This can no longer be undone."))
        if again := done.params.get("undone_by"):
            return Job.objects.get(pk=again)
        found = job_start("conversations.bulk_undo", user=by, of=done.pk)
        done.params = {**done.params, "undone_by": found.pk}
        done.save(update_fields=["params"])
    return found


@job("conversations.bulk_undo")
def run_undo(found: Job) -> None:
    done = Job.objects.get(pk=found.params["of"])
    if done.state in (Job.State.QUEUED, Job.State.RUNNING):
        raise RetryLater("the act is still being done", retry_after_s=1.0)
    by = User.objects.filter(pk=found.user_id or 0).first()
    steps = [(int(pk), how) for pk, how in (done.params.get("undo") or {}).items() if how]
    found.start(total=len(steps))
    changed = 0
    for count, (pk, how) in enumerate(steps, 1):
        try:
            taken_back = undo(pk, how, by)
        except (RuleBroken, Conversation.DoesNotExist):
            taken_back = False
        if taken_back:
            changed += 1
        else:
            found.refuse(pk, "id", _("Somebody has moved this chat on since."))
        if count % SAVE_EVERY == 0:
            found.advance(count)
    found.advance(len(steps))
    found.finish(changed=changed)
