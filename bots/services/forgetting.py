"""“Forget me”: a person's data leaves every table; and a copy of it for the person, as an archive.

Two steps: `forget_ask` counts what would go and gives a code that lasts ten minutes, `forget` does
it. Orders stay: the law makes a shop keep them. So does the note that consent was given, without
the address it came from.
"""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta
from typing import Any

from django.core import signing
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from bots.models import (
    Attachment,
    Consent,
    Contact,
    Conversation,
    Draft,
    Episode,
    Identity,
    Inbox,
    LaterMessage,
    Mention,
    Message,
    Person,
    PersonFact,
    PersonMerge,
    Rating,
    Verdict,
)
from bots.selectors.people import cards_of, contacts_of, shown
from bots.services.conversations import conversations_resolve
from integrations.models import OrderRequest
from tenants.kernel import due, outbox, registry
from tenants.kernel.context import current_schema
from tenants.kernel.errors import RuleBroken
from tenants.kernel.files import file_delete, file_open, file_save
from tenants.kernel.jobs import job, job_start
from tenants.services.audit import audit
from tenants.workspace.models import Job, StoredFile, User

CODE_LIVES_S = 600
PROOFS = ("thread", "identity", "document")  # how the buyer proved that the wish is theirs
PURPOSE = "person.export"
# Taken in through a channel, and uploaded in the chat of a site.
SENT_BY_BUYERS = ("message", "chat")


class BadCode(RuleBroken):
    code = "code"
    status = 400


class NoProof(RuleBroken):
    code = "proof"
    status = 400


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(salt=f"forget:{current_schema()}")


def forget_ask(
    person_id: int, *, by: User, texts: str, proof: str, message: int | None = None
) -> dict[str, Any]:
    """First step: `{"code", "expires_in", "counts"}`. Nothing is changed.

    `texts`: keep | remove. `proof`: "thread" names the message of the buyer that asks for it,
    "identity" rests on one that is proven, "document" was seen by a colleague. Raises NoProof.
    """
    person = shown(Person.objects.select_related("merged_into").get(pk=person_id))
    contacts = contacts_of(person)
    if proof == "thread":
        is_proven = Message.objects.filter(
            pk=message or 0, author=Message.Author.BUYER, conversation__contact__in=contacts
        ).exists()
    elif proof == "identity":
        is_proven = Identity.objects.filter(
            contact__in=contacts, proof__in=Identity.PROVEN
        ).exists()
    else:
        is_proven = proof == "document"
    if not is_proven or texts not in ("keep", "remove"):
        why = (
            _("Neither telephone nor e-mail of theirs is proven.")
            if proof == "identity"
            else _("Say how the buyer proved that this is their wish.")
        )
        raise NoProof(str(why))
    talks = Conversation.objects.filter(contact__in=contacts)
    code = _signer().sign_object(
        {"person": person.pk, "by": by.pk, "texts": texts, "proof": proof, "message": message}
    )
    return {
        "code": code,
        "expires_in": CODE_LIVES_S,
        "counts": {
            "contacts": contacts.count(),
            "identities": Identity.objects.filter(contact__in=contacts).count(),
            "messages": Message.objects.filter(conversation__in=talks).count(),
            "files": Attachment.objects.filter(message__conversation__in=talks).count(),
            "facts": PersonFact.objects.filter(person__in=cards_of(person)).count(),
        },
    }


def forget(person_id: int, code: str, *, by: User) -> dict[str, int]:
    """Second step, by whoever took the first. Raises BadCode; nothing has changed then."""
    try:
        asked = _signer().unsign_object(code, max_age=CODE_LIVES_S)
    except signing.BadSignature:
        raise BadCode(str(_("This code is wrong or too old. Begin again."))) from None
    person = shown(Person.objects.select_related("merged_into").get(pk=person_id))
    if asked["person"] != person.pk or asked["by"] != by.pk:
        raise BadCode(str(_("This code is wrong or too old. Begin again.")))
    with transaction.atomic():
        cards = cards_of(person)
        contacts = list(contacts_of(person).select_for_update(of=("self",)))
        counts = _erase(cards, contacts, removes_texts=asked["texts"] == "remove")
        audit(
            "person.forgotten", f"#{person.pk}", actor=by, proof=asked["proof"],
            message=asked["message"], texts=asked["texts"], counts=counts,
        )  # fmt: skip
        conversations_resolve([contact.pk for contact in contacts], by=by)
        outbox.emit("person.forgotten", key=f"person:{person.pk}", data={"person": person.pk})
    return counts


def _erase(cards: list[int], contacts: list[Contact], *, removes_texts: bool) -> dict[str, int]:
    pks = [contact.pk for contact in contacts]
    talks = list(Conversation.objects.filter(contact__in=pks).select_for_update(no_key=True))
    talk_pks = [talk.pk for talk in talks]
    for _name, part in registry.forget:
        part(pks)
    said = Message.objects.filter(conversation__in=talk_pks)
    files = _files_go(talk_pks)
    counts = {
        "contacts": len(pks),
        "identities": Identity.objects.filter(contact__in=pks).delete()[0],
        "facts": PersonFact.objects.filter(person__in=cards).delete()[0],
        "files": files,
        "messages": 0,
    }
    if removes_texts:
        Verdict.objects.filter(message__conversation__in=talk_pks).delete()
        Mention.objects.filter(conversation__in=talk_pks).delete()
        Rating.objects.filter(conversation__in=talk_pks).update(comment="", comment_until=None)
        counts["messages"] = said.update(text="", meta={}, failure="", external_id="")
    else:
        for message in said.filter(meta__has_any_keys=["location", "payload", "before", "call"]):
            message.meta = {
                k: v for k, v in message.meta.items() if k not in ("location", "payload", "before")
            }
            if call := message.meta.get("call"):
                message.meta["call"] = {**call, "recording": ""}  # leads to their voice
            message.save(update_fields=["meta"])
    Draft.objects.filter(conversation__in=talk_pks).delete()
    LaterMessage.objects.filter(conversation__in=talk_pks).delete()
    Episode.objects.filter(conversation__in=talk_pks).update(summary="")
    Inbox.objects.filter(lane__in=[talk.lane for talk in talks]).delete()
    for talk in talks:
        # The same chat that writes again is somebody new: the lane is given free.
        Conversation.objects.filter(pk=talk.pk).update(
            lane=-(2**62) - talk.pk, preview="", memory={}, labels=[], followers=[], mentioned=[]
        )
    Consent.objects.filter(contact__in=pks).update(address=None)
    OrderRequest.objects.filter(conversation__in=talk_pks).update(note="", answer="")
    for pk in pks:
        Contact.objects.filter(pk=pk).update(
            external_id=f"forgotten-{pk}", name="", username="", language="", picture="", data={},
            is_reachable=False, is_blocked=False,
        )  # fmt: skip
    PersonMerge.objects.filter(one__in=cards).update(reason="")
    Person.objects.filter(pk__in=cards).update(name="", language="", fields={})
    for stored in StoredFile.objects.filter(purpose=PURPOSE, name__in=[_name_of(c) for c in cards]):
        file_delete(stored)
    return counts


def _files_go(talks: list[int]) -> int:
    found = list(Attachment.objects.filter(message__conversation__in=talks).select_related("file"))
    kept = set(
        Attachment.objects.filter(file__in=[a.file_id for a in found if a.file_id])
        .exclude(message__conversation__in=talks)
        .values_list("file_id", flat=True)
    )
    Attachment.objects.filter(pk__in=[a.pk for a in found]).delete()
    for stored in {a.file for a in found if a.file and a.file_id not in kept}:
        # What agents sent from the shop's own files stays the shop's.
        if stored.purpose in SENT_BY_BUYERS:
            file_delete(stored)
    return len(found)


# ── A copy for the person ────────────────────────────────────────────────────────────────────
def _name_of(person: int) -> str:
    return f"person-{person}.zip"


def export_start(person_id: int, *, by: User) -> Job:
    person = shown(Person.objects.select_related("merged_into").get(pk=person_id))
    with transaction.atomic():
        audit("person.exported", f"#{person.pk}", actor=by)
        return job_start("person_export", user=by, person=person.pk)


@job("person_export")
def export_run(found: Job) -> None:
    person = Person.objects.get(pk=found.params["person"])
    found.start()
    attached = list(
        Attachment.objects.filter(
            message__conversation__contact__in=contacts_of(person), file__isnull=False
        ).select_related("file")
    )
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr(
            "person.json",
            json.dumps(person_data(person), ensure_ascii=False, indent=2, default=str),
        )
        for done, one in enumerate(attached, 1):
            assert one.file is not None
            with file_open(one.file) as content:
                target.writestr(f"files/{one.file_id}-{one.file.name}", content.read())
            found.advance(done, len(attached))
    stored = file_save(archive.getvalue(), name=_name_of(person.pk), purpose=PURPOSE)
    found.finish(file=stored.pk, name=stored.name)
    # The archive is fetched within a week or made again.
    due.schedule("person_archive", stored.pk, due_at=timezone.now() + timedelta(days=7))


@due.worker("person_archive")
def archive_drop(object_id: int) -> None:
    for stored in StoredFile.objects.filter(pk=object_id, purpose=PURPOSE):
        with transaction.atomic():
            file_delete(stored)


def person_data(person: Person) -> dict[str, Any]:
    """Everything kept of a person, as it goes into the archive."""
    contacts = list(contacts_of(person).select_related("channel").order_by("pk"))
    pks = [c.pk for c in contacts]
    cards = cards_of(person)
    return {
        "name": person.name,
        "language": person.language,
        "fields": {
            code: value
            for one in Person.objects.filter(pk__in=cards).order_by("-pk")
            for code, value in one.fields.items()
        },
        "contacts": [
            {
                "channel": c.channel.kind,
                "id": c.external_id,
                "name": c.name,
                "username": c.username,
                "language": c.language,
                "data": c.data,
                "since": c.created_at,
            }
            for c in contacts
        ],
        "identities": list(
            Identity.objects.filter(contact__in=pks)
            .order_by("pk")
            .values("kind", "value", "proof", "proven_at")
        ),
        "consents": list(
            Consent.objects.filter(contact__in=pks)
            .order_by("pk")
            .values("kind", "is_given", "text", "text_version", "address", "at")
        ),
        "facts": list(
            PersonFact.objects.filter(person__in=cards, kind=PersonFact.Kind.FACT)
            .order_by("pk")
            .values("text", "at", "expires_at")
        ),
        "ratings": list(
            Rating.objects.filter(conversation__contact__in=pks, score__isnull=False)
            .order_by("pk")
            .values("about", "score", "comment", "rated_at")
        ),
        "messages": list(
            Message.objects.filter(conversation__contact__in=pks)
            .exclude(kind__in=(Message.Kind.NOTE, Message.Kind.SYSTEM))
            .order_by("conversation", "seq")
            .values("conversation", "seq", "author", "text", "sent_at")
        ),
        "calls": [
            {k: v for k, v in call.items() if k in ("direction", "state", "at", "seconds", "line")}
            for call in Message.objects.filter(
                conversation__contact__in=pks, kind=Message.Kind.SYSTEM, meta__code="call"
            )
            .order_by("conversation", "seq")
            .values_list("meta__call", flat=True)
        ],
    }
