"""A buyer wants no more advertising, or wants it again: a button or a word, kept as their consent.

Nothing else becomes of it: no episode opens, the bot does not answer, the confirmation is said
once. “Стоп” counts as such only as an answer to advertising; a word that can mean nothing else
counts whenever advertising was sent to this chat.
"""

from __future__ import annotations

import re
from datetime import datetime

from bots.channels.base import BuyerMessage
from bots.models import Consent, Conversation, Message
from bots.selectors.advertising import has_consent, words_of
from bots.services import messages
from bots.services.broadcast_text import REFUSE_PAYLOAD
from bots.services.channels import adapter_of
from bots.services.consents import MARKETING, wordings
from tenants.kernel import due, outbox
from tenants.kernel.context import current_schema
from tenants.selectors.hosts import brand_of, merchant_of

CODE, AGREE_PAYLOAD = "advertising", "subscribe:"
STOP = frozenset({"стоп", "stop", "не присылать", "не присылайте", "больше не присылайте"})
UNSUBSCRIBE = frozenset(
    {
        "отписаться", "отписка", "отпишите", "отпишите меня", "отписать", "отпишись",
        "unsubscribe", "unsubscribe me", "opt out", "optout",
    }
)  # fmt: skip
SUBSCRIBE = frozenset({"подписаться", "подпишите", "подпишите меня", "subscribe", "subscribe me"})
AGREE = frozenset({"1", "согласен", "согласна", "agree", "i agree"})
WORDS = STOP | UNSUBSCRIBE | SUBSCRIBE | AGREE
# `Consent.text_version` of a refusal: its words are the buyer's own.
UNSUBSCRIBED = "unsubscribed"
SAY = {
    "ru": {
        "gone": "Вы отписались: новостей и предложений больше не будет. О ваших заказах сообщать "
        "продолжим.",
        "back": "Спасибо, вы снова будете получать новости и предложения.",
        "again": "Подписаться снова",
        "agree": "Согласен",
    },
    "en": {
        "gone": "You are unsubscribed: no more news and offers. We will still write about your "
        "orders.",
        "back": "Thank you, news and offers will come again.",
        "again": "Subscribe again",
        "agree": "I agree",
    },
}
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")


def take(conversation: Conversation, said: BuyerMessage) -> bool:
    """Whether a buyer's message is about advertising, and nothing else is to become of it.

    Inside the transaction that receives it; `conversation` is locked.
    """
    word = " ".join(_EDGES.sub("", said.text[:60]).lower().split())
    is_press = said.payload.startswith((REFUSE_PAYLOAD, AGREE_PAYLOAD))
    if not is_press and (said.files or word not in WORDS):
        return False
    if said.payload.startswith(REFUSE_PAYLOAD):
        _refuse(conversation, said)
    elif said.payload.startswith(AGREE_PAYLOAD):
        _agree(conversation, said, said.payload)
    elif word in AGREE:
        if not (offered := _offered(conversation)):
            return False
        _agree(conversation, said, offered)
    elif not _was_advertised(conversation, said, is_plain=word not in STOP):
        return False
    elif word in SUBSCRIBE:
        _ask(conversation, said)
    else:
        _refuse(conversation, said)
    return True


def _was_advertised(conversation: Conversation, said: BuyerMessage, *, is_plain: bool) -> bool:
    ours = Message.objects.filter(
        conversation=conversation, author=Message.Author.AUTOMATION, meta__has_key="ad"
    )
    if is_plain:
        return ours.exists()
    if said.reply_to:
        return ours.filter(external_id=said.reply_to).exists()
    last = _last_of_ours(conversation)
    return last is not None and ("ad" in last.meta or last.meta.get("code") == CODE)


def _last_of_ours(conversation: Conversation) -> Message | None:
    return (
        Message.objects.filter(conversation=conversation)
        .exclude(author=Message.Author.BUYER)
        .exclude(kind__in=[Message.Kind.NOTE, Message.Kind.SYSTEM])
        .exclude(state__in=[Message.State.DROPPED, Message.State.FAILED])
        .order_by("-seq")
        .first()
    )


def _offered(conversation: Conversation) -> str:
    """The press meant by “1” or “согласен”, where buttons are shown as a list."""
    last = _last_of_ours(conversation)
    if last is None or last.meta.get("code") != CODE:
        return ""
    payloads = (str(one.get("payload", "")) for one in last.meta.get("buttons", ()))
    return next((one for one in payloads if one.startswith(AGREE_PAYLOAD)), "")


def _lang(conversation: Conversation) -> str:
    return "en" if conversation.language.startswith("en") else "ru"


def _wording(conversation: Conversation) -> tuple[str, str]:
    merchant = merchant_of(current_schema())
    brand = brand_of(merchant.partner, merchant) if merchant.partner else {}
    who = brand.get("legal_name") or merchant.name
    return next(
        (one.version, one.text) for one in wordings(_lang(conversation), who)
        if one.kind == MARKETING
    )  # fmt: skip


def _refuse(conversation: Conversation, said: BuyerMessage) -> None:
    _keep(conversation, said)
    newest = words_of(conversation.contact).values_list("text_version", flat=True).first()
    if newest == UNSUBSCRIBED:
        return  # said before: the confirmation comes once
    Consent.objects.create(
        contact=conversation.contact,
        kind=MARKETING,
        is_given=False,
        text_version=UNSUBSCRIBED,
        text=said.text[:1000] or said.payload[:200],
    )
    _tell(conversation)
    words = SAY[_lang(conversation)]
    again = {"title": words["again"], "payload": f"{AGREE_PAYLOAD}ask"}
    _say(conversation, words["gone"], again)


def _ask(conversation: Conversation, said: BuyerMessage) -> None:
    """Agreeing needs the words one agrees to."""
    _keep(conversation, said)
    version, text = _wording(conversation)
    agree = {"title": SAY[_lang(conversation)]["agree"], "payload": f"{AGREE_PAYLOAD}{version}"}
    _say(conversation, text, agree)


def _agree(conversation: Conversation, said: BuyerMessage, pressed: str) -> None:
    version, text = _wording(conversation)
    if pressed.removeprefix(AGREE_PAYLOAD) != version:
        _ask(conversation, said)  # a press on “again”, or on words that have changed since
        return
    _keep(conversation, said)
    if has_consent(conversation.contact):
        return
    Consent.objects.create(
        contact=conversation.contact,
        kind=MARKETING,
        is_given=True,
        text_version=version,
        text=text,
    )
    _tell(conversation)
    _say(conversation, SAY[_lang(conversation)]["back"])


def _tell(conversation: Conversation) -> None:
    outbox.emit(
        "consent.given",
        key=f"contact:{conversation.contact_id}",
        data={"contact": conversation.contact_id},
    )


def _keep(conversation: Conversation, said: BuyerMessage) -> None:
    """What the buyer wrote stays in the thread; nobody has to answer it."""
    messages.write(
        conversation=conversation.pk,
        author=Message.Author.BUYER,
        text=said.text[:1000],
        state=Message.State.RECEIVED,
        external_id=said.external_id[:120],
        sent_at=said.sent_at,
        quiet=True,
        meta={"code": CODE, **({"callback": said.callback[:500]} if said.callback else {})},
    )
    if said.callback:
        due.schedule("ad_seen", conversation.pk)


def _say(conversation: Conversation, text: str, *buttons: dict[str, str]) -> None:
    messages.write(
        conversation=conversation.pk,
        author=Message.Author.AUTOMATION,
        text=text,
        language=_lang(conversation),
        quiet=True,
        meta={"code": CODE, **({"buttons": list(buttons)} if buttons else {})},
    )
    due.schedule("deliver", conversation.pk)


@due.worker("ad_seen")
def acknowledge(conversation_id: int) -> datetime | None:
    """Stop the pressed button's spinner; too late is nobody's loss."""
    pressed = (
        Message.objects.filter(
            conversation=conversation_id, author=Message.Author.BUYER, meta__code=CODE
        )
        .select_related("conversation__channel")
        .order_by("-seq")
        .first()
    )
    if pressed is not None and (callback := pressed.meta.get("callback")):
        adapter_of(pressed.conversation.channel).acknowledge(callback)
    return None
