"""Why the market says no: codes for programs, sentences for people.

Always: a command is checked in the order in which the codes stand here, and the first that fails is the answer.
"""

from __future__ import annotations

from enum import StrEnum


class Rejection(StrEnum):
    """FIX OrdRejReason (103) and CxlRejReason (102), in the order of the checks."""

    ORDER_NOT_OPEN = "order_not_open"
    INSTRUMENT_HALTED = "instrument_halted"
    DUPLICATE_CLIENT_ORDER_ID = "duplicate_client_order_id"
    QUANTITY_BELOW_FILLED = "quantity_below_filled"
    EXPIRES_IN_THE_PAST = "expires_in_the_past"
    NO_OPPOSITE_PRICE = "no_opposite_price"
    VALUE_TOO_LARGE = "value_too_large"
    ISSUE_CAP_EXCEEDED = "issue_cap_exceeded"
    INSUFFICIENT_FUNDS = "insufficient_funds"

    @property
    def sentence(self) -> str:
        """What was wrong, for people."""
        return _SENTENCES[self]

    @property
    def hint(self) -> str:
        """What to do about it."""
        return _HINTS[self]


_SENTENCES = {
    Rejection.INSTRUMENT_HALTED: "the instrument is halted and takes cancels only",
    Rejection.DUPLICATE_CLIENT_ORDER_ID: "an open order of this user has the same client order id",
    Rejection.ORDER_NOT_OPEN: "the order is no longer open: it was filled, canceled or has expired",
    Rejection.QUANTITY_BELOW_FILLED: "the new quantity is less than what is already filled",
    Rejection.EXPIRES_IN_THE_PAST: "the expiry is not in the future",
    Rejection.NO_OPPOSITE_PRICE: "a market order needs an open order on the other side",
    Rejection.VALUE_TOO_LARGE: "price times quantity is larger than any account can hold",
    Rejection.ISSUE_CAP_EXCEEDED: "the asset's issue would exceed what fits an account",
    Rejection.INSUFFICIENT_FUNDS: "the available balance does not cover it",
}

_HINTS = {
    Rejection.ORDER_NOT_OPEN: "See how it ended: credit-trading orders show.",
    Rejection.INSTRUMENT_HALTED: "Wait until it is resumed: credit-trading instruments list.",
    Rejection.DUPLICATE_CLIENT_ORDER_ID: "Choose another client order id.",
    Rejection.QUANTITY_BELOW_FILLED: "Give at least what is filled, or cancel the order.",
    Rejection.EXPIRES_IN_THE_PAST: "Give a later expiry.",
    Rejection.NO_OPPOSITE_PRICE: "Give a price, or wait for an order on the other side.",
    Rejection.VALUE_TOO_LARGE: "Place a smaller order.",
    Rejection.ISSUE_CAP_EXCEEDED: "Deposit less.",
    Rejection.INSUFFICIENT_FUNDS: "See what is available: credit-trading accounts show.",
}
