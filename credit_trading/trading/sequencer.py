"""The write path: commands go in from any thread, one COMMIT decides them, outcomes come back in order.

Here: group commit, the clock's stamp, command ids that are known already, and what is answered when a COMMIT raises.
Always: an outcome is given after its COMMIT and never before; a command id takes effect once; no caller's code runs inside the lock.
"""

from __future__ import annotations

import itertools
import logging
import os
import secrets
import threading
from collections import deque
from collections.abc import Iterable, Sequence

import attrs

from credit_trading.clock import Clock, format_time
from credit_trading.errors import Busy, ClockRefused, NotTaken, OutcomeUnknown, StorageError, TradingError
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import engine
from credit_trading.exchange.answers import Answer
from credit_trading.exchange.events import Entry
from credit_trading.exchange.replica import Replica
from credit_trading.journal import notes
from credit_trading.journal.live import CommitUndecided, LiveReplica
from credit_trading.journal.notes import Note
from credit_trading.trading.outcome import Outcome
from credit_trading.users.manager import PersonalPart
from credit_trading.users.projector import Projector

_log = logging.getLogger(__name__)

_MONEY = (cmd.Deposit, cmd.Withdraw, cmd.TradeOffBook)
_CLOCK_SLACK_US = 1_000_000


@attrs.frozen
class Prepared:
    """A command that is ready to be submitted, by whom, and what it writes beside the journal."""

    request: cmd.Request
    note: Note | None = None
    personal: PersonalPart | None = None


@attrs.define(eq=False)
class _Batch:
    """One caller's commands on their way through a group commit."""

    commands: Sequence[Prepared]
    outcomes: list[Outcome] | None = None
    error: BaseException | None = None

    @property
    def done(self) -> bool:
        return self.outcomes is not None or self.error is not None


class Sequencer:
    """`submit` may be called from any thread and any process that opened the same folder."""

    def __init__(
        self,
        live: LiveReplica,
        projector: Projector,
        clock: Clock,
        *,
        lock_timeout_s: float,
        max_clock_jump_s: int,
        project_on_commit: bool,
    ) -> None:
        self._live = live
        self._projector = projector
        self.clock = clock
        self._timeout_s = lock_timeout_s
        self._max_clock_jump_us = max_clock_jump_s * 1_000_000
        self._project_on_commit = project_on_commit
        self._behind = False
        self.after_fork_in_child()

    def after_fork_in_child(self) -> None:
        self._leading = threading.Lock()
        self._waiting: deque[_Batch] = deque()
        self._prefix = f"{secrets.token_hex(8)}-"
        self._counter = itertools.count(1)
        self._pid = os.getpid()

    def new_id(self) -> str:
        """A command id that no other process or run gives out."""
        if os.getpid() != self._pid:
            self.after_fork_in_child()
        return f"{self._prefix}{next(self._counter)}"

    def prepare(
        self,
        command: cmd.Command,
        *,
        command_id: str | None = None,
        note: Note | None = None,
        personal: PersonalPart | None = None,
    ) -> Prepared:
        request = cmd.Request.of(command, command_id=command_id or self.new_id(), prepared_us=self.clock.now_us())
        return Prepared(request, note, personal)

    def submit(self, commands: Iterable[Prepared]) -> list[Outcome]:
        """Decides the commands in their order and makes them durable in one COMMIT, together with whatever other threads submit now.

        Raises Busy, NotTaken or another StorageError if none took effect, OutcomeUnknown if that cannot be told yet.
        """
        if os.getpid() != self._pid:
            self.after_fork_in_child()
        batch = _Batch(list(commands))
        if not batch.commands:
            return []
        self._waiting.append(batch)
        if not self._leading.acquire(timeout=self._timeout_s):
            self._withdraw(batch)
        else:
            try:
                if not batch.done:
                    self._lead()
            finally:
                self._leading.release()
        if batch.error is not None:
            raise batch.error
        assert batch.outcomes is not None
        return batch.outcomes

    def expire_due(self) -> int:
        """Expires what is due now; returns how many orders did."""
        with self._live.writing() as replica:
            engine.expire_due(replica, time_us=self._decision_us(replica, self.clock.now_us()))
            entries = replica.take_pending()
            try:
                self._commit(entries, [])
            except CommitUndecided as error:
                self._live.fence()
                raise NotTaken("expire", "", "the commit failed", hint="Sweep again.") from error
        self._project(entries)
        return len(entries)

    def _withdraw(self, batch: _Batch) -> None:
        """The wait was too long: unless someone has taken the batch up meanwhile, it is withdrawn."""
        try:
            self._waiting.remove(batch)
        except ValueError:
            with self._leading:  # taken up: its leader will finish it
                return
        raise Busy("submit", "", f"other threads kept the exchange busy for {self._timeout_s:g} s", hint="Try again.")

    def _lead(self) -> None:
        """Decides everything that is waiting, as one group; a group that fails is tried again caller by caller."""
        batches = list(itertools.islice(iter(self._waiting.popleft, None), len(self._waiting)))
        try:
            try:
                self._run(batches)
            except (OutcomeUnknown, NotTaken, Busy):
                raise
            except Exception:
                if len(batches) == 1:
                    raise
                for batch in batches:
                    self._run_alone(batch)
        except BaseException as error:
            for batch in batches:
                if not batch.done:
                    batch.error = error
            if not isinstance(error, TradingError):
                raise

    def _run_alone(self, batch: _Batch) -> None:
        try:
            self._run([batch])
        except Exception as error:  # noqa: BLE001 - it is raised again in the thread of the caller it belongs to
            batch.error = error

    def _run(self, batches: Sequence[_Batch]) -> None:
        prepared = [command for batch in batches for command in batch.commands]
        with self._live.writing() as replica:
            before = replica.sequence
            decided = [self._decide(replica, command, before) for command in prepared]
            entries = replica.take_pending()
            try:
                self._commit(entries, list(zip(prepared, decided, strict=True)))
            except CommitUndecided:
                decided = self._settle(decided, before)
        outcomes = iter(decided)
        for batch in batches:
            batch.outcomes = [next(outcomes) for _ in batch.commands]
        self._project(entries)

    def _decide(self, replica: Replica, prepared: Prepared, before: int) -> Outcome:
        """One command's outcome, not yet durable. Only malformed commands and the clock raise here, and they leave nothing."""
        request = prepared.request
        try:
            known = self._known_money_movement(replica, request)
            if known is not None:
                return Outcome(request.id, known, repeated=True)
            if prepared.personal is not None:
                prepared.personal.check(self._live.log.connection)
            time_us = self._decision_us(replica, request.prepared_us)
            first = len(replica.pending)
            answer = engine.handle(replica, request, time_us=time_us)
        except TradingError as error:
            return Outcome(request.id, None, error)
        repeated = answer.sequence <= before or len(replica.pending) == first
        if prepared.personal is not None and not repeated:
            prepared.personal.write(self._live.log.connection, _first_entry(replica, answer))
        return Outcome(request.id, answer, repeated=repeated)

    def _known_money_movement(self, replica: Replica, request: cmd.Request) -> Answer | None:
        """Keys of money movements are kept for ever: those that the replica has forgotten are looked up in the journal."""
        if not isinstance(request.command, _MONEY) or replica.answers.get(request.id) is not None:
            return None
        entry = self._live.log.money_movement(request.id)
        if entry is None:
            return None
        assert entry.content is not None
        engine.check_same_content(request, entry.content)
        return Answer(entry.content, entry.sequence, entry.time_us)

    def _decision_us(self, replica: Replica, prepared_us: int) -> int:
        """Never before the last event; loud if the clock lags, refused if it leaps."""
        now_us = self.clock.decision_us(prepared_us)
        ahead_us = now_us - replica.time_us
        if ahead_us > self._max_clock_jump_us and replica.sequence > 1:
            raise ClockRefused(
                "clock",
                format_time(now_us),
                f"more than {self._max_clock_jump_us // 1_000_000} s after the last event, {format_time(replica.time_us)}",
                hint="Set the clock right, or raise CREDIT_TRADING_MAX_CLOCK_JUMP_S if it is.",
            )
        if ahead_us < -_CLOCK_SLACK_US and not self._behind:
            _log.warning("the clock (%s) is behind the journal (%s)", format_time(now_us), format_time(replica.time_us))
        self._behind = ahead_us < -_CLOCK_SLACK_US
        return max(now_us, replica.time_us)

    def _commit(self, entries: Sequence[Entry], decided: Sequence[tuple[Prepared, Outcome]]) -> None:
        if not entries:
            return
        for prepared, outcome in decided:
            if prepared.note is not None and outcome.answer is not None and not outcome.repeated:
                notes.write(self._live.log.connection, outcome.sequence, prepared.note)
        self._live.commit(entries)

    def _settle(self, decided: Sequence[Outcome], before: int) -> list[Outcome]:
        """After a COMMIT that raised: commit a fence, then see what is in the journal.

        All of the group is there or nothing is. Raises NotTaken, or OutcomeUnknown if the fence fails too.
        """
        first = next(outcome.command_id for outcome in decided if outcome.answer is not None)
        try:
            self._live.fence()
        except StorageError as error:
            raise OutcomeUnknown("submit", first, f"the commit failed, and so did the fence ({error})") from error
        with self._live.reading() as replica:
            return [_found(replica, outcome, before) for outcome in decided]

    def _project(self, entries: Iterable[Entry]) -> None:
        if not self._project_on_commit:
            return
        named = {user for entry in entries for user in (entry.user_a, entry.user_b) if user is not None}
        if named:
            with self._live.reading() as replica:
                present = sorted(user for user in named if not replica.users[user].deleted)
            self._projector.catch_up_after_commit(present)


def _found(replica: Replica, outcome: Outcome, before: int) -> Outcome:
    """The outcome as the journal has it after all. Raises NotTaken."""
    if outcome.answer is None or outcome.sequence <= before:
        return outcome
    answer = replica.answers.get(outcome.command_id)
    if answer is None:
        raise NotTaken(
            "submit", outcome.command_id, "the commit failed and nothing was written", hint="Submit it again."
        )
    return attrs.evolve(outcome, answer=answer)


def _first_entry(replica: Replica, answer: Answer) -> Entry:
    """The entry that the answer speaks of; it is among the last that were recorded."""
    return next(entry for entry in reversed(replica.pending) if entry.sequence == answer.sequence)
