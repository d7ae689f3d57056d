"""The extension: one exchange in each process, and whom a request acts for.

Here: opening, closing, and the principal of a request. Never here: routes, passwords.
"""

from __future__ import annotations

import atexit
import secrets

from flask import Flask, abort, g, request

import credit_trading
from credit_trading import Admin, User
from examples.flask_host.people import Person


class Trading:
    """`app.extensions["trading"]`. The exchange is opened with the app: a server that forks later may do so before or after."""

    def __init__(self, app: Flask) -> None:
        self.exchange = credit_trading.open(app.config["TRADING_HOME"])
        atexit.register(self.exchange.close)
        app.extensions["trading"] = self
        app.before_request(self._name_request)

    def open_account(self, person: Person) -> None:
        """The person's trading file, unless it is there: safe to repeat. Raises AlreadyExists if it is somebody else's."""
        sign_up = self.exchange.as_admin("sign-up", origin=request.remote_addr, correlation_id=g.request_id)
        sign_up.databases.create_trading_databases([(person.user_id, person.email)], skip_existing=True)

    def user(self) -> User:
        """The one who is signed in, and nobody else."""
        person = self._person()
        return self.exchange.as_user(person.user_id, origin=request.remote_addr, correlation_id=g.request_id)

    def operator(self) -> Admin:
        person = self._person()
        if not person.is_operator:
            abort(403)
        return self.exchange.as_admin(person.user_id, origin=request.remote_addr, correlation_id=g.request_id)

    @staticmethod
    def _person() -> Person:
        person: Person | None = g.get("person")
        if person is None:
            abort(401)
        return person

    @staticmethod
    def _name_request() -> None:
        """The name that a proxy has given it, or one of its own; it stands in the audit trail."""
        g.request_id = request.headers.get("X-Request-Id") or secrets.token_hex(8)
