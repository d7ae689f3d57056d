"""Why the market says no: codes for programs, sentences for people.

Always: a command is checked in the order in which the codes stand here, and the first that fails is the answer.
"""

from __future__ import annotations

from enum import StrEnum

from credit_trading.exchange.market_rules import MOST_SLICES


class Rejection(StrEnum):
    """FIX OrdRejReason (103) and CxlRejReason (102), in the order of the checks."""

    USER_SUSPENDED = "user_suspended"
    ORDER_NOT_OPEN = "order_not_open"
    ORDER_NOT_EXTERNAL = "order_not_external"
    ORDER_IS_EXTERNAL = "order_is_external"
    TRANSACTION_NOT_PENDING = "transaction_not_pending"
    TRANSACTION_GUARDED = "transaction_guarded"
    TRANSACTION_NOT_GUARDED = "transaction_not_guarded"
    VERSION_CHANGED = "version_changed"
    INSTRUMENT_HALTED = "instrument_halted"
    INSTRUMENT_CLOSED = "instrument_closed"
    DUPLICATE_CLIENT_ORDER_ID = "duplicate_client_order_id"
    QUANTITY_BELOW_FILLED = "quantity_below_filled"
    QUANTITY_ABOVE_REMAINING = "quantity_above_remaining"
    EXPIRES_IN_THE_PAST = "expires_in_the_past"
    NO_SESSION_END = "no_session_end"
    QUANTITY_TOO_SMALL = "quantity_too_small"
    QUANTITY_TOO_LARGE = "quantity_too_large"
    DISPLAY_TOO_SMALL = "display_too_small"
    NO_OPPOSITE_PRICE = "no_opposite_price"
    VALUE_TOO_SMALL = "value_too_small"
    VALUE_TOO_LARGE = "value_too_large"
    PRICE_WORSE_THAN_LIMIT = "price_worse_than_limit"
    PRICE_OUTSIDE_BAND = "price_outside_band"
    TOO_MANY_OPEN_ORDERS = "too_many_open_orders"
    STOP_WOULD_TRIGGER = "stop_would_trigger"
    POST_ONLY_WOULD_TAKE = "post_only_would_take"
    ISSUE_CAP_EXCEEDED = "issue_cap_exceeded"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    CANNOT_GIVE_BACK = "cannot_give_back"

    @property
    def sentence(self) -> str:
        """What was wrong, for people."""
        return _SENTENCES[self]

    @property
    def hint(self) -> str:
        """What to do about it."""
        return _HINTS[self]


_SENTENCES = {
    Rejection.USER_SUSPENDED: "the user is suspended and may only cancel",
    Rejection.VERSION_CHANGED: "the order has changed since the version that was expected",
    Rejection.INSTRUMENT_CLOSED: "the instrument's session is closed",
    Rejection.NO_SESSION_END: "a DAY order needs an instrument whose schedule ends its sessions",
    Rejection.QUANTITY_TOO_SMALL: "the quantity is below the instrument's minimum",
    Rejection.QUANTITY_TOO_LARGE: "the quantity is above the instrument's maximum",
    Rejection.DISPLAY_TOO_SMALL: f"the displayed quantity would cut the order into more than {MOST_SLICES} slices",
    Rejection.VALUE_TOO_SMALL: "price times quantity is below the instrument's minimum value",
    Rejection.PRICE_OUTSIDE_BAND: "the price lies outside the instrument's band around its reference price",
    Rejection.TOO_MANY_OPEN_ORDERS: "the user has as many open orders, or waiting stops, in the instrument as it allows",
    Rejection.STOP_WOULD_TRIGGER: "the last trade is at or beyond the stop price already",
    Rejection.POST_ONLY_WOULD_TAKE: "a post-only order may not trade on arrival, and this one would",
    Rejection.ORDER_NOT_EXTERNAL: "the order is worked in the book here, and its fills come from there alone",
    Rejection.ORDER_IS_EXTERNAL: "the order is worked outside and cannot be amended here",
    Rejection.TRANSACTION_NOT_PENDING: "the transaction is no longer pending: it was settled or cancelled, or has failed",
    Rejection.TRANSACTION_GUARDED: "the transaction belongs to a request of the application around, and only that ends it",
    Rejection.TRANSACTION_NOT_GUARDED: "the transaction belongs to no request of the application around",
    Rejection.QUANTITY_ABOVE_REMAINING: "it is more than what remains of the order",
    Rejection.PRICE_WORSE_THAN_LIMIT: "the price is worse than the order's limit",
    Rejection.CANNOT_GIVE_BACK: "a party to the trade no longer has available what it must give back",
    Rejection.INSTRUMENT_HALTED: "the instrument is halted and takes cancels only",
    Rejection.DUPLICATE_CLIENT_ORDER_ID: "another order of this user, open or done not long ago, has the same client order id",
    Rejection.ORDER_NOT_OPEN: "the order is no longer open: it was filled, canceled or has expired",
    Rejection.QUANTITY_BELOW_FILLED: "the new quantity is less than what is already filled",
    Rejection.EXPIRES_IN_THE_PAST: "the expiry is not in the future",
    Rejection.NO_OPPOSITE_PRICE: "a market order needs an open order on the other side",
    Rejection.VALUE_TOO_LARGE: "price times quantity is larger than any account can hold",
    Rejection.ISSUE_CAP_EXCEEDED: "the asset's issue would exceed what fits an account",
    Rejection.INSUFFICIENT_FUNDS: "the available balance does not cover it",
}

_HINTS = {
    Rejection.USER_SUSPENDED: "An admin can lift it: credit-trading users resume USER_ID.",
    Rejection.VERSION_CHANGED: "See how it stands: credit-trading orders show USER_ID ORDER_ID; then decide again.",
    Rejection.INSTRUMENT_CLOSED: "See when it opens: credit-trading instruments show SYMBOL.",
    Rejection.NO_SESSION_END: "Use GTC, or GTD with an expiry; or have a schedule set: credit-trading instruments schedule --help.",
    Rejection.QUANTITY_TOO_SMALL: "See the limits: credit-trading instruments show SYMBOL.",
    Rejection.QUANTITY_TOO_LARGE: "See the limits: credit-trading instruments show SYMBOL.",
    Rejection.DISPLAY_TOO_SMALL: "Show more at a time, or place a smaller order.",
    Rejection.VALUE_TOO_SMALL: "See the limits: credit-trading instruments show SYMBOL.",
    Rejection.PRICE_OUTSIDE_BAND: "Choose a price nearer to the market: credit-trading instruments show SYMBOL.",
    Rejection.TOO_MANY_OPEN_ORDERS: "Cancel one first: credit-trading orders list USER_ID.",
    Rejection.STOP_WOULD_TRIGGER: "Choose a stop price beyond the last trade, or place a market or limit order.",
    Rejection.POST_ONLY_WOULD_TAKE: "Choose a price that does not reach the other side, or leave post-only out.",
    Rejection.ORDER_NOT_EXTERNAL: "Report fills of orders with route external: credit-trading orders show USER_ID ORDER_ID.",
    Rejection.ORDER_IS_EXTERNAL: "Cancel it and place another.",
    Rejection.TRANSACTION_NOT_PENDING: "See how it stands: credit-trading transactions list USER_ID.",
    Rejection.TRANSACTION_GUARDED: "Settle or fail the request there, in the application that made it.",
    Rejection.TRANSACTION_NOT_GUARDED: "An admin moves it on: credit-trading transactions update --help.",
    Rejection.QUANTITY_ABOVE_REMAINING: "See what remains: credit-trading orders show USER_ID ORDER_ID.",
    Rejection.PRICE_WORSE_THAN_LIMIT: "See its limit: credit-trading orders show USER_ID ORDER_ID.",
    Rejection.CANNOT_GIVE_BACK: "Have the user cancel orders or deposit what is missing, then bust the trade again.",
    Rejection.ORDER_NOT_OPEN: "See how it ended: credit-trading orders show USER_ID ORDER_ID.",
    Rejection.INSTRUMENT_HALTED: "Wait until it is resumed: credit-trading instruments list.",
    Rejection.DUPLICATE_CLIENT_ORDER_ID: "Choose another client order id.",
    Rejection.QUANTITY_BELOW_FILLED: "Give at least what is filled, or cancel the order.",
    Rejection.EXPIRES_IN_THE_PAST: "Give a later expiry.",
    Rejection.NO_OPPOSITE_PRICE: "Give a price, or wait for an order on the other side.",
    Rejection.VALUE_TOO_LARGE: "Place a smaller order.",
    Rejection.ISSUE_CAP_EXCEEDED: "Deposit less.",
    Rejection.INSUFFICIENT_FUNDS: "See what is available: credit-trading accounts show USER_ID.",
}
