"""Results of a broadcast, and what an operator of advertising data is told, as tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from bots.models import Broadcast
from bots.selectors.audience import REASONS
from bots.selectors.broadcasts import RESULTS, Shows, result_of, results
from bots.selectors.failures import failure_in_words
from tenants.kernel.context import current_schema
from tenants.selectors.hosts import merchant_of

AT_ONCE = 1000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _cell(value: Any) -> Any:
    """A name that begins like a formula is none to a spreadsheet."""
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text


def _lines(heading: list[Any], rows: Iterable[list[Any]]) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    text.write("\ufeff")  # spreadsheets take it for UTF-8 then
    writer.writerow(heading)
    for row in rows:
        writer.writerow([_cell(one) for one in row])
        if text.tell() > 60_000:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def results_csv(broadcast: Broadcast) -> Iterator[bytes]:
    """A row for each recipient."""
    zone = ZoneInfo(merchant_of(current_schema()).time_zone)
    heading = [_("Buyer"), _("Channel"), _("Order"), _("Result"), _("Reason"), _("At")]

    def rows() -> Iterator[list[Any]]:
        for item in results(broadcast).iterator(AT_ONCE):
            result = result_of(item)
            failure = item.message.failure if item.message and result == "failed" else ""
            reason = REASONS.get(item.reason, item.reason) if item.reason else ""
            yield [
                item.contact, item.contact.channel, item.order or "", RESULTS[result],
                reason or (failure_in_words(failure) if failure else ""),
                item.at.astimezone(zone).strftime("%Y-%m-%d %H:%M"),
            ]  # fmt: skip

    return _lines(heading, rows())


def shows_heading() -> list[str]:
    return [
        "erid", _("Advertiser"), _("INN"), _("Number of the broadcast"), _("Broadcast"),
        _("Kind of channel"), _("Channel"), _("First show"), _("Last show"), _("Shows"),
    ]  # fmt: skip


def shows_csv(rows: Iterable[Shows]) -> Iterator[bytes]:
    return _lines(shows_heading(), (one.row() for one in rows))


def shows_xlsx(rows: Iterable[Shows]) -> bytes:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("erid")
    sheet.append(shows_heading())
    for one in rows:
        sheet.append([value if isinstance(value, int) else _cell(value) for value in one.row()])
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()
