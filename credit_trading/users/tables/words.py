"""The words by which transactions and orders of a user's file are found (SQLite's FTS5).

Here: the tables of words, the triggers that fill them, what is asked of them. Never here: which rows of those found are wanted (search).
Always: a row's words are written once, by the statement that inserts the row: none of them ever changes. A table keeps words alone, not
the texts, under the row's own number, so that rows are found in the order in which they were entered, without sorting.
"""

from __future__ import annotations

TEXT_TABLES = ("transactions_text", "orders_text")

TEXTS = """\
CREATE VIRTUAL TABLE transactions_text USING fts5(words, content='', columnsize=0);
CREATE TRIGGER words_of_transactions AFTER INSERT ON trading_transactions BEGIN
    INSERT INTO transactions_text (rowid, words) VALUES (new.transaction_id, coalesce(new.counterparty, '')
        || ' ' || coalesce(new.symbol, new.credit_type) || ' ' || coalesce(new.external_reference, '')
        || ' ' || coalesce(new.reference, '') || ' ' || coalesce(new.trade_reference, '') || ' ' || coalesce(new.note, '')); END;
CREATE VIRTUAL TABLE orders_text USING fts5(words, content='', columnsize=0);
CREATE TRIGGER words_of_orders AFTER INSERT ON active_orders BEGIN
    INSERT INTO orders_text (rowid, words) VALUES (new.order_id, new.symbol || ' ' || coalesce(new.client_order_id, '')); END;
CREATE TRIGGER words_of_refused_orders AFTER INSERT ON order_history WHEN new.order_status = 'rejected' BEGIN
    INSERT INTO orders_text (rowid, words) VALUES (new.order_id, new.symbol || ' ' || coalesce(new.client_order_id, '')); END;
"""
"""Rejected orders are the only ones that come into the history without having been active."""


def is_word(text: str) -> bool:
    """Whether there is anything in it to look for."""
    return any(character.isalnum() for character in text)


def match(text: str) -> str:
    """What FTS5 is asked: all words of `text`, in any order and any case, the last one also where it only begins so.

    Each stands in quotes, so that nothing in it is taken for FTS5's own syntax. One with signs inside, such as `VCS-1340`, is looked
    for as its parts, one after the other.
    """
    quoted = ['"' + word.replace('"', '""') + '"' for word in text.split() if is_word(word)]
    return f"{' '.join(quoted)} *"
