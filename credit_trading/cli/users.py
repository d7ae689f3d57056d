"""`users`: who trades here, and their files."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
from rich.text import Text

from credit_trading.cli import output
from credit_trading.cli.accounts import draw_balances
from credit_trading.cli.command import COUNT, Group
from credit_trading.cli.session import Session
from credit_trading.cli.statistics import draw_statistics
from credit_trading.cli.tables import Column, draw_fields, draw_table, moment
from credit_trading.cli.user_erase import erase
from credit_trading.cli.user_list import catch_up, import_users
from credit_trading.errors import InvalidInput
from credit_trading.trading.administration import UserFees
from credit_trading.users.manager import TradingDatabase


@click.group(cls=Group, examples=["users list"])
def users() -> None:
    """The users of the exchange. Each has a SQLite file of their own."""


users.add_command(import_users)
users.add_command(catch_up)
users.add_command(erase)


@users.command(examples=["users create ann ann@example.com"])
@click.argument("user_id")
@click.argument("email")
@click.pass_obj
def create(session: Session, user_id: str, email: str) -> None:
    """Creates a user and their file. Ids are never given out twice."""
    with session.admin() as admin:
        user = admin.databases.create_trading_database(user_id, email)
    session.show(_shown(user), lambda: output.say(f"Created {user.user_id}: {user.path}"))


@users.command("list", examples=["users list", "users list --search example.com --sort email --limit 20 --offset 20"])
@click.option("--search", default="", metavar="T", help="Only those whose id or e-mail contains T.")
@click.option(
    "--sort",
    type=click.Choice(["user_id", "email", "created_at"]),
    default="user_id",
    show_default=True,
    help="By what.",
)
@click.option("--descending", is_flag=True, help="The last first.")
@click.option("--limit", type=COUNT, metavar="N", help="At most N.")
@click.option("--offset", type=COUNT, default=0, metavar="N", help="Without the first N.")
@click.pass_obj
def list_(session: Session, search: str, sort: str, descending: bool, limit: int | None, offset: int) -> None:
    """Lists users."""
    with session.admin() as admin:
        found = admin.databases.list_trading_databases(
            search, sort=sort, descending=descending, limit=limit, offset=offset
        )
    session.show([_shown(user) for user in found], lambda: _draw(found))


@users.command(examples=["users show ann", "users show ann --json"])
@click.argument("user_id")
@click.pass_obj
def show(session: Session, user_id: str) -> None:
    """Shows a user: status, file, balances, statistics, number of open orders, fees of their own."""
    with session.admin() as admin:
        user = admin.databases.show_trading_database(user_id)
        own = admin.on_behalf_of(user_id)
        balances = own.accounts.get_balances()
        statistics = own.transactions.calculate_trading_statistics()
        active_orders = len(own.orders.get_active_orders())
        fees = admin.trading.get_user_fees(user_id)

    def draw() -> None:
        draw_fields(
            {
                "User": user.user_id,
                "E-mail": user.email,
                "Created (UTC)": moment(user.created_at),
                "File": str(user.path),
                "Status": _status(user),
                "Open orders": str(active_orders),
            }
        )
        if balances:
            draw_balances(balances, title="Balances")
        if statistics:
            draw_statistics(statistics, title="Statistics")
        if fees:
            _draw_fees(fees)

    value = _shown(user) | {
        "active_orders": active_orders,
        "balances": balances,
        "statistics": statistics,
        "fees": fees,
    }
    session.show(value, draw)


@users.command(examples=["users email ann ann@example.org"])
@click.argument("user_id")
@click.argument("new")
@click.pass_obj
def email(session: Session, user_id: str, new: str) -> None:
    """Changes a user's e-mail and, with it, the name of their file."""
    with session.admin() as admin:
        user = admin.databases.change_email(user_id, new)
    session.show(_shown(user), lambda: output.say(f"{user.user_id} is {user.email} now: {user.path}"))


@users.command(
    examples=["users delete dan --yes", "users delete bob --sweep-to cat --yes", "users delete eve --no-backup --yes"]
)
@click.argument("user_id")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--sweep-to", metavar="USER_ID", help="Cancel the user's orders and move the balances to this user.")
@click.option("--no-backup", is_flag=True, help="Keep no copy of the file.")
@click.pass_obj
def delete(session: Session, user_id: str, yes: bool, sweep_to: str | None, no_backup: bool) -> None:
    """Deletes a user and their file; refused while anything is left, unless it is swept to another user.

    First a copy of the file is put into the folder `deleted`, and compared with the journal. If that fails, nothing is deleted.
    """
    if sweep_to == user_id:
        raise InvalidInput(
            "users.delete", user_id, "what the user has cannot go to the user itself", hint="Name another user."
        )
    with session.admin() as admin:
        user = admin.databases.show_trading_database(user_id)
        if not yes:
            _ask(user, sweep_to)
        kept = admin.databases.delete_trading_database(user_id, sweep_to=sweep_to, backup=not no_backup)
    value = {"user_id": user_id, "deleted": True, "swept_to": sweep_to, "copy": str(kept) if kept else None}
    session.show(value, lambda: output.say(f"Deleted {user_id}{f'; a copy of the file: {kept}' if kept else ''}"))


_note = click.option("--note", metavar="TEXT", help="A remark that stands beside the journal.")


@users.command(examples=['users suspend ann --note "documents expired"'])
@click.argument("user_id")
@_note
@click.pass_obj
def suspend(session: Session, user_id: str, note: str | None) -> None:
    """Cancels a user's open orders and refuses new ones. Deposits and withdrawals go on."""
    with session.admin() as admin:
        now = admin.trading.suspend_user(user_id, note=note)
    canceled = f"{now.orders} open order{'' if now.orders == 1 else 's'} canceled"
    session.show(now, lambda: output.say(f"{user_id} is suspended; {canceled}"))


@users.command(examples=["users resume ann"])
@click.argument("user_id")
@_note
@click.pass_obj
def resume(session: Session, user_id: str, note: str | None) -> None:
    """Lets a suspended user trade again."""
    with session.admin() as admin:
        now = admin.trading.resume_user(user_id, note=note)
    session.show(now, lambda: output.say(f"{user_id} may trade again"))


@users.command(
    examples=[
        "users fees ann VCS-1340-2020/USD --maker-fee 0 --taker-fee 0.001",
        "users fees ann VCS-1340-2020/USD --none",
    ]
)
@click.argument("user_id")
@click.argument("symbol")
@click.option("--maker-fee", metavar="R", help="Part of a trade's value; left out, the instrument's.")
@click.option(
    "--taker-fee", metavar="R", help="Part of a trade's value that an incoming order pays; left out, the instrument's."
)
@click.option("--none", "clear", is_flag=True, help="The instrument's own fees again.")
@click.pass_obj
def fees(
    session: Session, user_id: str, symbol: str, maker_fee: str | None, taker_fee: str | None, clear: bool
) -> None:
    """Gives a user fees of their own in an instrument, for the orders that come from now on."""
    if clear == (maker_fee is not None or taker_fee is not None):
        raise click.UsageError("Give --maker-fee, --taker-fee or both, or --none.")
    with session.admin() as admin:
        now = admin.trading.set_user_fees(user_id, symbol, maker_fee=maker_fee, taker_fee=taker_fee)
    own = f"maker {now.maker_fee or 'as all'}, taker {now.taker_fee or 'as all'}"
    session.show(now, lambda: output.say(f"Fees of {user_id} in {symbol}: {own}"))


def _ask(user: TradingDatabase, sweep_to: str | None) -> None:
    """Raises InvalidInput unless a person says yes."""
    if not sys.stdin.isatty():
        raise InvalidInput(
            "users.delete", user.user_id, "not confirmed, and nobody is there to ask", hint="Say it: --yes."
        )
    swept = f", all they have going to {sweep_to}" if sweep_to else ""
    if not click.confirm(f"Delete {user.user_id} ({user.path.name}) for good{swept}?", err=True):
        raise InvalidInput("users.delete", user.user_id, "not confirmed; nothing was changed")


def _shown(user: TradingDatabase) -> dict[str, object]:
    return {
        "user_id": user.user_id,
        "email": user.email,
        "created_at": user.created_at,
        "path": str(user.path),
        "suspended": user.suspended,
    }


def _status(user: TradingDatabase) -> Text:
    return Text("suspended", "yellow") if user.suspended else Text("active", "green")


def _draw_fees(fees: Sequence[UserFees]) -> None:
    columns = [Column("Symbol"), Column("Maker fee", right=True), Column("Taker fee", right=True)]
    rows = [(own.symbol, own.maker_fee, own.taker_fee) for own in fees]
    draw_table(columns, rows, title="Fees of their own")


def _draw(found: Sequence[TradingDatabase]) -> None:
    columns = [
        Column("User"),
        Column("E-mail", wrap=True),
        Column("Status"),
        Column("Created (UTC)", spare=True),
        Column("File", spare=True, wrap=True),
    ]
    rows = [(user.user_id, user.email, _status(user), moment(user.created_at), user.path.name) for user in found]
    draw_table(columns, rows, empty="No such users.")
