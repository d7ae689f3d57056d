"""What a trader asks of an exchange, as data: so that it can be told to others, and asked again.

Here: one kind of act for everything that changes an exchange, how each is carried out, and what is answered. Never here: which act is
next (workload), what must have come of it (acknowledged).
Always: an act of one id means the same whoever carries it out, now or after a crash.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import msgspec

from credit_trading import Exchange
from credit_trading.errors import OrderRejected, OutcomeUnknown, TradingError
from credit_trading.trading.outcome import Outcome
from credit_trading.trading.sequencer import Prepared

CREDIT = "VCS-1340-2020"
CASH = "USD"
SYMBOL = "VCS-1340-2020/USD"


class Act(msgspec.Struct, frozen=True, omit_defaults=True):
    """`id` is the client order id, command id or key, as the kind has it; empty where the service takes none."""

    kind: str
    user: str
    id: str = ""
    arguments: dict[str, Any] = {}

    @property
    def event(self) -> str:
        """The kind of event by which an act without an id is known; empty where it may leave none."""
        return _EVENTS.get(self.kind, "")

    def causes(self, number: int) -> list[str]:
        """The ids under which the journal has it if it was taken, in order; `number` is the user's."""
        if self.kind == "group":
            return [f"user{number}/order/{order['client_order_id']}" for order in self.arguments["orders"]]
        scope = _SCOPES.get(self.kind)
        if scope is None:
            return []
        return [f"{scope}/{self.id}" if scope.startswith("admin/") else f"user{number}/{scope}/{self.id}"]


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """`code` is the market's no or, where `is_error`, the code of an error that says that nothing was changed.

    `told` is the report in plain values; `sequence` where it says that the act stands, 0 where it does not say.
    """

    code: str = ""
    is_error: bool = False
    sequence: int = 0
    repeated: bool = False
    told: dict[str, Any] = {}


def perform(exchange: Exchange, act: Act) -> Answer:
    """Carries it out; what the exchange refuses is an answer too. Raises OutcomeUnknown, and what is no TradingError."""
    try:
        return _answer(_PERFORM[act.kind](exchange, act))
    except OrderRejected as error:
        return Answer(code=error.rejection)
    except OutcomeUnknown:
        raise
    except TradingError as error:
        return Answer(code=error.code, is_error=True)


def _answer(report: Any) -> Answer:
    if isinstance(report, list):
        return _answer_of_group(report)
    if report is None or not hasattr(report, "sequence"):
        return Answer()
    told = attrs.asdict(report)
    return Answer(sequence=told.pop("sequence"), repeated=told.pop("repeated", False), told=told)


def _answer_of_group(outcomes: list[Outcome]) -> Answer:
    return Answer(
        sequence=outcomes[0].sequence,
        repeated=all(outcome.repeated for outcome in outcomes),
        told={
            "orders": [
                [one.command_id, one.sequence, one.status, one.answer.code, one.answer.filled_lots]
                for one in outcomes
                if one.answer
            ]
        },
    )


def _group(exchange: Exchange, act: Act) -> list[Outcome]:
    prepare = exchange.as_user(act.user).orders.prepare_order
    group: list[Prepared] = [prepare(SYMBOL, **order) for order in act.arguments["orders"]]
    return exchange.submit(group)


def _deal(exchange: Exchange, act: Act) -> Any:
    return exchange.as_admin("trader").transactions.record_transaction(
        buyer=act.user, credit_type=CREDIT, currency=CASH, key=act.id, **act.arguments
    )


def _admin(exchange: Exchange) -> Any:
    return exchange.as_admin("trader", origin="reliability")


def _for(exchange: Exchange, act: Act) -> Any:
    return _admin(exchange).on_behalf_of(act.user)


_PERFORM: dict[str, Callable[[Exchange, Act], Any]] = {
    "place": lambda on, act: on.as_user(act.user).orders.create_order(SYMBOL, client_order_id=act.id, **act.arguments),
    "place_unnamed": lambda on, act: on.as_user(act.user).orders.create_order(
        SYMBOL, command_id=act.id, **act.arguments
    ),
    "group": _group,
    "cancel": lambda on, act: on.as_user(act.user).orders.cancel_order(command_id=act.id, **act.arguments),
    "cancel_all": lambda on, act: on.as_user(act.user).orders.cancel_all_orders(command_id=act.id),
    "amend": lambda on, act: on.as_user(act.user).orders.amend_order(command_id=act.id, **act.arguments),
    "deposit": lambda on, act: _admin(on).accounts.deposit(act.user, key=act.id, **act.arguments),
    "withdraw": lambda on, act: _admin(on).accounts.withdraw(act.user, key=act.id, **act.arguments),
    "deal": _deal,
    "enter": lambda on, act: _for(on, act).transactions.record_transaction(key=act.id, **act.arguments),
    "move_on": lambda on, act: _for(on, act).transactions.update_transaction_status(command_id=act.id, **act.arguments),
    "place_outside": lambda on, act: on.as_user(act.user).orders.create_order(
        SYMBOL, client_order_id=act.id, route="external", **act.arguments
    ),
    "fill": lambda on, act: _for(on, act).orders.update_order_progress(key=act.id, **act.arguments),
    "complete": lambda on, act: _for(on, act).orders.complete_order(key=act.id, **act.arguments),
    "create": lambda on, act: _admin(on).databases.create_trading_database(act.user, **act.arguments),
    "email": lambda on, act: _admin(on).databases.change_email(act.user, **act.arguments),
    "delete": lambda on, act: _admin(on).databases.delete_trading_database(act.user, **act.arguments),
    "suspend": lambda on, act: _admin(on).trading.suspend_user(act.user, note="under review"),
    "resume": lambda on, act: _admin(on).trading.resume_user(act.user),
    "fees": lambda on, act: _admin(on).trading.set_user_fees(act.user, SYMBOL, **act.arguments),
    "bust": lambda on, act: _admin(on).trading.bust_trade(note="a mistake", **act.arguments),
    "cancel_market": lambda on, _: _admin(on).trading.cancel_all_orders(symbol=SYMBOL),
    "close_session": lambda on, _: _admin(on).instruments.close_instrument(SYMBOL),
    "open_session": lambda on, _: _admin(on).instruments.open_instrument(SYMBOL),
}

_SCOPES = {
    "place": "order",
    "place_unnamed": "id",
    "cancel": "id",
    "cancel_all": "id",
    "amend": "id",
    "deposit": "admin/key",
    "withdraw": "admin/key",
    "deal": "admin/key",
    "enter": "key",
    "move_on": "id",
    "place_outside": "order",
    "fill": "key",
    "complete": "key",
}
"""What an id of each kind is called in the journal, between whose it is and the id itself."""

_EVENTS = {
    "create": "user_created",
    "email": "user_email_changed",
    "delete": "user_deleted",
    "suspend": "user_suspended",
    "bust": "trade_busted",
}
"""Those that leave exactly one such event each time they are taken (a bust: the first time)."""
