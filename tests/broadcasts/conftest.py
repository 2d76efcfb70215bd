"""Two merchants, each with buyers who have written once and were answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.engine.conftest import Talk, answers, talk_of

__all__ = ["Shop", "Talk", "answers", "talk_of"]

AD = {"advertiser": "ООО «Ромашка»", "inn": "7707083893", "erid": "2VtzqvXq1Rw"}


@pytest.fixture(autouse=True)
def _by_day(monkeypatch) -> None:
    """Nobody here writes in pieces, and the night is asked for where a test is about it."""
    monkeypatch.setattr("bots.engine.turn.quiet_s", lambda text: 0.0)
    monkeypatch.setattr("bots.services.broadcast_run.quiet_until", lambda *_: None)


@dataclass
class Shop:
    """One merchant's side of broadcasts."""

    shop: Any
    talk: Talk

    def buyer(self, chat: str, *, consent: bool | None = None, order: str = "") -> Any:
        """Somebody who wrote, was answered and is done; with an order of a phone of theirs."""
        from bots.models import Consent, Contact, Conversation, Identity
        from integrations.models import Order

        self.talk.says("Здравствуйте", chat=chat)
        with self.shop.inside():
            Conversation.objects.filter(contact__external_id=chat).update(
                status="resolved", speaker="nobody", waiting_since=None, deadline_at=None
            )
            contact = Contact.objects.get(external_id=chat, channel=self.talk.channel)
            if consent is not None:
                Consent.objects.create(
                    contact=contact, kind="marketing", is_given=consent, text_version="t", text="t"
                )
            if order:
                phone = f"+7900{order:0>7}"
                Identity.objects.create(contact=contact, kind="phone", value=phone, proof="shared")
                Order.objects.create(
                    number=order, status="ready", phone=phone, sum=100, placed_at=timezone.now()
                )
        return contact

    def broadcast(self, **given: Any) -> Any:
        from bots.services.broadcasts import broadcast_save

        with self.shop.inside():
            return broadcast_save(
                {
                    "kind": "advertising",
                    "name": "Осень",
                    "channels": [self.talk.channel.pk],
                    "audience": {"who": "all"},
                    "texts": {"ru": "Скидка 20 % до воскресенья"},
                    "ad": AD,
                    **given,
                },
                by=self.shop.owner,
            )

    def start(self, row: Any, confirm: str = "") -> None:
        from bots.services.broadcasts import broadcast_start

        with self.shop.inside():
            broadcast_start(row.pk, by=self.shop.owner, confirm=confirm)
        self.go(row)

    def go(self, row: Any, rounds: int = 4) -> None:
        """Do what is due, the broadcast's own waits included."""
        from tenants.models import Due

        for _ in range(rounds):
            self.talk.work()
            Due.objects.filter(schema=self.shop.schema, kind="broadcast", object_id=row.pk).update(
                due_at=timezone.now() - timedelta(seconds=1)
            )
        self.talk.work()

    def results(self, row: Any) -> dict[str, tuple[str, str]]:
        from bots.models import BroadcastItem
        from bots.selectors.broadcasts import result_of

        with self.shop.inside():
            rows = BroadcastItem.objects.filter(broadcast=row).select_related("message", "contact")
            return {one.contact.external_id: (result_of(one), one.reason) for one in rows}

    def state(self, row: Any) -> str:
        with self.shop.inside():
            row.refresh_from_db()
        return row.state


@pytest.fixture
def shop_of(talk_of) -> Callable[[Any], Shop]:
    return lambda merchant: Shop(merchant, talk_of(merchant))


@pytest.fixture
def mine(alpha, shop_of) -> Shop:
    return shop_of(alpha)


@pytest.fixture
def other(beta, mine, shop_of) -> Shop:
    return shop_of(beta)
