"""`follow`: keeps users' files near the journal's head, in the foreground."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import attrs
import click

import credit_trading
from credit_trading.cli import output
from credit_trading.cli.command import Command
from credit_trading.cli.session import Session
from credit_trading.errors import TradingError
from credit_trading.users.follower import Followed
from credit_trading.users.following import checked_period

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LOOK_S = 0.1


@attrs.define
class _Ending:
    """Whether it is to end. No `threading.Event`: a signal's handler that sets one can wait for itself."""

    asked: bool = False

    def is_set(self) -> bool:
        return self.asked

    def wait(self, timeout: float) -> None:
        until = time.monotonic() + timeout
        while not self.asked and (left_s := until - time.monotonic()) > 0:
            time.sleep(min(left_s, _LOOK_S))


@click.command(cls=Command, examples=["follow --once", "follow --once --json"])
@click.option("--every", type=float, default=1.0, show_default=True, metavar="S", help="A round every S seconds.")
@click.option("--once", is_flag=True, help="One round, for schedulers.")
@click.pass_obj
def follow(session: Session, every: float, once: bool) -> None:
    """Brings users' files up to the journal and saves checkpoints, round after round, until Ctrl-C or SIGTERM.

    Of several processes on one folder one follows; the others stand by. Without it each file catches up when it is next read.
    """
    every = checked_period(every)
    rounds = files = 0
    last: Followed | None = None
    with _ended_by_signals() as ending, credit_trading.open(session.home) as exchange:
        for came_to in exchange.following.rounds(every, ending):
            rounds += 1
            ending.asked |= once
            if isinstance(came_to, TradingError) and once:
                raise came_to
            if isinstance(came_to, Followed):
                last = came_to
                files += came_to.files
            _tell(came_to)
    sequence, behind = (last.sequence, last.behind) if last else (None, None)
    value = {"rounds": rounds, "files": files, "sequence": sequence, "behind": behind}
    session.show(value, lambda: output.say(_summary(last, files)))


def _tell(came_to: Followed | TradingError | None) -> None:
    """A line per round for who watches."""
    if isinstance(came_to, TradingError):
        output.warn(str(came_to))
    elif sys.stderr.isatty():
        now = time.strftime("%H:%M:%S")
        output.notice(
            f"{now}  another process follows" if came_to is None else f"{now}  {_summary(came_to, came_to.files)}"
        )


def _summary(followed: Followed | None, files: int) -> str:
    if followed is None:
        return "Followed nothing: another process does"
    behind = f", {followed.behind} are behind" if followed.behind else ""
    return f"All users' files are at {followed.sequence} or later, {files} looked at{behind}"


@contextmanager
def _ended_by_signals() -> Iterator[_Ending]:
    """The first signal asks, a second one interrupts."""
    ending = _Ending()
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's parameters
        ending.asked = True
        signal.signal(number, before[signal.Signals(number)])

    try:
        for number in _SIGNALS:
            signal.signal(number, handle)
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
