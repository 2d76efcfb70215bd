"""`bin/up`: services, migrations, browser code, demo, roles; one line a step, then the addresses.

`manage.py seed_demo` leaves DATA_DIR/demo.json for us: {"merchants": [{"slug", "host", "admin",
"email", "password", "token", "bot_id"}], "logins": [{"what", "url", "email", "password"}]}.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from config import roles, static_build, texts
from config.embedded import process
from config.embedded.services import ROOT, Services, data_dir, open_data_dir
from config.embedded.supervisor import Log, Role, Supervisor, say
from config.embedded.trouble import Trouble

# Lines of a command that begin so are titles of its steps (management/commands/bring_up.py).
MARK = "@step "
# What it says when the demo is wanted and not whole.
SEED = "@seed"
# How much of the demo an empty platform gets: DEMO=none is for real use.
DEMO: dict[str, list[str] | None] = {"full": [], "short": ["--no-conversations"], "none": None}
READY_WITHIN_S = 240.0
# A role that falls this often before it was ever ready will not come up by itself.
HOPELESS_AFTER = 4


def main(arguments: Sequence[str]) -> int:
    if unknown := [argument for argument in arguments if argument != "--check"]:
        say(f"✗ bin/up does not know {unknown[0]}\n  → bin/up [--check], with PORT and DATA_DIR")
        return 2
    process.adopt_orphans()
    supervisor = Supervisor(say)
    try:
        supervisor.catch_signals()
        return Up(supervisor, check="--check" in arguments).run()
    except Trouble as trouble:
        say(f"\n✗ {trouble}")
        return 1
    except KeyboardInterrupt:
        say("stopped")
        return 0
    finally:
        process.end_descendants()


class Up:
    def __init__(self, supervisor: Supervisor, *, check: bool) -> None:
        self.supervisor = supervisor
        self.check = check
        self.started_at = float(os.environ.pop("UP_STARTED_AT", "") or time.time())
        self.port = _port()
        self.demo = _demo()
        self.host = os.environ.get("HOST") or "127.0.0.1"
        self.folder = data_dir()
        self.services = Services(self.folder)

    def run(self) -> int:
        lock = open_data_dir(self.folder)
        try:
            self._refuse_busy_port()
            self._prepare()
            self._start_roles()
            self._wait_until_ready()
            self.services.announce()
            self._tell()
            if not self.check:
                self.supervisor.run()
            return 0
        finally:
            self._stop()
            lock.close()

    # ── Steps ────────────────────────────────────────────────────────────────────────────────
    def _refuse_busy_port(self) -> None:
        if process.port_is_free(self.port, self.host):
            return
        holder = process.owner_of_port(self.port)
        raise Trouble(
            f"Port {self.port} is taken{f' by {holder}' if holder else ''}.",
            f"Stop that program, or choose another port: PORT={self.port + 1} bin/up",
        )

    def _prepare(self) -> None:
        begun = time.monotonic()

        def tell(line: str) -> None:
            nonlocal begun
            say(f"✓ {line} · {time.monotonic() - begun:.1f} s")
            begun = time.monotonic()

        self.services.start(tell)
        os.environ.update(self.services.environment)
        os.environ.update(
            PORT=str(self.port),
            HOST=self.host,
            DJANGO_SETTINGS_MODULE="config.settings.local",
            PYTHONUNBUFFERED="1",
        )
        self.supervisor.watch("postgres", self.services.postgres)
        self.supervisor.watch("redis", self.services.redis)
        texts.compile_all()
        if not static_build.is_current():
            self._manage("Browser code", "build_static")
        wanted = SEED in self._manage("Django", "bring_up", DB_ROLE="owner")
        if wanted and (options := DEMO[self.demo]) is not None:
            # With the rights of the roles, since it does their work.
            self._manage("Demo data", "seed_demo", "--if-empty", *options)

    def _manage(self, title: str, *arguments: str, **environment: str) -> list[str]:
        """A command's lines; those after MARK are titles of its steps. Raises Trouble."""
        command = process.spawn(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env={**os.environ, **environment}
        )
        log = Log(self.folder / "logs" / "steps.log")
        words: list[str] = []
        step = Progress(title)
        assert command.stdout
        for raw in command.stdout:
            log.write(raw)
            line = raw.decode(errors="replace").rstrip()
            if line.startswith(MARK):
                step.done()
                step = Progress(line.removeprefix(MARK))
                words.clear()
            elif line:
                words.append(line)
        if command.wait():
            step.cancel()
            raise _explain(step.title, words)
        step.done()
        return words

    def _start_roles(self) -> None:
        os.chdir(ROOT)
        for name, command in self._processes():
            log = Log(self.folder / "logs" / f"{name}.log")
            # While they start, a role says what it misses; that is for the log.
            self.supervisor.add(Role(name, command, log, say, quiet=True))

    def _processes(self) -> Iterator[tuple[str, list[str]]]:
        try:
            workers = roles.workers()
        except ValueError as exc:
            raise Trouble(
                str(exc), "Set WORKERS to a number from 1 to 64, or leave it out."
            ) from None
        for name, command in roles.commands().items():
            yield name, command
            if name == "worker":
                # One that dies or loads leaves no silence, and a second core is used.
                for number in range(2, workers + 1):
                    yield f"{name}-{number}", command

    def _wait_until_ready(self) -> None:
        deadline, waiting = time.monotonic() + READY_WITHIN_S, "no answer yet"
        step = Progress("Roles")
        try:
            while True:
                ready, waiting = self._is_ready(waiting)
                if ready:
                    step.done()
                    for role in self.supervisor.roles:
                        role.quiet = self.check
                    return
                self.supervisor.tend()
                for role in self.supervisor.roles:
                    if self.supervisor.falls[role.name].count >= HOPELESS_AFTER:
                        raise Trouble(
                            f"The {role.name} role does not stay up. Its last words:\n"
                            + _tail(role.log.path),
                            f"See {role.log.path}.",
                        )
                if time.monotonic() > deadline:
                    raise Trouble(
                        f"Not ready within {READY_WITHIN_S:g} s: {waiting}",
                        f"See the logs in {self.folder / 'logs'}.",
                    )
                time.sleep(0.2)
        finally:
            step.cancel()

    def _is_ready(self, before: str) -> tuple[bool, str]:
        """/readyz says yes; else what it says is missing."""
        request = urllib.request.Request(
            f"http://{self.host}:{self.port}/readyz", headers={"Host": f"localhost:{self.port}"}
        )
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                request, timeout=5
            ) as answer:
                return answer.status == 200, ""
        except urllib.error.HTTPError as error:
            return False, error.read().decode(errors="replace")[:500]
        except OSError:
            return False, before

    # ── Telling ──────────────────────────────────────────────────────────────────────────────
    @property
    def platform(self) -> str:
        return f"http://localhost:{self.port}/"

    def _demo(self) -> dict[str, Any]:
        try:
            return dict(json.loads((self.folder / "demo.json").read_text()))
        except (OSError, ValueError):
            return {}

    def _tell(self) -> None:
        seconds = round(time.time() - self.started_at, 1)
        demo = self._demo()
        if self.check:
            found = {
                "ready": True,
                "seconds": seconds,
                "platform": self.platform,
                "merchants": demo.get("merchants", []),
            }
            print(json.dumps(found, ensure_ascii=False), flush=True)
            return
        say(f"\nReady after {seconds} s. Ctrl-C stops everything; the data stays in {self.folder}.")
        say(f"\n  Platform   {self.platform}")
        logins = demo.get("logins") or [
            {"what": merchant["slug"], "url": merchant["admin"], **merchant}
            for merchant in demo.get("merchants", [])
        ]
        for login in logins:
            say(
                f"  {login['what']:<10} {login['url']}   "
                f"{login.get('email', '')}   {login.get('password', '')}"
            )
        say("")

    # ── Stopping ─────────────────────────────────────────────────────────────────────────────
    def _stop(self) -> None:
        self.supervisor.stopping = True  # from here on a signal only hurries us
        self.services.withdraw()
        if self.supervisor.roles and not self.check:
            say("\nstopping …")
        self.supervisor.stop_roles()
        self.services.stop()


class Progress:
    """`· Title …` when it takes long, `✓ Title · 2.1 s` at the end."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.begun = time.monotonic()
        self.reminder = threading.Timer(2, say, [f"· {title} …"])
        self.reminder.daemon = True
        self.reminder.start()

    def done(self) -> None:
        self.cancel()
        say(f"✓ {self.title} · {time.monotonic() - self.begun:.1f} s")

    def cancel(self) -> None:
        self.reminder.cancel()


def _port() -> int:
    value = os.environ.get("PORT") or "8000"
    if not value.isdigit() or not 0 < int(value) < 65536:
        raise Trouble(f"PORT is {value!r}.", "It is a number from 1 to 65535: PORT=8000 bin/up")
    return int(value)


def _demo() -> str:
    value = os.environ.get("DEMO") or "full"
    if value not in DEMO:
        raise Trouble(f"DEMO is {value!r}.", f"It is one of: {', '.join(DEMO)}.")
    return value


def _explain(title: str, words: list[str]) -> Trouble:
    if any("No space left on device" in line for line in words):
        return Trouble(
            f"{title}: the disk is full.",
            "Free some space (df -h shows where), or move DATA_DIR to another disk.",
        )
    tail = "\n    ".join(words[-15:])
    return Trouble(
        f"{title} failed:\n    {tail}",
        "The whole story is in logs/steps.log of the data folder.",
    )


def _tail(path: Path) -> str:
    try:
        lines = path.read_bytes()[-8000:].decode(errors="replace").splitlines()[-15:]
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
