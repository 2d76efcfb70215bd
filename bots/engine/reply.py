"""What to answer: template → skill → model with knowledge → check → reply.

Without a model (or with every model down) the offline answerer replies from the same records.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from bots.answerer import reply as offline_reply
from bots.channels.base import TO_SEE
from bots.engine import texts
from bots.engine.base import Answer, Decision, Reason, Turn
from bots.engine.model import model_reply
from bots.retrieval import one_question
from bots.services.template_triggers import triggered

log = logging.getLogger(__name__)

# Shows what is written so far; False = stop, somebody else speaks.
Streamer = Callable[[str], bool]


def answer_turn(
    turn: Turn,
    *,
    conversation_id: int | None = None,
    has_files: bool = False,
    is_start: bool = False,
    wordless: str = "",
    seconds: float = 18.0,
    should_stop: Callable[[], bool] = lambda: False,
    on_wait: Callable[[], None] = lambda: None,
    streamer: Streamer | None = None,
    purpose: str = "reply",
) -> Answer | None:
    """The answer to a turn; None when `should_stop` made it pointless. Never raises for a model.

    `wordless`: what was sent instead of words (bots.channels.base.BuyerMessage.data).
    `seconds`: all the time there is; with a model down or late the offline answerer replies.
    """
    if is_start and not turn.question.strip("/ ").removeprefix("start").strip():
        return _greeting(turn)
    if has_files and not turn.question.strip():
        return Answer("", turn.lang, Decision.HANDOVER, Reason.MEDIA, provider="policy")
    if wordless in TO_SEE and not turn.question.strip():
        said = texts.PLACE if wordless == "place" else texts.SHOWN_THERE
        text = texts.say(said, turn.lang)
        return Answer(text, turn.lang, Decision.HANDOVER, Reason.MEDIA, provider="policy")
    if wordless == "phone" and not turn.memory.get("awaiting"):
        text = texts.say(texts.PHONE_SHARED, turn.lang)
        return Answer(text, turn.lang, Decision.ANSWER, "small_talk", provider="policy")
    with one_question():
        try:
            if (ready := triggered(turn)) is not None:
                return ready
            offline = offline_reply(turn)
            if _is_settled(offline) or not turn.bot.get("providers"):
                return offline
        except Exception:  # whatever breaks here, a person answers the buyer
            log.exception("an answer could not be made")
            return Answer("", turn.lang, Decision.HANDOVER, Reason.FAILURE, provider="offline")
        on_wait()
        return model_reply(
            turn,
            offline,
            conversation_id=conversation_id,
            seconds=seconds,
            should_stop=should_stop,
            streamer=streamer,
            purpose=purpose,
        )


def _is_settled(answer: Answer) -> bool:
    """Decided without a model: a person was asked for, or the answer is a record's own fields."""
    if answer.decision == Decision.HANDOVER:
        return True
    kinds = {source.kind for source in answer.sources}
    return answer.decision == Decision.ANSWER and bool(kinds & {"order", "hours", "template"})


def _greeting(turn: Turn) -> Answer:
    text = turn.bot.get("greeting") or texts.say(texts.GREETING, turn.lang)
    return Answer(text, turn.lang, Decision.ANSWER, "greeting", provider="greeting")
