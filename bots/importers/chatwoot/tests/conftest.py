"""A pretend account with a bit of everything, and a merchant's way into it by its pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from bots.importers.chatwoot import client
from bots.importers.chatwoot.simulator import TOKEN, ChatwootSimulator
from tenants.kernel import due
from tenants.kernel.simulate import serve_simulator
from tenants.workspace.models import Job

PICTURE = b"\x89PNG\r\n\x1a\n" + b"0" * 3000


@dataclass
class There:
    sim: ChatwootSimulator
    url: str


@pytest.fixture
def there(monkeypatch) -> Iterator[There]:
    """2 colleagues, a team, 2 labels, 2 canned responses, 20 contacts and 2 unknown visitors, 30
    conversations with 93 messages and 2 files."""
    monkeypatch.setattr(client, "PAUSES_S", (0.01, 0.01, 0.01))
    sim = ChatwootSimulator()
    anna = sim.agent("anna@there.example", "Анна")
    boss = sim.agent("boss@there.example", "Борис", role="administrator")
    team = sim.team("Возвраты", anna)
    sim.label("vip", "#e53935")
    sim.label("доставка")
    sim.canned_response("hello", "Здравствуйте, {{contact.name}}. Чем помочь?")
    sim.canned_response("bye", "Thank you, {{ contact.first_name | default: 'friend' }}")
    site, telegram = sim.inbox("Сайт"), sim.inbox("Телеграм", "Channel::Telegram")
    people = [
        sim.contact(f"Покупатель {n}", phone=f"+7916000{n:04}", inboxes=(site,)) for n in range(20)
    ]
    people += [sim.contact("", inboxes=()) for _ in range(2)]
    for n in range(30):
        talk = sim.conversation(
            people[n % 22], telegram if n % 7 == 3 else site, agent=anna if n % 2 else boss,
            status="open" if n == 4 else "resolved", team=team if n == 2 else 0,
            labels=("vip",) if n == 0 else (),
        )  # fmt: skip
        sim.message(talk, f"Вопрос {n}")
        sim.message(talk, f"Ответ {n}", 1, agent=anna)
        if n == 0:
            for more in range(29):
                sim.message(talk, f"Ещё {more}")
            sim.message(talk, "Это наш лучший", 1, agent=boss, private=True)
            sim.message(talk, "Диалог закрыт", 2)
    sim.message(1, None, files=(sim.file("foto.png", PICTURE),))
    sim.message(2, "Смотрите", files=(sim.file("check.pdf", b"%PDF-1.4 check", kind="file"),))
    with serve_simulator(sim) as url:
        yield There(sim, url)


def begin(browser: Any, url: str, **more: Any) -> Any:
    """The form of address and token."""
    form = {
        "address": url, "token": TOKEN, "account": "",
        "parts": ["agents", "teams", "labels", "templates", "contacts", "conversations", "files"],
        **more,
    }  # fmt: skip
    return browser.post("/admin/moving/new/chatwoot/", form)


def run(shop: Any, answer: Any) -> Job:
    """What a page has started, done as the worker would."""
    assert answer.status_code == 302, answer.context and answer.context["form"].errors
    pk = int(answer["Location"].rstrip("/").rpartition("/")[2])
    with shop.inside():
        assert due.take(shop.schema, "job", pk)
        return Job.objects.get(pk=pk)


def move(shop: Any, browser: Any, url: str) -> Job:
    """Dry run, then for real."""
    tried = run(shop, begin(browser, url))
    return run(shop, browser.post(f"/admin/moving/jobs/{tried.pk}/do/"))


def figures(job: Job) -> dict[str, tuple[int, int, int]]:
    """Kind → (there, here, added)."""
    assert job.state == Job.State.DONE, (job.message, job.errors)
    return {row["kind"]: (row["theirs"], row["ours"], row["added"]) for row in job.result["rows"]}
