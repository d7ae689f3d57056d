"""`follow`: keeps users' files near the journal's head, in the foreground."""

from __future__ import annotations

import sys
import time

import attrs
import click

import credit_trading
from credit_trading.cli import output
from credit_trading.cli.command import REFUSED, Command
from credit_trading.cli.ending import ended_by_signals
from credit_trading.cli.session import Session
from credit_trading.errors import TradingError
from credit_trading.users.background import checked_period
from credit_trading.users.follower import Followed


@attrs.define
class _Watcher:
    """Tells of rounds on standard error: of those that came to something new, of the others nothing."""

    told: str = ""

    def tell(self, came_to: Followed | TradingError | None, follower: int | None) -> None:
        """Of users' files to whoever watches; who follows, and errors, to logs too."""
        if isinstance(came_to, Followed):
            news = f"{came_to.sequence} {came_to.behind}"
            if sys.stderr.isatty() and (came_to.files or news != self.told):
                output.notice(f"{time.strftime('%H:%M:%S')}  {_summary(came_to, came_to.files)}")
        elif isinstance(came_to, TradingError):
            news = str(came_to)
            if news != self.told:
                output.warn(news)
        else:
            news = f"{_named(follower)} follows; this one stands by"
            if news != self.told:
                output.notice(news)
        self.told = news


@click.command(cls=Command, examples=["follow", "follow --once", "follow --once --json"])
@click.option("--every", type=float, default=1.0, show_default=True, metavar="S", help="A round every S seconds.")
@click.option("--once", is_flag=True, help="One round, for schedulers. It ends with 1 if files are behind after it.")
@click.pass_obj
@click.pass_context
def follow(ctx: click.Context, session: Session, every: float, once: bool) -> None:
    """Brings users' files up to the journal and saves checkpoints, round after round, until Ctrl-C or SIGTERM.

    Of several processes on one folder one follows; the others stand by. Without it each file catches up when it is next read.
    """
    every = checked_period(every)
    rounds = files = 0
    last: Followed | None = None
    follower: int | None = None
    watcher = _Watcher()
    with ended_by_signals() as ending, credit_trading.open(session.home) as exchange:
        for came_to in exchange.following.rounds(every, ending):
            rounds += 1
            ending.asked |= once
            if isinstance(came_to, TradingError) and once:
                raise came_to
            if isinstance(came_to, Followed):
                last = came_to
                files += came_to.files
            elif came_to is None:
                follower = exchange.following.process_id
            if not once:
                watcher.tell(came_to, follower)
    sequence, behind = (last.sequence, last.behind) if last else (None, None)
    value = {"rounds": rounds, "files": files, "sequence": sequence, "behind": behind}
    session.show(
        value, lambda: output.say(_summary(last, files) if last else f"Followed nothing: {_named(follower)} does")
    )
    if once and behind:
        ctx.exit(REFUSED)


def _summary(followed: Followed, files: int) -> str:
    but = f" but {followed.behind}" if followed.behind else ""
    return f"All users' files{but} are at {followed.sequence} or later, {files} looked at"


def _named(process_id: int | None) -> str:
    return "another process" if process_id is None else f"process {process_id}"
