"""What the demo prints: the day, the market, one user, the crash, and where to go on."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.text import Text

from credit_trading import Admin
from credit_trading.cli import output
from credit_trading.cli.accounts import draw_balances
from credit_trading.cli.book import draw_ladder
from credit_trading.cli.demo.crash import Survey
from credit_trading.cli.demo.day import Day
from credit_trading.cli.demo.evening import Evening, Line
from credit_trading.cli.order_tables import draw_active_orders, draw_order_history
from credit_trading.cli.statistics import draw_statistics
from credit_trading.cli.tables import Column, draw_fields, draw_table, draw_title
from credit_trading.cli.trades import draw_trades
from credit_trading.verify.verification import Verification

_LINES = 8


def draw_founded(day: Day) -> None:
    output.say(
        f"An exchange was founded: {day.users} users, each with a SQLite file of their own, and {day.instruments} markets."
    )


def draw_evening(evening: Evening) -> None:
    """As it happened, event by event."""
    *bids, iceberg = evening.bids
    draw_title(f"The evening before: one sale and three stop orders in {evening.symbol}")
    output.say(f"Eva bids for {', '.join(bids)} and {iceberg}.")
    output.say(f"Stops to sell wait unseen, first placed first: {', '.join(evening.stops)}.")
    _draw_lines(evening.cascade)
    output.say(
        f"One sale of {evening.asked} became {evening.sold}: a trade sets off the stops at its price or above it."
    )
    output.say(f"They came in as {', '.join(evening.came_in)}: of those set off so far, always the one placed first.")
    draw_title("The session ends")
    _draw_lines(evening.session_end)


def _draw_lines(lines: Sequence[Line]) -> None:
    draw_table(
        [Column("Time (UTC)"), Column("What happened", wrap=True)],
        [(line.time[11:19], line.happened) for line in lines],
    )


def draw_day(day: Day) -> None:
    draw_title("A day of trading")
    output.say(
        f"{day.users} users placed {day.orders:,} orders in {day.instruments} carbon credits; {day.trades:,} trades settled"
    )
    output.say(f"into their own SQLite files, in {day.seconds} s ({day.commands_per_s:,} commands a second).")


def draw_market(admin: Admin, symbol: str) -> None:
    draw_ladder(admin.market_data.get_book(symbol, depth=_LINES), title=f"The book of {symbol}")
    draw_trades(admin.market_data.get_trades(symbol, limit=_LINES), title=f"Last trades in {symbol}")


def draw_user(admin: Admin, user_id: str) -> None:
    """A user who has orders; all of it is read from the user's own file."""
    user = admin.on_behalf_of(user_id)
    draw_balances(user.accounts.get_balances(), title=f"What {user_id} has")
    orders = sorted(user.orders.get_active_orders(), key=lambda order: -float(order.percent_filled))
    draw_active_orders(orders[:_LINES], title=f"{user_id}'s open orders{_of(len(orders))}")
    history = user.orders.get_order_history()
    draw_order_history(history[:_LINES], title=f"{user_id}'s orders that are done{_of(len(history))}")
    draw_statistics(user.transactions.calculate_trading_statistics(), title=f"{user_id}'s statistics")


def draw_crash_begins() -> None:
    draw_title("A crash")
    output.say("Another process trades in the same folder, and is killed (SIGKILL) in the middle of it.")


def draw_crash(found: Survey, verification: Verification) -> None:
    output.say("The folder was opened again:")
    draw_fields(
        {
            "Orders acknowledged before the kill": str(found.acknowledged),
            "  found in the journal, once": str(found.in_journal),
            "  found in their owners' files": str(found.in_files),
            "  lost": str(found.lost),
            "  there twice": str(found.doubled),
            "Decided, but killed before it could say so": str(found.unacknowledged),
            "Findings of verify": str(len(verification.findings)),
        }
    )
    for finding in verification.findings:
        output.say(str(finding))
    clean = found.is_clean and not verification.findings
    verdict = "Nothing was lost, nothing happened twice." if clean else "Something is wrong: see above."
    if output.is_fancy(sys.stdout):
        output.console(sys.stdout).print(Text(verdict, "bold green" if clean else "bold red"))
    else:
        output.say(verdict)


def draw_end(home: Path, commands: Sequence[str]) -> None:
    draw_title("It is all still there")
    output.say(f"The folder: {home}")
    output.say("Try:")
    for command in commands:
        click.echo(f"  {command}")


def _of(count: int) -> str:
    return f" ({_LINES} of {count})" if count > _LINES else ""
