"""A pretend Chatwoot with memory: one account, its token, pages of 15, 25 and 20.

Source: the project's swagger folder, controllers and views (github.com/chatwoot/chatwoot, read
2026-11-22). Messages go back in time by `before`; files are behind a redirect; numbers of
conversations are those people see.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tenants.kernel.simulate import Answer, Request, Simulator

TOKEN = "chatwoot-simulated-token"
CONTACTS, CONVERSATIONS, MESSAGES = 15, 25, 20
BEGAN = 1_750_000_000


class ChatwootSimulator(Simulator):
    def __init__(self) -> None:
        super().__init__()
        self.token, self.account, self.role = TOKEN, 1, "administrator"
        self.knows_order = True  # older servers know no `sort_by`
        self.agents: list[Any] = []
        self.teams: list[Any] = []
        self.members: dict[int, list[int]] = {}
        self.labels: list[Any] = []
        self.canned: list[Any] = []
        self.inboxes: list[Any] = []
        self.contacts: list[Any] = []
        self.conversations: list[Any] = []
        self.messages: dict[int, list[Any]] = {}
        self.files: dict[str, bytes] = {}
        self._number = 100
        below = "/api/v1/accounts/{account}"
        for path, answer in (
            ("/api/v1/profile", self._profile),
            (f"{below}/agents", lambda r: Answer.json(self.agents)),
            (f"{below}/teams", lambda r: Answer.json(self.teams)),
            (f"{below}/teams/{{team}}/team_members", self._members),
            (f"{below}/labels", lambda r: Answer.json({"payload": self.labels})),
            (f"{below}/canned_responses", lambda r: Answer.json(self.canned)),
            (f"{below}/inboxes", lambda r: Answer.json({"payload": self.inboxes})),
            (f"{below}/contacts", self._contacts),
            (f"{below}/conversations", self._conversations),
            (f"{below}/conversations/{{talk}}/messages", self._messages),
        ):
            self.route("GET", path, self._inside(answer))
        self.route("GET", "/rails/active_storage/blobs/redirect/{key}/{name}", self._redirect)
        self.route("GET", "/rails/active_storage/disk/{key}/{name}", self._file)

    @classmethod
    def settings(cls) -> dict[str, str]:
        return {"token": TOKEN}

    # ── What is in it ──
    def number(self) -> int:
        self._number += 1
        return self._number

    def agent(self, email: str, name: str, role: str = "agent") -> int:
        ident = self.number()
        self.agents.append(
            {"id": ident, "account_id": self.account, "email": email, "name": name,
             "available_name": name, "role": role, "confirmed": True,
             "availability_status": "offline", "thumbnail": ""}
        )  # fmt: skip
        return ident

    def team(self, name: str, *members: int) -> int:
        ident = self.number()
        self.teams.append(
            {"id": ident, "account_id": self.account, "name": name, "description": "",
             "allow_auto_assign": True}
        )  # fmt: skip
        self.members[ident] = list(members)
        return ident

    def label(self, title: str, color: str = "#1f93ff") -> int:
        ident = self.number()
        self.labels.append({"id": ident, "title": title, "color": color, "description": "",
                            "show_on_sidebar": True})  # fmt: skip
        return ident

    def canned_response(self, code: str, content: str) -> int:
        ident = self.number()
        self.canned.append({"id": ident, "account_id": self.account, "short_code": code,
                            "content": content})  # fmt: skip
        return ident

    def inbox(self, name: str, kind: str = "Channel::WebWidget") -> int:
        ident = self.number()
        self.inboxes.append({"id": ident, "name": name, "channel_type": kind})
        return ident

    def contact(self, name: str = "", *, email: str | None = None, phone: str | None = None,
                inboxes: tuple[int, ...] = (), **custom: Any) -> int:  # fmt: skip
        """One with an e-mail or a phone is in the list; others only in their conversations."""
        ident = self.number()
        self.contacts.append(
            {
                "id": ident, "name": name, "email": email, "phone_number": phone,
                "identifier": None, "thumbnail": "", "custom_attributes": custom,
                "additional_attributes": {}, "created_at": BEGAN + ident,
                "contact_inboxes": [
                    {"source_id": f"source-{ident}-{one['id']}", "inbox": one}
                    for one in self.inboxes if one["id"] in inboxes
                ],
            }
        )  # fmt: skip
        return ident

    def conversation(self, contact: int, inbox: int, *, status: str = "resolved",
                     labels: tuple[str, ...] = (), agent: int = 0,
                     team: int = 0) -> int:  # fmt: skip
        number = len(self.conversations) + 1
        sender = next(one for one in self.contacts if one["id"] == contact)
        meta = {"sender": {k: v for k, v in sender.items() if k != "contact_inboxes"}}
        if agent:
            meta["assignee"] = next(one for one in self.agents if one["id"] == agent)
        if team:
            meta["team"] = next(one for one in self.teams if one["id"] == team)
        begun = BEGAN + number * 10_000
        self.conversations.append(
            {"id": number, "account_id": self.account, "inbox_id": inbox, "status": status,
             "labels": list(labels), "meta": meta, "messages": [], "custom_attributes": {},
             "created_at": begun, "last_activity_at": begun, "timestamp": begun,
             "unread_count": 0, "can_reply": True, "muted": False, "priority": None}
        )  # fmt: skip
        self.messages[number] = []
        return number

    def message(self, talk: int, content: Any, kind: int = 0, *, agent: int = 0,
                private: bool = False, files: tuple[Any, ...] = (),
                **more: Any) -> int:  # fmt: skip
        said, ident = self.messages[talk], self.number()
        row = self.conversations[talk - 1]
        at = row["created_at"] + len(said) * 60
        sender: Any = None
        if agent:
            person = next((one for one in self.agents if one["id"] == agent), None)
            sender = {"id": agent, "name": person["name"] if person else "Gone", "type": "user"}
        elif kind == 0:
            who = row["meta"]["sender"]
            sender = {"id": who["id"], "name": who["name"], "type": "contact"}
        said.append(
            {"id": ident, "content": content, "inbox_id": row["inbox_id"],
             "conversation_id": talk, "message_type": kind, "content_type": "text",
             "status": "sent", "content_attributes": {}, "created_at": at, "private": private,
             "source_id": None, "sender": sender, **({"attachments": list(files)} if files else {}),
             **more}
        )  # fmt: skip
        row["last_activity_at"] = row["timestamp"] = at
        return ident

    def file(self, name: str, content: bytes, kind: str = "image", **more: Any) -> dict[str, Any]:
        """An attachment as a message shows it; its content is served here."""
        ident = self.number()
        self.files[f"key{ident}"] = content
        return {
            "id": ident, "message_id": 0, "account_id": self.account, "file_type": kind,
            "extension": None, "file_size": len(content), "thumb_url": "",
            "data_url": f"/rails/active_storage/blobs/redirect/key{ident}/{name}", **more,
        }  # fmt: skip

    # ── What it answers ──
    def _inside(self, handler: Any) -> Any:
        def answer(request: Request) -> Answer:
            if request.headers.get("api_access_token") != self.token:
                return Answer.json({"error": "Invalid Access Token"}, 401)
            if request.params.get("account", str(self.account)) != str(self.account):
                return Answer.json({"error": "Resource could not be found"}, 404)
            return handler(request)

        return answer

    def _profile(self, request: Request) -> Answer:
        account = {"id": self.account, "name": "Shop", "role": self.role, "status": "active"}
        return Answer.json({"id": 1, "name": "Owner", "email": "owner@there.example",
                            "account_id": self.account, "accounts": [account]})  # fmt: skip

    def _members(self, request: Request) -> Answer:
        wanted = self.members.get(int(request.params["team"]))
        if wanted is None:
            return Answer.json({"error": "Resource could not be found"}, 404)
        return Answer.json([one for one in self.agents if one["id"] in wanted])

    def _contacts(self, request: Request) -> Answer:
        known = [
            c for c in self.contacts
            if not isinstance(c, dict) or c.get("email") or c.get("phone_number")
        ]  # fmt: skip
        page = int(request.query.get("page", "1"))
        meta = {"count": len(known), "current_page": page}
        return Answer.json({"meta": meta, "payload": _page(known, page, CONTACTS)})

    def _conversations(self, request: Request) -> Answer:
        found = list(self.conversations)
        if request.query.get("status", "open") != "all":
            found = [one for one in found if one["status"] == "open"]
        if not (self.knows_order and request.query.get("sort_by") == "created_at_asc"):
            found.sort(key=lambda one: -one["last_activity_at"])
        page = int(request.query.get("page", "1"))
        meta = {"mine_count": 0, "unassigned_count": 0, "assigned_count": 0,
                "all_count": len(found)}  # fmt: skip
        return Answer.json({"data": {"meta": meta, "payload": _page(found, page, CONVERSATIONS)}})

    def _messages(self, request: Request) -> Answer:
        said = self.messages.get(int(request.params["talk"]))
        if said is None:
            return Answer.json({"error": "Resource could not be found"}, 404)
        before = int(request.query.get("before", "0"))
        earlier = [one for one in said if not before or one["id"] < before]
        return Answer.json({"meta": {"labels": []}, "payload": earlier[-MESSAGES:]})

    def _redirect(self, request: Request) -> Answer:
        key, name = request.params["key"], request.params["name"]
        return Answer(302, b"", {"location": f"/rails/active_storage/disk/{key}/{name}"})

    def _file(self, request: Request) -> Answer:
        content = self.files.get(request.params["key"])
        if content is None:
            return Answer(404)
        return Answer(200, _pieces(content), {"content-type": "application/octet-stream"})


def _page(rows: list[Any], page: int, size: int) -> list[Any]:
    return rows[(page - 1) * size : page * size]


def _pieces(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), 65536):
        yield content[start : start + 65536]
