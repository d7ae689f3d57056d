"""The words by which transactions and orders of a user's file are found (SQLite's FTS5).

Here: the tables of words, what fills them, what is asked of them. Never here: which rows of those found are wanted (search).
Always: a row's words are written once, in the transaction that inserts the row: none of them ever changes. A table keeps words alone, not
the texts, under the row's own number, so that rows are found in the order in which they were entered, without sorting.
"""

from __future__ import annotations

from credit_trading.exchange import events as ev
from credit_trading.store.sqlite import Connection

TEXT_TABLES = ("transactions_text", "orders_text")

TEXTS = """\
CREATE VIRTUAL TABLE transactions_text USING fts5(words, content='', columnsize=0);
CREATE VIRTUAL TABLE orders_text USING fts5(words, content='', columnsize=0);
"""

_ADD_TRANSACTIONS = (
    "INSERT INTO transactions_text (rowid, words) SELECT transaction_id, coalesce(counterparty, '') || ' '"
    " || coalesce(symbol, credit_type) || ' ' || coalesce(external_reference, '') || ' ' || coalesce(reference, '') || ' '"
    " || coalesce(trade_reference, '') || ' ' || coalesce(note, '') FROM trading_transactions WHERE transaction_id >= ?"
    " ORDER BY transaction_id"
)
_LOOKS = tuple(f"SELECT rowid FROM {table} WHERE {table} MATCH '\"0\"' LIMIT 1" for table in TEXT_TABLES)
_ADD_ORDER = "INSERT INTO orders_text (rowid, words) VALUES (?, ?)"


class Words:
    """Writes the words of new rows, in the caller's transaction, once for all of its events and last of all.

    FTS5 packs what it was given whenever a statement that may be undone begins: between the others, each row would be a piece of its own.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._first: int | None = None
        self._orders: list[ev.OrderAccepted | ev.OrderRejected] = []

    def see(self, entry: ev.Entry) -> None:
        """One event of the transaction. Any that is none of a new order may have been a transaction, whose number is its sequence."""
        if isinstance(entry.event, ev.OrderAccepted | ev.OrderRejected):
            self._orders.append(entry.event)
        elif self._first is None:
            self._first = entry.sequence

    def write(self) -> None:
        """Those of all rows that the events have brought."""
        if self._first is not None:
            add_transactions(self._connection, self._first)
        for order in self._orders:
            add_order(self._connection, order.order, order.symbol, order.client_order_id)
        self._first, self._orders = None, []


def add_transactions(connection: Connection, first: int) -> None:
    """The words of all transactions from that number on."""
    connection.execute(_ADD_TRANSACTIONS, (first,))


def add_order(connection: Connection, order_id: int, symbol: str, client_order_id: str | None) -> None:
    """The words of one order."""
    connection.execute(_ADD_ORDER, (order_id, f"{symbol} {client_order_id or ''}"))


def look_again(connection: Connection) -> None:
    """Before an integrity check: FTS5 keeps in mind how its tables are laid out, and checks them by that though others have changed them.

    Beginning to read one makes it see. Raises sqlite3.Error where a table is missing or damaged.
    """
    for look in _LOOKS:
        connection.execute(look).fetchone()


def is_word(text: str) -> bool:
    """Whether there is anything in it to look for."""
    return any(character.isalnum() for character in text)


def match(text: str) -> str:
    """What FTS5 is asked: all words of `text`, in any order and any case; one that ends with `*` also where a word only begins so.

    Each stands in quotes, so that nothing in it is taken for FTS5's own syntax. One with signs inside, such as `VCS-1340`, is looked
    for as its parts, one after the other. A beginning costs more: FTS5 gathers all that begins so before it gives the first.
    """
    return " ".join(_quoted(word) for word in text.split() if is_word(word))


def _quoted(word: str) -> str:
    inside = word.rstrip("*").replace('"', '""')
    return f'"{inside}" *' if word.endswith("*") else f'"{inside}"'
