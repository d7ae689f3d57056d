"""What an export holds: its tables, their fields, the form of each value. The documentation and every check come from here.

Here: names, forms, order, version. Never here: reading or writing files. Always: a table's lines are in the order of its `order`; what
a version says of a field stays so: a change is a new version, and the older ones are read for ever.
"""

from __future__ import annotations

import re

import attrs

from credit_trading.exchange.entered import WITH_COST, CostMethod, TransactionStatus
from credit_trading.exchange.recorded import DIRECTIONS

SCHEMA = "credit-trading-export"
VERSION = 2
"""Version 2 has transactions that are not settled, corrections, and what came in at a price; its new fields may be missing."""

MANIFEST = "manifest.json"

TEXT, ID, USER_ID, AMOUNT, NUMBER, RATE, TIME, WORD = (
    "text",
    "id",
    "user id",
    "amount",
    "number",
    "rate",
    "time",
    "word",
)
FORMS = {
    TEXT: "any text of at most 1,000 characters",
    ID: "1 to 64 ASCII letters, digits, '.', '_', ':' or '-'",
    USER_ID: "1 to 64 ASCII letters, digits, '.', '_' or '-', not beginning with '.' or '-'",
    AMOUNT: "plain decimal text such as 12.50 or -0.05, never a float, without an exponent or separators",
    NUMBER: "a whole number, 0 or more",
    RATE: "a part of one, such as 0.0025; negative for a rebate",
    TIME: "RFC 3339 in UTC with microseconds, such as 2026-03-01T09:30:00.000000Z",
    WORD: "one of the words that are named",
}
"""What the value of a field of this form looks like. In JSON Lines every value is text, or null; in CSV, null is the empty cell."""

RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)
"""What is read; what is written is in UTC."""


@attrs.frozen
class Field:
    """`needed` on every line; others may be null, or left out. Files of a version before `since` do not have it."""

    name: str
    form: str
    what: str
    needed: bool = attrs.field(default=False, kw_only=True)
    since: int = attrs.field(default=1, kw_only=True)


@attrs.frozen
class Table:
    """Stands in NAME.jsonl and NAME.csv. `order`: what its lines are sorted by."""

    name: str
    what: str
    order: str
    fields: tuple[Field, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)


USERS = Table(
    "users",
    "who is exported, without those who are deleted",
    "user_id",
    (
        Field("user_id", USER_ID, "the user's id", needed=True),
        Field("email", TEXT, "the user's e-mail", needed=True),
        Field(
            "cost_method",
            WORD,
            f"{' or '.join(CostMethod)}: how the user's statistics reckon; null: {CostMethod.AVERAGE}",
            since=2,
        ),
    ),
)
ASSETS = Table(
    "assets",
    "what amounts are counted in",
    "asset",
    (
        Field("asset", ID, "the asset's code", needed=True),
        Field("decimals", NUMBER, "digits after the point that its smallest unit has", needed=True),
    ),
)
INSTRUMENTS = Table(
    "instruments",
    "pairs of assets and their rules, without hours and users' own fees",
    "symbol",
    (
        Field("symbol", TEXT, "the instrument", needed=True),
        Field("base", ID, "the asset that is traded", needed=True),
        Field("quote", ID, "the asset that it is paid in", needed=True),
        Field("tick", AMOUNT, "price step", needed=True),
        Field("lot", AMOUNT, "quantity step", needed=True),
        Field("maker_fee", RATE, "of a trade's value"),
        Field("taker_fee", RATE, "of a trade's value"),
        Field("collar", RATE, "how far from the best price a market order may trade"),
        Field("self_trade", WORD, "cancel_newest, cancel_oldest, cancel_both or decrement"),
        Field("min_quantity", AMOUNT, "of an order"),
        Field("max_quantity", AMOUNT, "of an order"),
        Field("min_value", AMOUNT, "of an order"),
        Field("price_band", RATE, "how far a limit may lie from the reference price"),
        Field("reference_price", AMOUNT, "null where it is the last trade's"),
        Field("max_open_orders", NUMBER, "of one user"),
    ),
)
BALANCES = Table(
    "balances",
    "what each user has, the sum of the transactions; nothing where it is zero",
    "user_id, asset",
    (
        Field("user_id", USER_ID, "whose it is", needed=True),
        Field("asset", ID, "the asset's code", needed=True),
        Field("posted", AMOUNT, "in whole assets, what open orders hold included", needed=True),
    ),
)
TRANSACTIONS = Table(
    "transactions",
    "all that moved balances, and what was entered to do so and has not, or not yet",
    "user_id, then as they were entered",
    (
        Field("user_id", USER_ID, "whose history it stands in", needed=True),
        Field("reference", ID, "its name, unlike that of any other of the user's, for ever", needed=True),
        Field("transaction_date", TIME, "when it happened", needed=True),
        Field("transaction_type", WORD, f"{', '.join(DIRECTIONS)}", needed=True),
        Field("credit_type", ID, "the asset that was moved", needed=True),
        Field("quantity", AMOUNT, "of that asset; always positive", needed=True),
        Field(
            "price_per_credit",
            AMOUNT,
            f"in the currency, for one whole credit: of a trade, and of a {' or '.join(WITH_COST)} what that had cost",
        ),
        Field("total_value", AMOUNT, "price times quantity, to the currency's smallest unit, before the fee"),
        Field("currency", ID, "where there is a price: the asset it was paid in"),
        Field(
            "fee",
            AMOUNT,
            "of a trade, in the currency: paid on top by a buyer, out of the proceeds by a seller; negative: given back",
        ),
        Field("counterparty", TEXT, "the other side: a user's id, or who it was elsewhere"),
        Field("symbol", TEXT, "the instrument; null off the book"),
        Field("role", WORD, "maker or taker"),
        Field("trade_reference", ID, "of a trade and of its bust: the same for both"),
        Field("external_reference", ID, "what whoever recorded it called it"),
        Field("note", TEXT, "a remark by whoever recorded it"),
        Field(
            "status",
            WORD,
            f"{', '.join(TransactionStatus)}; null: {TransactionStatus.SETTLED}. What is not settled is to be read, not to be imported",
            since=2,
        ),
        Field(
            "recorded_at", TIME, "when it was entered; it may be long after it happened, and is not compared", since=2
        ),
        Field("expires_at", TIME, "of one that is not settled: when it will be cancelled, or would have been", since=2),
        Field("status_changed_at", TIME, "when it was cancelled or failed", since=2),
        Field("status_reason", TEXT, "why it was cancelled or failed", since=2),
    ),
)
ORDERS = Table(
    "orders",
    "open and done; to be read, not to be imported: an order of elsewhere is no order here",
    "user_id, order_id",
    (
        Field("user_id", USER_ID, "whose it is", needed=True),
        Field("order_id", NUMBER, "the exchange's number of it", needed=True),
        Field("client_order_id", ID, "the owner's own id of it"),
        Field("symbol", TEXT, "the instrument", needed=True),
        Field("credit_type", ID, "what is traded", needed=True),
        Field("currency", ID, "what it is paid in", needed=True),
        Field("side", WORD, "buy or sell", needed=True),
        Field("order_type", WORD, "limit, market, stop or stop_limit", needed=True),
        Field("time_in_force", WORD, "GTC, DAY, GTD, IOC or FOK", needed=True),
        Field("price_per_credit", AMOUNT, "the limit; null at market"),
        Field("stop_price", AMOUNT, "a trade at or beyond it triggers the order"),
        Field("displayed_quantity", AMOUNT, "how much the book shows at a time"),
        Field("quantity", AMOUNT, "in all", needed=True),
        Field("filled_quantity", AMOUNT, "traded", needed=True),
        Field("filled_value", AMOUNT, "sum of price times quantity over all fills", needed=True),
        Field("fees", AMOUNT, "charged; negative where rebates outweigh", needed=True),
        Field("hold", AMOUNT, "kept out of the owner's reach: currency for a buy, credits for a sell", needed=True),
        Field("order_status", WORD, "new, partially_filled, filled, canceled, expired or rejected", needed=True),
        Field("created_at", TIME, "when it came", needed=True),
        Field("expires_at", TIME, "when it expires, or would have"),
        Field("closed_at", TIME, "when it was done; null while it is open"),
        Field("reason", TEXT, "why it ended unfilled"),
        Field("route", WORD, "internal, or external for one that is worked outside", since=2),
    ),
)

TABLES = (USERS, ASSETS, INSTRUMENTS, BALANCES, TRANSACTIONS, ORDERS)
"""In the order in which they stand in an export."""

JSONL, CSV = ".jsonl", ".csv"

FILE_NAMES = {f"{table.name}{ending}": table for table in TABLES for ending in (JSONL, CSV)}
"""All that may stand in an export beside its manifest."""


@attrs.frozen
class Limits:
    """How much one import takes: all of it is one COMMIT, and checked in memory before."""

    transactions: int = 100_000
    users: int = 20_000
    others: int = 10_000
    orders: int = 10_000_000
    line_bytes: int = 64 * 1024
    file_bytes: int = 1 << 30
    problems: int = 1_000

    def lines(self, table: Table) -> int:
        """Of that table."""
        if table in (TRANSACTIONS, BALANCES):
            return self.transactions
        return {USERS: self.users, ORDERS: self.orders}.get(table, self.others)


def document() -> str:
    """The schema in words, as Markdown."""
    lines = [f"Schema `{SCHEMA}`, version {VERSION}. Files of older versions are imported, too."]
    for table in TABLES:
        lines += ["", f"**{table.name}** ({table.what}), by {table.order}:", "", "| field | form | |", "|---|---|---|"]
        lines += [f"| `{one.name}`{_said_of(one)} | {one.form} | {one.what} |" for one in table.fields]
    return "\n".join([*lines, "", *(f"- {form}: {what}" for form, what in FORMS.items()), ""])


def _said_of(field: Field) -> str:
    if field.needed:
        return ""
    return " (may be null)" if field.since == 1 else f" (may be null; since version {field.since})"
