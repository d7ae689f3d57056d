"""The program: its options, and which commands it has."""

from __future__ import annotations

from pathlib import Path

import click

import credit_trading
from credit_trading.cli.accounts import accounts
from credit_trading.cli.assets import assets
from credit_trading.cli.audit import audit
from credit_trading.cli.backup import backup
from credit_trading.cli.book import book
from credit_trading.cli.command import PROGRAM, Program
from credit_trading.cli.demo.command import demo
from credit_trading.cli.export import export
from credit_trading.cli.follow import follow
from credit_trading.cli.host import host
from credit_trading.cli.import_ import import_
from credit_trading.cli.init import init
from credit_trading.cli.instruments import instruments
from credit_trading.cli.jobs import jobs
from credit_trading.cli.journal import journal
from credit_trading.cli.migrate import migrate
from credit_trading.cli.orders import orders
from credit_trading.cli.quarantine import quarantine
from credit_trading.cli.rebuild import rebuild
from credit_trading.cli.session import Session
from credit_trading.cli.statement import statement
from credit_trading.cli.status import status
from credit_trading.cli.trades import trades
from credit_trading.cli.transactions import transactions
from credit_trading.cli.users import users
from credit_trading.cli.verify import verify


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    examples=["init", "users create ann ann@example.com", "--home /srv/exchange users list --json", "demo"],
)
@click.option(
    "--home",
    default="database/trading",
    envvar="CREDIT_TRADING_HOME",
    show_default=True,
    show_envvar=True,
    metavar="DIR",
    help="The folder of the exchange.",
)
@click.version_option(credit_trading.__version__, prog_name=PROGRAM, message="%(prog)s %(version)s")
@click.pass_context
def main(ctx: click.Context, home: str) -> None:
    """Administers an exchange of carbon credits: users, their accounts and orders, and the market.

    Results go to standard output, everything else to standard error. Errors are one line on standard error, with --json too.

    Exit codes: 0 done, 1 refused or failed, 2 wrong usage.
    """
    if not home:
        raise click.UsageError("The folder given by --home has no name.", ctx)
    ctx.obj = Session(Path(home))


for command in (
    init,
    users,
    assets,
    instruments,
    accounts,
    orders,
    book,
    trades,
    transactions,
    statement,
    audit,
    journal,
    verify,
    rebuild,
    quarantine,
    migrate,
    status,
    follow,
    jobs,
    host,
    backup,
    export,
    import_,
    demo,
):
    main.add_command(command)
