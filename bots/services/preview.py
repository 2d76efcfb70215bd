"""Talking to a bot without a buyer: nothing is stored or sent."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from bots.engine.base import Asker, Decision, Said, Turn
from bots.engine.reply import answer_turn
from bots.models import Bot
from bots.services.bots import config_of


def preview(
    *,
    bot: Bot,
    messages: Sequence[Said],
    asker: Asker | None = None,
    use_draft: bool = False,
    seconds: float = 18.0,
) -> dict[str, Any]:
    """The answer in the API's shape. Earlier turns are replayed so that follow-ups work.

    `use_draft`: what is being edited instead of what is published.
    """
    begun = time.monotonic()
    config = config_of(bot, draft=use_draft)
    memory: dict[str, Any] = {}
    lang = bot.language
    answer = None
    asker = asker or Asker()
    for end in range(1, len(messages) + 1):
        if messages[end - 1].role != "buyer":
            continue
        is_last = not any(m.role == "buyer" for m in messages[end:])
        said = list(messages[:end])
        # Only the offline answerer keeps memory; earlier turns need no model.
        turn = Turn(
            said=said,
            lang=lang,
            asker=asker,
            now=timezone.now(),
            memory=memory,
            bot=config if is_last else {**config, "providers": []},
        )
        answer = answer_turn(turn, seconds=seconds, purpose="preview")
        if answer is not None:
            memory, lang = {**memory, **answer.memory}, answer.lang
    if answer is None:
        return {
            "text": "",
            "lang": lang,
            "sources": [],
            "claims": [],
            "decision": Decision.REFUSE,
            "reason": "empty",
            "provider": "",
            "ms": 0,
        }
    return {
        "text": answer.text,
        "lang": answer.lang,
        "sources": [
            {"kind": s.kind, "id": s.id, "external_id": s.external_id, "title": s.title}
            for s in answer.sources
        ],
        "claims": [vars(claim) for claim in answer.claims],
        "decision": str(answer.decision),
        "reason": str(answer.reason),
        "buttons": [b if isinstance(b, str) else b["title"] for b in answer.buttons],
        "links": [dict(b) for b in answer.buttons if not isinstance(b, str)],
        "provider": answer.provider,
        "ms": round((time.monotonic() - begun) * 1000),
    }
