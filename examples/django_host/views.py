"""The views. Each asks whom it acts for, calls one service, and answers what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from django.contrib.auth import authenticate, login
from django.contrib.auth.models import User as Person
from django.db import IntegrityError, transaction
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from credit_trading.errors import AlreadyExists, InvalidInput
from examples import wire
from examples.wire import Deposit, NewOrder, SignUp, as_json, idempotency_key


def listed(name: str, records: Iterable[Any]) -> HttpResponse:
    return JsonResponse({name: as_json(records)})


def one(record: Any, *, status: int = 200) -> HttpResponse:
    return JsonResponse(as_json([record])[0], status=status)


def enter(request: HttpRequest, person: Person, *, status: int = 200) -> HttpResponse:
    """Signs the person in. If a crash came between their sign-up and their trading file, the file is made now."""
    request.acting.open_account(person)
    login(request, person)
    return JsonResponse({"user_id": str(person.pk)}, status=status)


@require_POST
@transaction.non_atomic_requests
def sign_up(request: HttpRequest) -> HttpResponse:
    """The person is committed first: a key that is rolled back may be given out again, a user's id must not."""
    new = msgspec.json.decode(request.body, type=SignUp)
    try:
        person = Person.objects.create_user(new.email, new.email, new.password)
    except IntegrityError:
        return JsonResponse({"title": "address_taken"}, status=409)
    try:
        return enter(request, person, status=201)
    except (AlreadyExists, InvalidInput):  # a number that it has given out before, an address that it does not take
        person.delete()
        raise


@ensure_csrf_cookie
@require_http_methods(["GET", "POST"])
def session(request: HttpRequest) -> HttpResponse:
    """Who is signed in, with the cookie that every later POST has to repeat as a header; or signing in."""
    if request.method == "GET":
        return JsonResponse({"user_id": None if request.user.pk is None else str(request.user.pk)})
    known = msgspec.json.decode(request.body, type=SignUp)
    person = authenticate(request, username=known.email, password=known.password)
    return JsonResponse({"title": "unknown"}, status=401) if person is None else enter(request, person)


@require_GET
def balances(request: HttpRequest) -> HttpResponse:
    return listed("balances", request.acting.user().accounts.get_balances())


@require_http_methods(["GET", "POST"])
def orders(request: HttpRequest) -> HttpResponse:
    """Those that are open, or a new one."""
    own = request.acting.user().orders
    if request.method == "GET":
        return listed("orders", own.get_active_orders())
    new = msgspec.json.decode(request.body, type=NewOrder)
    key = idempotency_key(request.headers.get("Idempotency-Key"))
    report = own.create_order(
        new.symbol, new.side, new.quantity, new.price, time_in_force=new.time_in_force, client_order_id=key
    )
    return one(report, status=200 if report.repeated else 201)


@require_http_methods(["GET", "DELETE"])
def order(request: HttpRequest, order_id: int) -> HttpResponse:
    """What it is, or its end."""
    own = request.acting.user().orders
    return one(own.get_order(order_id) if request.method == "GET" else own.cancel_order(order_id))


@require_GET
def history(request: HttpRequest) -> HttpResponse:
    return JsonResponse(wire.history(request.acting.user(), request.GET))


@require_GET
def statistics(request: HttpRequest) -> HttpResponse:
    return JsonResponse(wire.statistics(request.acting.user(), request.GET))


@require_GET
def statement(request: HttpRequest) -> FileResponse:
    file, content_type = wire.statement(request.acting.user(), request.GET)
    return FileResponse(file, content_type=content_type)


@require_GET
def audit_trail(request: HttpRequest) -> HttpResponse:
    return JsonResponse(wire.audit_trail(request.acting.user(), request.GET))


@require_POST
def deposit(request: HttpRequest) -> HttpResponse:
    admin = request.acting.operator()
    new = msgspec.json.decode(request.body, type=Deposit)
    key = idempotency_key(request.headers.get("Idempotency-Key"))
    receipt = admin.accounts.deposit(new.user_id, new.asset, new.amount, key=key)
    return one(receipt, status=200 if receipt.repeated else 201)
