"""One embedded pair of services for the whole folder, away from those of the suite."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from config.embedded.services import Services, open_data_dir

OURS = ("DATABASE_URL", "REDIS_URL", "DATA_DIR", "SECRET_KEY", "PORT", "HOST", "PG_BIN_DIR")


@pytest.fixture(autouse=True)
def _shell_without_services(monkeypatch):
    """As in a fresh terminal: bin/test's own services are not in the environment."""
    for name in OURS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def running():
    """Services that stay up for the session. Tests leave them as they are."""
    # Not under pytest's own folder: that one is closed to the user PostgreSQL runs as.
    folder = Path(tempfile.mkdtemp(prefix="prilavok-ops-"))
    folder.chmod(0o711)
    with pytest.MonkeyPatch.context() as patch:
        for name in OURS:
            patch.delenv(name, raising=False)
        lock = open_data_dir(folder)
        services = Services(folder, forgetful=True)
        services.start()
    yield services
    services.stop()
    lock.close()
    shutil.rmtree(folder)


@pytest.fixture
def folder(tmp_path) -> Path:
    """A DATA_DIR that does not exist yet."""
    return tmp_path / "data"
