"""The engine: what each command does to the exchange, decided on the replica and emitted as events.

Here: one command from its id to its answer, expiry, and which rule decides which command. Never here: the rules themselves (order_rules,
account_rules); clocks, files, randomness; changing state (that is `Replica.apply`).
Always: a command that raises has emitted nothing of its own; each event is applied as it is emitted, so the next decision sees it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

from credit_trading.errors import CommandConflict
from credit_trading.exchange import account_rules as accounts
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import events as ev
from credit_trading.exchange import order_rules as orders
from credit_trading.exchange.answers import Answer
from credit_trading.exchange.decision import Decision
from credit_trading.exchange.replica import Replica

EXPIRY = "expiry"
"""The cause of events that only the passing of time brought about."""


def handle(replica: Replica, request: cmd.Request, *, time_us: int) -> Answer:
    """Decides one command at `time_us`; what is due expires first. The events stand in `replica.pending` after.

    The same id with the same content returns its first answer and emits nothing. Raises TradingError subclasses for what is
    malformed (unknown names, other content under a known id); the market's "no" is an answer with a code.
    """
    expire_due(replica, time_us=time_us)
    known = replica.answers.get(request.id)
    if known is not None:
        check_same_content(request, known.content)
        return known
    decision = Decision(replica, request, time_us)
    _HANDLERS[type(request.command)](decision, request.command)
    answer = replica.answers.get(request.id)
    assert answer is not None, f"command {request.id} left no event"
    return answer


def check_same_content(request: cmd.Request, content: str) -> None:
    """Raises CommandConflict if the id stood for something else before."""
    if request.content != content:
        raise CommandConflict(
            "command", request.id, "this id was used before for something else", hint="Choose a new id or key."
        )


def expire_due(replica: Replica, *, time_us: int) -> None:
    """Expires what is due, in the order of expiry and order number (FIX ExpireTime 126)."""
    expiries = replica.expiries
    while expiries and expiries[0][0] <= time_us:
        expires_at_us, number = heapq.heappop(expiries)
        order = replica.orders.get(number)
        if order is not None and order.expires_at_us == expires_at_us:
            event = ev.OrderExpired(order.user, number, order.hold)
            replica.record(event, time_us=time_us, cause=EXPIRY, content=None)


_HANDLERS: dict[type[cmd.Command], Callable[[Decision, Any], None]] = {
    cmd.PlaceOrder: orders.place,
    cmd.CancelOrder: orders.cancel_order,
    cmd.AmendOrder: orders.amend_order,
    cmd.Deposit: accounts.deposit,
    cmd.Withdraw: accounts.withdraw,
    cmd.TradeOffBook: accounts.trade_off_book,
    cmd.CreateUser: accounts.create_user,
    cmd.ChangeEmail: accounts.change_email,
    cmd.DeleteUser: accounts.delete_user,
    cmd.AddAsset: accounts.add_asset,
    cmd.AddInstrument: accounts.add_instrument,
    cmd.SetInstrumentStatus: accounts.set_instrument_status,
}
