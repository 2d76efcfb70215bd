"""Which stored files a person of the merchant may fetch: what is said, read or sent, no more.

Archives, uploads under way and what nothing mentions are nobody's.
"""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet

from bots.models import Attachment, KnowledgeFile, Template
from bots.selectors.policy import of_visible, visible
from tenants.workspace.models import StoredFile, User

# Archives of everything and what an import reads are not for buyers.
KEPT_APART = ("merchant.export", "import", "reports.export", "person.export")


def sendable() -> QuerySet[StoredFile]:
    """Files that may go to a buyer."""
    return StoredFile.objects.exclude(purpose__in=KEPT_APART)


def sendable_by(user: User) -> QuerySet[StoredFile]:
    """Of them, what a person may attach: nothing that is known from hidden conversations alone."""
    if not user.is_active:
        return StoredFile.objects.none()
    said = Attachment.objects.filter(file=OuterRef("pk"))
    with_files = Template.objects.exclude(attachments=[]).values_list("attachments", flat=True)
    shared = {pk for pks in with_files for pk in pks}
    return sendable().filter(
        ~Exists(said)
        | Exists(of_visible(user, said, "message__conversation__"))
        | Q(pk__in=sorted(shared))
    )


def file_for(user: User, pk: int) -> tuple[StoredFile, str]:
    """The file and the name it is known by. Raises StoredFile.DoesNotExist, whatever the reason."""
    said = (
        Attachment.objects.filter(file=pk, message__conversation__in=visible(user))
        .select_related("file")
        .first()
    )
    if said is not None and said.file is not None:
        return said.file, said.name or said.file.name
    if user.is_active and (user.is_superuser or user.role in (User.Role.OWNER, User.Role.ADMIN)):
        archive = StoredFile.objects.filter(pk=pk, purpose="person.export").first()
        if archive is not None:
            return archive, archive.name
    is_shared = user.is_active and (
        KnowledgeFile.objects.filter(file=pk).exists()
        or Template.objects.filter(attachments__contains=[pk]).exists()
    )
    if not is_shared:
        raise StoredFile.DoesNotExist
    stored = sendable().get(pk=pk)
    return stored, stored.name
