"""The three hosts of examples/ behind one face: whatever holds of one holds of all.

Here: signing people up and asking, in each framework's own test client. Never here: what a test expects.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, Protocol

import attrs
import pytest

SECRET = "a secret of this test"
PASSWORD = "correct horse"


@attrs.frozen
class Answer:
    status: int
    body: Any
    """What the JSON says; None where it is none."""
    headers: dict[str, str]
    text: str = ""


class Client(Protocol):
    """A browser, or a program with a token."""

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """A header `request_id` is sent as Request-Id, and so on."""
        ...


def _json(headers: Mapping[str, str], text: str) -> Any:
    return json.loads(text) if "json" in headers.get("Content-Type", "") else None


def named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-").title(): value for name, value in headers.items()}


class Host(Protocol):
    def visitor(self) -> Client:
        """Somebody who has not signed in."""
        ...

    def newcomer(self, email: str) -> Client:
        """Somebody who is about to sign up."""
        ...

    def operator(self) -> Client: ...


def sign_up(host: Host, email: str) -> tuple[str, Client]:
    """A new person with a trading file; their user id first."""
    client = host.newcomer(email)
    answer = client.ask("POST", "/people", {"email": email, "password": PASSWORD})
    assert answer.status == 201, answer
    return answer.body["user_id"], client


class FlaskHost:
    def __init__(self, home: Path, people: Path) -> None:
        from examples.flask_host import create_app

        cheap = "pbkdf2:sha256:1"  # a good one takes a tenth of a second
        self.app = create_app(TRADING_HOME=home, PEOPLE=people, SECRET_KEY=SECRET, PASSWORD_METHOD=cheap)

    def visitor(self) -> Client:
        return _FlaskClient(self.app.test_client())

    def newcomer(self, email: str) -> Client:
        return self.visitor()

    def operator(self) -> Client:
        _, client = sign_up(self, "operator@example.com")
        done = self.app.test_cli_runner().invoke(args=["make-operator", "operator@example.com"])
        assert done.exit_code == 0, done.output
        return client

    def close(self) -> None:
        self.app.extensions["trading"].exchange.close()


@attrs.frozen
class _FlaskClient:
    client: Any

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        given = {"data": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
        response = self.client.open(path, method=method, headers=named(headers), **given)
        text = response.get_data(as_text=True)
        response.close()
        return Answer(response.status_code, response.get_json(silent=True), dict(response.headers), text)


class DjangoHost:
    """Django is set up once in a process; its exchange is another one in each test."""

    def __init__(self, home: Path, people: Path) -> None:
        apps = _django(people)
        self._config = apps.get_app_config("django_host")
        from django.conf import settings

        settings.TRADING_HOME = home

    def visitor(self) -> Client:
        from django.test import Client as Browser

        return _DjangoClient(Browser(enforce_csrf_checks=True))

    def newcomer(self, email: str) -> Client:
        from django.contrib.auth.models import User

        User.objects.filter(email=email).delete()  # of the test before
        return self.visitor()

    def operator(self) -> Client:
        from django.contrib.auth.models import User

        user_id, client = sign_up(self, "operator@example.com")
        User.objects.filter(pk=user_id).update(is_staff=True)
        return client

    def close(self) -> None:
        from django.db import connections

        self._config.close()
        connections.close_all()


@cache
def _django(people: Path) -> Any:
    os.environ |= {"DJANGO_SETTINGS_MODULE": "examples.django_host.settings", "HOST_SECRET": SECRET}
    os.environ["HOST_PEOPLE"] = str(people)
    import django
    from django.apps import apps
    from django.conf import settings
    from django.core.management import call_command

    django.setup()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a good one takes half a second
    call_command("migrate", verbosity=0)
    return apps


@attrs.frozen
class _DjangoClient:
    client: Any

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """As a browser's script does: the token of the cookie in a header."""
        if "csrftoken" not in self.client.cookies:
            self.client.get("/session")
        token = {"X-CSRFToken": self.client.cookies["csrftoken"].value}
        data = body if isinstance(body, bytes) else json.dumps(body)
        response = self.client.generic(method, path, data, "application/json", headers=named(headers) | token)
        text = response.getvalue().decode()
        return Answer(response.status_code, _json(response.headers, text), dict(response.headers), text)


class FastApiHost:
    """Its event loop runs in a thread of its own, as under a server."""

    def __init__(self, home: Path, people: Path) -> None:
        from anyio.from_thread import start_blocking_portal
        from httpx import ASGITransport, AsyncClient

        from examples.fastapi_host import create_app

        self._stack = ExitStack()
        app = create_app(home=str(home), secret=SECRET)
        portal = self._stack.enter_context(start_blocking_portal())
        self._stack.enter_context(portal.wrap_async_context_manager(app.router.lifespan_context(app)))
        transport = ASGITransport(app, raise_app_exceptions=False)
        browser = AsyncClient(transport=transport, base_url="http://testserver")
        self._stack.enter_context(portal.wrap_async_context_manager(browser))
        self._request = lambda *args, **kwargs: portal.call(partial(browser.request, *args, **kwargs))
        self._people = 0

    def visitor(self) -> Client:
        return _FastApiClient(self._request, {})

    def newcomer(self, email: str) -> Client:
        self._people += 1
        return self._with_token(f"{self._people}", email)

    def operator(self) -> Client:
        return self._with_token("op", "operator@example.com", is_operator=True)

    def _with_token(self, user_id: str, email: str, *, is_operator: bool = False) -> Client:
        return _FastApiClient(self._request, bearer(user_id, email, is_operator=is_operator))

    def close(self) -> None:
        self._stack.close()


def bearer(user_id: str, email: str, *, is_operator: bool = False) -> dict[str, str]:
    from examples.fastapi_host.tokens import Identity, signed

    return {"Authorization": f"Bearer {signed(SECRET, Identity(user_id, email, is_operator))}"}


@attrs.frozen
class _FastApiClient:
    request: Callable[..., Any]
    token: dict[str, str]

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        given = {"content": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
        response = self.request(method, path, headers=self.token | named(headers), **given)
        return Answer(
            response.status_code, _json(response.headers, response.text), dict(response.headers), response.text
        )


_HOSTS: dict[str, type[DjangoHost | FlaskHost | FastApiHost]] = {
    "django": DjangoHost,
    "flask": FlaskHost,
    "fastapi": FastApiHost,
}


@contextmanager
def running(name: str, home: Path, people: Path) -> Iterator[Host]:
    """The host of that name, on an exchange that is there."""
    pytest.importorskip(name, reason=f"{name} is not installed: pip install -e '.[test]'")
    host = _HOSTS[name](home, people)
    try:
        yield host
    finally:
        host.close()
