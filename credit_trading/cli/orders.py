"""`orders`: placing, changing and watching the orders of one user, on that user's behalf."""

from __future__ import annotations

from contextlib import suppress

import click

from credit_trading import User
from credit_trading.cli import output
from credit_trading.cli.command import WHOLE_NUMBER, Group, Words
from credit_trading.cli.order_list import history, list_
from credit_trading.cli.order_progress import complete, progress
from credit_trading.cli.order_tables import draw_order
from credit_trading.cli.order_words import say_report
from credit_trading.cli.session import Session
from credit_trading.errors import TradingError
from credit_trading.trading.outcome import OrderReport
from credit_trading.trading.records import OrderRecord

_SELF_TRADE = ["cancel-newest", "cancel-oldest", "cancel-both", "decrement"]

_order_id = click.argument("order_id", type=WHOLE_NUMBER, required=False)
_client_order_id = click.option(
    "--client-order-id", metavar="ID", help="The user's own name for it, instead of its number."
)


@click.group(cls=Group, examples=["orders list ann"])
def orders() -> None:
    """Orders of one user."""


orders.add_command(list_)
orders.add_command(history)
orders.add_command(progress)
orders.add_command(complete)


@orders.command(
    examples=[
        "orders place ann VCS-1340-2020/USD buy 10 --price 12.50",
        "orders place ann VCS-1340-2020/USD sell 5",
        "orders place ann VCS-1340-2020/USD sell 5 --type stop --stop-price 12.00",
        "orders place ann VCS-1340-2020/USD sell 50 --price 13.00 --display-quantity 10 --post-only",
        "orders place ann VCS-1340-2020/USD buy 10 --price 12.40 --expires-at 2031-12-31T17:00:00Z --client-order-id q4-7",
        "orders place ann VCS-1340-2020/USD buy 10 --price 12.50 --route external",
    ]
)
@click.argument("user_id")
@click.argument("symbol")
@click.argument("side", type=Words(["buy", "sell"]), metavar="SIDE")
@click.argument("quantity")
@click.option(
    "--type",
    "order_type",
    type=Words(["limit", "market", "stop", "stop-limit"]),
    help="Unless given, --price and --stop-price say it; given, they must agree.",
)
@click.option("--price", metavar="P", help="The limit; without it the order goes at market.")
@click.option("--stop-price", metavar="P", help="It waits unseen until a trade at this price or beyond.")
@click.option(
    "--time-in-force",
    type=Words(["GTC", "DAY", "GTD", "IOC", "FOK"]),
    help="How long it stands. Unless given: GTC, GTD with --expires-at, IOC for a market order.",
)
@click.option("--expires-at", metavar="T", help="When a GTD order expires: 2031-12-31T17:00:00Z.")
@click.option("--display-quantity", metavar="Q", help="An iceberg: the book shows so much of it at a time.")
@click.option("--post-only", is_flag=True, help="Refused if it would trade on arrival.")
@click.option(
    "--self-trade",
    type=Words(_SELF_TRADE),
    help="What happens where it meets an order of the same user. Unless given, the instrument's mode.",
)
@click.option(
    "--route",
    type=Words(["internal", "external"]),
    default="internal",
    help="External: it holds what it needs, is worked elsewhere, and its fills are reported by orders progress.",
)
@click.option("--client-order-id", metavar="ID", help="The user's own name for it; placed again, it is the same order.")
@click.pass_obj
def place(
    session: Session,
    user_id: str,
    symbol: str,
    side: str,
    quantity: str,
    order_type: str | None,
    price: str | None,
    stop_price: str | None,
    time_in_force: str | None,
    expires_at: str | None,
    display_quantity: str | None,
    post_only: bool,
    self_trade: str | None,
    route: str,
    client_order_id: str | None,
) -> None:
    """Places an order; SIDE is buy or sell. Without --price it goes at market, with --stop-price once that price trades."""
    with session.user(user_id) as user:
        report = user.orders.create_order(
            symbol,
            side,
            quantity,
            price,
            order_type=order_type,
            stop_price=stop_price,
            time_in_force=time_in_force,
            expires_at=expires_at,
            display_quantity=display_quantity,
            post_only=post_only,
            self_trade=self_trade,
            route=route,
            client_order_id=client_order_id,
        )
        record = _as_it_stands(session, user, report)
    session.show(report, lambda: say_report(report, record))


@orders.command(examples=["orders show ann 1", "orders show ann 1 --json"])
@click.argument("user_id")
@_order_id
@_client_order_id
@click.pass_obj
def show(session: Session, user_id: str, order_id: int | None, client_order_id: str | None) -> None:
    """Shows one order, open or done."""
    with session.user(user_id) as user:
        found = user.orders.get_order(order_id, client_order_id=client_order_id)
    session.show(found, lambda: draw_order(found))


@orders.command(
    examples=[
        "orders amend ann 1 --quantity 8",
        "orders amend ann 1 --price 12.45 --quantity 12 --expected-version 2",
        "orders amend ann 1 --expires-at 2031-12-31T17:00:00Z --display-quantity 3",
    ]
)
@click.argument("user_id")
@_order_id
@_client_order_id
@click.option("--price", metavar="P", help="The new limit; the order goes to the end of the queue.")
@click.option("--quantity", metavar="Q", help="The new quantity, what is filled included; less keeps its place.")
@click.option("--expires-at", metavar="T", help="The new expiry; the order is GTD from then on.")
@click.option("--display-quantity", metavar="Q", help="How much of it the book shows at a time; less keeps its place.")
@click.option("--expected-version", type=WHOLE_NUMBER, metavar="N", help="Refused if the order has changed since.")
@click.pass_obj
def amend(
    session: Session,
    user_id: str,
    order_id: int | None,
    client_order_id: str | None,
    price: str | None,
    quantity: str | None,
    expires_at: str | None,
    display_quantity: str | None,
    expected_version: int | None,
) -> None:
    """Changes an open order's price, quantity, expiry or display quantity."""
    with session.user(user_id) as user:
        report = user.orders.amend_order(
            order_id,
            client_order_id=client_order_id,
            price=price,
            quantity=quantity,
            expires_at=expires_at,
            display_quantity=display_quantity,
            expected_version=expected_version,
        )
        record = _as_it_stands(session, user, report)
    session.show(report, lambda: say_report(report, record))


@orders.command(examples=["orders cancel ann 1", "orders cancel ann --client-order-id spring-1"])
@click.argument("user_id")
@_order_id
@_client_order_id
@click.pass_obj
def cancel(session: Session, user_id: str, order_id: int | None, client_order_id: str | None) -> None:
    """Cancels an open order."""
    with session.user(user_id) as user:
        report = user.orders.cancel_order(order_id, client_order_id=client_order_id)
    session.show(report, lambda: say_report(report))


@orders.command(
    "cancel-all",
    examples=[
        "orders cancel-all --user ann",
        "orders cancel-all --symbol VCS-1340-2020/USD",
        "orders cancel-all --user ann --symbol VCS-1340-2020/USD",
    ],
)
@click.option("--user", "user_id", metavar="USER_ID", help="Only orders of this user.")
@click.option("--symbol", metavar="S", help="Only orders in this instrument.")
@click.pass_obj
def cancel_all(session: Session, user_id: str | None, symbol: str | None) -> None:
    """Cancels all open orders of a user, of an instrument, or of a user in an instrument."""
    with session.admin() as admin:
        report = admin.trading.cancel_all_orders(user_id=user_id, symbol=symbol)
    session.show(report, lambda: output.say(f"Canceled {report.orders} open order{'' if report.orders == 1 else 's'}"))


def _as_it_stands(session: Session, user: User, report: OrderReport) -> OrderRecord | None:
    """For people, beside the answer; that is the truth, and trouble with reading the file must not be taken for it."""
    if not session.json:
        with suppress(TradingError):
            return user.orders.get_order(report.order_id)
    return None
