"""A table as a source of history: rows are told apart by their numbers, else by what they say.

Messages may stand in any order: they are sorted on the disk, so a table may be larger than memory.
"""

from __future__ import annotations

import json
import re
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from bots.importers.base import (
    ContactIn,
    ConversationIn,
    Fault,
    InboxIn,
    MessageIn,
    Page,
    Refused,
    RowRefused,
    Source,
)
from bots.importers.table.columns import TABLES

Rows = Callable[[], Iterator[tuple[int, list[Any]]]]
PAGE = 200
ROWS_LIMIT = 2_000_000
TEXT_LIMIT = 20_000
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
AUTHORS = {
    "buyer": "buyer|client|customer|contact|visitor|user|incoming|in|inbound|покупатель|клиент|"
    "контакт|посетитель|пользователь|входящее|входящие|0",
    "agent": "agent|operator|manager|outgoing|out|outbound|admin|staff|support|оператор|менеджер|"
    "сотрудник|агент|исходящее|исходящие|поддержка|администратор|1",
    "bot": "bot|robot|бот|робот|автоответ|auto",
    "note": "note|private|internal|заметка|комментарий|внутреннее",
    "system": "system|activity|система|системное|событие",
}
_AUTHOR = {word: name for name, words in AUTHORS.items() for word in words.split("|")}
_TIMES = (
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y, %H:%M:%S", "%d.%m.%Y, %H:%M", "%d.%m.%Y",
    "%d.%m.%y %H:%M", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M",
)  # fmt: skip


class Table(Source):
    """`asked`: {"table": contacts | messages, "name", "columns": {field: column}, "header": row,
    "zone"}. `rows` gives all rows of the file anew each time it is called."""

    def __init__(self, asked: Mapping[str, Any], rows: Rows) -> None:
        self.kind, self.rows = asked["table"], rows
        self.columns = {name: int(place) for name, place in asked["columns"].items()}
        self.header = int(asked["header"])
        self.zone = ZoneInfo(asked.get("zone") or "UTC")
        self.title = str(asked["name"])
        self.key = f"table:{self.title}"[:160]
        self._sorted: _Sorted | None = None
        self._reader: Iterator[tuple[int, dict[str, Any]]] | None = None
        self._at = 0

    def close(self) -> None:
        if self._sorted is not None:
            self._sorted.close()

    # ── Contacts ──
    def contacts(self, page: int) -> Page[ContactIn]:
        if self.kind != "contacts":
            return Page([])
        items: list[ContactIn | Refused] = []
        for number, record in islice(self._from(page), PAGE):
            try:
                items.append(self._contact(record))
            except RowRefused as exc:
                items.append(Refused(number, exc.field, exc.message))
        self._at = page + 1
        return Page(items, page + 1 if len(items) == PAGE else None)

    def _from(self, page: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """Rows from a page on; the file is read once where pages follow each other."""
        if self._reader is None or self._at != page:
            self._reader = islice(self._records(), (page - 1) * PAGE, None)
        return self._reader

    def _contact(self, record: Mapping[str, Any]) -> ContactIn:
        _no_faults(record)
        phone, email, name = (line(record.get(key), 120) for key in ("phone", "email", "name"))
        number = line(record.get("contact"), 200)
        if not (number or phone or email or name):
            raise RowRefused("", _("The row says nothing about anybody."))
        if email and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
            raise RowRefused(
                "email", _("“%(value)s” is no e-mail address.") % {"value": email[:60]}
            )
        if phone and len(re.sub(r"\D", "", phone)) < 5:
            raise RowRefused("phone", _("“%(value)s” is no phone number.") % {"value": phone[:60]})
        identities = [("phone", phone), ("email", email), ("customer", number)]
        language = line(record.get("language"), 8).lower()[:2]
        return ContactIn(
            external_id=person_key(number, phone, email, name),
            name=name,
            language=language if language.isalpha() else "",
            identities=tuple((kind, value) for kind, value in identities if value),
        )

    # ── Conversations ──
    def conversations(self, page: int) -> Page[ConversationIn]:
        if self.kind != "messages":
            return Page([])
        table = self._sort()
        items: list[ConversationIn | Refused] = list(table.refused) if page == 1 else []
        talks = table.talks((page - 1) * PAGE, PAGE + 1)
        items += [self._talk(*one) for one in talks[:PAGE]]
        return Page(items, page + 1 if len(talks) > PAGE else None, table.total)

    def _talk(self, talk: str, started_at: float, record: Mapping[str, Any]) -> ConversationIn:
        place = line(record.get("place"), 60)
        # A talk is worth keeping where its phone is none.
        contact = ContactIn(digest("talk", talk), name=line(record.get("name"), 120))
        if any(record.get(key) for key in ("contact", "phone", "email")):
            with suppress(RowRefused):
                contact = self._contact(record)
        return ConversationIn(
            external_id=talk,
            contact=contact,
            inbox=InboxIn(digest("place", place) if place else "0", place),
            started_at=datetime.fromtimestamp(started_at, UTC),
            agent=line(record.get("agent"), 120),
        )

    def messages(self, talk: ConversationIn) -> list[MessageIn | Refused]:
        twins: Counter[str] = Counter()
        found: list[MessageIn | Refused] = []
        for at, record in self._sort().said(talk.external_id):
            sent_at = datetime.fromtimestamp(at, UTC)
            author, text = record["author"], record["text"]
            number = line(record.get("message"), 100)
            key = number or digest(str(at), author, text)
            if not number:
                # Somebody may say "ok" twice within a second.
                twins[key] += 1
                key = f"{key}-{twins[key]}" if twins[key] > 1 else key
            is_note = author == "note"
            is_ours = author in ("agent", "note")
            agent = line(record.get("agent"), 120) if is_ours else ""
            found.append(
                MessageIn(
                    external_id=key,
                    author="agent" if is_note else author,
                    sent_at=sent_at,
                    text=text,
                    is_note=is_note,
                    state="received" if author == "buyer" else "sent",
                    agent=agent if "@" in agent else "",
                    agent_name=agent[:80],
                )
            )
        return found

    def _sort(self) -> _Sorted:
        if self._sorted is None:
            self._sorted = _Sorted(self._spoken())
        return self._sorted

    def _spoken(self) -> Iterator[tuple[int, str, float, Mapping[str, Any]] | Refused]:
        for number, record in self._records():
            try:
                yield number, *self._message(record)
            except RowRefused as exc:
                yield Refused(number, exc.field, exc.message, "messages")

    def _message(self, record: Mapping[str, Any]) -> tuple[str, float, Mapping[str, Any]]:
        _no_faults(record)
        talk = line(record.get("conversation"), 1_000)
        if not talk:
            raise RowRefused("conversation", _("It is not said which dialogue this belongs to."))
        if len(talk) > 100:
            talk = digest("talk", talk)
        text = _CONTROL.sub("", str(record.get("text") or ""))[:TEXT_LIMIT].strip()
        if not text:
            raise RowRefused("text", _("The message is empty."))
        word = line(record.get("author"), 60).casefold()
        author = _AUTHOR.get(word) if word else ("agent" if record.get("agent") else "buyer")
        if author is None:
            raise RowRefused(
                "author", _("“%(value)s” is neither a buyer nor a colleague, a bot or a note.")
                % {"value": word[:60]},
            )  # fmt: skip
        at = moment(record.get("at"), self.zone)
        kept = {key: line(value, 200) for key, value in record.items() if key not in ("text", "at")}
        return talk, at.timestamp(), {**kept, "author": author, "text": text}

    def _records(self) -> Iterator[tuple[int, dict[str, Any]]]:
        fields = [one.name for one in TABLES[self.kind] if one.name in self.columns]
        for number, cells in self.rows():
            if number <= self.header or not any(str(c).strip() for c in cells if c is not None):
                continue
            if number > ROWS_LIMIT:
                return
            yield (
                number,
                {
                    name: cells[self.columns[name]] if self.columns[name] < len(cells) else None
                    for name in fields
                },
            )


class _Sorted:
    """Messages by dialogue and time, in a file of our own that is gone with us."""

    def __init__(self, rows: Iterator[tuple[int, str, float, Mapping[str, Any]] | Refused]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="table-")
        self._db = sqlite3.connect(Path(self._folder.name) / "rows", check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("CREATE TABLE said (row INT, talk TEXT, at REAL, data TEXT)")
        self.refused: list[Refused] = []
        self._db.executemany("INSERT INTO said VALUES (?, ?, ?, ?)", self._kept(rows))
        self._db.execute("CREATE INDEX by_talk ON said (talk, at, row)")
        self._db.commit()
        (self.total,) = self._db.execute("SELECT count(DISTINCT talk) FROM said").fetchone()

    def _kept(self, rows: Iterator[Any]) -> Iterator[tuple[int, str, float, str]]:
        for one in rows:
            if isinstance(one, Refused):
                self.refused.append(one)
            else:
                number, talk, at, record = one
                yield number, talk, at, json.dumps(record, ensure_ascii=False)

    def talks(self, skip: int, limit: int) -> list[tuple[str, float, dict[str, Any]]]:
        """(number, beginning, all that its rows say of the buyer and the colleague)."""
        begun = self._db.execute(
            "SELECT talk, min(at) FROM said GROUP BY talk ORDER BY min(at), talk LIMIT ? OFFSET ?",
            (limit, skip),
        ).fetchall()
        found = []
        for talk, at in begun:
            about: dict[str, Any] = {}
            for _at, record in self.said(talk):
                for name in ("contact", "name", "phone", "email", "place", "agent"):
                    if record.get(name) and (name == "agent" or not about.get(name)):
                        about[name] = record[name]
            found.append((talk, at, about))
        return found

    def said(self, talk: str) -> Iterator[tuple[float, dict[str, Any]]]:
        rows = self._db.execute(
            "SELECT at, data FROM said WHERE talk = ? ORDER BY at, row", (talk,)
        )
        for at, data in rows:
            yield at, json.loads(data)

    def close(self) -> None:
        self._db.close()
        self._folder.cleanup()


def _no_faults(record: Mapping[str, Any]) -> None:
    for name, value in record.items():
        if isinstance(value, Fault):
            raise RowRefused(name, str(value))


def person_key(number: str, phone: str, email: str, name: str) -> str:
    """One buyer in all tables of a name. A digest: the key outlives a wish to be forgotten."""
    if number:
        return digest("number", number)
    if phone:
        return digest("phone", re.sub(r"\D", "", phone)[-10:])
    return digest("email", email.lower()) if email else digest("name", name.casefold())


def digest(*parts: str) -> str:
    return blake2b("\x1f".join(parts).encode(), digest_size=12).hexdigest()


def line(value: Any, limit: int) -> str:
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(_CONTROL.sub("", str(value)).split())[:limit].rstrip()


def moment(value: Any, zone: ZoneInfo) -> datetime:
    """A cell with a time. Without an offset it is the shop's own. Raises RowRefused."""
    found = _moment(value)
    if found is None:
        raise RowRefused("at", _("“%(value)s” is no date and time.") % {"value": line(value, 60)})
    found = found if found.tzinfo else found.replace(tzinfo=zone)
    if not 1990 <= found.year <= 2100 or found > datetime.now(UTC) + timedelta(days=1):
        raise RowRefused(
            "at", _("“%(value)s” is not a time that has been.") % {"value": line(value, 60)}
        )
    return found


def _moment(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    text = line(value, 60)
    if re.fullmatch(r"\d{9,10}(\.\d+)?", text):
        return datetime.fromtimestamp(float(text), UTC)
    if re.fullmatch(r"\d{12,13}", text):
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    for pattern in _TIMES:
        try:
            return datetime.strptime(text, pattern)
        except ValueError:
            continue
    return None
