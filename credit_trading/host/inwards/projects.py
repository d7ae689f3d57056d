"""Projects of the host application: whether the host knows one, and what follows when it retires one.

Here: the check of an asset's project, and the halts of a retired project's instruments. Never here: who asks for them (assets, inward).
Always: a halt is a command with an id of its own for each instrument, so that repeating it halts nothing twice; open orders stay.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from credit_trading.checks import shown
from credit_trading.errors import InvalidInput, NotFound
from credit_trading.exchange import commands as cmd
from credit_trading.host.adapter import Adapter
from credit_trading.host.connecting.connections import translated_errors
from credit_trading.host.position import FOLLOWER
from credit_trading.host.request import SCOPE, command_id
from credit_trading.journal.notes import Note
from credit_trading.trading.desk import Desk, every_project
from credit_trading.trading.sequencer import Prepared

ACTIVE = "active"
"""What an adapter says of a project that may be traded."""


class OnRetire(StrEnum):
    """What becomes of the instruments of a project that the host retires."""

    HALT = "halt"
    IGNORE = "ignore"


def checker(adapter: Adapter) -> Callable[[str], None]:
    """For `Desk.check_project`: asks the host, in a transaction of its own, where its adapter says anything of projects."""
    if type(adapter).project_status is Adapter.project_status or not getattr(adapter, "knows_projects", True):
        return every_project

    def check(project_id: str) -> None:
        with translated_errors(FOLLOWER), adapter.transaction() as connection:
            status = adapter.project_status(connection, project_id)
        _check_status(project_id, status)

    return check


def halts(desk: Desk, request_id: str, project_id: str, note: Note) -> list[Prepared]:
    """A halt for each instrument whose base asset belongs to the project and that is not halted yet, by symbol."""
    symbols = desk.reading(
        lambda replica: sorted(
            symbol
            for symbol, market in replica.markets.items()
            if market.instrument.project_id == project_id and not market.halted
        )
    )
    return [
        desk.sequencer.prepare(
            cmd.SetInstrumentStatus(symbol, halted=True),
            scope=SCOPE,
            command_id=f"{command_id(request_id)}/halt/{symbol}",
            note=note,
        )
        for symbol in symbols
    ]


def _check_status(project_id: str, status: str | None) -> None:
    """Raises NotFound, InvalidInput."""
    if status is None:
        hint = "Give the id of one of its projects, or add the project there first."
        raise NotFound("projects", project_id, "the host application has no such project", hint=hint)
    if status != ACTIVE:
        problem = f"the host application says that the project is {shown(status)}"
        raise InvalidInput("projects", project_id, problem, hint="Give the id of a project that is active.")
