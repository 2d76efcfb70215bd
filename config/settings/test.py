"""The suite: fast hashes, no manifest of static files, mail kept in memory.

Each parallel run of the suite has a database and a Redis number of its own. Their names go into
the environment, so that a server started by a test serves the same merchants.
"""

import os

_run = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
for _variable, _name in (("DATABASE_URL", f"test_{_run}"), ("REDIS_URL", _run.removeprefix("gw"))):
    if _url := os.environ.get(_variable):
        os.environ[_variable] = f"{_url.rpartition('/')[0]}/{_name}"
# Logins belong to the server, not to a database: template and tests share them.
os.environ.setdefault("DB_LOGIN_PREFIX", "prilavok_test")

from config.settings.base import *  # noqa: E402, F403
from config.settings.base import STORAGES  # noqa: E402

PUBLIC_SCHEME = "http"
ALLOW_PRIVATE_ADDRESSES = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Browser tests read files where they are built; nothing is collected.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
