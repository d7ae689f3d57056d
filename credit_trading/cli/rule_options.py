"""The options that name an instrument's rules, the same for `instruments add` and `instruments set`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import click

from credit_trading.trading.rule_input import Rules

_HELP = {
    "maker-fee": ("R", "Part of a trade's value (0.0005); may be a rebate (-0.0001)."),
    "taker-fee": ("R", "Part of a trade's value that the incoming order pays."),
    "collar": ("R", "How far from the best opposite price a market order may trade (0.05)."),
    "min-quantity": ("Q", "Orders below it are refused; none for no limit."),
    "max-quantity": ("Q", "Orders above it are refused; none for no limit."),
    "min-value": ("V", "Orders whose price times quantity is below it are refused; none for no limit."),
    "price-band": ("R", "How far a limit price may lie from the reference price (0.10); none for no limit."),
    "reference-price": ("P", "The middle of the band; none for the last trade's price."),
    "max-open-orders": ("N", "How many open orders a user may have in it; none for no limit."),
}
_MODES = ["cancel-newest", "cancel-oldest", "cancel-both", "decrement"]


def rule_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options; the function is given all of them, None for those that were left out."""
    for name, (metavar, words) in reversed(_HELP.items()):
        function = click.option(f"--{name}", metavar=metavar, help=words)(function)
    return click.option(
        "--self-trade",
        type=click.Choice(_MODES),
        help="What happens where an order meets one of the same user, unless it says so itself.",
    )(function)


def given(options: dict[str, Any]) -> Rules:
    """Those that were not left out."""
    return cast(Rules, {name: value for name, value in options.items() if value is not None})
