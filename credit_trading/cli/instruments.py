"""`instruments`: what can be traded, on which grid, under which rules, and when."""

from __future__ import annotations

from typing import Any

import click

from credit_trading.cli import output
from credit_trading.cli.command import Group
from credit_trading.cli.instrument_tables import draw_instrument, draw_instruments
from credit_trading.cli.rule_options import given, rule_options
from credit_trading.cli.session import Session
from credit_trading.cli.tables import moment
from credit_trading.trading.instrument_record import InstrumentRecord

_note = click.option("--note", metavar="TEXT", help="A remark that stands beside the journal.")


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
@rule_options
@click.pass_obj
def add(session: Session, /, symbol: str, base: str, quote: str, tick: str, lot: str, **rules: Any) -> None:
    """Adds an instrument, for good; it is open at once. Its rules may be changed later."""
    with session.admin() as admin:
        added = admin.instruments.add_instrument(symbol, base=base, quote=quote, tick=tick, lot=lot, **given(rules))
    session.show(added, lambda: output.say(f"Added {added.symbol}: tick {added.tick} {quote}, lot {added.lot} {base}"))


@instruments.command("list", examples=["instruments list", "instruments list --json"])
@click.pass_obj
def list_(session: Session) -> None:
    """Lists the instruments in the order in which they were added."""
    with session.admin() as admin:
        found = admin.instruments.list_instruments()
    session.show(found, lambda: draw_instruments(found))


@instruments.command(examples=["instruments show VCS-1340-2020/USD", "instruments show VCS-1340-2020/USD --json"])
@click.argument("symbol")
@click.pass_obj
def show(session: Session, symbol: str) -> None:
    """Shows an instrument: its grid, rules, hours and status, the next opening and close, the last price."""
    with session.admin() as admin:
        found = admin.instruments.show_instrument(symbol)
    session.show(found, lambda: draw_instrument(found))


@instruments.command(
    "set",
    examples=[
        "instruments set VCS-1340-2020/USD --maker-fee 0 --taker-fee 0.0015",
        "instruments set VCS-1340-2020/USD --min-quantity 5 --price-band 0.10 --max-open-orders none",
    ],
)
@click.argument("symbol")
@rule_options
@click.pass_obj
def set_(session: Session, /, symbol: str, **rules: Any) -> None:
    """Changes rules of an instrument; what is not named stays as it is, and none switches a filter off."""
    with session.admin() as admin:
        changed = admin.instruments.set_rules(symbol, **given(rules))
    session.show(changed, lambda: draw_instrument(changed))


@instruments.command(
    examples=[
        'instruments schedule VCS-1340-2020/USD --hours "mon-fri 09:00-17:30" --time-zone Europe/Berlin',
        'instruments schedule VCS-1340-2020/USD --hours "sun-thu 22:00-06:00, sat 10:00-12:00" --time-zone UTC',
        'instruments schedule VCS-1340-2020/USD --hours "mon 09:00-17:30" --time-zone UTC --holiday 2031-12-22',
        "instruments schedule VCS-1340-2020/USD --none",
    ]
)
@click.argument("symbol")
@click.option("--hours", metavar="H", help='Days and hours: "mon-fri 09:00-17:30"; several with commas between.')
@click.option("--time-zone", metavar="Z", help="Where these are the hours: Europe/Berlin.")
@click.option(
    "--holiday", "holidays", multiple=True, metavar="D", help="A date on which no session begins; may be repeated."
)
@click.option("--none", "clear", is_flag=True, help="Take the schedule away; it stays open or closed as it is.")
@click.pass_obj
def schedule(
    session: Session, symbol: str, hours: str | None, time_zone: str | None, holidays: tuple[str, ...], clear: bool
) -> None:
    """Opens and closes an instrument by itself."""
    if clear == (hours is not None) or (hours is None) != (time_zone is None):
        raise click.UsageError("Give --hours with --time-zone, or --none.")
    with session.admin() as admin:
        if hours is None or time_zone is None:
            changed = admin.instruments.clear_schedule(symbol)
        else:
            changed = admin.instruments.set_schedule(symbol, hours=hours, time_zone=time_zone, holidays=holidays)
    session.show(changed, lambda: _say(changed))


@instruments.command("open", examples=["instruments open VCS-1340-2020/USD"])
@click.argument("symbol")
@_note
@click.pass_obj
def open_(session: Session, symbol: str, note: str | None) -> None:
    """Opens an instrument by hand: until its schedule closes it, or for good."""
    with session.admin() as admin:
        opened = admin.instruments.open_instrument(symbol, note=note)
    session.show(opened, lambda: _say(opened))


@instruments.command(examples=['instruments close VCS-1340-2020/USD --note "registry is down"'])
@click.argument("symbol")
@_note
@click.pass_obj
def close(session: Session, symbol: str, note: str | None) -> None:
    """Closes an instrument by hand: it takes cancels only, until its schedule opens it or it is opened."""
    with session.admin() as admin:
        closed = admin.instruments.close_instrument(symbol, note=note)
    session.show(closed, lambda: _say(closed))


@instruments.command(examples=["instruments halt VCS-1340-2020/USD"])
@click.argument("symbol")
@_note
@click.pass_obj
def halt(session: Session, symbol: str, note: str | None) -> None:
    """Halts an instrument: it takes cancels only, whatever its schedule says, until it is resumed."""
    with session.admin() as admin:
        halted = admin.instruments.halt_instrument(symbol, note=note)
    session.show(halted, lambda: _say(halted))


@instruments.command(examples=["instruments resume VCS-1340-2020/USD"])
@click.argument("symbol")
@_note
@click.pass_obj
def resume(session: Session, symbol: str, note: str | None) -> None:
    """Lifts a halt; whether the instrument is open then, its session says."""
    with session.admin() as admin:
        resumed = admin.instruments.resume_instrument(symbol, note=note)
    session.show(resumed, lambda: _say(resumed))


def _say(instrument: InstrumentRecord) -> None:
    """The status, and what the schedule brings next."""
    status = instrument.status if instrument.status == "open" else f"{instrument.status} and takes cancels only"
    moments = ((instrument.next_open, "opens"), (instrument.next_close, "closes"))
    coming = [f"; {verb} {moment(at)} UTC" for at, verb in sorted((at, verb) for at, verb in moments if at)]
    output.say(f"{instrument.symbol} is {status}{''.join(coming)}")
