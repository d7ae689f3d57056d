"""The least that Django needs. Its database holds people and sessions; the exchange's folder is none of its databases."""

from __future__ import annotations

import os

SECRET_KEY = os.environ["HOST_SECRET"]
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "testserver"]
ROOT_URLCONF = "examples.django_host.urls"
USE_TZ = True

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "examples.django_host.apps.TradingConfig",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "examples.django_host.middleware.TradingMiddleware",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("HOST_PEOPLE", "people.db"),
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TRADING_HOME = os.environ.get("CREDIT_TRADING_HOME", "database/trading")
