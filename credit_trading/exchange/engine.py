"""The engine: what each command does to the exchange, decided on the replica and emitted as events.

Here: one command from its id to its answer, what time alone brings about, and which rule decides which command. Never here: the rules
themselves (order_rules, amend_rules, external_rules, account_rules, transaction_rules, instrument_rules); clocks, files, randomness;
changing state (that is `Replica.apply`).
Always: a command that raises has emitted nothing of its own; each event is applied as it is emitted, so the next decision sees it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from credit_trading.errors import CommandConflict
from credit_trading.exchange import account_rules as accounts
from credit_trading.exchange import amend_rules as amends
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import events as ev
from credit_trading.exchange import external_rules as external
from credit_trading.exchange import instrument_rules as instruments
from credit_trading.exchange import order_rules as orders
from credit_trading.exchange import transaction_rules as transactions
from credit_trading.exchange.answers import Answer
from credit_trading.exchange.client_orders import is_placing_id
from credit_trading.exchange.decision import Decision
from credit_trading.exchange.entered import TransactionStatus, UpdateReason
from credit_trading.exchange.exchange_state import NEVER_US
from credit_trading.exchange.instrument_rules import session_change
from credit_trading.exchange.order import DAY, ExpiryReason, Order
from credit_trading.exchange.replica import Replica
from credit_trading.exchange.schedule import Calendar, no_sessions

EXPIRY, SCHEDULE = "expiry", "schedule"
"""The causes of events that only the passing of time brought about."""

MISSED_SESSIONS_US = 7 * 86_400_000_000
"""Openings and closes that nobody was there to see are told one by one for so long; what is older is passed over in one step."""


def handle(replica: Replica, request: cmd.Request, *, time_us: int, calendar: Calendar = no_sessions) -> Answer:
    """Decides one command at `time_us`; what is due by then comes first. The events stand in `replica.pending` after.

    The same id with the same content returns its first answer and emits nothing; so does a client order id, and a trade that is busted
    already. Raises TradingError subclasses for what is malformed (unknown names, other content under a known id); the market's "no"
    is an answer with a code.
    """
    if replica.next_due_us <= time_us:
        advance(replica, time_us=time_us, calendar=calendar)
    known = replica.answers.get(request.id)
    if known is not None:
        check_same_content(request, known.content)
        return known
    command = request.command
    kind = type(command)
    if kind not in _PLACING and is_placing_id(request.id):
        raise CommandConflict("command", request.id, "an id of this form stands for an order", hint="Choose a new id.")
    if kind in _KNOWN_OTHERWISE:
        known = _KNOWN_OTHERWISE[kind](replica, request, command, time_us)
        if known is not None:
            return known
    _HANDLERS[kind](Decision(replica, request, time_us, calendar, request.content), command)
    assert replica.latest_id == request.id, f"command {request.id} left no event"
    return replica.latest_answer


def _busted(replica: Replica, _: cmd.Request, command: cmd.BustTrade, __: int) -> Answer | None:
    """The answer to the bust of that trade, whichever command brought it about."""
    return replica.busted.get(command.trade)


def _placed(
    replica: Replica, request: cmd.Request, command: cmd.PlaceOrder | cmd.PlaceExternalOrder, time_us: int
) -> Answer | None:
    """The answer to the same order under its client order id, whichever command brought it about."""
    if command.client_order_id is None:
        return None
    placed = replica.client_orders.get(command.user, command.client_order_id, time_us=time_us)
    if placed is None or placed.answer.content == request.content:
        return placed.answer if placed is not None else None
    if placed.command_id == request.id:
        problem = f"it stands for order {placed.answer.order}, which was another"
        hint = "Choose another client order id, or repeat that order as it was."
        raise CommandConflict("client order id", command.client_order_id, problem, hint=hint)
    return None


def check_same_content(request: cmd.Request, content: str) -> None:
    """Raises CommandConflict if the id stood for something else before."""
    if request.content != content:
        raise CommandConflict(
            "command", request.id, "this id was used before for something else", hint="Choose a new id or key."
        )


def advance(replica: Replica, *, time_us: int, calendar: Calendar = no_sessions) -> None:
    """What is due by `time_us`, in the order of its moments.

    At the same moment orders expire first and then pending transactions, each by number; then sessions open and close.
    """
    while (due_us := replica.next_due_us) <= time_us:
        if replica.expiries and replica.expiries[0][0] == due_us:
            event: ev.Event = _expired(replica.orders[replica.expiries[0][1]])
            cause = EXPIRY
        elif replica.transaction_expiries and replica.transaction_expiries[0][0] == due_us:
            pending = replica.pending_transactions[replica.transaction_expiries[0][1]]
            event = transactions.updated(pending, TransactionStatus.CANCELLED.value, UpdateReason.EXPIRED)
            cause = EXPIRY
        else:
            market = replica.markets[replica.sessions[0][1]]
            assert market.schedule is not None
            boundaries = calendar(market.schedule, max(due_us, time_us - MISSED_SESSIONS_US))
            assert boundaries is None or (boundaries.next_us or NEVER_US) > due_us, (
                f"{boundaries} is not after {due_us}"
            )
            event, cause = session_change(market, boundaries), SCHEDULE
        replica.record(event, time_us=time_us, cause=cause, content=None)


def _expired(order: Order) -> ev.OrderExpired:
    """FIX ExecType Expired (C)."""
    reason = ExpiryReason.SESSION_ENDED if order.time_in_force == DAY else ExpiryReason.EXPIRED
    return ev.OrderExpired(order.user, order.number, order.hold, reason.value)


_PLACING = (cmd.PlaceOrder, cmd.PlaceExternalOrder)

_KNOWN_OTHERWISE: dict[type[cmd.Command], Callable[[Replica, cmd.Request, Any, int], Answer | None]] = {
    cmd.PlaceOrder: _placed,
    cmd.PlaceExternalOrder: _placed,
    cmd.BustTrade: _busted,
}
"""Commands that are known by what they name, too, and not by their own id alone."""

_HANDLERS: dict[type[cmd.Command], Callable[[Decision, Any], None]] = {
    cmd.PlaceOrder: orders.place,
    cmd.PlaceExternalOrder: external.place_external,
    cmd.FillOutside: external.fill_outside,
    cmd.CancelOrder: orders.cancel_order,
    cmd.AmendOrder: amends.amend_order,
    cmd.CancelOrders: orders.cancel_orders,
    cmd.Deposit: accounts.deposit,
    cmd.Withdraw: accounts.withdraw,
    cmd.EnterTransaction: transactions.enter_transaction,
    cmd.UpdateTransaction: transactions.update_transaction,
    cmd.SetCostMethod: transactions.set_cost_method,
    cmd.RecordTransaction: accounts.record_transaction,
    cmd.BustTrade: accounts.bust_trade,
    cmd.CreateUser: accounts.create_user,
    cmd.ChangeEmail: accounts.change_email,
    cmd.SuspendUser: accounts.suspend_user,
    cmd.ResumeUser: accounts.resume_user,
    cmd.DeleteUser: accounts.delete_user,
    cmd.SetUserFees: instruments.set_user_fees,
    cmd.AddAsset: instruments.add_asset,
    cmd.AddInstrument: instruments.add_instrument,
    cmd.SetRules: instruments.set_rules,
    cmd.SetSchedule: instruments.set_schedule,
    cmd.SetInstrumentStatus: instruments.set_instrument_status,
}
