"""Composition root. Values come from `env`, whose table documents them."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import dj_database_url
from csp.constants import NONE, SELF

from controlpanel import env
from controlpanel.lib import openid_settings
from controlpanel.logs import logging_config
from controlpanel.vpsorg.origin import normalise

BASE_DIR = env.ROOT
PANEL_VAR = Path(env.get("PANEL_VAR", str(BASE_DIR / "var")))
PANEL_KEYS_FILE = Path(env.get("PANEL_KEYS_FILE", str(PANEL_VAR / "keys.json")))
PANEL_CHECKPOINTS_FILE = Path(
    env.get("PANEL_CHECKPOINTS_FILE", str(PANEL_VAR / "audit" / "checkpoints.jsonl"))
)
PANEL_AUDIT_TAIL_FILE = env.get("PANEL_AUDIT_TAIL_FILE")
PANEL_AUDIT_TAIL_BYTES = max(1, env.get_int("PANEL_AUDIT_TAIL_MEGABYTES", 64)) << 20
PANEL_AUDIT_TAIL_KEEP = max(1, env.get_int("PANEL_AUDIT_TAIL_KEEP", 5))
PANEL_KEYS = env.get("PANEL_KEYS")
PANEL_DEMO = env.get_flag("PANEL_DEMO")
PANEL_PUBLIC_URL = env.get(
    "PANEL_PUBLIC_URL", f"http://localhost:{env.get_int('PORT', 8000)}"
).rstrip("/")
PANEL_HOOK_PRIVATE = env.get_flag("PANEL_HOOK_PRIVATE")
PANEL_PROXY_COUNT = env.get_int("PANEL_PROXY_COUNT", 0)
PANEL_GATEWAY_RATE = max(1, env.get_int("PANEL_GATEWAY_RATE", 50))
PANEL_GATEWAY_BURST = max(1, env.get_int("PANEL_GATEWAY_BURST", 200))
PANEL_PAGES_RATE = max(1, env.get_int("PANEL_PAGES_RATE", 50))
PANEL_PAGES_BURST = max(1, env.get_int("PANEL_PAGES_BURST", 500))
PANEL_WEB_THREADS = env.get_int("PANEL_WEB_THREADS", 8)


def _api_origin() -> str:
    try:
        return normalise(env.get("VPSORG_API_URL", "https://admin.vps.org"))
    except ValueError as error:
        raise env.SettingsError(f"VPSORG_API_URL: {error}") from None


VPSORG_API_ORIGIN = _api_origin()


def _openid() -> tuple[openid_settings.OpenID | None, str]:
    """And why it cannot be used: the processes that serve do not start then."""
    names = (
        "PANEL_OIDC_NAME",
        "PANEL_OIDC_ISSUER",
        "PANEL_OIDC_CLIENT_ID",
        "PANEL_OIDC_CLIENT_SECRET_FILE",
    )
    try:
        return openid_settings.from_settings({name: env.get(name) for name in names}), ""
    except ValueError as error:
        return None, str(error)


PANEL_OIDC, PANEL_OIDC_TROUBLE = _openid()


def _secret_key() -> str:
    path = Path(env.get("PANEL_SECRET_KEY_FILE", str(PANEL_VAR / "secret_key")))
    try:
        key = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise env.SettingsError(
            f"The secret key file {path} cannot be read ({error.strerror}). `make run` makes one; "
            "elsewhere write 50 random characters into it, mode 0600, or set PANEL_SECRET_KEY_FILE."
        ) from None
    if len(key) < 32:
        raise env.SettingsError(f"The secret key in {path} is shorter than 32 characters.")
    return key


SECRET_KEY = _secret_key()
DEBUG = False

_public = urlsplit(PANEL_PUBLIC_URL)
_HTTPS = _public.scheme == "https"
ALLOWED_HOSTS = sorted({_public.hostname or "localhost", "localhost", "127.0.0.1", "[::1]"})
CSRF_TRUSTED_ORIGINS = [PANEL_PUBLIC_URL]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "template_partials",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "controlpanel.keys",
    "controlpanel.outgoing",
    "controlpanel.audit",
    "controlpanel.accounts",
    "controlpanel.credentials",
    "controlpanel.servers",
    "controlpanel.operations",
    "controlpanel.reports",
    "controlpanel.gateway",
    "controlpanel.web",
    "controlpanel.runtime",
]

MIDDLEWARE = [
    "controlpanel.web.frame.middleware.request_id",
    "controlpanel.gateway.middleware.gateway",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "controlpanel.web.frame.middleware.security_headers",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "controlpanel.web.frame.middleware.pace",
    "allauth.account.middleware.AccountMiddleware",
    "controlpanel.web.frame.middleware.seen",
    "controlpanel.web.frame.middleware.own_time_zone",
    "controlpanel.web.frame.middleware.refusals",
]

ROOT_URLCONF = "controlpanel.urls"
WSGI_APPLICATION = "controlpanel.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["django.templatetags.i18n", "template_partials.templatetags.partials"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "controlpanel.web.frame.context_processors.panel",
            ],
        },
    }
]

_DATABASE_URL = env.get_or_file("DATABASE_URL")
if _DATABASE_URL:
    DATABASES = {
        "default": dict(
            dj_database_url.parse(_DATABASE_URL, conn_max_age=60, conn_health_checks=True)
        )
    }
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": PANEL_VAR / "panel.sqlite3",
            # As with PostgreSQL: opening it again for each request costs more than asking it.
            "CONN_MAX_AGE": 60,
            "OPTIONS": {
                # Deferred transactions that write later fail at once with "locked"; see
                # docs/decisions for the measurement.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": (
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
                    "PRAGMA foreign_keys=ON; PRAGMA cache_size=-8000;"
                ),
            },
        }
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.get_or_file("REDIS_URL")
CACHES = {
    "default": {
        "BACKEND": "controlpanel.runtime.cache.TolerantRedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "panel",
        "OPTIONS": {"socket_connect_timeout": 0.3, "socket_timeout": 0.5},
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

CELERY_BROKER_URL = REDIS_URL or "memory://"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 0.5,
    "socket_timeout": 5,
    "max_retries": 1,
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
# Whoever writes to Redis could end the workers with a word.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_TASK_DEFAULT_QUEUE = "panel"
CELERY_TIMEZONE = "UTC"


def _periodic(task: str, seconds: float, worthless_after: int) -> dict[str, Any]:
    """The row is the queue: this only wakes a worker, and once too often finds nothing to do.

    `worthless_after`: seconds. What no worker has taken by then is dropped: the next is on its way.
    """
    return {
        "task": f"controlpanel.{task}",
        "schedule": seconds,
        "options": {"expires": worthless_after},
    }


CELERY_BEAT_SCHEDULE = {
    "tick": _periodic("operations.tasks.tick", 2.0, 5),
    "sweep": _periodic("operations.tasks.sweep", 5.0, 10),
    "export": _periodic("reports.tasks.export", 5.0, 10),
    "warn-of-ends": _periodic("operations.tasks.warn_of_ends", 300.0, 300),
    "watch-clock": _periodic("audit.tasks.watch_clock", 10.0, 10),
    "tail": _periodic("audit.tasks.tail", 2.0, 5),
    "checkpoint": _periodic("audit.tasks.checkpoint", 15.0, 15),
    "deliver": _periodic("audit.tasks.deliver", 30.0, 30),
    "verify": _periodic("audit.tasks.verify", 60.0, 60),
    "look-again": _periodic("audit.tasks.look_again", 5.0, 10),
    "record-reads": _periodic("gateway.tasks.record_reads", 5.0, 10),
    "forget-repeats": _periodic("gateway.tasks.forget_repeats", 3600.0, 600),
    "index": _periodic("audit.tasks.index", 30.0, 30),
    "forget-limits": _periodic("accounts.tasks.forget_limits", 600.0, 300),
    "send-outgoing": _periodic("outgoing.tasks.send_due", 5.0, 10),
}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "controlpanel.accounts.signin.account_adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "controlpanel.accounts.signin.email_forms.SignInForm",
    "reset_password": "controlpanel.accounts.signin.email_forms.AskResetForm",
    "add_email": "controlpanel.accounts.signin.email_forms.ChangeEmailForm",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
# Beside allauth's own: how many invitations that are none one address may try, and how often it
# may send the panel to the OpenID provider.
ACCOUNT_RATE_LIMITS = {"invitation": "20/m/ip", "openid": "30/m/ip"}
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = False

MFA_ADAPTER = "controlpanel.accounts.signin.mfa_adapter.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "add_webauthn": "controlpanel.accounts.signin.passkey_forms.AddPasskeyForm",
    "login_webauthn": "controlpanel.accounts.signin.passkey_forms.PasskeySignInForm",
    "authenticate_webauthn": "controlpanel.accounts.signin.passkey_forms.PasskeyStepForm",
    "reauthenticate_webauthn": "controlpanel.accounts.signin.passkey_forms.PasskeyAgainForm",
}
MFA_PASSKEY_LOGIN_ENABLED = True
# An invitation is no code flow: the account comes first, the passkey then.
MFA_PASSKEY_SIGNUP_ENABLED = False
MFA_TOTP_ISSUER = "Control panel"
# Nobody signs up here, so an address waiting to be confirmed is always somebody's second one.
MFA_ALLOW_UNVERIFIED_EMAIL = True
SOCIALACCOUNT_ADAPTER = "controlpanel.accounts.signin.openid.OpenIDAdapter"
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_REQUESTS_TIMEOUT = 5
# The page that asks is a form of ours already.
SOCIALACCOUNT_LOGIN_ON_GET = False
USERSESSIONS_ADAPTER = "controlpanel.accounts.signin.sessions_adapter.SessionsAdapter"
USERSESSIONS_TRACK_ACTIVITY = True

SESSION_ENGINE = "controlpanel.accounts.signin.session_store"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "controlpanel.web.frame.errors.csrf_failure"
if _HTTPS:
    # On plain http these would lock people out: browsers drop such cookies.
    SESSION_COOKIE_NAME = "__Host-session"
    CSRF_COOKIE_NAME = "__Host-csrf"
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
    SECURE_SSL_REDIRECT = PANEL_PROXY_COUNT == 0
if PANEL_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "connect-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
LOCALE_PATHS = [BASE_DIR / "controlpanel" / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True

# Everything that is sent waits in a table; the workers hand it to the mail server.
EMAIL_BACKEND = "controlpanel.outgoing.mail.EmailBackend"
PANEL_MAIL_TRANSPORT = "controlpanel.outgoing.smtp.EmailBackend"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.get("PANEL_EMAIL_FROM", "panel@localhost")
_email = urlsplit(env.get("PANEL_EMAIL_URL"))
if _email.scheme in {"smtp", "smtps"}:
    EMAIL_HOST = _email.hostname or "localhost"
    EMAIL_PORT = _email.port or (465 if _email.scheme == "smtps" else 25)
    EMAIL_HOST_USER = unquote(_email.username or "")
    EMAIL_HOST_PASSWORD = unquote(_email.password or "")
    EMAIL_USE_SSL = _email.scheme == "smtps"
elif _email.scheme:
    raise env.SettingsError("PANEL_EMAIL_URL must begin with smtp:// or smtps://.")
else:
    PANEL_MAIL_TRANSPORT = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = PANEL_VAR / "mail"

LOGGING_CONFIG = None
logging_config(env.get("PANEL_LOG_LEVEL", "INFO"))
