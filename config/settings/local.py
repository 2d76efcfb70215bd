"""One machine, plain HTTP, the names under .localhost."""

from config.settings.base import *  # noqa: F403
from config.settings.base import ENV

PUBLIC_SCHEME = "http"
PUBLIC_PORT = ENV.public_port or str(ENV.port)
ALLOW_PRIVATE_ADDRESSES = True
EMAIL_BACKEND = "tenants.kernel.mail.FolderBackend"
