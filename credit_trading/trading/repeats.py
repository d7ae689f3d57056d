"""What was said before and is never forgotten: keys of money movements, and the references that others know them by.

Here: whether a command is one of these again. Never here: other command ids, which the replica remembers for a while (engine).
Always: asked within the transaction that decides a group of commands, and what the group has decided so far counts too.
"""

from __future__ import annotations

from credit_trading.errors import CommandConflict
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import engine
from credit_trading.exchange import events as ev
from credit_trading.exchange.answers import Answer
from credit_trading.exchange.order import OrderStatus
from credit_trading.exchange.replica import Replica
from credit_trading.journal import notes
from credit_trading.journal.log import Log
from credit_trading.journal.notes import Note
from credit_trading.journal.rows import MONEY_KINDS

_ELSEWHERE = cmd.EnterTransaction | cmd.FillOutside
"""Their other side may stand in the note, and a reference may be theirs for each of their users."""

_MONEY = cmd.Deposit | cmd.Withdraw | cmd.RecordTransaction | _ELSEWHERE


class Repeats:
    """Of one group of commands."""

    def __init__(self, log: Log, replica: Replica) -> None:
        self._log = log
        self._replica = replica
        self._looked = 0
        self._keys: dict[str, ev.Entry] = {}
        self._references: dict[tuple[int, str], ev.Entry] = {}
        self._noted: dict[int, Note] = {}

    def answer(self, request: cmd.Request, note: Note | None) -> Answer | None:
        """The first answer to the same key or reference; None for what is new, or remembered by its id. Raises CommandConflict.

        The same is: of the same content and, unless the note was erased meanwhile, with the same other side outside.
        """
        command = request.command
        if not isinstance(command, _MONEY):
            return None
        remembered = self._replica.answers.get(request.id)
        if remembered is not None:
            if isinstance(command, _ELSEWHERE) and remembered.content == request.content:
                self._check_outside("command", request.id, note, remembered.sequence)
            return None
        self._look_at_group()
        entry = self._keys.get(request.id) or self._log.money_movement(request.id)
        if entry is not None:
            assert entry.content is not None
            engine.check_same_content(request, entry.content)
            if isinstance(command, _ELSEWHERE):
                self._check_outside("command", request.id, note, entry.sequence)
            return _answer_of(entry)
        if isinstance(command, _ELSEWHERE) and command.external_reference is not None:
            return self._referred(request, command, command.external_reference, note)
        return None

    def decided(self, answer: Answer, command: cmd.Command, note: Note | None) -> None:
        """A new command of the group; what it left is not in the journal yet."""
        if note is not None and isinstance(command, _ELSEWHERE):
            self._noted[answer.sequence] = note

    def _referred(self, request: cmd.Request, command: _ELSEWHERE, reference: str, note: Note | None) -> Answer | None:
        other = command.counterparty if isinstance(command, cmd.EnterTransaction) else None
        for user in (command.user, other):
            if user is None:
                continue
            entry = self._references.get((user, reference)) or self._log.referred(user, reference)
            if entry is None:
                continue
            if entry.content != request.content:
                raise _conflict(
                    "external reference", reference, f"it stands for sequence {entry.sequence}, which was another"
                )
            self._check_outside("external reference", reference, note, entry.sequence)
            return _answer_of(entry)
        return None

    def _check_outside(self, what: str, name: str, note: Note | None, sequence: int) -> None:
        first = self._noted.get(sequence) or notes.read(self._log.connection, sequence)
        if first is not None and first.counterparty != (None if note is None else note.counterparty):
            raise _conflict(what, name, "it was used before with another counterparty")

    def _look_at_group(self) -> None:
        pending = self._replica.pending
        for entry in pending[self._looked :]:
            event = entry.event
            if event.kind in MONEY_KINDS and entry.content is not None:
                self._keys[entry.cause] = entry
                if isinstance(event, ev.TransactionEntered | ev.OrderFilledOutside) and event.external_reference:
                    for user in event.users():
                        if user is not None:
                            self._references[user, event.external_reference] = entry
        self._looked = len(pending)


def _conflict(what: str, name: str, problem: str) -> CommandConflict:
    return CommandConflict(what, name, problem, hint="Choose another, or repeat it as it was.")


def _answer_of(entry: ev.Entry) -> Answer:
    """As it was given at first."""
    answer, event = Answer(entry.content or "", entry.sequence, entry.time_us), entry.event
    if isinstance(event, ev.OrderFilledOutside):
        done = event.filled_lots == event.order_lots
        answer.order = event.order
        answer.status = (OrderStatus.FILLED if done else OrderStatus.PARTIALLY_FILLED).value
        answer.quantity_lots, answer.filled_lots = event.order_lots, event.filled_lots
        answer.filled_value, answer.fees = event.filled_value, event.fees
    return answer
