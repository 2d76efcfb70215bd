"""What a new merchant's bot starts with: a bot that answers, a chat page, hours, replies."""

from __future__ import annotations

import secrets
from datetime import time

from bots.models import Bot, BotVersion, Channel, OpeningHours, Template, TemplateText
from tenants.kernel import registry
from tenants.kernel.context import PUBLIC, merchant_context
from tenants.models import Merchant, RouteKey
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
    _publish(bot, owner)
    _web_channel(merchant, bot, _CHAT[lang])
    OpeningHours.objects.bulk_create(
        OpeningHours(weekday=day, opens=time(10), closes=time(20)) for day in range(7)
    )
    for code, (russian, english, texts) in _TEMPLATES.items():
        category, name = russian if lang == "ru" else english
        template = Template.objects.create(code=code, category=category, name=name)
        TemplateText.objects.bulk_create(
            TemplateText(template=template, lang=spoken, text=text)
            for spoken, text in texts.items()
        )


def _publish(bot: Bot, owner: User) -> None:
    config = {
        field: getattr(bot, field)
        for field in (
            *("name", "greeting", "tone", "rules", "language", "providers", "foreign_models"),
            *("handover_topics", "skills", "deadline_s"),
        )
    }
    bot.published = BotVersion.objects.create(
        bot=bot, number=1, config=config, published_by=owner.email
    )
    bot.save(update_fields=["published"])


def _web_channel(merchant: Merchant, bot: Bot, name: str) -> None:
    channel = Channel.objects.create(
        kind="web",
        name=name,
        bot=bot,
        route_key=secrets.token_urlsafe(24),
        state=Channel.State.LIVE,
    )
    with merchant_context(PUBLIC):
        RouteKey.objects.create(
            key=channel.route_key,
            merchant=merchant,
            schema=merchant.schema_name,
            channel_id=channel.pk,
            kind="web",
        )
