"""The routes. Each asks the extension whom it acts for, calls one service, and answers what came of it."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, Response, abort, current_app, request, send_file, session

from credit_trading.errors import AlreadyExists, InvalidInput
from examples import wire
from examples.flask_host.people import People, Person
from examples.flask_host.trading import Trading
from examples.wire import Deposit, NewOrder, SignUp, as_json, idempotency_key

Answer = dict[str, Any]

pages = Blueprint("pages", __name__)


def trading() -> Trading:
    extension: Trading = current_app.extensions["trading"]
    return extension


def people() -> People:
    extension: People = current_app.extensions["people"]
    return extension


def enter(person: Person) -> Answer:
    """Signs the person in. If a crash came between their sign-up and their trading file, the file is made now."""
    trading().open_account(person)
    session.clear()
    session["user_id"] = person.user_id
    return {"user_id": person.user_id}


@pages.post("/people")
def sign_up() -> tuple[Answer, int]:
    new = msgspec.json.decode(request.get_data(), type=SignUp)
    person = people().add(new.email, new.password) or abort(409)
    try:
        return enter(person), 201
    except (AlreadyExists, InvalidInput):  # a number that it has given out before, an address that it does not take
        people().remove(person)
        raise


@pages.post("/session")
def sign_in() -> Answer:
    known = msgspec.json.decode(request.get_data(), type=SignUp)
    person = people().with_password(known.email, known.password)
    return enter(person or abort(401))


@pages.get("/balances")
def balances() -> Answer:
    return {"balances": as_json(trading().user().accounts.get_balances())}


@pages.get("/orders")
def open_orders() -> Answer:
    return {"orders": as_json(trading().user().orders.get_active_orders())}


@pages.post("/orders")
def place_order() -> tuple[Answer, int]:
    orders = trading().user().orders
    new = msgspec.json.decode(request.get_data(), type=NewOrder)
    key = idempotency_key(request.headers.get("Idempotency-Key"))
    report = orders.create_order(
        new.symbol, new.side, new.quantity, new.price, time_in_force=new.time_in_force, client_order_id=key
    )
    return as_json([report])[0], 200 if report.repeated else 201


@pages.get("/orders/<int:order_id>")
def one_order(order_id: int) -> Answer:
    return as_json([trading().user().orders.get_order(order_id)])[0]


@pages.delete("/orders/<int:order_id>")
def cancel_order(order_id: int) -> Answer:
    return as_json([trading().user().orders.cancel_order(order_id)])[0]


@pages.get("/history")
def history() -> Answer:
    return wire.history(trading().user(), request.args)


@pages.get("/statistics")
def statistics() -> Answer:
    return wire.statistics(trading().user(), request.args)


@pages.get("/statement")
def statement() -> Response:
    file, content_type = wire.statement(trading().user(), request.args)
    return send_file(file, mimetype=content_type)


@pages.get("/audit")
def audit_trail() -> Answer:
    return wire.audit_trail(trading().user(), request.args)


@pages.post("/operator/deposits")
def deposit() -> tuple[Answer, int]:
    operator = trading().operator()
    new = msgspec.json.decode(request.get_data(), type=Deposit)
    key = idempotency_key(request.headers.get("Idempotency-Key"))
    receipt = operator.accounts.deposit(new.user_id, new.asset, new.amount, key=key)
    return as_json([receipt])[0], 200 if receipt.repeated else 201
