"""What a request asks of the exchange, as commands.

Here: from the text of a row to whole numbers and known names, and which transaction is a request's own. Never here: reading rows and
submitting (inward).
Always: the id of a command is the request's; which transaction a withdrawal holds is what the journal says, never the row; what was refused
is not decided again by whoever has not heard of that.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import attrs

from credit_trading.checks import checked_id, checked_text, shown
from credit_trading.errors import Busy, InvalidInput, NotFound
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import events as ev
from credit_trading.exchange.entered import TransactionStatus
from credit_trading.exchange.replica import Replica
from credit_trading.host.inwards import projects
from credit_trading.host.inwards.request_writing import REQUESTS
from credit_trading.host.position import FOLLOWER
from credit_trading.host.request import SCOPE, Decision, RequestKind, command_id, end_id
from credit_trading.journal.follower import Position
from credit_trading.journal.notes import Note
from credit_trading.money import Asset
from credit_trading.trading.desk import Desk
from credit_trading.trading.sequencer import Prepared
from credit_trading.users.personal import PersonalPart

_ENDS = {Decision.CONFIRM.value: TransactionStatus.SETTLED.value, Decision.FAIL.value: TransactionStatus.FAILED.value}

Stored = dict[str, Any]
"""The columns of a request that are the host's, as they stand: anything may be in them."""


class RequestCommands:
    """For rows that were read when the host's tables had come to `position`."""

    def __init__(self, desk: Desk, position: Position, *, on_retire: str) -> None:
        self._desk = desk
        self._on_retire = on_retire
        self._fence = PersonalPart(guard=_Fence(position).check)
        self._assets: dict[str, list[Asset]] | None = None

    def begin(self, row: Stored) -> list[Prepared]:
        """What a new request begins with: one command, or a halt for each instrument. Raises InvalidInput, NotFound."""
        request_id = checked_id(row["id"], what="request id")
        kind = row["kind"]
        if kind == RequestKind.RETIRE_PROJECT.value:
            return self._halts(request_id, row)
        if kind == RequestKind.DEPOSIT.value:
            command: cmd.Command = cmd.Deposit(*self._moved(row))
        elif kind == RequestKind.WITHDRAWAL.value:
            user, asset, amount = self._moved(row)
            command = cmd.EnterTransaction(user, "withdrawal", asset, amount, pending=True, guarded=True)
        else:
            hint = f"Choose from {', '.join(kind.value for kind in RequestKind)}."
            raise InvalidInput(REQUESTS, request_id, f"{shown(kind)} is no kind of request", hint=hint)
        return [self._prepared(command, command_id(request_id), row)]

    def end(self, row: Stored) -> Prepared | None:
        """What the host's decision brings about; None where the exchange holds nothing for this request (any more)."""
        with self._desk.live.history() as log:
            entry = log.money_movement(command_id(row["id"]))
        if entry is None or not self.is_held(entry):
            return None
        assert isinstance(entry.event, ev.TransactionEntered)
        command = cmd.UpdateTransaction(entry.event.user, entry.sequence, _ENDS[row["decision"]], guarded=True)
        return self._desk.sequencer.prepare(command, scope=SCOPE, command_id=end_id(row["id"]), note=_end_note(row))

    def is_held(self, entry: ev.Entry) -> bool:
        """Whether it entered what is still held for the host."""
        pending = self._desk.reading(lambda replica: replica.pending_transactions.get(entry.sequence))
        return pending is not None and pending.guarded

    def _halts(self, request_id: str, row: Stored) -> list[Prepared]:
        project_id = checked_id(row["project_id"], what="project id")
        note = _note(row)
        return (
            []
            if self._on_retire == projects.OnRetire.IGNORE
            else projects.halts(self._desk, request_id, project_id, note)
        )

    def _moved(self, row: Stored) -> tuple[int, str, int]:
        asset = self._asset(row)
        return self._desk.user_number(row["user_id"]), asset.code, asset.parse_positive(row["amount"])

    def _asset(self, row: Stored) -> Asset:
        """The one that is named, and is the project's if that is named too; or the only one of the project."""
        code, project_id = row["asset"], row["project_id"]
        if project_id is not None:
            project_id = checked_id(project_id, what="project id")
        if code is not None:
            asset = self._desk.asset(code)
            if project_id not in (None, asset.project_id):
                raise _refused(row, f"{code} is no asset of project {project_id}", "Name the asset, or its project.")
            return asset
        if project_id is None:
            raise _refused(
                row, "neither asset nor project is named", "Name the asset, or a project that has one asset."
            )
        assets = self._of_project(project_id)
        if not assets:
            raise NotFound(REQUESTS, row["id"], f"project {project_id} has no asset here", hint="Add one, then retry.")
        if len(assets) > 1:
            codes = ", ".join(asset.code for asset in assets[:3])
            raise _refused(row, f"project {project_id} has {len(assets)} assets ({codes})", "Name the asset.")
        return assets[0]

    def _of_project(self, project_id: str) -> list[Asset]:
        if self._assets is None:
            self._assets = defaultdict(list)
            for asset in self._desk.reading(lambda replica: list(replica.assets.values())):
                if asset.project_id is not None:
                    self._assets[asset.project_id].append(asset)
        return self._assets.get(project_id, [])

    def _prepared(self, command: cmd.Command, name: str, row: Stored) -> Prepared:
        return self._desk.sequencer.prepare(
            command, scope=SCOPE, command_id=name, note=_note(row), personal=self._fence
        )


@attrs.define(eq=False)
class _Fence:
    """Refuses to decide what may have been refused since the rows were read, by whoever has forgotten it meanwhile.

    Movements are remembered for ever, a refusal as one of the latest commands only. So it must be certain that all commands since are among
    these. Once that is so it is for all rows that were read together, as long as nobody else commits anything.
    """

    position: Position
    _passed_at: int | None = None

    def check(self, replica: Replica) -> None:
        committed = replica.pending[0].sequence - 1 if replica.pending else replica.sequence
        if committed == self._passed_at:
            return
        oldest = next(iter(replica.answers.values()), None)
        if oldest is not None and oldest.sequence > self.position.sequence:
            raise Busy("host", FOLLOWER, "too much has happened since its requests were read", hint="Try again.")
        self._passed_at = committed


def _end_note(row: Stored) -> Note:
    """What is held must come to its end, whatever the host has written into the row since."""
    try:
        return _note(row)
    except InvalidInput:
        return Note(actor=SCOPE)


def _note(row: Stored) -> Note:
    """Who asked, as the audit trail says it. Raises InvalidInput."""
    actor = row["actor"]
    return Note(
        actor=SCOPE if actor is None else f"{SCOPE}:{checked_text(actor, what='actor', longest=64)}",
        correlation_id=_text(row["correlation_id"], "correlation id"),
        note=_text(row["note"], "note"),
    )


def _text(text: str | None, what: str) -> str | None:
    return None if text is None else checked_text(text, what=what)


def _refused(row: Stored, problem: str, hint: str) -> InvalidInput:
    return InvalidInput(REQUESTS, row["id"], problem, hint=hint)
