"""Making a user's file anew from the journal, and taking it out of quarantine.

Here: what is made of which file, and looking at one again. Never here: what becomes of the old file (replacing), which files may be used
(admission), how rows are made (projector).
Always: one that is as the journal gives it is left untouched.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import attrs

from credit_trading.errors import FileCorrupt, FileForeign, FileQuarantined, TradingError
from credit_trading.journal.live import LiveReplica
from credit_trading.progress import Progress
from credit_trading.store.sqlite import Connection, translated
from credit_trading.users import catalogue, private
from credit_trading.users.catalogue import User
from credit_trading.users.difference import differing_rows, same_schema
from credit_trading.users.files import UserFiles
from credit_trading.users.history import history
from credit_trading.users.projector import Projector
from credit_trading.users.replacing import Rebuilt, Replacing, check_integrity, corrupt
from credit_trading.users.scratch import scratch_file
from credit_trading.users.standing import Standing

__all__ = ["Rebuilt", "RebuiltAll", "Repair"]


@attrs.frozen(kw_only=True)
class RebuiltAll:
    """`unchanged` counts the files that were as they should be; `refused` names users whose file was left as it was, and why."""

    rebuilt: list[Rebuilt]
    unchanged: int
    refused: list[tuple[str, TradingError]]


class Repair:
    """Of one exchange's users' files."""

    def __init__(self, live: LiveReplica, files: UserFiles, projector: Projector) -> None:
        self._live = live
        self._files = files
        self._projector = projector
        self._admission = projector.admission

    def rebuild(self, user: User, *, accept_loss: bool = False, any_history: bool = False) -> Rebuilt:
        """Makes the file what the journal gives, and takes it out of quarantine. One that is so already stays untouched.

        Raises PrivateFactsMissing if facts would be lost that the journal does not know, unless `accept_loss`; FileForeign for a file that
        has followed another history or more of it (FileAhead), unless `any_history` or `accept_loss`; VersionUnsupported for a file of a
        newer version; Busy.
        """
        with suppress(TradingError), self._projector.caught_up(user.number):
            pass  # one that is only behind differs in nothing then
        replacing = Replacing(
            self._live, self._files, self._projector, user, accept_loss=accept_loss, any_history=any_history
        )
        rebuilt = None
        while rebuilt is None:
            with scratch_file() as scratch:
                with translated("users.rebuild", self._files.path_of(user.number)):
                    self._projector.build(scratch, user.number)  # takes long, and others use the old file meanwhile
                rebuilt = replacing.put(scratch)
        with self._projector.caught_up(user.number):
            return rebuilt

    def restore(self, user: User, scratch: Connection, copy: Connection, *, any_history: bool = False) -> Rebuilt:
        """Puts `scratch`, which the journal gives, in the file's place, with the private tables of `copy`; those of now are kept aside.

        Works whatever the file is, and where it is gone. Raises sqlite3.Error if a private table of the copy is damaged, FileForeign and
        FileAhead for a file that knows another history or more of it, unless `any_history`; VersionUnsupported for one of a newer version;
        Busy.
        """
        restored = private.carry_over(copy, scratch)
        replacing = Replacing(
            self._live, self._files, self._projector, user, restored=restored, any_history=any_history
        )
        rebuilt = None
        while rebuilt is None:
            rebuilt = replacing.put(scratch)
        with self._projector.caught_up(user.number):
            return rebuilt

    def rebuild_all(self, numbers: Sequence[int], *, accept_loss: bool, progress: Progress) -> RebuiltAll:
        """Each in its turn; one that is refused does not hold up the others."""
        rebuilt: list[Rebuilt] = []
        refused: list[tuple[str, TradingError]] = []
        unchanged = 0
        for done, number in enumerate(numbers, 1):
            with history(self._live) as log:
                user = catalogue.by_number(log.connection, number)
            if user.state == "active":  # it may have been deleted meanwhile
                try:
                    one = self.rebuild(user, accept_loss=accept_loss)
                except TradingError as error:
                    refused.append((user.user_id, error))
                else:
                    unchanged += not one.changed
                    rebuilt += [one] if one.changed else []
            progress(done, len(numbers))
        return RebuiltAll(rebuilt=rebuilt, unchanged=unchanged, refused=refused)

    def release(self, user: User) -> bool:
        """Looks at the file again and takes it off the list if it is whole; whether it was on it.

        Raises FileQuarantined, saying what is still wrong; whatever else keeps the file from being looked at.
        """
        listed = self._admission.listed(user.number)
        try:
            with self._projector.caught_up(user.number, though_listed=True) as connection:
                path = self._files.path_of(user.number)
                check_integrity(connection, path)
                standing = Standing.of(connection, path)
                sequence, events = standing.position.sequence, standing.events
                with self._projector.rebuilt(user.number, sequence=sequence, events=events) as scratch:
                    if differing_rows(connection, scratch) or not same_schema(connection, scratch):
                        raise corrupt(path, "it is not what the journal gives")
        except (FileCorrupt, FileForeign) as error:
            if listed is None:
                raise
            raise FileQuarantined(
                "quarantine.release",
                error.subject,
                f"it stays in quarantine: {error.problem}",
                hint=f"Make it anew from the journal: credit-trading rebuild {user.user_id}.",
            ) from error
        if listed is not None:
            self._admission.take_off(user.number)
        return listed is not None
