"""A server on the net. Refuses to start on a dangerous setting, naming each."""

from django.core.exceptions import ImproperlyConfigured

from config.settings.base import *  # noqa: F403
from config.settings.base import DEBUG, ENV, LOGGING, SECRET_KEY
from config.settings.env import DEFAULT_SECRET

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ENV.public_scheme == "https"
SECURE_SSL_REDIRECT = False  # the proxy redirects; health checks come in plain
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000
LOGGING["handlers"]["console"]["formatter"] = "json"


def faults() -> list[str]:
    """What makes this configuration unfit for the net, a sentence each."""
    found = []
    if SECRET_KEY == DEFAULT_SECRET or len(SECRET_KEY) < 32:
        found.append("SECRET_KEY is the default one or shorter than 32 characters: set a random.")
    if DEBUG:
        found.append("DEBUG is on: it shows code and settings to strangers. Unset it.")
    if not SESSION_COOKIE_SECURE:
        found.append("Cookies would travel unencrypted: set PUBLIC_SCHEME=https.")
    if ENV.platform_host in ("", "localhost"):
        found.append("No allowed host: set PLATFORM_HOST to the platform's own domain.")
    if ENV.allow_private_addresses:
        found.append("ALLOW_PRIVATE_ADDRESSES lets merchants reach your network: unset it.")
    return found


if _found := faults():
    raise ImproperlyConfigured("Production refuses to start:\n- " + "\n- ".join(_found))
