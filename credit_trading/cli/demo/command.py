"""`demo`: founds an exchange, trades on it, shows it, kills it, and shows that nothing was lost."""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
from pathlib import Path

import attrs
import click

import credit_trading
from credit_trading.cli import output
from credit_trading.cli.command import PROGRAM, REFUSED, Command
from credit_trading.cli.demo import show
from credit_trading.cli.demo.crash import Survey, kill_in_mid_flow, survey
from credit_trading.cli.demo.day import SEED, Day, liveliest, trade_a_day
from credit_trading.cli.demo.evening import Evening
from credit_trading.cli.demo.market import CREDITS
from credit_trading.cli.init import check_free
from credit_trading.cli.session import ACTOR, Session
from credit_trading.errors import TradingError
from credit_trading.verify.verification import Verification

_KILL_AFTER = 250


@click.command(cls=Command, examples=["demo", "demo --keep ./tryout"])
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where to found it; a temporary folder otherwise. It is left behind either way.",
)
@click.pass_obj
@click.pass_context
def demo(ctx: click.Context, session: Session, keep: Path | None) -> None:
    """Shows what this is, in a folder of its own. One sale sets off three stop orders, a session ends, fifty users trade
    three carbon credits for a day; then a process is killed in the middle of trading, and nothing is lost.
    """
    home = _folder(keep)
    try:
        clean = _run(session, home)
    except (TradingError, KeyboardInterrupt):
        output.notice(f"What there is of the demo is in {home}")
        raise
    if not clean:
        ctx.exit(REFUSED)


def _folder(keep: Path | None) -> Path:
    if keep is None:
        return Path(tempfile.mkdtemp(prefix="credit-trading-demo-"))
    check_free(keep.absolute())
    return keep.absolute()


def _run(session: Session, home: Path) -> bool:
    """Whether all was found as it must be."""
    speaks = not session.json
    with output.progress("Trading") as tick:
        evening, day = trade_a_day(home, tick=tick)
    with credit_trading.open(home) as exchange:
        admin = exchange.as_admin(ACTOR)
        user_id = liveliest(admin)
        if speaks:
            show.draw_founded(day)
            show.draw_evening(evening)
            show.draw_day(day)
            show.draw_market(admin, CREDITS[0].symbol)
            show.draw_user(admin, user_id)
        since = exchange.sequence
    if speaks:
        show.draw_crash_begins()
    acknowledged = kill_in_mid_flow(home, seed=SEED + 1, after=_KILL_AFTER)
    with credit_trading.open(home) as exchange:
        admin = exchange.as_admin(ACTOR)
        found = survey(admin, acknowledged, since=since)
        with output.progress("Verifying") as tick:
            verification = admin.verify(deep=True, progress=tick)
    commands = commands_to_try(home, user_id)
    if speaks:
        show.draw_crash(found, verification)
        show.draw_end(home, commands)
    else:
        output.write_json(_summary(home, evening, day, found, verification, commands))
    return found.is_clean and not verification.findings


def commands_to_try(home: Path, user_id: str) -> list[str]:
    """Command lines for a shell in this folder."""
    program = f"{_program()} --home {shlex.quote(str(home))}"
    symbol = CREDITS[0].symbol
    words = ("users list", f"book {symbol}", f"orders list {user_id}", f"users show {user_id} --json", "verify")
    return [f"{program} {command}" for command in words]


def _program() -> str:
    """How this program can be called here: by its name if that is on the PATH, by its path otherwise."""
    called = Path(sys.argv[0])
    known = shutil.which(PROGRAM)
    if called.name != PROGRAM:
        return PROGRAM if known else f"{shlex.quote(sys.executable)} -m credit_trading.cli"
    if known and Path(known).resolve() == called.resolve():
        return PROGRAM
    return shlex.quote(str(called))


def _summary(
    home: Path, evening: Evening, day: Day, found: Survey, verification: Verification, commands: list[str]
) -> dict[str, object]:
    return {
        "home": str(home),
        **attrs.asdict(day),
        "evening": evening,
        "crash": found,
        "verify": verification,
        "commands_to_try": commands,
    }
