"""The example of docs/custom-channel.md, run as its reader would: a program beside our hook."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bots.channels.custom.simulator import SECRET
from bots.ingest import Ingest
from bots.models import Channel, Contact, Message
from bots.services.channels import channel_connect, channel_create
from config.bench.stage import free_port, wait_for
from tenants.kernel.files import file_save
from tenants.kernel.simulate import serve_simulator
from tests.engine.conftest import Talk, answers

__all__ = ["answers"]

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = Path(__file__).parents[2] / "docs" / "custom-channel.md"


def example() -> str:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def hook() -> Iterator[str]:
    """The ingest role on a port; its connections are closed with it."""
    ingest = Ingest()
    closed = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/close":
            await ingest.close()
            closed.set()
        await ingest(scope, receive, send)

    with serve_simulator(app) as url:
        yield url
        import httpx

        httpx.get(f"{url}/close", trust_env=False)
        assert closed.wait(5)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Any]:
    started: list[subprocess.Popen[str]] = []

    def start(hook: str, port: int) -> subprocess.Popen[str]:
        program = tmp_path / "gateway.py"
        program.write_text(example())
        found = subprocess.Popen(
            [sys.executable, str(program)],
            env={**os.environ, "HOOK": hook, "SECRET": SECRET, "PORT": str(port)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(found)
        wait_for(port)
        return found

    yield start
    for one in started:
        one.kill()
        one.wait()


def test_it_has_40_lines():
    assert len(example().splitlines()) <= 40


def test_a_buyers_words_come_in_and_the_answer_goes_out(alpha, beta, hook, run, answers):
    port = free_port()
    with alpha.inside():
        channel = channel_create(
            kind="custom",
            name="Киоск",
            bot=alpha.bot,
            settings={"url": f"http://127.0.0.1:{port}/", "buttons": 0},
            secrets={"secret": SECRET},
        )
    program = run(f"{hook}/hooks/{channel.route_key}/", port)
    with alpha.inside():
        assert channel_connect(channel).ok
        assert Channel.objects.get(pk=channel.pk).state == Channel.State.LIVE
    assert program.stdin and program.stdout

    program.stdin.write("Есть 46 размер?\n")
    program.stdin.flush()
    talk = Talk(alpha, channel)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not _answered(alpha):
        talk.work()
        time.sleep(0.05)

    assert program.stdout.readline() == "console <- re: Есть 46 размер?\n"
    assert talk.thread("console") == [
        ("buyer", "received", "Есть 46 размер?"),
        ("bot", "sent", "re: Есть 46 размер?"),
    ]
    with beta.inside():
        assert not Contact.objects.exists() and not Message.objects.exists()


def _answered(shop: Any) -> bool:
    with shop.inside():
        return Message.objects.filter(author="bot", state="sent").exists()


def test_a_file_goes_out_as_a_link_of_the_merchants_host(alpha, beta, client_of):
    from bots.services.uploads import link_out

    with alpha.inside():
        stored = file_save(b"%PDF-1.7", name="Счёт.pdf", purpose="message")
        address = link_out(stored.pk)
    path = "/" + address.split("/", 3)[3]

    found = client_of(alpha).get(path)
    assert (found.status_code, b"".join(found.streaming_content)) == (200, b"%PDF-1.7")
    assert "attachment" in found.headers["content-disposition"]
    assert client_of(beta).get(path).status_code == 404
    assert client_of(alpha).get(path[:-3] + "x/").status_code == 404
