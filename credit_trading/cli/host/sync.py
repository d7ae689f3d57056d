"""`host init`, `host sync` and `host status`: making our tables, keeping them in step, and how far they are."""

from __future__ import annotations

import sys

import attrs
import click

from credit_trading.cli import output
from credit_trading.cli.command import REFUSED
from credit_trading.cli.counts import counted
from credit_trading.cli.ending import ended_by_signals
from credit_trading.cli.host.group import host
from credit_trading.cli.host.session import HostSession, pass_host
from credit_trading.cli.status import host_fields
from credit_trading.cli.tables import draw_fields
from credit_trading.errors import TradingError
from credit_trading.host.following import EVERY_S, Synced
from credit_trading.users.background import checked_period


@host.command(examples=["host init", "host init --json"])
@pass_host
def init(session: HostSession) -> None:
    """Makes our tables in the host's database, or brings those of an older version to this one. The host's own are not touched."""
    with session.admin() as admin:
        made = admin.host.init()
    session.show({"made": made}, lambda: _draw_made(made))


def _draw_made(made: list[str]) -> None:
    for line in made or ["Everything is there already"]:
        output.say(line)


@host.command(examples=["host sync", "host sync --json", "host sync --follow"])
@click.option("--follow", is_flag=True, help="Again and again, until Ctrl-C or SIGTERM.")
@click.option("--every", type=float, default=EVERY_S, show_default=True, metavar="S", help="A round every S seconds.")
@pass_host
def sync(session: HostSession, follow: bool, every: float) -> None:
    """Shows in the host's database what has happened, and does what the host has asked for in it. Ends with 1 if that fails.

    With --follow it goes on in spite of failures, with longer and longer rests. Any number of processes may do this at a time.
    """
    every = checked_period(every)
    total = _Total()
    with ended_by_signals() as ending, session.admin() as admin:
        if follow:
            with output.timed():
                output.notice("Following until Ctrl-C or SIGTERM")
                for came_to in admin.host.following.rounds(every, ending):
                    total.add(came_to)
        else:
            total.add(admin.host.sync(stop=ending.is_set))
    session.show(total.shown, lambda: output.say(total.line))


@attrs.define
class _Total:
    """Of all rounds. Whatever keeps them from going well is told on standard error, once, and that it is over."""

    rounds: int = 0
    events: int = 0
    requests: int = 0
    set_aside: int = 0
    sequence: int | None = None
    told: str = ""

    def add(self, came_to: Synced | TradingError) -> None:
        self.rounds += 1
        if isinstance(came_to, TradingError):
            if str(came_to) != self.told:
                output.warn(str(came_to))
            self.told = str(came_to)
            return
        if self.told:
            output.notice(f"In step again, up to {came_to.position.sequence}")
        self.told = ""
        self.events += came_to.events
        self.requests += came_to.submitted
        self.set_aside += came_to.set_aside
        self.sequence = came_to.position.sequence
        if came_to.is_news and self.rounds > 1 and sys.stderr.isatty():
            output.notice(f"{counted(came_to.events, 'event')}, up to {self.sequence}")

    @property
    def shown(self) -> dict[str, object]:
        values = attrs.asdict(self)
        return {name: values[name] for name in ("rounds", "events", "requests", "set_aside", "sequence")}

    @property
    def line(self) -> str:
        if self.sequence is None:
            return "Nothing was shown"
        aside = f", {counted(self.set_aside, 'request')} set aside" if self.set_aside else ""
        done = f"{counted(self.requests, 'request')} passed on"
        return f"Shown up to {self.sequence}: {counted(self.events, 'event')}, {done}{aside}"


@host.command(examples=["host status", "host status --json"])
@pass_host
@click.pass_context
def status(ctx: click.Context, session: HostSession) -> None:
    """Shows how far the host's database is behind, and what keeps it from going on; then it ends with 1.

    It is what synchronizations have said last: the database is not asked, so this works while it is down.
    """
    with session.admin() as admin:
        found = admin.host.status()
    if found is None:
        session.show(None, lambda: output.say(output.addressed("Not in step yet: credit-trading host sync")))
        return
    session.show(found, lambda: draw_fields(host_fields(found)))
    if not found.is_well:
        ctx.exit(REFUSED)
