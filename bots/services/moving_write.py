"""What a source gives → rows of the merchant. Each act is the caller's transaction.

History is history: every row is written in its final state and no fact is told of it, so there is
nothing for the bot, rules, promises, ratings, figures, a plan's count or notices to act on.
What is here already is linked and left as it is; what was deleted or forgotten here stays away.
"""

from __future__ import annotations

import re
import secrets
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Model, Q
from django.utils.translation import gettext as _

from bots.importers.base import (
    AgentIn,
    ContactIn,
    ConversationIn,
    FileIn,
    InboxIn,
    LabelIn,
    MessageIn,
    RowRefused,
    TeamIn,
    TemplateIn,
)
from bots.models import (
    Attachment,
    Bot,
    Channel,
    Contact,
    Conversation,
    Episode,
    Identity,
    Imported,
    Label,
    Message,
    Person,
    Team,
    TeamMember,
    Template,
)
from bots.services.accept import lane_of
from bots.services.agents import label_save, team_save
from bots.services.templates import template_save
from tenants.kernel import registry
from tenants.kernel.phones import phone_normalised
from tenants.services.limits import LimitReached
from tenants.services.people import person_invite
from tenants.workspace.models import User

KIND = "archive"
_MODELS: dict[str, type[Model]] = {
    "agents": User,
    "teams": Team,
    "labels": Label,
    "templates": Template,
    "contacts": Person,
    "conversations": Episode,
}


class Gone(Exception):
    """It was here and was deleted or forgotten: it is not brought again."""


class Writer:
    """Writes for one run of one source. `note`: a remark for the report, in words."""

    def __init__(self, source: str, title: str, run: int, note: Callable[[str], None]) -> None:
        self.source, self.title, self.run, self.note = source, title, run, note
        self._channels: dict[str, Channel] = {}

    # ── What came before ──
    def known(self, kind: str, external_id: str) -> Imported | None:
        return Imported.objects.filter(
            source=self.source, kind=kind, external_id=external_id[:120]
        ).first()

    def see(self, kind: str, external_id: str, object_id: int) -> None:
        Imported.objects.update_or_create(
            source=self.source,
            kind=kind,
            external_id=external_id[:120],
            defaults={"object_id": object_id, "seen_in": self.run},
        )

    def met(self, kind: str, external_id: str) -> None:
        """This run has seen it, whatever became of it."""
        Imported.objects.filter(
            source=self.source, kind=kind, external_id=external_id[:120]
        ).update(seen_in=self.run)

    def _object(self, kind: str, external_id: str) -> int | None:
        """The row it became, None where it is new. Raises Gone."""
        found = self.known(kind, external_id)
        if found is None:
            return None
        if found.seen_in != self.run:
            Imported.objects.filter(pk=found.pk).update(seen_in=self.run)
        if not _MODELS[kind]._default_manager.filter(pk=found.object_id).exists():
            raise Gone
        return found.object_id

    def _row_of(self, kind: str, external_id: str) -> int | None:
        """The row of something a later record names; None where there is none."""
        found = self.known(kind, external_id) if external_id else None
        is_here = found and _MODELS[kind]._default_manager.filter(pk=found.object_id).exists()
        return found.object_id if found and is_here else None

    # ── Lists; each says whether a row was added ──
    def agent(self, given: AgentIn) -> bool:
        if self._object("agents", given.external_id) is not None:
            return False
        try:
            validate_email(given.email)
        except ValidationError:
            raise RowRefused("email", _("This is no e-mail address.")) from None
        user = User.objects.filter(email=given.email.lower()).first()
        is_new = user is None
        if user is None:
            user = self._invite(given)
        self.see("agents", given.external_id, user.pk)
        return is_new

    def _invite(self, given: AgentIn) -> User:
        """Without a password and an agent like any other, whatever they were there."""
        try:
            user = person_invite(email=given.email, name=given.name, role=User.Role.AGENT)
            user.presence = User.Presence.AWAY
            user.save(update_fields=["presence"])
        except LimitReached:
            user = User.objects.create_user(
                given.email, None, name=given.name, role=User.Role.AGENT, is_active=False,
                presence=User.Presence.AWAY,
            )  # fmt: skip
            self.note(
                _("%(who)s is switched off: your plan allows no more people.")
                % {"who": given.email}
            )
        if given.is_admin:
            self.note(
                _("%(who)s was an administrator there and is an agent here; give more by hand.")
                % {"who": given.email}
            )
        return user

    def team(self, given: TeamIn) -> bool:
        if self._object("teams", given.external_id) is not None:
            return False
        team = Team.objects.filter(name__iexact=given.name).first()
        is_new = team is None
        if team is None:
            team = team_save({"name": given.name, "assignment": Team.Assignment.MANUAL})
        for member in given.members:
            if (user := self._row_of("agents", member)) is not None:
                TeamMember.objects.get_or_create(team=team, user_id=user)
        self.see("teams", given.external_id, team.pk)
        return is_new

    def label(self, given: LabelIn) -> bool:
        if self._object("labels", given.external_id) is not None:
            return False
        found = Label.objects.filter(name__iexact=given.name).first()
        label = found or label_save({"name": given.name, "colour": given.colour})
        self.see("labels", given.external_id, label.pk)
        return found is None

    def template(self, given: TemplateIn) -> bool:
        if self._object("templates", given.external_id) is not None:
            return False
        text = given.text.strip()
        code = given.code
        for number in range(1, 100):
            found = Template.objects.filter(code=code).first()
            if found is None:
                break
            if found.texts.filter(text=text).exists():
                self.see("templates", given.external_id, found.pk)
                return False
            code = f"{given.code[:36]}-{number + 1}"
        try:
            made = template_save(
                {
                    "code": code,
                    "name": given.code,
                    "category": self.title,
                    "texts": {language_of(text): text},
                }
            )
        except ValidationError as exc:
            raise RowRefused("content", " ".join(exc.messages)) from None
        self.see("templates", given.external_id, made.pk)
        return True

    # ── Buyers ──
    def contact(self, given: ContactIn) -> bool:
        """A person's card, with a contact in each place they wrote to. Raises Gone."""
        if self._object("contacts", given.external_id) is not None:
            return False
        person = Person.objects.create(name=given.name[:120], language=given.language[:8])
        if given.created_at:
            Person.objects.filter(pk=person.pk).update(created_at=given.created_at)
        self.see("contacts", given.external_id, person.pk)
        for inbox in given.inboxes or (InboxIn("0", ""),):
            self._contact_in(inbox, given, person.pk)
        return True

    def _contact_in(self, inbox: InboxIn, given: ContactIn, person: int) -> Contact:
        contact, is_new = Contact.objects.get_or_create(
            channel=self._channel(inbox),
            external_id=given.external_id[:120],
            defaults={
                "person_id": person,
                "name": given.name[:120],
                "language": given.language[:8],
                "data": {"imported": dict(given.data)} if given.data else {},
                "is_reachable": False,
            },
        )
        if is_new:
            for kind, value in identities_of(given):
                Identity.objects.get_or_create(contact=contact, kind=kind, value=value)
        return contact

    def _channel(self, inbox: InboxIn) -> Channel:
        """History of one place of the source. Marked as removed: it is in no list of channels and
        counts in no plan."""
        found = self._channels.get(inbox.external_id)
        if found is None:
            found = Channel.objects.filter(
                kind=KIND, settings__source=self.source, settings__inbox=inbox.external_id
            ).first()
        if found is None:
            bot = Bot.objects.order_by("pk").first()
            if bot is None:
                raise RowRefused("inbox", _("The shop has no bot yet: make one first."))
            found = Channel.objects.create(
                kind=KIND,
                name=(f"{inbox.name} · {self.title}" if inbox.name else self.title)[:80],
                bot=bot,
                settings={"removed": True, "source": self.source, "inbox": inbox.external_id},
                state=Channel.State.PAUSED,
                route_key=secrets.token_urlsafe(24),
            )
        self._channels[inbox.external_id] = found
        return found

    def forget_rows(self) -> None:
        """After a transaction was taken back: what it had made is not there."""
        self._channels.clear()

    # ── Conversations ──
    def conversation(
        self, given: ConversationIn, said: Sequence[MessageIn]
    ) -> tuple[bool, int, list[tuple[Attachment, FileIn]]]:
        """The talk as an episode of its contact's conversation.

        Returns whether it is new, how many messages were added, and the files still to be
        fetched. Raises Gone.
        """
        known = self.known("conversations", given.external_id)
        episode = Episode.objects.filter(pk=known.object_id).first() if known else None
        if known is not None and episode is None:
            raise Gone
        if episode is not None:
            talk = self._locked(episode.conversation_id)
        else:
            talk = self._locked(self._talk_of(given).pk)
            episode = Episode.objects.create(
                conversation=talk, started_at=given.started_at, start_seq=talk.last_seq + 1
            )
            Imported.objects.create(
                source=self.source,
                kind="conversations",
                external_id=given.external_id[:120],
                object_id=episode.pk,
            )
        added = self._say(talk, episode, given, said)
        self._settle(talk, episode, given)
        return known is None, added, self._files(talk, said)

    def _locked(self, pk: int) -> Conversation:
        return Conversation.objects.select_for_update(of=("self",), no_key=True).get(pk=pk)

    def _talk_of(self, given: ConversationIn) -> Conversation:
        person = self._object("contacts", given.contact.external_id)
        if person is None:
            self.contact(replace(given.contact, inboxes=given.contact.inboxes or (given.inbox,)))
            person = self._object("contacts", given.contact.external_id)
        assert person is not None
        contact = self._contact_in(given.inbox, given.contact, person)
        talk, is_new = Conversation.objects.get_or_create(
            contact=contact,
            defaults={
                "channel": contact.channel,
                "lane": lane_of(contact.channel_id, contact.external_id),
                "status": Conversation.Status.RESOLVED,
                "speaker": Conversation.Speaker.NOBODY,
                "wakes_on_reply": False,
            },
        )
        if is_new:
            Conversation.objects.filter(pk=talk.pk).update(created_at=given.started_at)
        return talk

    def _say(
        self,
        talk: Conversation,
        episode: Episode,
        given: ConversationIn,
        said: Sequence[MessageIn],
    ) -> int:
        ids = [one.external_id for one in said]
        known = set(
            Message.objects.filter(conversation=talk, external_id__in=ids).values_list(
                "external_id", flat=True
            )
        )
        fresh = [one for one in _once(said) if one.external_id not in known]
        people = self._people({one.agent for one in fresh if one.agent})
        rows = []
        for seq, one in enumerate(fresh, talk.last_seq + 1):
            is_inside = one.is_note or one.author == "system"
            rows.append(
                Message(
                    conversation=talk,
                    episode=episode,
                    seq=seq,
                    author=one.author,
                    kind=Message.Kind.NOTE if one.is_note
                    else Message.Kind.SYSTEM if one.author == "system"
                    else Message.Kind.MEDIA if one.files
                    else Message.Kind.TEXT,
                    user_id=people.get(one.agent),
                    text=one.text,
                    external_id=one.external_id[:120],
                    epoch=talk.epoch,
                    state=Message.State.KEPT if is_inside else one.state,
                    meta={"imported": one.agent_name} if one.agent_name else {},
                    sent_at=one.sent_at,
                    created_at=one.sent_at,
                    deleted_at=one.sent_at if one.is_deleted else None,
                )
            )  # fmt: skip
        Message.objects.bulk_create(rows, batch_size=500)
        if rows:
            shown = next((one for one in reversed(rows) if one.state != "kept"), None)
            if shown is not None:
                talk.preview = " ".join(shown.text.split())[:160]
                talk.preview_author = shown.author
                talk.language = language_of(shown.text or talk.preview)
            bought = [one.seq for one in rows if one.author == Message.Author.BUYER]
            talk.last_inbound_seq = max([talk.last_inbound_seq, *bought])
            talk.last_seq = talk.last_read_seq = rows[-1].seq
        return len(rows)

    def _settle(self, talk: Conversation, episode: Episode, given: ConversationIn) -> None:
        """Closed, read and without a timer; the newest talk says whose it was."""
        times = Message.objects.filter(episode=episode).order_by("-sent_at")
        ended: datetime = times.values_list("sent_at", flat=True).first() or given.started_at
        episode.resolved_at = max(ended, given.started_at)
        episode.save(update_fields=["resolved_at"])
        if talk.episode_id is None or talk.episode_id <= episode.pk:
            talk.episode = episode
            talk.previous_agent_id = self._people({given.agent}).get(given.agent)
            talk.team_id = self._row_of("teams", given.team)
        newest = Message.objects.filter(conversation=talk).order_by("-sent_at")
        talk.updated_at = newest.values_list("sent_at", flat=True).first() or given.started_at
        labels = list(given.labels)
        if given.was_open:
            labels.append(_("was open in %(where)s") % {"where": self.title})
        talk.labels = list(dict.fromkeys([*talk.labels, *(self._label(one) for one in labels)]))
        talk.save()

    def _label(self, name: str) -> str:
        name = name[:40].strip()
        found = Label.objects.filter(name__iexact=name).first()
        return (found or label_save({"name": name})).name

    def _people(self, agents: set[str]) -> dict[str, int]:
        """Colleagues by their id at the source, or by e-mail."""
        found = dict(
            Imported.objects.filter(
                source=self.source, kind="agents", external_id__in=agents
            ).values_list("external_id", "object_id")
        )
        mails = {one.lower(): one for one in agents if "@" in one}
        found |= {
            mails[email]: pk
            for email, pk in User.objects.filter(email__in=mails).values_list("email", "pk")
        }
        here = set(User.objects.filter(pk__in=found.values()).values_list("pk", flat=True))
        return {key: pk for key, pk in found.items() if pk in here}

    def _files(
        self, talk: Conversation, said: Sequence[MessageIn]
    ) -> list[tuple[Attachment, FileIn]]:
        """Rows of the files, and those whose content is not here yet."""
        wanted = {one.external_id: one.files for one in said if one.files and not one.is_deleted}
        rows = Message.objects.filter(conversation=talk, external_id__in=wanted)
        messages = dict(rows.values_list("external_id", "pk"))
        have: dict[int, dict[str, Attachment]] = defaultdict(dict)
        for one in Attachment.objects.filter(message__in=messages.values()):
            have[one.message_id][one.external_id] = one
        waiting = []
        for external_id, files in wanted.items():
            message = messages.get(external_id)
            if message is None:
                continue
            for file in files:
                row = have[message].get(file.external_id)
                if row is None:
                    row = Attachment.objects.create(
                        message_id=message,
                        kind=file.kind,
                        name=file.name[:200],
                        external_id=file.external_id[:300],
                    )
                if row.file_id is None:
                    waiting.append((row, file))
        return waiting


def _once(said: Sequence[MessageIn]) -> list[MessageIn]:
    return list({one.external_id: one for one in said}.values())


def identities_of(given: ContactIn) -> list[tuple[str, str]]:
    """Said by the source, proven by nobody."""
    found = []
    for kind, value in given.identities:
        value = value.strip()
        if kind == Identity.Kind.PHONE:
            value = phone_normalised(value)
        elif kind == Identity.Kind.EMAIL:
            value = value.lower() if "@" in value else ""
        if value and len(value) <= 120:
            found.append((kind, value))
    return found


def language_of(text: str) -> str:
    return "en" if re.search("[A-Za-z]", text) and not re.search("[А-Яа-яЁё]", text) else "ru"


# ── Counting, forgetting ─────────────────────────────────────────────────────────────────────
def counts_of(source: str) -> dict[str, int]:
    """What is here of a source, counted in the tables themselves."""
    found = {
        kind: model._default_manager.filter(
            pk__in=Imported.objects.filter(source=source, kind=kind).values("object_id")
        ).count()
        for kind, model in _MODELS.items()
    }
    channels = list(
        Channel.objects.filter(kind=KIND, settings__source=source).values_list("pk", flat=True)
    )
    talks = Conversation.objects.filter(channel__in=channels)
    said = Message.objects.filter(conversation__in=talks).exclude(external_id="")
    found["messages"] = said.count()
    found["files"] = Attachment.objects.filter(message__in=said, file__isnull=False).count()
    return found


@registry.forget.register("moving")
def forget_imported(contacts: list[int]) -> None:
    """Whoever wished to be forgotten is not brought again by the next run."""
    people = Contact.objects.filter(pk__in=contacts).values("person")
    talks = Episode.objects.filter(conversation__contact__in=contacts).values("pk")
    gone = Q(kind="contacts", object_id__in=people) | Q(kind="conversations", object_id__in=talks)
    Imported.objects.filter(gone).update(object_id=0)
