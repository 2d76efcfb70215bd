"""What a buyer is asked to agree to before we ask for contact data, in versions that are kept.

A changed wording is a new version; the wording that was shown is stored with each consent. A
version's name ends with a print of the finished text: the shop's legal name is part of what one
agrees to, so a shop that is renamed asks anew. The page says which versions it has shown; what is
not the current one is not agreed to (`ConsentChanged`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from bots.models import Consent, Contact
from tenants.kernel import outbox
from tenants.kernel.errors import RuleBroken

PROCESSING, MARKETING = "processing", "marketing"
KINDS, LANGUAGES = (PROCESSING, MARKETING), ("ru", "en")

# Past versions stay: what somebody agreed to can be looked up by its name. The last one is asked.
VERSIONS: dict[str, dict[str, dict[str, str]]] = {
    "2026-11-1": {
        PROCESSING: {
            "ru": "Даю согласие на обработку имени, телефона и почты: {who} ответит мне "
            "на это обращение",
            "en": "I agree that {who} processes my name, phone and e-mail to answer my request",
        },
        MARKETING: {
            "ru": "Хочу получать новости и предложения. Отказаться можно в любой момент",
            "en": "I want to receive news and offers. I can opt out at any time",
        },
    },
}


class ConsentChanged(RuleBroken):
    """The page showed words that are not asked (any more); it has to show the current ones."""

    code = "consent"
    status = 409


@dataclass(frozen=True)
class Wording:
    kind: str
    version: str
    text: str


def wordings(lang: str, who: str) -> list[Wording]:
    """Both consents, apart and in this order, as they are shown. `who`: the shop's legal name."""
    lang = lang if lang in LANGUAGES else "ru"
    version, texts = next(reversed(VERSIONS.items()))
    found = []
    for kind in KINDS:
        text = texts[kind][lang].format(who=who)
        print_of_text = sha256(text.encode()).hexdigest()[:10]
        found.append(Wording(kind, f"{version}.{lang}.{print_of_text}", text))
    return found


def wordings_shown(shown: Mapping[str, Any], who: str) -> list[Wording]:
    """The current wordings by the versions a page has shown. Raises ConsentChanged."""
    for lang in LANGUAGES:
        current = wordings(lang, who)
        if all(shown.get(one.kind) == one.version for one in current):
            return current
    raise ConsentChanged


def consents_give(
    *, contact: Contact, given: dict[str, bool], shown: list[Wording], address: str | None
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
        for wording in shown
    )
    outbox.emit("consent.given", key=f"contact:{contact.pk}", data={"contact": contact.pk})
    return rows
