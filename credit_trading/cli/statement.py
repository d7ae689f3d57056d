"""`statement`: what a user is given of a period, as a table, CSV, JSON or a page to send on."""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from credit_trading.cli import output
from credit_trading.cli.command import Command, Words
from credit_trading.cli.session import Session
from credit_trading.cli.tables import Column, draw_fields, draw_table, moment
from credit_trading.statements.words import contents, cost_method, why_no_profit

if TYPE_CHECKING:
    from credit_trading.statements.reading import OpenStatement
    from credit_trading.statements.records import Statement, StatementLine

BY = click.option(
    "--by",
    type=Words(["booked", "date"]),
    default="booked",
    show_default=True,
    help="booked: as the ledger stood then, for good. date: what was entered late counts from the time when it happened.",
)

_ENDINGS = {".csv": "csv", ".json": "json", ".html": "html", ".htm": "html"}


@click.command(
    cls=Command,
    examples=[
        "statement ann",
        "statement ann --from 2026-01-01 --to 2026-04-01 -o ann-q1.html",
        "statement ann --from 2026-01-01 --format csv",
        "statement ann --by date --json",
    ],
)
@click.argument("user_id")
@click.option("--from", "from_", metavar="TIME", help="Where it begins; without it, with the first transaction.")
@click.option("--to", metavar="TIME", help="Where it ends, itself not in it; without it, now.")
@click.option(
    "--format",
    "format_",
    type=Words(["table", "csv", "json", "html"]),
    help="Unless given, the name of the file says it; without a file it is a table.",
)
@click.option(
    "--to-file", "-o", "path", metavar="FILE", help="A file that is not there yet, instead of standard output."
)
@BY
@click.pass_obj
def statement(
    session: Session, user_id: str, from_: str | None, to: str | None, format_: str | None, path: str | None, by: str
) -> None:
    """Shows a period of a user's account: balances, every settled transaction, sums, fees and results.

    A TIME is ISO 8601 with an offset, such as 2026-03-01T09:30:00Z, or a date, which is its first moment in UTC. Statements of consecutive
    periods chain: each opens with what the one before closed with. HTML is one page that needs no network. A file is for its owner only
    (0600). In CSV, text that a spreadsheet would take for a formula has a ' before it.
    """
    chosen = _format(session, format_, path)
    with session.user(user_id) as user:
        if path is not None:
            written = user.statements.write_statement(path, from_, to, format=chosen, by=by)
            output.notice(f"{written.transactions:,} transactions in {path}")
        elif chosen != "table":
            sys.stdout.flush()
            user.statements.write_statement(sys.stdout.buffer, from_, to, format=chosen, by=by)
        else:
            with user.statements.open_statement(from_, to, by=by) as source:
                _draw(source)


def _format(session: Session, given: str | None, path: str | None) -> str:
    """Raises UsageError."""
    if session.json and given not in (None, "json"):
        raise click.UsageError(f"Give --json or --format {given}, not both.")
    named = _ENDINGS.get(Path(path).suffix.lower()) if path is not None else None
    chosen = "json" if session.json else given or named
    if path is not None and chosen in (None, "table"):
        raise click.UsageError("A file is CSV, JSON or HTML: say so by its name, or by --format.")
    if named not in (None, chosen):
        raise click.UsageError(
            f"{Path(path or '').name} would be {named}, and {chosen} is asked for: name it otherwise."
        )
    return chosen or "table"


def _draw(source: OpenStatement) -> None:
    """A month of transactions is in memory."""
    _draw_head(source.statement)
    _draw_sums(source.statement)
    told = _Moments(is_by_date=source.statement.by == "date")
    for month, lines in groupby(source.lines(), key=lambda line: told.first(line)[:7]):
        _draw_month(month, list(lines), told)
    _draw_rest(source.statement)


def _draw_head(statement: Statement) -> None:
    draw_fields(
        {
            "User": f"{statement.user_id} <{statement.email}>",
            "Period (UTC)": f"{moment(statement.begins_at)} to {moment(statement.ends_at)}",
            "Contains": contents(statement),
            "Transactions": f"{statement.transactions:,}",
            "Journal row": str(statement.as_of_sequence),
            "Its hash": statement.as_of_hash,
        }
    )


def _draw_sums(statement: Statement) -> None:
    columns = [Column("Asset"), *(Column(name, right=True) for name in ("Opening", "In", "Out", "Closing"))]
    columns += [Column(name, right=True, spare=True) for name in ("Held", "Available")]
    balances = [
        (one.asset, one.opening, one.inflow, one.outflow, one.closing, one.held, one.available)
        for one in statement.balances
    ]
    draw_table(columns, balances, title="Balances", empty="There was nothing on this account, and nothing moved.")
    if statement.results:
        columns = [Column("Credit type"), Column("Currency")]
        columns += [Column(name, right=True) for name in ("Trades", "Bought", "Sold", "Fees", "Realised profit")]
        results = [
            (
                one.credit_type,
                one.currency,
                f"{one.trades:,}",
                one.bought_quantity,
                one.sold_quantity,
                one.fees,
                one.realised_profit,
            )
            for one in statement.results
        ]
        draw_table(columns, results, title=f"Results (profit by {cost_method(statement)})")
        for sentence in why_no_profit(statement):
            output.notice(sentence)
    flows = [
        (flow.asset, part.transaction_type, str(part.changes), part.inflow, part.outflow, part.net)
        for flow in statement.flows
        for part in flow.by_type
    ]
    if flows:
        columns = [Column("Asset"), Column("Type")]
        columns += [Column(name, right=True) for name in ("Number", "In", "Out", "Net")]
        draw_table(columns, flows, title="By type")
    if statement.fees:
        draw_table(
            [Column("Currency"), Column("Fees", right=True)],
            [(one.currency, one.fees) for one in statement.fees],
            title="Fees of trades",
        )


@attrs.frozen
class _Moments:
    """Which of a line's two moments is told first; the other one is told of late ones alone."""

    is_by_date: bool

    @property
    def headings(self) -> tuple[str, str]:
        return ("Date (UTC)", "Booked") if self.is_by_date else ("Booked (UTC)", "Happened")

    def first(self, line: StatementLine) -> str:
        return line.transaction_date if self.is_by_date else line.booked_at

    def other(self, line: StatementLine) -> str | None:
        """The day, or on the same day the second, where that is not the same."""
        first, other = self.first(line), line.booked_at if self.is_by_date else line.transaction_date
        if other[:10] != first[:10]:
            return other[:10]
        return other[11:19] if other[:19] != first[:19] else None


def _draw_month(month: str, lines: list[StatementLine], told: _Moments) -> None:
    has_late = any(told.other(line) for line in lines)
    columns = [
        Column(told.headings[0]),
        *([Column(told.headings[1])] if has_late else []),
        Column("Type"),
        Column("Asset"),
        Column("Change", right=True),
        Column("Balance", right=True),
        Column("Price", right=True, spare=True),
        Column("Counterparty", spare=True),
        Column("Id", right=True, spare=True),
        Column("Note", spare=True, wrap=True),
    ]
    rows = [
        (
            moment(told.first(line)) if first else None,
            *([told.other(line) if first else None] if has_late else []),
            line.transaction_type if first else None,
            change.asset,
            change.change,
            change.balance,
            line.price_per_credit if first else None,
            line.counterparty if first else None,
            str(line.transaction_id) if first else None,
            line.note if first else None,
        )
        for line in lines
        for first, change in ((place == 0, change) for place, change in enumerate(line.changes))
    ]
    draw_table(columns, rows, title=f"Transactions of {month}")


def _draw_rest(statement: Statement) -> None:
    if statement.pending:
        columns = [Column("Id", right=True), Column("Type"), Column("Asset"), Column("Quantity", right=True)]
        columns += [Column("Counterparty"), Column("Expires (UTC)")]
        pending = [
            (
                str(one.transaction_id),
                one.transaction_type,
                one.credit_type,
                one.quantity,
                one.counterparty,
                moment(one.expires_at),
            )
            for one in statement.pending
        ]
        draw_table(columns, pending, title="Pending")
    if statement.open_orders:
        columns = [Column("Order", right=True), Column("Symbol"), Column("Side")]
        columns += [Column(name, right=True) for name in ("Price", "Remaining", "Held")]
        orders = [
            (
                str(one.order_id),
                one.symbol,
                one.side,
                one.price_per_credit or one.stop_price,
                one.remaining_quantity,
                f"{one.hold} {one.hold_asset}",
            )
            for one in statement.open_orders
        ]
        draw_table(columns, orders, title="Open orders")
