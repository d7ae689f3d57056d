"""The routes. Each acts for whom its token names, calls one service in a thread, and answers what came of it.

Never on the event loop: a command waits for the disk and perhaps for another process, and meanwhile no other request would be served.
FastAPI runs a `def` in a thread by itself; from an `async def` go through `to_thread`.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from anyio import to_thread
from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

from credit_trading import OrderReport
from examples import wire
from examples.fastapi_host.acting import Acting
from examples.wire import Deposit, NewOrder, as_json, idempotency_key

Answer = dict[str, Any]
Asking = Annotated[Acting, Depends()]
Key = Annotated[str | None, Header(alias="Idempotency-Key")]

routes = APIRouter()


@routes.post("/people", status_code=201)
def sign_up(acting: Asking) -> Answer:
    """The trading file of the one whom the token names, unless it is there; safe to repeat."""
    person = acting.identity
    acting.sign_up().databases.create_trading_databases([(person.user_id, person.email)], skip_existing=True)
    return {"user_id": person.user_id}


@routes.get("/balances")
def balances(acting: Asking) -> Answer:
    return {"balances": as_json(acting.user().accounts.get_balances())}


@routes.get("/orders")
def open_orders(acting: Asking) -> Answer:
    return {"orders": as_json(acting.user().orders.get_active_orders())}


@routes.post("/orders", status_code=201)
async def place_order(request: Request, response: Response, acting: Asking, key: Key = None) -> Answer:
    """If the client hangs up, the thread goes on: the order is placed, and the same key finds it."""
    new = msgspec.json.decode(await request.body(), type=NewOrder)
    client_order_id = idempotency_key(key)

    def place() -> OrderReport:
        return acting.user().orders.create_order(
            new.symbol,
            new.side,
            new.quantity,
            new.price,
            time_in_force=new.time_in_force,
            client_order_id=client_order_id,
        )

    report = await to_thread.run_sync(place)
    response.status_code = 200 if report.repeated else 201
    return as_json([report])[0]


@routes.get("/orders/{order_id}")
def one_order(order_id: int, acting: Asking) -> Answer:
    return as_json([acting.user().orders.get_order(order_id)])[0]


@routes.delete("/orders/{order_id}")
def cancel_order(order_id: int, acting: Asking) -> Answer:
    return as_json([acting.user().orders.cancel_order(order_id)])[0]


@routes.get("/history")
def history(request: Request, acting: Asking) -> Answer:
    return wire.history(acting.user(), request.query_params)


@routes.get("/statistics")
def statistics(request: Request, acting: Asking) -> Answer:
    return wire.statistics(acting.user(), request.query_params)


@routes.get("/statement")
def statement(request: Request, acting: Asking) -> StreamingResponse:
    file, content_type = wire.statement(acting.user(), request.query_params)
    return StreamingResponse(file, media_type=content_type, background=BackgroundTask(file.close))


@routes.get("/audit")
def audit_trail(request: Request, acting: Asking) -> Answer:
    return wire.audit_trail(acting.user(), request.query_params)


@routes.post("/operator/deposits", status_code=201)
async def deposit(request: Request, response: Response, acting: Asking, key: Key = None) -> Answer:
    accounts = acting.operator().accounts
    new = msgspec.json.decode(await request.body(), type=Deposit)
    name = idempotency_key(key)
    receipt = await to_thread.run_sync(lambda: accounts.deposit(new.user_id, new.asset, new.amount, key=name))
    response.status_code = 200 if receipt.repeated else 201
    return as_json([receipt])[0]
