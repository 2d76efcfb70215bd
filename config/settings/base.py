"""Nearly everything. `local`, `test` and `production` override a handful of lines each."""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import unquote, urlsplit

from config.settings.env import BASE_DIR, read

ENV = read()

SECRET_KEY = ENV.secret_key
MASTER_KEY = ENV.master_key or ENV.secret_key
DEBUG = ENV.debug
DATA_DIR = ENV.data_dir
PORT = ENV.port

# ── Hosts ────────────────────────────────────────────────────────────────────────────────────
# Merchants and partners bring domains at run time, so the list of hosts is a table
# (tenants.Domain) and HostMiddleware is the check; an unknown host never reaches a view.
ALLOWED_HOSTS = ["*"]
PLATFORM_HOST = ENV.platform_host
PLATFORM_NAME = ENV.platform_name
PUBLIC_SCHEME = ENV.public_scheme
PUBLIC_PORT = ENV.public_port
ALLOW_PRIVATE_ADDRESSES = ENV.allow_private_addresses
SPARE_MERCHANTS = ENV.spare_merchants
MODEL_PRIVATE_HOSTS = ENV.model_private_hosts
MAIL_PRIVATE_HOSTS = ENV.mail_private_hosts
PROXY_PRIVATE_HOSTS = ENV.proxy_private_hosts
MODEL_CURRENCY_RATES = ENV.model_currency_rates
GIGACHAT_CA_FILE = ENV.gigachat_ca_file
RUSSIAN_CA_FILE = ENV.russian_ca_file
TRUSTED_PROXIES = ENV.trusted_proxies

# ── Applications ─────────────────────────────────────────────────────────────────────────────
# unfold before django_tenants: the latter overrides admin templates and breaks the sidebar.
_COMMON_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    # Not the admin itself: a worker that shows no pages need not load them (config.urls does).
    "django.contrib.admin.apps.SimpleAdminConfig",
    "tenants.workspace",
]
SHARED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django_tenants",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    *_COMMON_APPS,
    "tenants",
    "config",
]
TENANT_APPS = [*_COMMON_APPS, "integrations", "bots", "analytics"]
INSTALLED_APPS = [*SHARED_APPS, *(app for app in TENANT_APPS if app not in SHARED_APPS)]

TENANT_MODEL = "tenants.Merchant"
TENANT_DOMAIN_MODEL = "tenants.Domain"
TENANT_LIMIT_SET_CALLS = True
AUTH_USER_MODEL = "workspace.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

MIDDLEWARE = [
    "tenants.middleware.HostMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "tenants.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "tenants.middleware.ContentSecurityMiddleware",
]

ROOT_URLCONF = "config.urls.merchant"
PUBLIC_SCHEMA_URLCONF = "config.urls.platform"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tenants.context_processors.brand",
            ]
        },
    }
]


# ── Database ─────────────────────────────────────────────────────────────────────────────────
def database_password(role: str) -> str:
    """The password of a login we make ourselves (`manage.py prepare_database`)."""
    return hmac.new(MASTER_KEY.encode(), f"database:{role}".encode(), "sha256").hexdigest()[:40]


_url = urlsplit(ENV.database_url)
_owner = {
    "ENGINE": "tenants.kernel.postgres",
    "NAME": unquote(_url.path.lstrip("/")),
    "USER": unquote(_url.username or ""),
    "PASSWORD": unquote(_url.password or ""),
    "HOST": _url.hostname or "",
    "PORT": str(_url.port or ""),
}
DATABASE_LOGINS = {
    role: {
        "user": f"{ENV.db_login_prefix or _owner['NAME']}_{role}",
        "password": database_password(role),
    }
    for role in ("app", "ingest")
}
DB_POOL_MAX = ENV.db_pool_max
_app = {
    **_owner,
    "USER": DATABASE_LOGINS["app"]["user"],
    "PASSWORD": DATABASE_LOGINS["app"]["password"],
    "CONN_MAX_AGE": 0,
    "OPTIONS": {
        # Statements that come again are planned once a connection: parsing and planning were more
        # than half of the database's work for a message.
        "server_side_binding": True,
        "prepare_threshold": 3,
        # Connections are recycled: a backend keeps up to 2 MB for every merchant it has touched.
        "pool": {
            "min_size": 1,
            "max_size": DB_POOL_MAX,
            # Longer than the slowest burst: a thread that waits here costs nothing.
            "timeout": 60,
            "max_lifetime": 900,
            "max_idle": 120,
        },
    },
}
DATABASES = {"default": _owner if ENV.db_role == "owner" else _app, "owner": {**_owner}}
# The first one answers; django-tenants insists on seeing its own.
DATABASE_ROUTERS = [
    "tenants.kernel.postgres.router.Router",
    "django_tenants.routers.TenantSyncRouter",
]
DATABASE_URL = ENV.database_url

# ── Redis: bells, cache, live sockets. Postgres is the truth; Redis may be emptied ───────────
REDIS_URL = ENV.redis_url
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_FUNCTION": "tenants.kernel.context.cache_key",
        "TIMEOUT": 300,
    },
    # What is true for all merchants at once; its keys say whose they are.
    "common": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "common",
        "TIMEOUT": 300,
    },
}
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# A dead worker's bells need not come back: what they rang for stands in `due` and is found within
# seconds. Writing each bell down and crossing it out again cost more than all else in Celery.
CELERY_BROKER_TRANSPORT_OPTIONS = {"ack_emulation": False}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
WORKER_THREADS = ENV.worker_threads

# ── People ───────────────────────────────────────────────────────────────────────────────────
AUTHENTICATION_BACKENDS = ["tenants.workspace.auth.RoleBackend"]
PASSWORD_HASHERS = [
    "tenants.workspace.auth.Argon2",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/admin/login/"
LOGIN_REDIRECT_URL = "/admin/"
# Host-only cookies: a session of one merchant is never sent to another.
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
PASSWORD_RESET_TIMEOUT = 3 * 24 * 3600
SESSION_COOKIE_NAME = "session"
CSRF_COOKIE_NAME = "csrf"
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# ── Languages and time ───────────────────────────────────────────────────────────────────────
LANGUAGE_CODE = "ru"
LANGUAGES = [("ru", "Русский"), ("en", "English")]
LANGUAGE_COOKIE_NAME = "lang"
USE_I18N = USE_TZ = True
TIME_ZONE = "UTC"
# A plug-in brings its own texts: every `locale` folder counts.
LOCALE_PATHS = sorted(
    path
    for top in ("config", "tenants", "integrations", "bots", "analytics", "templates")
    for path in (BASE_DIR / top).rglob("locale")
    if path.is_dir()
)

# ── Files ────────────────────────────────────────────────────────────────────────────────────
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [
    (prefix, path)
    for prefix, path in [
        ("dist", BASE_DIR / "static" / "dist"),
        ("img", BASE_DIR / "static/img"),
        ("demo", BASE_DIR / "config/demo/static/demo"),
    ]
    if path.is_dir()
]
FILES_IN_S3 = {
    "bucket_name": ENV.s3_bucket,
    "endpoint_url": ENV.s3_endpoint_url,
    "region_name": ENV.s3_region,
    "access_key": ENV.s3_access_key,
    "secret_key": ENV.s3_secret_key,
}
STORAGES = {
    "default": {
        "BACKEND": "tenants.kernel.s3.S3",
        "OPTIONS": {name: value for name, value in FILES_IN_S3.items() if value}
        | {"max_memory_size": 2 * 1024 * 1024},
    }
    if ENV.s3_bucket
    else {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DATA_DIR / "files"},
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 30 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

# ── E-mail ───────────────────────────────────────────────────────────────────────────────────
EMAIL_URL = ENV.email_url
DEFAULT_FROM_EMAIL = ENV.default_from_email
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
if ENV.email_url:
    _mail = urlsplit(ENV.email_url)
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST, EMAIL_PORT = _mail.hostname, _mail.port or 587
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = (
        unquote(_mail.username or ""),
        unquote(_mail.password or ""),
    )
    EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.scheme == "smtp+tls", _mail.scheme == "smtps"
    EMAIL_TIMEOUT = 15

# ── API ──────────────────────────────────────────────────────────────────────────────────────
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tenants.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["tenants.api.permissions.IsMember"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "tenants.api.pagination.ByCursor",
    "PAGE_SIZE": 50,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["tenants.api.throttling.PerPerson"],
    "EXCEPTION_HANDLER": "tenants.api.errors.handle",
    "DEFAULT_VERSIONING_CLASS": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "API",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "ConversationStatus": "bots.models.Conversation.Status",
        "ConversationSpeaker": "bots.models.Conversation.Speaker",
        "MessageAuthor": "bots.models.Message.Author",
        "MessageKind": "bots.models.Message.Kind",
        "MessageState": "bots.models.Message.State",
        "ChannelState": "bots.models.Channel.State",
        "BroadcastKind": "bots.models.Broadcast.Kind",
        "BroadcastState": "bots.models.Broadcast.State",
        "OrderStatus": "integrations.models.Order.Status",
        "OrderActKind": "bots.services.order_acts.KINDS",
        "OrderRequestKind": "integrations.models.OrderRequest.Kind",
        "OrderRequestState": "integrations.models.OrderRequest.State",
        "ConnectionState": "integrations.models.Connection.State",
        "MerchantState": "tenants.models.Merchant.State",
        "JobState": "tenants.workspace.models.Job.State",
        "KnowledgeFileState": "bots.models.KnowledgeFile.State",
    },
}

# ── Admin look: everything a person sees comes from the brand of the host ────────────────────
UNFOLD = {
    "SITE_TITLE": "tenants.branding.site_title",
    "SITE_HEADER": "tenants.branding.site_title",
    "SITE_SUBHEADER": "tenants.branding.site_subheader",
    "SITE_URL": "tenants.branding.site_url",
    "SITE_ICON": "tenants.branding.site_icon",
    "SITE_LOGO": "tenants.branding.site_logo",
    "SITE_FAVICONS": [{"rel": "icon", "href": "tenants.branding.favicon"}],
    "COLORS": "tenants.branding.colours",
    "STYLES": ["tenants.branding.stylesheet"],
    "SCRIPTS": ["tenants.branding.script"],
    "BORDER_RADIUS": "6px",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "DASHBOARD_CALLBACK": "tenants.branding.dashboard",
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": "tenants.branding.navigation",
    },
}

# ── Logs: one line an event, each knows its merchant ─────────────────────────────────────────
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"merchant": {"()": "tenants.kernel.logs.MerchantFilter"}},
    "formatters": {
        "line": {
            "format": "%(asctime)s %(levelname)s %(name)s [%(schema)s %(request_id)s] %(message)s"
        },
        "json": {"()": "tenants.kernel.logs.JsonFormatter"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "filters": ["merchant"],
            "formatter": "line",
        }
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "telegram": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
    },
}
