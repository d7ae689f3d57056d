"""`transactions statistics` and `transactions cost-method`, and how a user's trading statistics look."""

from __future__ import annotations

from collections.abc import Sequence

import click

from credit_trading.cli import output
from credit_trading.cli.command import COUNT, Command, Words
from credit_trading.cli.session import Session
from credit_trading.cli.tables import Column, draw_fields, draw_table
from credit_trading.errors import InvalidInput
from credit_trading.exchange.entered import CostMethod
from credit_trading.trading.records import StatisticsRecord
from credit_trading.trading.statistics import PERIODS


@click.command(
    cls=Command,
    examples=[
        "transactions statistics ann",
        "transactions statistics ann --mark VCS-1340-2020 USD 12.50",
        "transactions statistics ann --period month --from 2026-01-01 --json",
    ],
)
@click.argument("user_id")
@click.option(
    "--period", type=Words(PERIODS), default="all", show_default=True, help="In all, or by day, week or month."
)
@click.option("--credit-type", metavar="CODE", help="Only this one.")
@click.option("--currency", metavar="CODE", help="Only what was paid in this one.")
@click.option("--from", "from_", metavar="TIME", help="From then on: the whole period that it is in.")
@click.option("--to", metavar="TIME", help="Before then: the whole period that the moment before it is in.")
@click.option(
    "--mark",
    "marks",
    type=(str, str, str),
    multiple=True,
    metavar="CODE CODE PRICE",
    help="What one credit is worth in a currency; may be given several times. Unless given, the last trade says it.",
)
@click.option("--limit", type=COUNT, metavar="N", help="Only the first N lines: the latest periods come first.")
@click.pass_obj
def statistics(
    session: Session,
    user_id: str,
    period: str,
    credit_type: str | None,
    currency: str | None,
    from_: str | None,
    to: str | None,
    marks: tuple[tuple[str, str, str], ...],
    limit: int | None,
) -> None:
    """Shows what a user's trades came to: profit, cost, volume, orders.

    A sale takes out its share of the running average cost, or the cost of the oldest lots: see transactions cost-method. Costs are
    reckoned to a billionth of a smallest unit (a cent) and shown in whole ones, so that rounding does not add up. Periods are UTC, weeks
    begin on Monday. --json has all figures.
    """
    with session.user(user_id) as user:
        found = user.transactions.calculate_trading_statistics(
            period=period,
            credit_type=credit_type,
            currency=currency,
            from_=from_,
            to=to,
            marks=_checked_marks(marks),
            limit=limit,
        )
    empty = f"{user_id} has no such statistics."
    session.show(found, lambda: draw_profits(found, empty=empty))


def _checked_marks(marks: tuple[tuple[str, str, str], ...]) -> dict[tuple[str, str], str] | None:
    """Raises InvalidInput for a pair that has two."""
    found: dict[tuple[str, str], str] = {}
    for code, currency, price in marks:
        if (code, currency) in found:
            pair = f"{code}/{currency}"
            raise InvalidInput("marks", pair, "the mark is given twice", hint="Give one --mark for each pair.")
        found[code, currency] = price
    return found or None


@click.command(
    "cost-method", cls=Command, examples=["transactions cost-method ann", "transactions cost-method ann fifo --json"]
)
@click.argument("user_id")
@click.argument("method", type=Words(tuple(CostMethod)), required=False)
@click.pass_obj
def cost_method(session: Session, user_id: str, method: str | None) -> None:
    """Shows or sets how a user's cost is reckoned: by the running average, or first in, first out.

    average: what leaves takes cost x quantity / holdings along, and the average of the rest stays what it was. fifo: it takes the oldest
    lots, and of a lot its share. Shares are rounded half to even to a billionth of the currency's smallest unit; who takes all takes the
    whole cost.

    Setting it reckons all of the user's statistics anew, those of the past, too. Balances do not depend on it.
    """
    with session.user(user_id) as user:
        if method is None:
            known = user.transactions.get_cost_method()
            session.show({"cost_method": known}, lambda: draw_fields({"Cost method": known}))
        else:
            report = user.transactions.set_cost_method(method)
            session.show(report, lambda: output.say(f"{user_id}'s cost is reckoned by {report.cost_method} now."))


def draw_profits(found: Sequence[StatisticsRecord], *, empty: str = "") -> None:
    """One line for each credit type and currency, of each period; all amounts are in the currency."""
    by_period = any(record.period_start or record.period_end for record in found)
    columns = [
        *([Column("From (UTC)")] if by_period else []),
        Column("Credit type"),
        Column("Holdings", right=True),
        Column("Cost", right=True),
        Column("Average cost", right=True, spare=True),
        *([] if by_period else [Column("Market value", right=True), Column("Unrealised", right=True)]),
        Column("Realised", right=True),
        Column("Volume", right=True, spare=True),
        Column("Turnover", right=True, spare=True),
        Column("Fees", right=True),
        Column("Currency"),
        Column("Trades", right=True),
        Column("Fill ratio", right=True, spare=True),
        Column("Seconds to fill", right=True, spare=True),
    ]
    rows = [
        (
            *([(record.period_start or "")[:10]] if by_period else []),
            record.credit_type,
            record.holdings,
            record.cost,
            _unit_cost(record.average_cost),
            *([] if by_period else [record.market_value, record.unrealised_profit]),
            record.realised_profit,
            record.volume,
            record.turnover,
            record.fees,
            record.currency,
            str(record.trades),
            None if record.fill_ratio is None else f"{record.fill_ratio} %",
            record.average_time_to_fill,
        )
        for record in found
    ]
    draw_table(columns, rows, empty=empty)


def _unit_cost(cost: str | None) -> str | None:
    """Without the zeros at the end of the four decimals that it has beyond its currency's."""
    return None if cost is None else (cost[:-4] + cost[-4:].rstrip("0")).rstrip(".")


def draw_statistics(statistics: Sequence[StatisticsRecord], *, title: str = "", empty: str = "") -> None:
    """One line for each credit type and currency; values and fees are in the currency."""
    columns = [
        Column("Credit type"),
        Column("Trades", right=True),
        Column("Bought", right=True),
        Column("Buy value", right=True),
        Column("Sold", right=True),
        Column("Sell value", right=True),
        Column("Fees", right=True),
        Column("Currency"),
        Column("Orders", right=True, spare=True),
        Column("Orders filled", right=True, spare=True),
    ]
    rows = [
        (
            record.credit_type,
            str(record.trades),
            record.bought_quantity,
            record.bought_value,
            record.sold_quantity,
            record.sold_value,
            record.fees,
            record.currency,
            str(record.orders_placed),
            str(record.orders_filled),
        )
        for record in statistics
    ]
    draw_table(columns, rows, title=title, empty=empty)
