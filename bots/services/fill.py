"""What a new merchant's bot starts with: a bot that answers, a chat page, hours, replies."""

from __future__ import annotations

import secrets
from datetime import time

from bots.models import Bot, Channel, OpeningHours, Template, TemplateText
from bots.services.bots import bot_publish
from bots.services.channels import route_sync
from bots.services.queues import default_team
from tenants.kernel import registry
from tenants.models import Merchant
from tenants.workspace.models import User

_NAME = {"ru": "Помощник", "en": "Assistant"}
_GREETING = {
    "ru": "Здравствуйте! Я бот магазина «{shop}». Спросите о товаре, заказе или доставке.",
    "en": "Hello! I am the bot of {shop}. Ask me about goods, orders or delivery.",
}
_CHAT = {"ru": "Чат на сайте", "en": "Chat on the site"}

# code → category, name and text in each language. Agents find them by the code.
_TEMPLATES = {
    "hello": (
        ("Приветствие", "Здравствуйте"),
        ("Greeting", "Hello"),
        {
            "ru": "Здравствуйте! Меня зовут {{ agent.name }}, чем помочь?",
            "en": "Hello! My name is {{ agent.name }}. How can I help?",
        },
    ),
    "wait": (
        ("В работе", "Нужно время"),
        ("In progress", "A moment"),
        {
            "ru": "Спасибо, уточняю и скоро напишу.",
            "en": "Thank you, let me check and write back soon.",
        },
    ),
    "thanks": (
        ("Прощание", "Спасибо за обращение"),
        ("Goodbye", "Thanks for writing"),
        {
            "ru": "Спасибо, что написали! Если появятся вопросы, мы рядом.",
            "en": "Thank you for writing! We are here if you have more questions.",
        },
    ),
}


@registry.fill.register("bots")
def fill(merchant: Merchant, owner: User) -> None:
    """Runs inside the new schema, within the transaction that creates the merchant."""
    lang = merchant.language if merchant.language in _NAME else "en"
    bot = Bot.objects.create(
        name=_NAME[lang],
        greeting=_GREETING[lang].format(shop=merchant.name),
        language=merchant.language,
    )
    bot_publish(bot=bot, by=owner.email)
    _web_channel(bot, _CHAT[lang])
    default_team()
    OpeningHours.objects.bulk_create(
        OpeningHours(weekday=day, opens=time(10), closes=time(20), is_guess=True)
        for day in range(7)
    )
    for code, (russian, english, texts) in _TEMPLATES.items():
        category, name = russian if lang == "ru" else english
        template = Template.objects.create(code=code, category=category, name=name)
        TemplateText.objects.bulk_create(
            TemplateText(template=template, lang=spoken, text=text)
            for spoken, text in texts.items()
        )


def _web_channel(bot: Bot, name: str) -> None:
    """Live at once: nothing outside has to be asked for a page of our own."""
    channel = Channel.objects.create(
        kind="web",
        name=name,
        bot=bot,
        route_key=secrets.token_urlsafe(24),
        secrets={"hook": secrets.token_urlsafe(32)},
        state=Channel.State.LIVE,
    )
    route_sync(channel)
