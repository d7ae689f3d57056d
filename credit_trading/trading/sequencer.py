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
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

import attrs

from credit_trading.clock import Clock, format_time
from credit_trading.errors import (
    Busy,
    ClockRefused,
    InvalidInput,
    NotAllTaken,
    NotTaken,
    OutcomeUnknown,
    StorageError,
    TradingError,
)
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import engine
from credit_trading.exchange.answers import Answer
from credit_trading.exchange.events import Entry, OrderExpired
from credit_trading.exchange.replica import Replica
from credit_trading.journal.live import CommitUndecided, LiveReplica
from credit_trading.journal.notes import Note
from credit_trading.store.sqlite import translated
from credit_trading.trading.calendar import next_boundaries
from credit_trading.trading.outcome import Outcome
from credit_trading.trading.repeats import Repeats
from credit_trading.users.personal import PersonalPart
from credit_trading.users.projector import Projector

_log = logging.getLogger(__name__)

_CLOCK_SLACK_US = 1_000_000

_NOTHING_CHANGED = "nothing was changed"


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
    project: bool = True
    outcomes: list[Outcome] | None = None
    error: BaseException | None = None
    users: set[int] = attrs.Factory(set)
    """Those whose files have events to show that its commands brought about."""

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

    def new_id(self, scope: str) -> str:
        """A command id that no other process or run gives out, in the full form of `Principal.scoped`."""
        if os.getpid() != self._pid:
            self.after_fork_in_child()
        return f"{scope}/id/{self._prefix}{next(self._counter)}"

    def prepare(
        self,
        command: cmd.Command,
        *,
        scope: str,
        command_id: str | None = None,
        note: Note | None = None,
        personal: PersonalPart | None = None,
    ) -> Prepared:
        request = cmd.Request.of(command, command_id=command_id or self.new_id(scope), prepared_us=self.clock.now_us())
        return Prepared(request, note, personal)

    def submit(self, commands: Iterable[Prepared], *, project: bool = True) -> list[Outcome]:
        """Decides the commands in their order and makes them durable in one COMMIT, together with whatever other threads submit now.

        Without `project` users' files show these commands when they are next read, whatever the settings say.

        Raises Busy, NotTaken or another StorageError if none took effect, OutcomeUnknown if that cannot be told yet.
        """
        if os.getpid() != self._pid:
            self.after_fork_in_child()
        batch = _Batch(_checked(commands), project)
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
        self._project(batch.users)
        if batch.error is not None:
            raise batch.error
        assert batch.outcomes is not None
        return batch.outcomes

    def submit_together(
        self, commands: Iterable[Prepared], *, check: Callable[[Replica], None] = lambda _: None
    ) -> list[Outcome]:
        """Decides all of the commands in one COMMIT, or none of them: a group of its own, which others wait for.

        `check` looks at what it begins with, as nobody can change it any more, and raises where the commands no longer fit. Users' files
        show what was decided when they are next read. Raises NotAllTaken for the first command that is malformed or rejected, what `check`
        raises, and what `submit` raises; in each case nothing was changed.
        """
        if os.getpid() != self._pid:
            self.after_fork_in_child()
        prepared = _checked(commands)
        if not prepared:
            return []
        if not self._leading.acquire(timeout=self._timeout_s):
            raise self._kept_busy()
        try:
            return self._run_together(prepared, check)
        finally:
            self._leading.release()

    def expire_due(self) -> int:
        """What time alone brings about by now: orders expire, sessions open and close. Returns how many orders expired.

        Costs a look at the replica where nothing is due.
        """
        with self._live.reading() as replica:
            if replica.next_due_us is None or replica.next_due_us > self.clock.now_us():
                return 0
        with _nothing_changed(), self._live.writing() as replica:
            time_us = self._decision_us(replica, self.clock.now_us())
            engine.advance(replica, time_us=time_us, calendar=next_boundaries)
            entries = replica.take_pending()
            try:
                self._commit(entries, [])
            except CommitUndecided as error:
                failure = self._settle(entries[-1], error)
                if failure is not None:
                    raise failure(entries[-1].cause) from error
        self._project(_named(entries))
        return sum(isinstance(entry.event, OrderExpired) for entry in entries)

    def _withdraw(self, batch: _Batch) -> None:
        """The wait was too long: unless someone has taken the batch up meanwhile, it is withdrawn."""
        try:
            self._waiting.remove(batch)
        except ValueError:
            with self._leading:  # taken up: its leader will finish it
                return
        raise self._kept_busy()

    def _kept_busy(self) -> Busy:
        problem = f"other threads kept the exchange busy for {self._timeout_s:g} s; {_NOTHING_CHANGED}"
        return Busy("submit", self._live.path, problem, hint="Try again.")

    def _lead(self) -> None:
        """Decides everything that is waiting, as one group; a group that fails is tried again caller by caller."""
        batches = self._take_waiting()
        try:
            try:
                self._run(batches)
            except Busy:
                raise
            except Exception:
                if len(batches) == 1:
                    raise
                for batch in batches:
                    if not batch.done:
                        self._run_alone(batch)
        except BaseException as error:
            for batch in batches:
                if not batch.done:
                    batch.error = error if isinstance(error, Exception) else self._interrupted(batch)
            if not isinstance(error, TradingError):
                raise

    def _take_waiting(self) -> list[_Batch]:
        """Some may be withdrawn at this very moment."""
        batches = []
        with suppress(IndexError):
            for _ in range(len(self._waiting)):
                batches.append(self._waiting.popleft())
        return batches

    def _run_alone(self, batch: _Batch) -> None:
        try:
            self._run([batch])
        except Exception as error:
            if batch.done:  # decided: what failed came after, and is not about this caller
                raise
            batch.error = error

    def _run(self, batches: Sequence[_Batch]) -> None:
        prepared = [command for batch in batches for command in batch.commands]
        with _nothing_changed(), self._live.writing() as replica:
            before, repeats = replica.sequence, Repeats(self._live.log, replica)
            decided = [self._decide(replica, repeats, command) for command in prepared]
            entries = replica.take_pending()
            failure: _Failure | None = None
            try:
                self._commit(entries, list(zip(prepared, decided, strict=True)))
            except CommitUndecided as error:
                failure = self._settle(entries[-1], error)
        if failure is None:
            _share_out(entries, batches)
        outcomes = iter(decided)
        for batch in batches:
            own = [next(outcomes) for _ in batch.commands]
            lost = next((outcome.command_id for outcome in own if outcome.sequence > before), None)
            if failure is None or lost is None:
                batch.outcomes = own
            else:
                batch.error = failure(lost)

    def _run_together(self, prepared: Sequence[Prepared], check: Callable[[Replica], None]) -> list[Outcome]:
        """An error that leaves the block throws away the replica, which may have applied some of the commands."""
        failure: _Failure | None = None
        with _nothing_changed(), self._live.writing() as replica:
            check(replica)
            before, repeats = replica.sequence, Repeats(self._live.log, replica)
            decided: list[Outcome] = []
            for place, command in enumerate(prepared):
                decided.append(self._decide(replica, repeats, command))
                if not decided[-1].ok:
                    raise NotAllTaken("submit", place, decided[-1].refusal())
            entries = replica.take_pending()
            try:
                self._commit(entries, list(zip(prepared, decided, strict=True)))
            except CommitUndecided as error:
                failure = self._settle(entries[-1], error)
        lost = next((outcome.command_id for outcome in decided if outcome.sequence > before), None)
        if failure is not None and lost is not None:
            raise failure(lost)
        return decided

    def _decide(self, replica: Replica, repeats: Repeats, prepared: Prepared) -> Outcome:
        """One command's outcome, not yet durable. Only malformed commands and the clock raise here, and they leave nothing."""
        request = prepared.request
        try:
            known = repeats.answer(request, prepared.note)
            if known is not None:
                return Outcome(request.id, known, repeated=True)
            if prepared.personal is not None:
                prepared.personal.check(self._live.log.connection)
                prepared.personal.guard(replica)
            time_us = self._decision_us(replica, request.prepared_us)
            before = replica.sequence
            answer = engine.handle(replica, request, time_us=time_us, calendar=next_boundaries)
        except TradingError as error:
            return Outcome(request.id, None, error)
        repeated = answer.sequence <= before
        if not repeated:
            repeats.decided(answer, request.command, prepared.note)
        if prepared.personal is not None and not repeated:
            prepared.personal.write(self._live.log.connection, _first_entry(replica, answer))
        return Outcome(request.id, answer, repeated=repeated)

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
        noted = {
            outcome.sequence: prepared.note
            for prepared, outcome in decided
            if prepared.note is not None and outcome.answer is not None and not outcome.repeated
        }
        self._live.commit(entries, noted)

    def _settle(self, last: Entry, undecided: CommitUndecided) -> _Failure | None:
        """After a COMMIT that raised: commits a fence, then looks into the journal. All of the group is there or nothing is.

        None if it is there (`last` is its last entry); otherwise what each caller is told.
        """
        try:
            self._live.fence()
            with translated("exchange.read", self._live.path):
                taken = self._live.log.entry(last.sequence) == last
        except StorageError as error:
            problem = f"{self._failed(undecided)}, and so did what would tell whether it was taken ({error.problem})"
            return lambda command_id: OutcomeUnknown("submit", command_id, problem)
        problem = f"{self._failed(undecided)}; {_NOTHING_CHANGED}"
        return None if taken else lambda command_id: NotTaken("submit", command_id, problem, hint="Submit it again.")

    def _interrupted(self, batch: _Batch) -> OutcomeUnknown:
        """The thread that led the group was interrupted, perhaps after the commit."""
        problem = f"the thread that wrote to {self._live.path} was interrupted"
        return OutcomeUnknown("submit", batch.commands[0].request.id, problem)

    def _failed(self, undecided: CommitUndecided) -> str:
        return f"the commit on {self._live.path} failed ({undecided.__cause__})"

    def _project(self, users: set[int]) -> None:
        """After the decision: whatever goes wrong here must not be taken for its outcome."""
        if not users or not self._project_on_commit:
            return
        try:
            with translated("users.file", self._live.path.parent):
                self._projector.catch_up_after_commit(sorted(users))
        except Exception as error:  # noqa: BLE001 - also that there are no new threads any more once the main thread has ended
            _log.warning("users' files catch up when they are next read: %s", error)


@contextmanager
def _nothing_changed() -> Iterator[None]:
    """Around what is decided by its commit: an error that leaves here and says nothing else came before that, or undid all of it."""
    try:
        yield
    except (NotTaken, OutcomeUnknown):
        raise
    except StorageError as error:
        raise error.adding(_NOTHING_CHANGED)  # noqa: B904 - it is the same error


def _share_out(entries: Iterable[Entry], batches: Sequence[_Batch]) -> None:
    """Each caller brings forward the files that its own commands concern, and no others; what time brought about is the first's."""
    by_cause = {command.request.id: batch for batch in batches for command in batch.commands}
    for entry in entries:
        batch = by_cause.get(entry.cause, batches[0])
        if batch.project:
            batch.users |= _named([entry])


def _named(entries: Iterable[Entry]) -> set[int]:
    return {user for entry in entries for user in (entry.user_a, entry.user_b) if user is not None}


_Failure = Callable[[str], StorageError]
"""Makes the error for the caller whose command has this id."""


def _checked(commands: Iterable[Prepared]) -> list[Prepared]:
    listed = list(commands) if isinstance(commands, Iterable) else [commands]
    if not isinstance(commands, Iterable) or not all(isinstance(command, Prepared) for command in listed):
        raise InvalidInput(
            "submit", type(commands).__name__, "not a list of prepared commands", hint="Use the prepare_… methods."
        )
    return listed


def _first_entry(replica: Replica, answer: Answer) -> Entry:
    """The entry that the answer speaks of; it is among the last that were recorded."""
    return next(entry for entry in reversed(replica.pending) if entry.sequence == answer.sequence)
