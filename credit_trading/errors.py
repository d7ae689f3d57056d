"""The error tree: what a caller can catch, and what each error asks of them.

    TradingError                 the caller or the environment is at fault; nothing was changed unless the class says otherwise
    ├── InvalidInput             a value that cannot be put into whole ticks, lots, units or known forms
    ├── NotFound                 an unknown user, asset, instrument or order
    ├── AlreadyExists            a name that is taken, now or formerly
    ├── UserNotEmpty             a user who still has orders, holds or a balance cannot be deleted
    ├── CommandConflict          a command id was used before with other content
    ├── OrderRejected            the market said no; stands in the journal under its `code`
    ├── NotAllTaken              of commands that belong together one could not be taken, so none was
    └── StorageError             files, disk, clock
        ├── NotAnExchange        the folder holds no exchange
        ├── FileCorrupt          a file that is damaged or is no SQLite database
        ├── FileForeign          a file of another exchange, user or history
        │   └── FileAhead        a file that knows more than exchange.db, which is an old one then
        ├── FileQuarantined      a user's file that was found damaged or foreign, and is not used until it is repaired
        ├── PrivateFactsMissing  a user's file that cannot be made anew without losing what only it held
        ├── VersionUnsupported   a file of a newer version
        ├── Unwritable           read-only folder, missing permission, full disk
        ├── Busy                 another process or thread held a lock for longer than the timeout
        ├── ClockRefused         the clock jumped further ahead than the settings allow
        ├── ArchiveUnreachable   rows of the journal that lie in an archive, which cannot be read or does not hold them any more
        ├── BackupUnverified     the newest set of an archive is not known to be good, so nothing older is removed
        ├── NotTaken             the commit failed and the command certainly did not take effect
        ├── Interrupted          some of many were done before it failed
        └── OutcomeUnknown       the commit failed and it is not yet known; repeat the command with the same id

A broken invariant is none of these: it is an AssertionError, stops writing and loses nothing.
"""

from __future__ import annotations

from typing import Self


class TradingError(Exception):
    """Base of all: one line that says what was wrong, which rule, and what to do.

    `took_effect` is whether the command is done all the same: never, but for OutcomeUnknown, which cannot tell, and Interrupted.
    """

    code = "trading_error"
    took_effect: bool | None = False

    def __init__(self, operation: str, subject: object, problem: str, *, hint: str = "") -> None:
        self.operation = operation
        self.subject = str(subject)
        self.problem = problem
        self.hint = hint
        super().__init__(self._line())

    def _line(self) -> str:
        subject = f' "{self.subject}"' if self.subject else ""
        hint = f" {self.hint}" if self.hint else ""
        return f"{self.operation}{subject}: {self.problem}.{hint}".replace("\n", " ")

    def advising(self, hint: str) -> Self:
        """This error, with a better hint from one who knows more."""
        self.hint = hint
        self.args = (self._line(),)
        return self

    def adding(self, fact: str) -> Self:
        """This error, with one more thing that the one who raises it again knows."""
        if fact not in self.problem:
            self.problem = f"{self.problem}; {fact}"
            self.args = (self._line(),)
        return self


class InvalidInput(TradingError):
    code = "invalid_input"


class NotFound(TradingError):
    code = "not_found"


class AlreadyExists(TradingError):
    code = "already_exists"


class UserNotEmpty(TradingError):
    code = "user_not_empty"


class CommandConflict(TradingError):
    code = "command_conflict"


class OrderRejected(TradingError):
    """The market's "no". `rejection` is the code for programs (`credit_trading.Rejection`); the message is its sentence."""

    code = "rejected"

    def __init__(self, operation: str, subject: object, rejection: str, sentence: str, *, hint: str = "") -> None:
        self.rejection = rejection
        super().__init__(operation, subject, f"rejected ({rejection}): {sentence}", hint=hint)


class NotAllTaken(TradingError):
    """`place` is that of the command, counted from 0; `reason` is what it was refused for, by itself."""

    code = "not_all_taken"

    def __init__(self, operation: str, place: int, reason: TradingError) -> None:
        self.place = place
        self.reason = reason
        problem = f"command {place + 1} cannot be taken, so none was: {reason.problem}"
        super().__init__(operation, reason.subject, problem, hint=reason.hint)


class StorageError(TradingError):
    code = "storage_error"


class NotAnExchange(StorageError):
    code = "not_an_exchange"


class FileCorrupt(StorageError):
    code = "file_corrupt"


class FileForeign(StorageError):
    code = "file_foreign"


class FileAhead(FileForeign):
    code = "file_ahead"


class FileQuarantined(StorageError):
    code = "file_quarantined"


class PrivateFactsMissing(StorageError):
    code = "private_facts_missing"


class VersionUnsupported(StorageError):
    code = "version_unsupported"


class Unwritable(StorageError):
    code = "unwritable"


class Busy(StorageError):
    code = "busy"


class ClockRefused(StorageError):
    code = "clock_refused"


class ArchiveUnreachable(StorageError):
    """The journal's rows `first` to `last` were moved into an archive, and cannot be had from there."""

    code = "archive_unreachable"

    def __init__(self, subject: str, problem: str, *, first: int, last: int, hint: str) -> None:
        self.first = first
        self.last = last
        super().__init__(
            "journal", subject, f"it holds rows {first} to {last} of the journal, and {problem}", hint=hint
        )


class BackupUnverified(StorageError):
    code = "backup_unverified"


class NotTaken(StorageError):
    code = "not_taken"


class Interrupted(StorageError):
    """Some of many were done before it failed; `took_effect` is None, because it did in part."""

    code = "interrupted"
    took_effect = None


class OutcomeUnknown(StorageError):
    """`command_id` names the command whose outcome is not known; repeating it under the same id is always safe."""

    code = "outcome_unknown"
    took_effect = None

    def __init__(self, operation: str, command_id: str, problem: str) -> None:
        self.command_id = command_id
        super().__init__(
            operation, command_id, problem, hint="Repeat the command with the same id: it cannot happen twice."
        )
