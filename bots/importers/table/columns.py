"""Which columns a table of contacts or of messages may have, and how their headings are known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.utils.translation import gettext_lazy as _

from bots.importers.base import Fault


@dataclass(frozen=True)
class Column:
    """`words`: headings, folded, that mean this column."""

    name: str
    title: Any
    words: str
    is_required: bool = False


CONTACTS = (
    Column("contact", _("number of the contact"), "id|ид|номер|код|contact id|id контакта|"
           "id клиента|client id|customer id|external id|identifier"),
    Column("name", _("buyer's name"), "name|имя|фио|клиент|контакт|покупатель|full name|contact|"
           "contact name|имя клиента|client name|customer name|название"),
    Column("phone", _("phone"), "phone|телефон|тел|phone number|номер телефона|мобильный|mobile|"
           "телефон клиента|моб телефон"),
    Column("email", _("e-mail"), "email|e mail|mail|почта|эл почта|электронная почта|имейл|"
           "email клиента|contact email"),
    Column("language", _("language"), "language|язык|lang|locale"),
)  # fmt: skip
MESSAGES = (
    Column("conversation", _("number of the dialogue"), "conversation|conversation id|диалог|"
           "id диалога|номер диалога|chat id|чат|id чата|ticket|ticket id|тикет|обращение|"
           "номер обращения|dialog id|dialogue|thread", is_required=True),
    Column("at", _("time of the message"), "time|date|дата|время|дата и время|created at|created|"
           "timestamp|sent at|отправлено|datetime|дата сообщения|время сообщения",
           is_required=True),
    Column("text", _("text"), "text|message|сообщение|текст|текст сообщения|content|body|"
           "message text|содержание", is_required=True),
    Column("author", _("who wrote: buyer, colleague, bot or note"), "author|автор|from|отправитель|"
           "кто|sender|direction|направление|тип|type|role|роль|sender type|кто написал"),
    Column("message", _("number of the message"), "message id|id сообщения|id|номер сообщения|ид"),
    Column("agent", _("e-mail of the colleague"), "agent|agent email|оператор|email оператора|"
           "менеджер|operator|operator email|сотрудник|почта оператора"),
    Column("place", _("where it was written"), "channel|канал|inbox|источник|source|площадка"),
    # A lone "id" beside a text is the message's.
    *(
        Column(one.name, one.title, one.words.replace("id|ид|номер|код|", ""))
        for one in CONTACTS[:4]
    ),
)  # fmt: skip
TABLES = {"contacts": CONTACTS, "messages": MESSAGES}


def folded(text: object) -> str:
    """`E-mail клиента:` → `e mail клиента`: how headings are compared."""
    key = str(text if text is not None else "")[:200].casefold().replace("ё", "е")
    return " ".join(re.sub(r"[\W_]+", " ", key).split())


def guess(heading: Sequence[object], kind: str) -> dict[str, int]:
    """Field → column, each column once. The first heading that fits has it."""
    found: dict[str, int] = {}
    for one in TABLES[kind]:
        words = one.words.split("|")
        for place, cell in enumerate(heading):
            if place not in found.values() and folded(cell) in words:
                found[one.name] = place
                break
    return found


def missing(mapping: Mapping[str, int], kind: str) -> list[Column]:
    """Columns without which nothing can be read."""
    lacking = [one for one in TABLES[kind] if one.is_required and one.name not in mapping]
    if kind == "contacts" and not {"contact", "phone", "email", "name"} & set(mapping):
        lacking.append(CONTACTS[1])
    return lacking


def heading_row(rows: Iterator[tuple[int, list[Any]]]) -> tuple[int, list[Any], list[list[Any]]]:
    """(row number of the heading, its cells, up to five rows below) of a table.

    The heading is the first row with at least two texts.
    """
    number = 0
    heading: list[Any] = []
    sample: list[list[Any]] = []
    for row, cells in islice(rows, 60):
        texts = [c for c in cells if isinstance(c, str) and c.strip() and not isinstance(c, Fault)]
        if not heading:
            if len(texts) >= 2 or (len(texts) == 1 and len(cells) == 1):
                number, heading = row, cells
        elif any(c not in (None, "") for c in cells):
            sample.append(cells)
            if len(sample) == 5:
                break
    return number, heading, sample
