"""`orders list` and `orders history`: what became of a user's orders, page by page."""

from __future__ import annotations

from typing import Any

import click

from credit_trading.cli.command import COUNT, Command, Words
from credit_trading.cli.order_tables import draw_active_orders, draw_order_history
from credit_trading.cli.session import Session
from credit_trading.cli.tables import draw_more
from credit_trading.exchange.order import OrderStatus
from credit_trading.trading.pages import Page
from credit_trading.trading.records import OrderRecord

_limit = click.option("--limit", type=COUNT, default=100, show_default=True, metavar="N", help="How many at most.")
_after = click.option("--after", metavar="CURSOR", help="The next page: what the one before has told.")


@click.command(
    "list",
    cls=Command,
    examples=[
        "orders list ann",
        "orders list ann --state all --symbol VCS-1340-2020/USD --side buy --min-price 12.00",
        "orders list ann --state done --status rejected --from 2026-01-01 --to 2026-02-01 --json",
        "orders list ann --state all --project 42",
        "orders list ann --state all --text spring --limit 5",
    ],
)
@click.argument("user_id")
@click.option(
    "--state", type=Words(["active", "done", "all"]), default="active", show_default=True, help="Open, done, or both."
)
@click.option("--from", "from_", metavar="TIME", help="Placed from then on: a date, or a time with an offset.")
@click.option("--to", metavar="TIME", help="Placed before then.")
@click.option("--symbol", metavar="S", help="Only orders in this instrument.")
@click.option("--side", type=Words(["buy", "sell"]), help="Only these.")
@click.option("--type", "order_type", type=Words(["limit", "market", "stop", "stop-limit"]), help="Only these.")
@click.option("--status", type=Words([status.replace("_", "-") for status in OrderStatus]), help="Only these.")
@click.option("--credit-type", metavar="CODE", help="Only orders for this asset.")
@click.option("--project", "project_id", metavar="ID", help="Only orders for assets of this project.")
@click.option("--currency", metavar="CODE", help="Only orders that are paid in this asset.")
@click.option("--route", type=Words(["internal", "external"]), help="Only those that are worked here, or elsewhere.")
@click.option("--client-order-id", metavar="ID", help="Only those that the user calls so.")
@click.option("--min-price", metavar="P", help="With --symbol: at least this limit.")
@click.option("--max-price", metavar="P", help="With --symbol: at most this limit.")
@click.option("--min-quantity", metavar="Q", help="With --symbol or --credit-type: at least so much.")
@click.option("--max-quantity", metavar="Q", help="With --symbol or --credit-type: at most so much.")
@click.option("--text", metavar="WORDS", help="All of these words are in the symbol or the client order id.")
@click.option(
    "--ascending/--descending",
    default=None,
    help="The first or the last placed come first. Unless given, the first of open orders, else the last.",
)
@_limit
@_after
@click.pass_obj
def list_(session: Session, /, user_id: str, state: str, ascending: bool | None, **asked: Any) -> None:
    """Lists a user's orders as they were placed, those that are open unless --state says otherwise.

    With --json: "items", and "next", with which --after goes on.
    """
    first = state == "active" if ascending is None else ascending
    with session.user(user_id) as user:
        found = user.orders.get_orders(state=state, ascending=first, **asked)
    session.show(found, lambda: _draw(found, state, user_id))


@click.command(cls=Command, examples=["orders history ann", "orders history ann --limit 5 --json"])
@click.argument("user_id")
@_limit
@_after
@click.pass_obj
def history(session: Session, user_id: str, limit: int, after: str | None) -> None:
    """Lists a user's orders that are done, those that ended last first.

    With --json: "items", and "next", with which --after goes on.
    """
    with session.user(user_id) as user:
        found = user.orders.get_order_history(limit=limit, after=after)
    session.show(found, lambda: _draw(found, "done", user_id))


def _draw(found: Page[OrderRecord], state: str, user_id: str) -> None:
    if state == "active":
        draw_active_orders(found, empty=f"{user_id} has no open orders.")
    elif state == "done":
        draw_order_history(found, empty=f"{user_id} has no orders that are done.")
    else:
        draw_order_history(found, empty=f"{user_id} has no orders.")
    draw_more(found.next)
