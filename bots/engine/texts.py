"""What the bot says by itself, in both languages. Nothing here holds a figure or a promise."""

from __future__ import annotations

from bots.engine.base import Reason

HANDOVER = {
    "ru": {
        Reason.ASKED: "Зову коллегу.",
        Reason.POLICY: "С этим вопросом лучше поможет коллега, передаю ему диалог.",
        Reason.COMPLAINT: "Мне жаль, что так вышло. Передаю диалог коллеге, чтобы разобраться.",
        Reason.NO_KNOWLEDGE: "Точного ответа у меня нет, поэтому зову коллегу.",
        Reason.FAILURE: "Сейчас не могу ответить сам, передаю вопрос коллеге.",
        Reason.DEADLINE: "Чтобы вы не ждали, передаю вопрос коллеге.",
        Reason.BUDGET: "Передаю вопрос коллеге.",
        Reason.CHECK: "Хочу, чтобы ответ был точным, поэтому передаю вопрос коллеге.",
        Reason.IDENTITY: "Чтобы рассказать подробнее, коллега сначала убедится, что заказ ваш.",
        Reason.ABUSE: "Передаю диалог коллеге.",
        Reason.MEDIA: "Файл посмотрит коллега.",
        Reason.BOT_OFF: "Спасибо за сообщение, отвечает коллега.",
        Reason.MISSED_CALL: "Коллега вам перезвонит или ответит здесь.",
        Reason.FLOOD: "Спасибо за сообщения, их посмотрит коллега.",
    },
    "en": {
        Reason.ASKED: "I am calling a colleague.",
        Reason.POLICY: "A colleague is better placed to help with this, I am passing it on.",
        Reason.COMPLAINT: "I am sorry about that. A colleague will look into it.",
        Reason.NO_KNOWLEDGE: "I do not have an exact answer, so I am calling a colleague.",
        Reason.FAILURE: "I cannot answer right now, so I am passing this to a colleague.",
        Reason.DEADLINE: "So that you do not wait, I am passing this to a colleague.",
        Reason.BUDGET: "I am passing this to a colleague.",
        Reason.CHECK: "I want the answer to be exact, so I am passing this to a colleague.",
        Reason.IDENTITY: "A colleague will first make sure that the order is yours.",
        Reason.ABUSE: "I am passing this to a colleague.",
        Reason.MEDIA: "A colleague will look at the file.",
        Reason.BOT_OFF: "Thank you, a colleague will answer.",
        Reason.MISSED_CALL: "A colleague will call you back or answer here.",
        Reason.FLOOD: "Thank you, a colleague will look at your messages.",
    },
}

WHEN_OPEN = {
    "ru": "Ответим в этом чате в ближайшее время.",
    "en": "We will answer in this chat shortly.",
}
WHEN_CLOSED = {
    "ru": "Сейчас нерабочее время. Ответим здесь {when}.",
    "en": "We are closed now. We will answer here {when}.",
}
WHEN_UNKNOWN = {
    "ru": "Ответим здесь, как только сможем.",
    "en": "We will answer here as soon as we can.",
}
STILL_WAITING = {
    "ru": "Мы помним о вашем вопросе: коллега ответит здесь.",
    "en": "We have not forgotten you: a colleague will answer here.",
}
BACK = {
    "ru": "С вами снова ассистент. Если вопрос остался, напишите его, и я отвечу.",
    "en": "The assistant is back. If your question is still open, write it and I will answer.",
}
WEEKDAYS = {
    "ru": (
        "в понедельник",
        "во вторник",
        "в среду",
        "в четверг",
        "в пятницу",
        "в субботу",
        "в воскресенье",
    ),
    "en": (
        "on Monday",
        "on Tuesday",
        "on Wednesday",
        "on Thursday",
        "on Friday",
        "on Saturday",
        "on Sunday",
    ),
}
SHARE_PHONE = {"ru": "📱 Отправить мой номер", "en": "📱 Send my number"}
TODAY = {"ru": "сегодня с {time}", "en": "today from {time}"}
TOMORROW = {"ru": "завтра с {time}", "en": "tomorrow from {time}"}
ON_DAY = {"ru": "{day} с {time}", "en": "{day} from {time}"}
PLACE = {
    "ru": "Спасибо, вижу место на карте. Передаю его коллеге.",
    "en": "Thank you, I see the place on the map. I am passing it to a colleague.",
}
SHOWN_THERE = {
    "ru": "Это посмотрит коллега и ответит здесь.",
    "en": "A colleague will look at this and answer here.",
}
PHONE_SHARED = {
    "ru": "Спасибо, номер подтверждён. Чем помочь: товар, доставка, ваш заказ?",
    "en": "Thank you, your number is confirmed. How can I help: a product, delivery, your order?",
}
FILE = {"ru": "Файл", "en": "File"}
GREETING = {
    "ru": "Здравствуйте. Я бот магазина, отвечаю на вопросы о товарах, доставке и заказах.",
    "en": "Hello. I am the shop's bot: ask me about goods, delivery and orders.",
}
CALL_PERSON = {"ru": "Позвать человека", "en": "Call a person"}
REFUSAL = {
    "ru": "Не нашёл ответа в материалах магазина. Позвать человека?",
    "en": "I could not find this in the shop's materials. Shall I call a person?",
}
SUMMARY = {
    "ru": {
        "asked": "Спрашивает: {0}",
        "before": "До этого: {0}",
        "tried": "Бот ответил: {0}",
        "known": "Известно: {0}",
        "why": "Почему передано: {0}",
        "nothing": "ничего",
    },
    "en": {
        "asked": "Asks: {0}",
        "before": "Before that: {0}",
        "tried": "The bot answered: {0}",
        "known": "Known: {0}",
        "why": "Handed over because: {0}",
        "nothing": "nothing",
    },
}
REASONS = {
    "ru": {
        Reason.ASKED: "попросил человека",
        Reason.POLICY: "тема для человека",
        Reason.COMPLAINT: "жалоба",
        Reason.NO_KNOWLEDGE: "нет ответа в базе",
        Reason.FAILURE: "сбой",
        Reason.DEADLINE: "не успели ответить вовремя",
        Reason.BUDGET: "кончился бюджет модели",
        Reason.CHECK: "ответ не прошёл проверку фактов",
        Reason.IDENTITY: "нужно подтвердить личность",
        Reason.ABUSE: "грубость",
        Reason.MEDIA: "файл, голосовое или место на карте",
        Reason.BOT_OFF: "бот выключен",
        Reason.MISSED_CALL: "пропущенный звонок",
        Reason.FLOOD: "слишком много сообщений за час",
    },
    "en": {
        Reason.ASKED: "asked for a person",
        Reason.POLICY: "a topic for a person",
        Reason.COMPLAINT: "a complaint",
        Reason.NO_KNOWLEDGE: "no answer in the knowledge base",
        Reason.FAILURE: "a failure",
        Reason.DEADLINE: "no answer in time",
        Reason.BUDGET: "the model's budget is spent",
        Reason.CHECK: "the reply did not pass the fact check",
        Reason.IDENTITY: "identity has to be proven",
        Reason.ABUSE: "rudeness",
        Reason.MEDIA: "a file, a voice note or a place",
        Reason.BOT_OFF: "the bot is off",
        Reason.MISSED_CALL: "a missed call",
        Reason.FLOOD: "too many messages in an hour",
    },
}


def say(table: dict, lang: str, key=None):
    """The text in the buyer's language, Russian where we have none."""
    found = table.get(lang) or table["ru"]
    return found if key is None else found[key]
