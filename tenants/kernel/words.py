"""What an outside system complains of, in the reader's language, with what to do.

Errors carry an English text (errors.py): one of ours, a status, or the vendor's own words. The
Russian of each lies in the catalogue of whoever says it; words nobody has translated are shown as
the vendor's.
"""

from __future__ import annotations

import re

from django.utils.translation import get_language, gettext, gettext_noop

_STATUS = re.compile(r"HTTP (\d{3})")
_BY_STATUS = {
    "400": gettext_noop("the service refused"),
    "401": gettext_noop("the service does not accept the key: check it and paste it anew"),
    "403": gettext_noop("the service does not allow this with the key: check its rights"),
    "404": gettext_noop("there is nothing under this address: check it"),
    "429": gettext_noop("too many calls: it is tried again by itself"),
    "500": gettext_noop("the service has a fault: it is tried again by itself"),
}
_CYRILLIC = re.compile("[А-Яа-яЁё]")


def vendor_words(detail: str) -> str:
    """In the language that is active. What is in it already stays as it is."""
    if not detail or (whole := gettext(detail)) != detail:
        return detail and whole
    if found := _STATUS.fullmatch(detail):
        code = found[1] if found[1] in _BY_STATUS else f"{found[1][0]}00"
        return f"{gettext(_BY_STATUS[code])} ({detail})" if code in _BY_STATUS else detail
    # Ours may end with something of the vendor's: "no connection (…)", "not reachable: …".
    for mark in (": ", " ("):
        head, colon, tail = detail.partition(mark)
        if colon and head and (said := gettext(head)) != head:
            return f"{said}{colon}{tail}"
    if (get_language() or "").startswith("ru") and not _CYRILLIC.search(detail):
        return gettext("the service says: %s") % detail
    return detail
