"""The bans of advertising a new platform begins with; the operator edits them afterwards.

Federal Law 72-FZ of 7 April 2025 forbids, since 1 September 2025, advertising in Russia on
resources whose access is restricted. Which resources those are, and since when, is read from the
press and digests of the law, not from a court: this is no legal advice, the operator decides. The
words are shown to merchants in their language.
"""

from __future__ import annotations

from typing import NamedTuple

from django.utils.translation import gettext_noop


class Ban(NamedTuple):
    channel: str  # a plug-in's key, ours or one to come
    forbidden_from: str
    why: str


META = gettext_noop(
    "Access from Russia is blocked; law 72-FZ forbids advertising there since September 2025."
)
WHATSAPP = gettext_noop(
    "Its domains were taken out of the Russian DNS in February 2026; law 72-FZ forbids "
    "advertising on resources with restricted access."
)
TELEGRAM = gettext_noop(
    "Access is restricted in stages, confirmed officially on 10 February 2026; law 72-FZ forbids "
    "advertising on resources with restricted access. Whether it applies here is for the operator "
    "of this service to decide."
)
VIBER = gettext_noop(
    "Access from Russia is blocked since December 2024; law 72-FZ forbids advertising there."
)
BANS: tuple[Ban, ...] = (
    Ban("instagram", "2025-09-01", META),
    Ban("facebook", "2025-09-01", META),
    Ban("messenger", "2025-09-01", META),
    Ban("viber", "2025-09-01", VIBER),
    Ban("whatsapp", "2026-02-12", WHATSAPP),
    Ban("telegram", "2026-02-10", TELEGRAM),
)
REGION = "RU"
