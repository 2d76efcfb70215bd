"""The suite: fast hashes, no manifest of static files, mail kept in memory."""

from config.settings.base import *  # noqa: F403
from config.settings.base import STORAGES

PUBLIC_SCHEME = "http"
ALLOW_PRIVATE_ADDRESSES = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
