"""What is looked at, in which order, and what becomes of it.

Here: one verification of one exchange, quick or deep. Never here: any check itself.
Always: looks only, but for files of users that a deep look brings forward; ends with a result, whatever is damaged; writers go on
meanwhile. Memory does not grow with the journal or the number of files, but for what the exchange's state itself takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import attrs

from credit_trading.errors import InvalidInput, NotFound
from credit_trading.exchange.state import dump, restore, state_digest
from credit_trading.journal.log import APPLICATION_ID, FORMAT_VERSION
from credit_trading.marketdata.trade_file import FILE_NAME as MARKET_DATA
from credit_trading.marketdata.trade_history import TradeHistory
from credit_trading.progress import Progress, no_progress
from credit_trading.store.sqlite import connect, translated
from credit_trading.trading.desk import Desk
from credit_trading.users import catalogue, erasure
from credit_trading.users.catalogue import StoredUser
from credit_trading.users.naming import path_in
from credit_trading.verify import journal, market, notes, schema
from credit_trading.verify.catalogue import Known, check_user, known_from_history, missing, pages
from credit_trading.verify.checkpoints import Checkpoints
from credit_trading.verify.erased import Erased
from credit_trading.verify.files import UserFileCheck
from credit_trading.verify.finding import (
    EXCHANGE,
    IN_MEMORY,
    RESTART,
    RESTORE,
    Finding,
    Findings,
    first_sequence,
    guarded,
    of_error,
)
from credit_trading.verify.folder import check_folder, check_modes
from credit_trading.verify.followers import Followers
from credit_trading.verify.lists import check_lists
from credit_trading.verify.state import check_fees, check_state
from credit_trading.verify.steps import Steps

FOLDER, CHECKPOINTS = "the folder", "checkpoints"

_MOST_LOOKS = 5
"""At a user who seems wrong, and changes all the time."""

LOOK = "See what keeps it from being read."


@attrs.frozen
class Verification:
    """`state_digest` is the live state's, as of `sequence`; `users` counts the files that were looked at.

    `notes` tell what is late, unfinished or erased, and nothing wrong. `stopped_at` is the sequence from which on the journal cannot be
    replayed, None if it can: what comes after it is not looked at, nor compared. Without a state there is no digest.
    """

    sequence: int
    state_digest: str
    users: int
    deep: bool
    findings: list[Finding]
    notes: list[str]
    stopped_at: int | None = None


def verify(
    desk: Desk,
    history: TradeHistory,
    schema_sql: str,
    *,
    user_id: str | None = None,
    deep: bool = False,
    progress: Progress = no_progress,
) -> Verification:
    """All of the exchange, or one user's file and the end of the journal. `schema_sql` is what exchange.db was made with.

    `progress` is told how many rows and files are done, and of how many. Raises NotFound for a user who is not in the catalogue.
    """
    return _Verifying(desk, history, schema_sql, deep=deep, progress=progress).run(user_id)


class _Verifying:
    """What one verification knows so far."""

    def __init__(self, desk: Desk, history: TradeHistory, schema_sql: str, *, deep: bool, progress: Progress) -> None:
        self._desk = desk
        self._live = desk.live
        self._history = history
        self._schema_sql = schema_sql
        self._deep = deep
        self._steps = Steps(progress)
        self._followers = Followers(desk.live)
        self._checkpoints = Checkpoints(desk.live, self._followers)
        self._told = Findings()
        self._erased = Erased()
        self._notes: list[str] = []
        self._sequence = 0
        self._digest = ""
        self._has_state = False
        self._stopped_at: int | None = None
        self._walk: journal.Walk | None = None
        """Set once it has come to the end without finding anything."""

    def run(self, user_id: str | None) -> Verification:
        try:
            only = None if user_id is None else self._user(user_id)
        except (NotFound, InvalidInput):
            raise
        except Exception as error:  # noqa: BLE001 - there is nothing that a damaged file cannot lead to
            finding = of_error(error, file=EXCHANGE, repair=RESTORE)
            return Verification(0, "", 0, self._deep, [finding], [])
        state = list(guarded(self._check_state, file=EXCHANGE, repair=RESTORE))
        rows = list(
            guarded(lambda: self._check_journal(whole=self._deep and only is None), file=EXCHANGE, repair=RESTORE)
        )
        if not self._has_state and self._stopped_at is None:
            self._stopped_at = first_sequence([*state, *rows])
        if self._has_state or not rows:  # row by row the journal tells better why there is no state
            self._told.add(state)
        self._told.add(rows)
        self._told.add(guarded(self._check_exchange_file, file=EXCHANGE, repair=RESTORE))
        files = UserFileCheck(self._desk, self._followers, deep=self._deep, compares=self._has_state and not rows)
        if only is None:
            self._told.add(guarded(lambda: self._check_users(files), file=EXCHANGE, repair=RESTORE))
            self._told.add(guarded(lambda: check_lists(self._live), file=EXCHANGE, repair=RESTORE))
            self._told.add(
                guarded(
                    lambda: self._check_market(follows=self._has_state and not rows),
                    file=MARKET_DATA,
                    repair=market.REPAIR,
                )
            )
            self._told.add(guarded(lambda: check_folder(self._live, self._home), file=FOLDER, repair=LOOK))
        else:
            self._told.add(guarded(lambda: self._check_user(only, files, alone=True), file=EXCHANGE, repair=RESTORE))
            if only.user_id not in files.seen.passed_over:
                self._told.add(guarded(lambda: self._check_modes(only), file=FOLDER, repair=LOOK))
        self._told.add(guarded(files.still_missing, file=FOLDER, repair=LOOK))
        self._told.add(guarded(self._followers.summary, file=EXCHANGE, repair=RESTORE))
        self._told.add(guarded(lambda: self._take_notes(files), file=EXCHANGE, repair=RESTORE))
        return Verification(
            self._sequence,
            self._digest,
            len(files.seen.files),
            self._deep,
            self._told.listed(),
            self._notes,
            self._stopped_at,
        )

    @property
    def _home(self) -> Path:
        return self._live.path.parent

    def _user(self, user_id: str) -> StoredUser:
        with self._live.history() as log:
            number = catalogue.by_id(log.connection, user_id).number
        return self._row_of(number)

    def _check_state(self) -> Iterator[Finding]:
        """What this process has in memory, which comes from the last checkpoint and the journal behind it."""
        with self._live.reading() as replica:
            self._sequence, self._digest = replica.sequence, state_digest(replica)
            found, saved = check_state(replica), dump(replica) if self._deep else None
            deleted = frozenset(user.number for user in replica.users.values() if user.deleted)
        with self._live.history() as log:
            self._erased.persons = deleted.union(number for number, _ in erasure.list_erased(log.connection))
        self._has_state = True
        yield from found
        if saved is not None and state_digest(restore(saved)) != self._digest:
            yield Finding(file=IN_MEMORY, problem="the state changes by being saved and loaded", repair=RESTART)

    def _check_journal(self, *, whole: bool) -> Iterator[Finding]:
        """Whatever follows it is checked on the way, in its order."""
        with self._live.history() as log:
            head, _ = log.head()
        up_to = self._sequence or head
        yield from guarded(lambda: journal.check_ends(self._live), file=EXCHANGE, repair=RESTORE)
        if whole:
            yield from self._check_every_row(up_to)
        else:
            yield from journal.check_tail(self._live, self._erased, up_to=up_to)
        yield from guarded(lambda: notes.check_strays(self._live), file=EXCHANGE, repair=RESTORE)

    def _check_every_row(self, up_to: int) -> Iterator[Finding]:
        """From zero; what that leads to must be the state of every checkpoint, and the live one."""
        self._steps.expect(up_to)
        walk = journal.Walk(self._live, self._steps, self._erased)
        self._told.add(guarded(self._checkpoints.check, file=CHECKPOINTS, repair=LOOK))
        for stop in self._checkpoints.sequences():
            yield from walk.follow(min(stop, up_to))
            if walk.is_sound and walk.sequence == stop:
                self._told.add(self._checkpoints.compare(walk.replica))
        yield from walk.follow(up_to)
        yield from walk.finish()
        self._stopped_at = walk.stopped_at
        if not walk.is_sound:
            return
        self._walk = walk
        self._told.add(check_fees(walk.replica, walk.charged))
        digest = state_digest(walk.replica)
        if self._has_state and digest != self._digest:
            problem = "the journal replayed from zero leads to another state than the live one"
            found = Finding(file=IN_MEMORY, problem=problem, expected=digest, found=self._digest, repair=RESTART)
            self._told.add([found])

    def _check_exchange_file(self) -> Iterator[Finding]:
        """With a connection of its own, so that nobody waits."""
        assert self._live.lock_file, "the folder is entered before anything in it is opened"
        path = self._live.path
        with (
            self._desk.files.unforked(),
            translated("exchange.verify", path),
            closing(connect(path, mode="rw")) as connection,
        ):
            connection.execute("PRAGMA query_only = 1")
            found, own = schema.objects_of(connection), schema.of_exchange(self._schema_sql)
            yield from schema.check_objects(found, own, file=EXCHANGE, repair=RESTORE)
            yield from schema.check_settings(
                connection, application_id=APPLICATION_ID, version=FORMAT_VERSION, file=EXCHANGE, repair=RESTORE
            )
            if self._deep:
                yield from schema.check_integrity(connection, file=EXCHANGE, repair=RESTORE)

    def _check_users(self, files: UserFileCheck) -> Iterator[Finding]:
        """Every row of the catalogue and every file, and whether nobody is missing."""
        numbers = self._numbers()
        self._steps.expect(len(numbers))
        for page in pages(self._live):
            for user in page:
                numbers.discard(user.number)
                yield from self._check_user(user, files)
                self._steps.advance()
        for number in sorted(numbers):
            with self._live.history() as log:
                found = catalogue.page(log.connection, after=number - 1, most=1)
            if not found or found[0].number != number:
                yield missing(number)

    def _numbers(self) -> set[int]:
        """Of all users whom the journal knows."""
        if self._walk is not None:
            return set(self._walk.replica.users)
        if not self._has_state:
            return set()
        with self._live.reading() as replica:
            return set(replica.users)

    def _check_user(self, user: StoredUser, files: UserFileCheck, *, alone: bool = False) -> list[Finding]:
        """What is found counts if the user did not change meanwhile: was not given another e-mail, was not deleted.

        `alone` is for a user nothing is known of yet but the state: a deep look then begins with their events.
        """
        known = self._known_for_certain(user) if alone and self._deep else self._known(user)
        found = self._look_at(user, known, files)
        for _ in range(_MOST_LOOKS):
            if not found:
                break
            user = self._row_of(user.number)
            found = self._look_at(user, self._known_for_certain(user), files)
            if self._row_of(user.number) == user:
                break
        return found

    def _check_modes(self, user: StoredUser) -> Iterator[Finding]:
        """Of one user's file, under both of its names while it is being renamed."""
        for name in (user.file_name, user.previous_file_name):
            if name is not None and path_in(self._home, name).exists():
                yield from check_modes(self._home, name)

    def _row_of(self, number: int) -> StoredUser:
        with self._live.history() as log:
            return catalogue.page(log.connection, after=number - 1, most=1)[0]

    def _look_at(self, user: StoredUser, known: Known | None, files: UserFileCheck) -> list[Finding]:
        row = check_user(user, known)
        files.seen.passed_over.discard(user.user_id)
        if user.state != "active" or known is None or known.deleted:
            return row
        if row:  # a file made from this row would be made wrong, and one with its name may be another's
            files.seen.passed_over.add(user.user_id)
            return row
        return files.check(user)

    def _known(self, user: StoredUser) -> Known | None:
        """As the journal was when it was read last; without a state the catalogue itself is believed."""
        if self._walk is not None:
            state = self._walk.replica.users.get(user.number)
            if state is None:
                return None
            return Known(state.deleted, self._walk.persons.get(user.number), self._walk.created_us.get(user.number))
        if not self._has_state:
            return Known(user.state != "active")
        with self._live.reading() as replica:
            state = replica.users.get(user.number)
            return None if state is None else Known(state.deleted)

    def _known_for_certain(self, user: StoredUser) -> Known | None:
        return known_from_history(self._live, user.number) if self._has_state else self._known(user)

    def _check_market(self, *, follows: bool) -> Iterator[Finding]:
        if not self._deep:
            self._told.add(guarded(self._checkpoints.check, file=CHECKPOINTS, repair=LOOK))
        off = list(
            guarded(
                lambda: market.check_position(self._live, self._history, self._followers),
                file=MARKET_DATA,
                repair=market.REPAIR,
            )
        )
        yield from off
        if not self._deep:
            return
        if not off:
            off = list(guarded(lambda: market.check_file(self._history), file=MARKET_DATA, repair=market.REPAIR))
            yield from off
        if follows:
            yield from market.check_content(self._live, None if off else self._history)

    def _take_notes(self, files: UserFileCheck) -> list[Finding]:
        """What is late or unfinished; no findings."""
        seen = files.seen
        one, many = (
            "1 user's file is {}; it {} when it is next read.",
            "{} users' files are {}; they {} when they are next read.",
        )
        counted = (
            (seen.behind, "behind the journal", ("comes forward", "come forward")),
            (seen.outdated, "of an older version", ("is migrated", "are migrated")),
        )
        for users, what, (it, they) in counted:
            if users:
                self._notes.append(one.format(what, it) if len(users) == 1 else many.format(len(users), what, they))
        for user_id in sorted(seen.passed_over):
            self._notes.append(f"The file of user {user_id} was not looked at: their row in the catalogue is wrong.")
        self._notes += self._erased.told()
        with self._live.history() as log:
            unfinished = catalogue.unfinished(log.connection)
        for user in unfinished:
            if user.state == "deleting":
                self._notes.append(f"The file of the deleted user {user.user_id} is still to be removed.")
            else:
                old = user.previous_file_name
                self._notes.append(f"The file of user {user.user_id} is still to be renamed from {old}.")
        return []
