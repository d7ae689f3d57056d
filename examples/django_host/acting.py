"""Whom a request acts for: the person whom Django's own auth has signed in.

Here: views get their principal here and nowhere else. Never here: a user's id from a path or a body.
"""

from __future__ import annotations

import secrets

from django.contrib.auth.models import User as Person
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from credit_trading import Admin, User
from examples.django_host.apps import exchange


class Acting:
    """`request.acting`: who asks, from where, in which request."""

    def __init__(self, request: HttpRequest) -> None:
        """The request's name is the one that a proxy has given it, or one of its own; it stands in the audit trail."""
        self._request = request
        self._origin: str = request.META["REMOTE_ADDR"]
        self._request_id: str = request.headers.get("X-Request-Id") or secrets.token_hex(8)

    def user(self) -> User:
        """The one who is signed in, and nobody else."""
        person = self._request.user
        if not person.is_authenticated:
            raise PermissionDenied
        return exchange().as_user(str(person.pk), origin=self._origin, correlation_id=self._request_id)

    def operator(self) -> Admin:
        """Django's staff."""
        person = self._request.user
        if not person.is_staff:
            raise PermissionDenied
        return self._admin(str(person.pk))

    def open_account(self, person: Person) -> None:
        """The person's trading file, unless it is there: safe to repeat. Raises AlreadyExists if it is somebody else's."""
        newcomer = (str(person.pk), person.email)
        self._admin("sign-up").databases.create_trading_databases([newcomer], skip_existing=True)

    def _admin(self, name: str) -> Admin:
        return exchange().as_admin(name, origin=self._origin, correlation_id=self._request_id)
