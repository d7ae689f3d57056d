"""`orders progress` and `orders complete`: what was filled outside of orders that are worked there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from credit_trading.cli.command import WHOLE_NUMBER, Command
from credit_trading.cli.order_words import say_report
from credit_trading.cli.session import Session


def _reported(function: Callable[..., None]) -> Callable[..., None]:
    """What both have in common."""
    options: list[Callable[[Any], Any]] = [
        click.argument("user_id"),
        click.argument("order_id", type=WHOLE_NUMBER),
        click.option("--price", metavar="P", required=True, help="At which it was filled, per credit."),
        click.option("--fee", metavar="F", help="What was charged there."),
        click.option("--outside", metavar="NAME", help="Where it was filled."),
        click.option("--occurred-at", metavar="T", help="When: 2026-03-01T12:00:00Z, or a date. Unless given, now."),
        click.option("--reference", metavar="ID", help="What the fill is called there; one of a user's only once."),
        click.option(
            "--key", metavar="K", help="A name for this report: the same key again fills nothing a second time."
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@click.command(
    cls=Command,
    examples=['orders progress ann 3 --quantity 4 --price 12.45 --fee 0.10 --outside "Venue X" --reference exec-88'],
)
@_reported
@click.option("--quantity", metavar="Q", required=True, help="How much was filled.")
@click.pass_obj
def progress(
    session: Session,
    user_id: str,
    order_id: int,
    quantity: str,
    price: str,
    fee: str | None,
    outside: str | None,
    occurred_at: str | None,
    reference: str | None,
    key: str | None,
) -> None:
    """Reports that a part of an order with route external was filled outside."""
    with session.user(user_id) as user:
        report = user.orders.update_order_progress(
            order_id,
            quantity=quantity,
            price=price,
            fee=fee,
            outside=outside,
            occurred_at=occurred_at,
            external_reference=reference,
            key=key,
        )
    session.show(report, lambda: say_report(report, done="reported"))


@click.command(cls=Command, examples=["orders complete ann 3 --price 12.40 --reference exec-89"])
@_reported
@click.pass_obj
def complete(
    session: Session,
    user_id: str,
    order_id: int,
    price: str,
    fee: str | None,
    outside: str | None,
    occurred_at: str | None,
    reference: str | None,
    key: str | None,
) -> None:
    """Reports that all that remained of an order with route external was filled outside."""
    with session.user(user_id) as user:
        report = user.orders.complete_order(
            order_id,
            price=price,
            fee=fee,
            outside=outside,
            occurred_at=occurred_at,
            external_reference=reference,
            key=key,
        )
    session.show(report, lambda: say_report(report, done="reported"))
