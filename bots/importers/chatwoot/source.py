"""A Chatwoot account as a source of history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from bots.importers.base import (
    About,
    AgentIn,
    ContactIn,
    ConversationIn,
    FileIn,
    LabelIn,
    MessageIn,
    Page,
    Refused,
    Source,
    TeamIn,
    TemplateIn,
)
from bots.importers.chatwoot import mapping
from bots.importers.chatwoot.client import VENDOR, Client
from tenants.kernel.errors import NeedsMerchant, Rejected

# More pages than anybody has: a server that never ends its list is not followed for ever.
MAX_PAGES = 100_000
MAX_MESSAGES = 20_000


class Chatwoot(Source):
    def __init__(self, address: str, token: str, account: str) -> None:
        self.client = Client(address, token, account)
        host = urlsplit(self.client.address).netloc
        self.key = f"chatwoot:{host}:{account}"[:160]
        self.title = "Chatwoot"
        self._inboxes: dict[str, str] | None = None

    @classmethod
    def check(cls, address: str, token: str, account: str = "") -> list[About]:
        """Accounts the token administers (the one named, if one is). Raises VendorError."""
        client = Client(address, token, is_patient=False)
        try:
            profile = client.profile()
        finally:
            client.close()
        accounts = profile.get("accounts") if isinstance(profile, dict) else None
        if not isinstance(accounts, list):
            raise Rejected(_("The answer is not Chatwoot's: is the address right?"), vendor=VENDOR)
        found = [
            About(title=mapping.line(one, "name", 80) or str(one["id"]), account=str(one["id"]))
            for one in accounts
            if isinstance(one, dict)
            and type(one.get("id")) is int
            and one.get("role") == "administrator"
            and account in ("", str(one["id"]))
        ]
        if not found:
            raise NeedsMerchant(
                _("The token works, but its owner administers no account there. Take the token of "
                  "an administrator: others see a part only."), vendor=VENDOR,
            )  # fmt: skip
        return found

    def close(self) -> None:
        self.client.close()

    # ── Lists ──
    def agents(self) -> list[AgentIn | Refused]:
        return mapping.each(self.client.list("agents"), mapping.to_agent)

    def teams(self) -> list[TeamIn | Refused]:
        def read(raw: dict[str, Any]) -> TeamIn:
            mapping.to_team(raw)  # a nameless one is refused before it is asked about
            answer = self.client.list(f"teams/{mapping.ident(raw, 'id')}/team_members")
            people = answer if isinstance(answer, list) else []
            ids = [
                str(one["id"])
                for one in people
                if isinstance(one, dict) and type(one.get("id")) is int
            ]
            return mapping.to_team(raw, ids)

        return mapping.each(self.client.list("teams"), read)

    def labels(self) -> list[LabelIn | Refused]:
        return mapping.each(_payload(self.client.list("labels")), mapping.to_label)

    def templates(self) -> list[TemplateIn | Refused]:
        return mapping.each(self.client.list("canned_responses"), mapping.to_template)

    # ── Pages ──
    def contacts(self, page: int) -> Page[ContactIn]:
        """Those with a name to them; visitors nobody knows come with their conversations."""
        answer = self.client.list("contacts", page=page, sort="name")
        return _page(page, _payload(answer), _meta(answer).get("count"), mapping.to_contact)

    def conversations(self, page: int) -> Page[ConversationIn]:
        """By the time they began, where the server knows that order: nothing moves meanwhile."""
        answer = self.client.list(
            "conversations", status="all", assignee_type="all", page=page, sort_by="created_at_asc"
        )
        data = answer.get("data") if isinstance(answer, dict) else None
        names = self._names()
        return _page(
            page,
            _payload(data),
            _meta(data).get("all_count"),
            lambda raw: mapping.to_conversation(raw, names),
        )

    def _names(self) -> dict[str, str]:
        if self._inboxes is None:
            rows = _payload(self.client.list("inboxes"))
            self._inboxes = {
                found.external_id: found.name
                for raw in (rows if isinstance(rows, list) else ())
                if (found := mapping.to_inbox(raw))
            }
        return self._inboxes

    def messages(self, talk: ConversationIn) -> list[MessageIn | Refused]:
        """Pages go back in time by `before`; ids have to fall, or the list would never end."""
        found: list[MessageIn | Refused] = []
        before: int | None = None
        while True:
            more = {} if before is None else {"before": before}
            rows = _payload(self.client.list(f"conversations/{talk.external_id}/messages", **more))
            if not isinstance(rows, list):
                return [*found, *mapping.each(rows, mapping.to_message)]
            found[:0] = mapping.each(rows, mapping.to_message)
            ids = [r["id"] for r in rows if isinstance(r, dict) and type(r.get("id")) is int]
            if not ids or (before is not None and min(ids) >= before):
                break
            if len(found) >= MAX_MESSAGES:
                words = _("Only the last %(n)s messages of a conversation are taken.")
                found.insert(0, Refused(talk.external_id, "messages", words % {"n": MAX_MESSAGES}))
                break
            before = min(ids)
        return found

    def file(self, file: FileIn, limit: int) -> Iterator[bytes]:
        return self.client.file(file.url, limit)


def _payload(answer: Any) -> Any:
    return answer.get("payload") if isinstance(answer, dict) else None


def _meta(answer: Any) -> dict[str, Any]:
    meta = answer.get("meta") if isinstance(answer, dict) else None
    return meta if isinstance(meta, dict) else {}


def _page(page: int, rows: Any, total: Any, read: Any) -> Page[Any]:
    items = mapping.each(rows, read)
    goes_on = isinstance(rows, list) and bool(rows) and page < MAX_PAGES
    return Page(items, page + 1 if goes_on else None, total if type(total) is int else None)
