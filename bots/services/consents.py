"""What a buyer is asked to agree to before we ask for contact data, in versions that are kept.

A changed wording is a new version; the wording that was shown is stored with each consent.
"""

from __future__ import annotations

from dataclasses import dataclass

from bots.models import Consent, Contact
from tenants.kernel import outbox

VERSION = "2026-11-1"
PROCESSING, MARKETING = "processing", "marketing"

_TEXTS = {
    PROCESSING: {
        "ru": "Даю согласие на обработку имени, телефона и почты: {who} ответит мне "
        "на это обращение",
        "en": "I agree that {who} processes my name, phone and e-mail to answer my request",
    },
    MARKETING: {
        "ru": "Хочу получать новости и предложения. Отказаться можно в любой момент",
        "en": "I want to receive news and offers. I can opt out at any time",
    },
}


@dataclass(frozen=True)
class Wording:
    kind: str
    version: str
    text: str


def wordings(lang: str, who: str) -> list[Wording]:
    """Both consents, apart and in this order, as they are shown. `who`: the shop's legal name."""
    lang = lang if lang in ("ru", "en") else "ru"
    return [
        Wording(kind, f"{VERSION}.{lang}", _TEXTS[kind][lang].format(who=who))
        for kind in (PROCESSING, MARKETING)
    ]


def consents_give(
    *, contact: Contact, given: dict[str, bool], lang: str, who: str, address: str | None
) -> list[Consent]:
    """Write down every consent that was asked, given or not, with its words, time and address."""
    rows = Consent.objects.bulk_create(
        Consent(
            contact=contact,
            kind=wording.kind,
            is_given=bool(given.get(wording.kind)),
            text_version=wording.version,
            text=wording.text,
            address=address,
        )
        for wording in wordings(lang, who)
    )
    outbox.emit("consent.given", key=f"contact:{contact.pk}", data={"contact": contact.pk})
    return rows
