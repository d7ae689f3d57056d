"""`host`: the group that its commands join."""

from __future__ import annotations

import click
from click.core import ParameterSource

from credit_trading.cli.command import Group
from credit_trading.cli.host.session import HostSession
from credit_trading.cli.session import Session


@click.group(
    cls=Group,
    examples=[
        "host --url sqlite:///app.db init",
        "host --url sqlite:///app.db sync",
        "host check",
    ],
)
@click.option(
    "--url",
    envvar="CREDIT_TRADING_HOST_URL",
    show_envvar=True,
    metavar="URL",
    help="The host's database, as SQLAlchemy writes URLs.",
)
@click.option(
    "--adapter",
    envvar="CREDIT_TRADING_HOST_ADAPTER",
    show_envvar=True,
    metavar="MODULE:NAME",
    help="Instead: the host's own adapter.",
)
@click.pass_context
def host(ctx: click.Context, url: str | None, adapter: str | None) -> None:
    """The host application's own database: balances, open orders, statistics and activity in it, and what it asks for.

    A password belongs into the environment, not into a command: CREDIT_TRADING_HOST_URL.
    """
    session = ctx.find_object(Session)
    assert session is not None
    typed = {name for name in ("url", "adapter") if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    if len(typed) == 2:
        raise click.UsageError("Give --url or --adapter.")
    named = url if "url" in typed else adapter or url
    ctx.obj = HostSession(session.home, session.json, host=named or None)
