"""`bin/test`: pytest on embedded services of its own, kept between runs for speed."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from config import static_build, texts
from config.embedded import process
from config.embedded.services import ROOT, Services, open_data_dir
from config.embedded.trouble import Trouble

MEMORY_WANTED_BYTES = 3_000_000_000
# What `bin/test` without arguments asks of the suite. A file stays in one process, because its
# fixtures are dear; files that take long come first (conftest.py). One process more than there are
# cores: some tests wait.
WHOLE = [
    *("-n", str(min((os.cpu_count() or 1) + 1, 4)), "--dist", "loadfile"),
    *("--no-loadscope-reorder", "--durations=25"),
]
# Counting takes half as long again. Coverage, branches included, was 93.6 % when this gate was
# set. It is only ever raised.
COVERAGE = ["--cov", "--cov-report=term:skip-covered", "--cov-fail-under=92"]


def main(arguments: list[str]) -> int:
    full, counted = "--full" in arguments, "--coverage" in arguments
    arguments = [one for one in arguments if one not in ("--full", "--coverage")]
    folder = Path(os.environ.get("TEST_DATA_DIR") or _default_folder()).absolute()
    # A run of its own: nothing of the shell's `bin/up` shines through.
    os.environ.pop("PORT", None)
    process.adopt_orphans()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    services = None
    try:
        lock = open_data_dir(folder)
        services = _start(folder)
        os.environ.update(services.environment)
        texts.compile_all()
        if not arguments and not static_build.is_current():
            subprocess.run(
                [sys.executable, "manage.py", "build_static"],
                cwd=ROOT,
                env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.local"},
                check=True,
            )
        os.environ["PRILAVOK_FULL"] = "1" if full else ""
        pytest = process.spawn(
            [sys.executable, "-m", "pytest", *(arguments or WHOLE), *(COVERAGE if counted else ())],
            cwd=ROOT,
            output=None,
            in_terminal=True,
        )
        # Ctrl-C is for pytest, which then reports; we wait for it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        code = pytest.wait()
        lock.close()
        return code if code >= 0 else 128 - code
    except Trouble as trouble:
        print(f"\n✗ {trouble}", file=sys.stderr)
        return 2
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if services:
            process.end_descendants(
                spare=[server.process for server in (services.redis, services.postgres) if server]
            )
            services.stop()
        process.end_descendants()


def _default_folder() -> Path:
    """In memory where there is room: a database is a thousand files, copied after many a test."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder is ours alone (mode, lock)
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > MEMORY_WANTED_BYTES:
        checkout = hashlib.sha256(str(ROOT).encode()).hexdigest()[:10]
        return memory / f"prilavok-test-{os.getuid()}-{checkout}"
    return ROOT / ".data-test"


def _start(folder: Path) -> Services:
    """A cluster that does not wait for the disk may break with the machine: it is made again."""
    services = Services(folder, forgetful=True)
    try:
        services.start()
    except Trouble:
        if os.environ.get("DATABASE_URL") or not (folder / "postgres").exists():
            raise
        shutil.rmtree(folder / "postgres")
        services = Services(folder, forgetful=True)
        services.start()
    return services


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
