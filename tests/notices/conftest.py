from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from bots.models import (
    AgentProfile,
    Contact,
    Conversation,
    Episode,
    Message,
    Notice,
    TeamMember,
)  # fmt: skip
from bots.services import assignment, push, queues
from tenants.kernel import due, outbox
from tenants.kernel.simulate import serve_simulator
from tenants.workspace.models import User
from tests.notices.pushing import Browser, PushService

_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def service() -> Iterator[PushService]:
    simulator = PushService()
    with serve_simulator(simulator) as url:
        simulator.url = url  # type: ignore[attr-defined]
        yield simulator


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What open pages are told: (group, message)."""
    told: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr("bots.services.notices.tell", lambda g, m: told.append((g, m)))
    # These tests are rolled back: nothing of theirs is ever committed.
    monkeypatch.setattr("bots.services.notices.after_commit", lambda function: function())
    return told


class Desk:
    """A merchant whose only people are those a test names."""

    def __init__(self, shop: Any, api_as: Any, service: PushService) -> None:
        self.shop, self.api_as, self.service = shop, api_as, service
        with shop.inside():
            TeamMember.objects.all().delete()
            self.team = queues.default_team()

    def person(self, name: str, role: str = "agent", *, member: bool = True, **more: Any) -> User:
        with self.shop.inside():
            user = User.objects.create(
                email=f"{name}@{self.shop.slug}.example", name=name, role=role,
                **{"language": "en", **more},
            )  # fmt: skip
            TeamMember.objects.filter(user=user).delete()
            if member:
                TeamMember.objects.create(team=self.team, user=user)
            AgentProfile.objects.create(user=user, seen_at=timezone.now())
        return user

    def api(self, user: User) -> Any:
        return self.api_as(self.shop, user)

    def browser(self, user: User, name: str) -> Browser:
        base = self.service.url  # type: ignore[attr-defined]
        browser = self.service.browser(f"{self.shop.slug}-{name}", base)
        with self.shop.inside():
            self.service.server_key = push.public_key()
        answer = self.api(user).post("/api/v1/desk/push/", browser.subscription(), format="json")
        assert answer.status_code == 201, answer.content
        return browser

    def talk(self, name: str = "Vera", text: str = "Where is my order?", **fields: Any):
        """A buyer who waits."""
        number = next(_numbers)
        now = timezone.now()
        with self.shop.inside(), transaction.atomic():
            contact = Contact.objects.create(
                channel=self.shop.channel, external_id=f"n{number}", name=name
            )
            talk = Conversation.objects.create(
                channel=self.shop.channel, contact=contact, lane=number, preview=text,
                preview_author="buyer", last_seq=1, last_inbound_seq=1,
                **{"speaker": "queue", "waiting_since": now, **fields},
            )  # fmt: skip
            talk.episode = Episode.objects.create(conversation=talk)
            talk.save()
            Message.objects.create(
                conversation=talk, episode=talk.episode, seq=1, author="buyer", text=text,
                state="received",
            )  # fmt: skip
            if talk.speaker == "queue":
                assignment.enqueue(talk, talk.team)
            else:
                due.schedule("told", talk.pk)
        return talk

    def emit(self, name: str, **data: Any) -> None:
        with self.shop.inside():
            outbox.emit(name, key="test", data=data)
        self.work()

    def work(self) -> None:
        outbox.relay()
        for _ in range(10):
            kinds = ("told", "notice", "window")
            waiting = [w for w in due.overdue(grace_s=-0.01) if w[1] in kinds]
            if not waiting:
                return
            for one in waiting:
                due.take(*one)

    def due_at(self, user: User) -> datetime | None:
        from tenants.models import Due

        return (
            Due.objects.filter(schema=self.shop.schema, kind="notice", object_id=user.pk)
            .values_list("due_at", flat=True)
            .first()
        )

    def told(self) -> list[tuple[str, str]]:
        with self.shop.inside():
            rows = Notice.objects.order_by("pk").values_list("user__name", "event")
            return list(rows)

    def age(self, minutes: float) -> None:
        with self.shop.inside():
            Notice.objects.update(at=timezone.now() - timedelta(minutes=minutes))

    def again(self, user: User) -> None:
        """The time to come again is here."""
        with self.shop.inside():
            due.reschedule("notice", user.pk, due_at=datetime.now(UTC))
        self.work()

    def set(self, user: User, **choices: Any) -> Any:
        return self.api(user).put("/api/v1/desk/notices/", choices, format="json")


@pytest.fixture
def desk_of(api_as, service, pages) -> Callable[[Any], Desk]:
    return lambda shop: Desk(shop, api_as, service)
