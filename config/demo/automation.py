"""A demo shop's calendar with lunch, answer time, rules and macros."""

from __future__ import annotations

from datetime import time
from typing import Any

from bots.models import Calendar, Macro, Team, Template
from bots.services.calendars import calendar_save, holidays_fill
from bots.services.policies import policy_save
from bots.services.rules import rule_save


def automation_put(told: dict[str, Any]) -> None:
    """Once; what a visitor has changed since stays."""
    if Calendar.objects.exists():
        return
    label = told["labels"][1]["name"]
    returns = Team.objects.filter(name=told["teams"][1]["name"]).first()
    lunch = [(time(10), time(14)), (time(15), time(19))]
    calendar = calendar_save(
        None,
        name="Офис",
        week=dict.fromkeys(range(5), lunch),
        days=[],
        teams=[returns] if returns else [],
    )
    holidays_fill(calendar, 2026)
    policy_save(
        None,
        name="Обычный срок",
        first_reply_s=900,
        next_reply_s=1_800,
        resolve_s=8 * 3_600,
        escalate={"warned": [{"act": "priority", "priority": 1}], "breached": []},
    )
    rule_save(
        None,
        name="Возврат получает метку",
        is_on=True,
        event="buyer_wrote",
        when=[{"field": "text", "op": "has", "value": ["возврат", "вернуть", "return"]}],
        then=[{"act": "label", "labels": [label]}],
    )
    rule_save(
        None,
        name="Закрыть, если покупатель молчит сутки",
        is_on=False,
        event="buyer_silent",
        silence_s=86_400,
        when=[{"field": "speaker", "op": "is", "value": ["agent"]}],
        then=[{"act": "resolve"}],
    )
    _macros(label)


def _macros(label: str) -> None:
    thanks = Template.objects.filter(code="thanks").values_list("pk", flat=True).first()
    told: list[tuple[str, list[dict[str, Any]]]] = [
        ("Возврат: метка и фото", [
            {"act": "label", "labels": [label]},
            {"act": "note", "text": "Попросить фото вещи и номер заказа."},
        ]),
        ("Срочно в очередь", [
            {"act": "priority", "priority": 2},
            {"act": "to_queue"},
        ]),
        ("Поблагодарить и закрыть", [
            *([{"act": "send_template", "template": thanks}] if thanks else []),
            {"act": "resolve"},
        ]),
    ]  # fmt: skip
    for position, (name, then) in enumerate(told):
        Macro.objects.create(name=name, then=then, position=position)
