"""The least that Django needs, and its one database, which holds projects, credits and the exchange's tables beside them."""

from __future__ import annotations

import os
from typing import Any

SECRET_KEY = os.environ.get("HOST_SECRET", "only for trying it out")
USE_TZ = True
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "examples.django_credits"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

if os.environ.get("HOST_POSTGRES"):  # "host=... port=... dbname=... user=..."
    _given = dict(part.split("=", 1) for part in os.environ["HOST_POSTGRES"].split())
    DATABASES: dict[str, dict[str, Any]] = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": _given.get("host", ""),
            "PORT": _given.get("port", ""),
            "NAME": _given["dbname"],
            "USER": _given.get("user", ""),
            "PASSWORD": _given.get("password", ""),
        }
    }
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ.get("HOST_DATABASE", "main.db"),
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 10},
        }
    }
