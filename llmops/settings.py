"""Django settings. What differs between machines comes from the environment (env.py), nothing else does."""

import contextlib
import os
from datetime import timedelta

import environ
from csp.constants import NONE, SELF
from whitenoise.compress import Compressor

from llmops.env import PROJECT_ROOT, load_environment
from llmops.logs import logging_settings
from llmops.queues import BACKGROUND, RUNS
from llmops.redaction import remember

ENVIRONMENT = load_environment()
BASE_DIR = PROJECT_ROOT

SECRET_KEY = ENVIRONMENT.secret_key
FIELD_KEYS = ENVIRONMENT.field_keys
METRICS_TOKEN = ENVIRONMENT.metrics_token
DEBUG = ENVIRONMENT.debug
ALLOWED_HOSTS = list(ENVIRONMENT.allowed_hosts)
PUBLIC_URL = ENVIRONMENT.public_url
ALLOW_PRIVATE_URLS = ENVIRONMENT.allow_private_urls
LOCAL_MODEL = ENVIRONMENT.local_model
LOCAL_MODEL_URL = ENVIRONMENT.local_model_url
ADMIN_EMAIL = ENVIRONMENT.admin_email
ADMIN_PASSWORD = ENVIRONMENT.admin_password
OPENAI_API_KEY = ENVIRONMENT.openai_api_key
ANTHROPIC_API_KEY = ENVIRONMENT.anthropic_api_key
COHERE_API_KEY = ENVIRONMENT.cohere_api_key
REDIS_URL = ENVIRONMENT.redis_url
WEB_PROCESSES = ENVIRONMENT.web_processes
WORKER_PROCESSES = ENVIRONMENT.worker_processes
MOST_IN_FLIGHT = 200  # model calls of one worker process at a time
LEASE_S = ENVIRONMENT.lease_s  # how long a worker may be silent before its rows are given to another

# Processes of one machine count into files of one folder, so that any of them can tell the sum. It must be known
# before prometheus_client is imported. Where nothing can be written each process tells its own.
with contextlib.suppress(OSError):
    (ENVIRONMENT.home / "run" / "metrics").mkdir(parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(ENVIRONMENT.home / "run" / "metrics")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",  # its engine is core/sessions.py
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_htmx",
    "template_partials",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "llmops.core",
    "prompts_app",
    "evals_app",
    "monitoring_app",
]

MIDDLEWARE = [
    "llmops.core.middleware.observe",
    "llmops.core.middleware.Unavailable",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "llmops.core.views.refusals.explain_addresses_of_buttons",
    "llmops.core.views.refusals.ZeroCharacters",
]

ROOT_URLCONF = "llmops.urls"
ASGI_APPLICATION = "llmops.asgi.application"
WSGI_APPLICATION = "llmops.wsgi.application"

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
                "llmops.panels.navigation",
            ],
            "builtins": [
                "django.templatetags.static",
                "template_partials.templatetags.partials",
                "llmops.core.templatetags.ui",
            ],
        },
    }
]

_database = environ.Env.db_url_config(ENVIRONMENT.database_url)
# A database that was cut off is known to be so within seconds; by itself the system tries for a quarter of an hour.
_PATIENCE_WITH_THE_NETWORK = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 15_000,
}
DATABASES = {
    "default": {
        **_database,
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            **_PATIENCE_WITH_THE_NETWORK,
            **_database.get("OPTIONS", {}),
            "pool": {"min_size": 1, "max_size": 12, "timeout": 10},
            "server_side_binding": False,
        },
        "DISABLE_SERVER_SIDE_CURSORS": True,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "core.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "start"
LOGOUT_REDIRECT_URL = "login"

PASSWORD_RESET_TIMEOUT = 3600
INVITATION_DAYS = 7

MAIL_IS_SENT = bool(ENVIRONMENT.email_url)
DEFAULT_FROM_EMAIL = SERVER_EMAIL = ENVIRONMENT.email_from
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if MAIL_IS_SENT else 'console'}.EmailBackend"
_mail = environ.Env.email_url_config(ENVIRONMENT.email_url or "consolemail://")
EMAIL_HOST = _mail["EMAIL_HOST"]
EMAIL_USE_TLS = _mail.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _mail.get("EMAIL_USE_SSL", False)
EMAIL_PORT = _mail["EMAIL_PORT"] or (587 if EMAIL_USE_TLS else 465 if EMAIL_USE_SSL else 25)
EMAIL_HOST_USER = _mail["EMAIL_HOST_USER"]
EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_PASSWORD"]
EMAIL_TIMEOUT = 15
TRUSTED_PROXIES = ENVIRONMENT.trusted_proxies

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = ENVIRONMENT.home / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

WHITENOISE_KEEP_ONLY_HASHED_FILES = True
# Only the tools of who looks into a style sheet ask for its map, and compressing it takes longer than all the rest.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = [*Compressor.SKIP_COMPRESS_EXTENSIONS, "map"]

_https = PUBLIC_URL.startswith("https://")
SESSION_ENGINE = "llmops.core.sessions"
SESSION_COOKIE_SECURE = _https
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = _https
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _https else None
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_SSL_REDIRECT = _https
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$", r"^metrics$"]  # asked from inside, past the proxy
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["llmops.core.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["llmops.core.api.permissions.AccessRule"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["llmops.core.api.parsing.BoundedJSONParser"],
    "DEFAULT_PAGINATION_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "llmops.core.api.errors.answer_error",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "llmops",
    "DESCRIPTION": "Prompts, datasets, evaluators and runs of one project; the API key says which.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["llmops.core.api.permissions.Anyone"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {"RunStateEnum": "evals_app.api.serializers.RUN_STATES"},
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "llmops.core.api.description.describe_errors",
    ],
}

LOGGING = logging_settings(level=ENVIRONMENT.log_level, log_format=ENVIRONMENT.log_format)
LOGGING_CONFIG = "llmops.logs.configure"
remember(*ENVIRONMENT.secrets())

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_PUBLISH_RETRY = False  # a nudge that cannot be sent now is not worth waiting for: the tick finds the work
CELERY_TASK_DEFAULT_QUEUE = BACKGROUND
CELERY_TASK_ROUTES = {"core.*": {"queue": BACKGROUND}, "evals_app.*": {"queue": RUNS}}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CONCURRENCY = WORKER_PROCESSES
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 120,
    # A Redis that is silent holds up nobody who starts a run, and is given up for a new connection soon.
    "socket_connect_timeout": 2,
    "socket_timeout": 2,
    "health_check_interval": 5,
    # Nor does one that is away, which is otherwise tried again after two seconds and after four more. (Those who listen
    # for work have a patience of their own.)
    "max_retries": 0,
}
CELERY_BEAT_SCHEDULE = {
    "tick-runs": {
        "task": "evals_app.tick_runs",
        "schedule": timedelta(seconds=3),
        "options": {"expires": 3},
    },
    "sweep-uploads": {
        "task": "evals_app.sweep_uploads",
        "schedule": timedelta(hours=1),
        "options": {"expires": 600},
    },
    "sweep-core": {
        "task": "core.sweep",
        "schedule": timedelta(hours=1),
        "options": {"expires": 600},
    },
}
