"""Whether trades from elsewhere, and the busts that take them back, fit each other and what stands in the user's history.

Here: one user's trades by their references, in the order in which they are entered. Never here: other rules on transactions (checking).
Always: no two trades of a user's have one reference; a bust takes back a trade that stands before it, here or in the file, with the same
terms, and only once, however many imports that takes. A trade that was made here is taken back here, on both sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from credit_trading.exchange.events import Event, TransactionRecorded
from credit_trading.exchange.recorded import BUSTS, TRADES, Terms, terms
from credit_trading.store.sqlite import Connection
from credit_trading.transfer.export import trade_reference
from credit_trading.transfer.problems import Problems
from credit_trading.transfer.reading import Reader, Transaction
from credit_trading.transfer.schema import TRANSACTIONS
from credit_trading.users.tables import contents

_FIELD = "trade_reference"


def references(own: Iterable[Transaction]) -> set[str]:
    """Of the trades and busts among them."""
    return {one.trade_reference for one in own if one.trade_reference is not None}


def check_trades(
    own: Sequence[Transaction], connection: Connection | None, *, exchange_id: str, problems: Problems
) -> None:
    """One user's new transactions, in the order of the file, against what is in the user's file; None for a user who is new."""
    wanted = references(own)
    if not wanted:
        return
    standing = _standing(connection, wanted) if connection is not None else {}
    ours = trade_reference(exchange_id, "")
    for one in own:
        problem = _problem(one, standing, ours) if one.trade_reference is not None else None
        if problem is not None:
            Reader(one.line, TRANSACTIONS, problems).wrong(_FIELD, problem)


def names_trade(event: Event, wanted: set[str]) -> bool:
    """Whether it records a trade, or the bust of one, under such a reference."""
    return isinstance(event, TransactionRecorded) and event.trade_reference in wanted


def _standing(connection: Connection, wanted: set[str]) -> dict[str, Terms | None]:
    """The terms of the trades of these references; None for one that was taken back."""
    standing: dict[str, Terms | None] = {}
    for row in contents.recorded_trades(connection):
        if row[_FIELD] not in wanted:
            continue
        found = terms(
            row["transaction_type"],
            asset=row["credit_type"],
            quantity=row["quantity"],
            currency=row["currency"],
            price=row["price_per_credit"],
            price_decimals=row["price_decimals"],
            total=row["total_value"],
            fee=row["fee"],
        )
        standing[row[_FIELD]] = None if row["transaction_type"] in BUSTS else found
    return standing


def _problem(one: Transaction, standing: dict[str, Terms | None], ours: str) -> str | None:
    """What is wrong with it; if nothing is, it stands from here on."""
    assert one.trade_reference is not None
    reference = one.trade_reference
    if reference.startswith(ours):
        number = reference.removeprefix(ours)
        return f"it names a trade of this exchange; take that back here: credit-trading trades bust {number}"
    if one.kind in TRADES:
        if reference in standing:
            return "another trade of the user's has it"
        standing[reference] = one.terms
        return None
    if reference not in standing:
        return "no trade of that reference stands before, here or in the file"
    if standing[reference] is None:
        return "the trade of that reference was taken back already"
    if standing[reference] != one.terms:
        return "the trade of that reference had other terms"
    standing[reference] = None
    return None
