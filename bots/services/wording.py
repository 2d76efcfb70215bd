"""A model as a colleague's pen: one question, one text back. Never in a buyer's way.

Everything goes through the gateway (accounts, budget, region, masking), and every refusal says
what the person can do.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from bots.llm.base import (
    ChatMessage,
    Completion,
    ModelBudgetSpent,
    ModelRefused,
    ModelRequest,
    NoModel,
    VendorError,
)
from bots.llm.masking import Known
from bots.models import Contact, Conversation
from bots.services.bots import config_of
from bots.services.model_calls import model_complete, model_gateway, session_of
from tenants.kernel.errors import RuleBroken
from tenants.kernel.words import vendor_words

SECONDS = 20.0
LONGEST = 12_000


class NoPen(RuleBroken):
    """No model may be asked. `fix`: where that is changed."""

    code = "no_model"


class PenFailed(RuleBroken):
    code = "model_failed"
    status = 503


class PenBudget(RuleBroken):
    code = "model_budget"


class TooLong(RuleBroken):
    code = "too_long"
    status = 400


def config_for(conversation: Conversation) -> dict[str, Any]:
    return config_of(conversation.channel.bot)


def why_no_model(conversation: Conversation) -> str:
    """Empty where a model may be asked in this dialogue."""
    return model_gateway(config_for(conversation)).why_not()


def known_of(contact: Contact) -> Known:
    """What of this buyer is hidden from a model."""
    by_kind: dict[str, list[str]] = {}
    for kind, value in contact.identities.values_list("kind", "value"):
        by_kind.setdefault(kind, []).append(value)
    return Known(
        names=(contact.name,) if contact.name else (),
        phones=tuple(by_kind.get("phone", ())),
        emails=tuple(by_kind.get("email", ())),
    )


def write(
    system: str,
    text: str,
    *,
    conversation: Conversation,
    purpose: str,
    on_delta: Callable[[str], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    seconds: float = SECONDS,
) -> Completion:
    """Call outside a transaction. Raises NoPen, PenBudget, PenFailed, TooLong; Stopped."""
    if len(text) > LONGEST:
        raise TooLong(_("The text is too long for this."), limit=LONGEST)
    config, known = config_for(conversation), known_of(conversation.contact)
    try:
        return model_complete(
            ModelRequest(
                messages=(ChatMessage("system", system), ChatMessage("user", text)),
                max_tokens=min(4_000, 400 + len(text)),
                timeout_s=seconds,
                purpose=purpose,
                session=session_of(conversation.pk),
                conversation_id=conversation.pk,
            ),
            bot=config,
            known=known,
            on_delta=on_delta,
            on_restart=lambda: True,
            should_stop=should_stop,
        )
    except NoModel as exc:
        raise NoPen(
            _("No language model is connected. Connect one under “Models” and choose it in the "
              "assistant."),
            fix="/admin/models/", detail=vendor_words(exc.detail),
        ) from exc  # fmt: skip
    except ModelBudgetSpent as exc:
        raise PenBudget(
            _("This month's money for models is spent. It works again next month or with a larger "
              "budget."),
            fix="/admin/models/",
        ) from exc  # fmt: skip
    except ModelRefused as exc:
        raise PenFailed(
            _("The model declined this text. Write it yourself or change the text."),
            can_retry=False,
        ) from exc
    except VendorError as exc:
        raise PenFailed(
            _("The model did not answer. Nothing is lost: try again in a moment."), can_retry=True
        ) from exc


_FIGURE = re.compile(r"\d+")
_LINK = re.compile(r"https?://\S+|\b[\w.-]+@[\w-]+\.\w+")


def figures_check(before: str, after: str, *, only_known: bool = False) -> dict[str, Any]:
    """Whether figures and links are the same; `only_known`: some may be left out, none added."""
    lost: list[str] = []
    added: list[str] = []
    for pattern in (_FIGURE, _LINK):
        old, new = pattern.findall(before), pattern.findall(after)
        added += [one for one in dict.fromkeys(new) if one not in old]
        lost += [one for one in dict.fromkeys(old) if one not in new]
    wrong = added if only_known else [*added, *lost]
    return {"name": "figures", "ok": not wrong, "detail": ", ".join(wrong)[:200]}
