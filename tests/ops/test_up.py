"""bin/up for real: from an empty folder to pages that answer, and back to nothing."""

from __future__ import annotations

import json
import operator
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest
from websockets.sync.client import connect

from config.embedded import process
from tests.live.conftest import Browser
from tests.ops.test_services import ROOT, gone

pytestmark = pytest.mark.slow

FIELDS = {"slug", "host", "admin", "email", "password", "token", "bot_id"}


@pytest.fixture(scope="module")
def home():
    folder = Path(tempfile.mkdtemp(prefix="prilavok-up-"))
    folder.chmod(0o711)
    # The conversations of the demo have tests of their own; they take a minute to hold.
    yield {"DATA_DIR": str(folder / "data"), "PORT": str(process.free_port()), "DEMO": "short"}
    shutil.rmtree(folder)


def environment(home: dict[str, str]) -> dict[str, str]:
    ours = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DB_LOGIN_PREFIX", "DJANGO_SETTINGS_MODULE")
    return {**{key: value for key, value in os.environ.items() if key not in ours}, **home}


def processes_of(home: dict[str, str]) -> list[int]:
    found = []
    for one in psutil.process_iter():
        try:
            if one.environ().get("DATA_DIR") == home["DATA_DIR"]:
                found.append(one.pid)
        except psutil.Error:
            continue
    return found


@pytest.fixture(scope="module")
def checked(home) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bin/up", "--check"],
        cwd=ROOT,
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
    )


def test_check_prints_one_line_of_json_and_leaves_no_process(home, checked):
    assert checked.returncode == 0, checked.stderr
    (line,) = checked.stdout.splitlines()
    told = json.loads(line)
    assert set(told) == {"ready", "seconds", "platform", "merchants"}
    assert (told["ready"], told["platform"]) == (True, f"http://localhost:{home['PORT']}/")
    assert {merchant["slug"] for merchant in told["merchants"]} == {"demo", "second"}
    assert all(set(merchant) >= FIELDS for merchant in told["merchants"])
    assert processes_of(home) == []


def test_every_step_is_told_with_its_time(checked):
    steps = [line for line in checked.stderr.splitlines() if line.startswith("✓")]

    for title in ("PostgreSQL", "Redis", "Migrations", "Demo data", "Roles"):
        assert any(line.startswith(f"✓ {title}") and line.endswith(" s") for line in steps), steps


@pytest.fixture(scope="module")
def running(home, checked):
    """The second start, on the data of the first."""
    begun = time.monotonic()
    with tempfile.TemporaryFile() as output:
        started = subprocess.Popen(
            ["bin/up"], cwd=ROOT, env=environment(home), stderr=output, stdout=output
        )

        def said() -> str:
            output.seek(0)
            return output.read().decode()

        while "Ready after" not in said():
            assert started.poll() is None, said()
            assert time.monotonic() < begun + 120, said()
            time.sleep(0.1)
        yield started, said
        if started.poll() is None:
            started.send_signal(signal.SIGINT)
            started.wait(60)


def ask(home: dict[str, str], host: str, path: str, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{home['PORT']}{path}",
        headers={"Host": f"{host}:{home['PORT']}", **headers},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.status, answer.read().decode()


def test_the_second_start_keeps_the_data_and_tells_the_log_ins(home, checked, running):
    _, said = running
    merchants = json.loads(checked.stdout)["merchants"]

    for merchant in merchants:
        assert f"{merchant['admin']}   {merchant['email']}   {merchant['password']}" in said()
        status, body = ask(
            home, merchant["host"], "/api/v1/bots/", Authorization=f"Bearer {merchant['token']}"
        )
        assert status == 200
        assert f'"id":{merchant["bot_id"]}' in body.replace(" ", "")


def test_readiness_names_every_part(home, running):
    status, body = ask(home, "localhost", "/readyz")

    assert status == 200
    assert {"database", "redis", "worker", "scheduler"} <= set(json.loads(body)["checks"])


def test_what_happens_in_one_process_is_seen_in_a_console_that_another_serves(
    home, checked, running
):
    merchant = json.loads(checked.stdout)["merchants"][0]
    base = f"http://127.0.0.1:{home['PORT']}"
    host = f"{merchant['host']}:{home['PORT']}"
    person = httpx.Client(base_url=base, headers={"Host": host}, trust_env=False)
    person.get("/admin/login/")
    person.post(
        "/admin/login/",
        data={
            "username": merchant["email"],
            "password": merchant["password"],
            "csrfmiddlewaretoken": person.cookies["csrf"],
        },
    )
    cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    api = {"Authorization": f"Bearer {merchant['token']}", "Host": host}
    with connect(
        f"ws://{host}/live/console/",
        sock=socket.create_connection(("127.0.0.1", int(home["PORT"]))),
        additional_headers={"Cookie": cookies},
        proxy=None,
    ) as console:
        hello = json.loads(console.recv(timeout=10))
        httpx.post(
            f"{base}/api/v1/knowledge/articles/",
            json={"title": "Подарки", "text": "Заворачиваем бесплатно.", "lang": "ru"},
            headers=api,
            trust_env=False,
        ).raise_for_status()
        while "events" not in (told := json.loads(console.recv(timeout=20))):
            pass  # the counts of its lists, which it is told as well

    assert hello["type"] == "hello"
    first = told["events"][0]
    assert (first["seq"], first["name"]) == (hello["seq"] + 1, "article.changed")


def test_another_terminal_makes_a_merchant_on_the_running_services(home, running):
    made = subprocess.run(
        [
            *(sys.executable, "manage.py", "create_merchant", "--slug", "third"),
            *("--name", "Third", "--email", "owner@third.example"),
            *("--password", "Correct-horse-42"),
        ],
        cwd=ROOT,
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
    )

    assert made.returncode == 0, made.stderr
    told = json.loads(made.stdout.splitlines()[-1])
    assert set(told) >= {"host", "token", "bot_id"}
    status, _ = ask(home, told["host"], "/api/v1/bots/", Authorization=f"Bearer {told['token']}")
    assert status == 200


def test_a_fallen_server_and_a_fallen_role_come_back(home, running):
    started, said = running
    children = [
        (child.create_time(), " ".join(child.cmdline()), child)
        for child in psutil.Process(started.pid).children()
    ]
    for part in ("redis-server", "celery"):
        _at, _line, first = min(
            (child for child in children if part in child[1]), key=operator.itemgetter(0)
        )
        first.kill()

    def are_back() -> bool:
        try:
            status, _ = ask(home, "localhost", "/readyz")
        except OSError:
            return False
        return status == 200 and all(
            f"! {name} runs again" in said() for name in ("worker", "redis")
        )

    until(are_back, said())


def until(what: Callable[[], bool], why: str = "it did not happen", seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, why
        time.sleep(0.1)


class Insisting(threading.Thread):
    """A buyer who says each thing until it is accepted, as the widget does."""

    def __init__(self, buyer: Browser, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.buyer, self.accepted = buyer, 0
        self.keys = [f"{name}-{n:06}" for n in range(6)]

    def run(self) -> None:
        for key in self.keys:
            while not self._accepted(key):
                time.sleep(0.2)
            self.accepted += 1
            time.sleep(0.3)

    def _accepted(self, key: str) -> bool:
        try:
            told = self.buyer.says(key, f"Сколько стоит доставка? {key}")
        except (AssertionError, httpx.HTTPError):
            return False
        return any(event["t"] == "ack" and event["key"] == key for event in told)

    def heard(self) -> list[tuple[str, str]]:
        """(author, key) of all that is in the chat."""
        self.buyer.after = 0
        try:
            events = self.buyer.exchange(hello=True)
        except (AssertionError, httpx.HTTPError):
            return []
        told = [event["messages"] for event in events if event["t"] == "messages"]
        return [(m["author"], m.get("key", "")) for page in told for m in page]

    def is_answered(self) -> bool:
        """Each of their messages is there once, in order, and somebody wrote after the last."""
        heard = self.heard()
        said = [key for author, key in heard if author == "buyer"]
        return said == self.keys and heard[-1][0] != "buyer"


def test_the_database_falls_under_load_and_nothing_is_lost_or_doubled(home, checked, running):
    """The whole server is killed while buyers write: what was accepted is there once, answered."""
    _, said = running
    merchant = json.loads(checked.stdout)["merchants"][0]
    _status, channels = ask(
        home, merchant["host"], "/api/v1/channels/", Authorization=f"Bearer {merchant['token']}"
    )
    (key,) = (c["route_key"] for c in json.loads(channels)["results"] if c["kind"] == "web")
    buyers = [
        Insisting(Browser(int(home["PORT"]), merchant["host"], key), f"fall{n}") for n in range(4)
    ]
    for buyer in buyers:
        buyer.start()
    until(lambda: sum(buyer.accepted for buyer in buyers) > 3)
    pid = int((Path(home["DATA_DIR"]) / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    assert all(buyer.is_alive() for buyer in buyers)
    for buyer in buyers:
        buyer.join(90)
        assert not buyer.is_alive(), said()

    assert "! postgres runs again" in said()  # while they wrote: none had ended before
    for buyer in buyers:
        until(buyer.is_answered, f"lost, doubled or unanswered: {buyer.heard()}")


def test_ctrl_c_ends_everything(home, running):
    started, said = running
    everything = processes_of(home)
    assert len(everything) >= 5

    started.send_signal(signal.SIGINT)

    assert started.wait(60) == 0
    assert said().endswith("stopped\n")
    assert gone(*everything)
    assert not (Path(home["DATA_DIR"]) / "services.json").exists()
