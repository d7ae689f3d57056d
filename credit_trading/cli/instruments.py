"""`instruments`: what can be traded, on which grid and for which fees."""

from __future__ import annotations

from collections.abc import Sequence

import click
from rich.text import Text

from credit_trading.cli import output
from credit_trading.cli.command import Group
from credit_trading.cli.session import Session
from credit_trading.cli.tables import Column, draw_table
from credit_trading.trading.markets import InstrumentRecord


@click.group(cls=Group, examples=["instruments list"])
def instruments() -> None:
    """Pairs of assets that trade against each other."""


@instruments.command(
    examples=[
        "instruments add VCS-1340-2020/USD --base VCS-1340-2020 --quote USD --tick 0.01 --lot 1 --taker-fee 0.002"
    ]
)
@click.argument("symbol")
@click.option("--base", required=True, metavar="CODE", help="The asset that is bought and sold.")
@click.option("--quote", required=True, metavar="CODE", help="The asset that it is paid in.")
@click.option("--tick", required=True, metavar="T", help="The price step, in the quote asset.")
@click.option("--lot", required=True, metavar="L", help="The quantity step, in the base asset.")
@click.option(
    "--maker-fee", default="0", metavar="R", help="Part of a trade's value (0.0005); may be a rebate (-0.0001)."
)
@click.option("--taker-fee", default="0", metavar="R", help="Part of a trade's value that the incoming order pays.")
@click.pass_obj
def add(
    session: Session, symbol: str, base: str, quote: str, tick: str, lot: str, maker_fee: str, taker_fee: str
) -> None:
    """Adds an instrument, for good; it is open at once."""
    with session.admin() as admin:
        added = admin.instruments.add_instrument(
            symbol, base=base, quote=quote, tick=tick, lot=lot, maker_fee=maker_fee, taker_fee=taker_fee
        )
    session.show(added, lambda: output.say(f"Added {added.symbol}: tick {added.tick} {quote}, lot {added.lot} {base}"))


@instruments.command("list", examples=["instruments list", "instruments list --json"])
@click.pass_obj
def list_(session: Session) -> None:
    """Lists the instruments in the order in which they were added."""
    with session.admin() as admin:
        found = admin.instruments.list_instruments()
    session.show(found, lambda: draw_instruments(found))


@instruments.command(examples=["instruments halt VCS-1340-2020/USD"])
@click.argument("symbol")
@click.pass_obj
def halt(session: Session, symbol: str) -> None:
    """Halts an instrument: from now on it takes cancels only."""
    with session.admin() as admin:
        halted = admin.instruments.halt_instrument(symbol)
    session.show(halted, lambda: output.say(f"{symbol} is halted and takes cancels only"))


@instruments.command(examples=["instruments resume VCS-1340-2020/USD"])
@click.argument("symbol")
@click.pass_obj
def resume(session: Session, symbol: str) -> None:
    """Opens a halted instrument again."""
    with session.admin() as admin:
        resumed = admin.instruments.resume_instrument(symbol)
    session.show(resumed, lambda: output.say(f"{symbol} is open"))


def draw_instruments(found: Sequence[InstrumentRecord]) -> None:
    columns = [
        Column("Symbol"),
        Column("Base"),
        Column("Quote"),
        Column("Tick", right=True),
        Column("Lot", right=True),
        Column("Maker fee", right=True),
        Column("Taker fee", right=True),
        Column("Status"),
    ]
    rows = [
        (
            record.symbol,
            record.base,
            record.quote,
            record.tick,
            record.lot,
            record.maker_fee,
            record.taker_fee,
            Text(record.status, "green" if record.status == "open" else "yellow"),
        )
        for record in found
    ]
    draw_table(columns, rows, empty="No instruments yet.")
