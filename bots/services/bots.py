"""Editing and publishing a bot. Buyers are answered by a published version only."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Max

from bots.models import Bot, BotVersion
from tenants.kernel import outbox

FIELDS = (
    "name",
    "greeting",
    "tone",
    "rules",
    "language",
    "providers",
    "foreign_models",
    "handover_topics",
    "skills",
    "deadline_s",
)


def config_of(bot: Bot, *, draft: bool = False) -> dict[str, Any]:
    """Settings an answer is made with: the published version's, else what is being edited."""
    if bot.published is not None and not draft:
        return dict(bot.published.config)
    return {name: getattr(bot, name) for name in FIELDS}


def bot_publish(*, bot: Bot, by: str = "") -> BotVersion:
    """Freeze what is being edited and let it answer from now on."""
    with transaction.atomic():
        locked = Bot.objects.select_for_update().get(pk=bot.pk)
        last = locked.versions.aggregate(Max("number"))["number__max"] or 0
        version = BotVersion.objects.create(
            bot=locked,
            number=last + 1,
            config={name: getattr(locked, name) for name in FIELDS},
            published_by=by,
        )
        locked.published = version
        locked.save(update_fields=["published"])
        outbox.emit(
            "bot.published", key=f"bot:{bot.pk}", data={"bot": bot.pk, "version": version.pk}
        )
    bot.published = version
    return version


def bot_roll_back(*, bot: Bot, version: BotVersion, by: str = "") -> BotVersion:
    """Publish an earlier version's settings again, as a new version."""
    with transaction.atomic():
        for name in FIELDS:
            setattr(bot, name, version.config[name])
        bot.save(update_fields=list(FIELDS))
        return bot_publish(bot=bot, by=by)
