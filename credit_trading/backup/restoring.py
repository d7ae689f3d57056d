"""A whole folder out of an archive, as of any moment that it reaches.

Here: the folder, and the files of users in it. Never here: exchange.db (refounding), which moment and which sets (moment), one user of a
live exchange (restoring_user).
Always: the folder appears under its name complete or not at all; until then it is called `.restoring-` and so on. What a damaged object
keeps from coming back is made from an older copy or from the journal, and told. A copy whose private tables are damaged is not used.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

import attrs
import zstandard

from credit_trading.backup.archive import Archive, unpacked
from credit_trading.backup.manifest import Copy, Manifest, StoredCheckpoint, StoredPack
from credit_trading.backup.moment import Moment, choose
from credit_trading.backup.people import PrivateRow
from credit_trading.backup.private_copies import Looked, older_sets
from credit_trading.backup.refounding import Refounded, make_exchange_db
from credit_trading.backup.scratch_folder import begun
from credit_trading.clock import format_time
from credit_trading.errors import AlreadyExists, FileCorrupt, NotFound
from credit_trading.journal.log import FILE_NAME
from credit_trading.progress import Progress, no_progress
from credit_trading.store.files import (
    discard_database,
    make_private_folder,
    publish_all_new,
    publish_folder,
    write_all_new,
    write_durably,
)
from credit_trading.store.sqlite import Connection, connect, immediate, translated
from credit_trading.users import private
from credit_trading.users.catalogue import StoredUser
from credit_trading.users.naming import path_in
from credit_trading.users.scratch import scratch_file
from credit_trading.users.tables.schema import template
from credit_trading.verify.finding import Finding, guarded
from credit_trading.verify.steps import Steps

Check = Callable[[Path], Sequence[Finding]]
"""Looks at a restored folder as `verify` does."""

_UNFINISHED = ".restoring-"

_COPIES_AT_ONCE = 64
_NEW_AT_ONCE = 500
"""Files that are made from the template together."""


@attrs.frozen(kw_only=True)
class Restored:
    """The folder, as of `sequence`, out of `set`. Of `users`, `files` had a copy, and `made_anew` come from the journal alone.

    `without_private_facts` are those of whom facts are lost that the journal does not know; `other_emails` those whose e-mail as of then is
    in no set, and who have another one, `erased` those among them who were erased since. `findings` are those of the check afterwards,
    `sources` the packs that copies came from, by the names of the files.
    """

    home: Path
    set: str
    sequence: int
    time_us: int
    users: int
    files: int
    made_anew: int
    without_private_facts: list[str]
    other_emails: list[str]
    erased: list[str]
    notes: list[str]
    findings: list[Finding]
    sources: dict[str, str] = attrs.field(repr=False)

    @property
    def as_of(self) -> str:
        return format_time(self.time_us)


def restore(
    archive: Archive,
    home: Path,
    *,
    set_id: str | None = None,
    sequence: int | None = None,
    time_us: int | None = None,
    alone: bool = False,
    check: Check = lambda _: (),
    progress: Progress = no_progress,
) -> Restored:
    """The folder at `home`, where nothing is yet: as of the newest set, another one, a sequence, or the last event before a time.

    Private facts whose copies are damaged or gone come from older sets, unless those are to be restored `alone` that the moment rests on.
    Raises AlreadyExists if anything is there, InvalidInput for a moment that the archive does not reach, NotFound and FileCorrupt for
    objects without which the journal or the catalogue is not whole.
    """
    home = home.absolute()
    _refuse_if_taken(home)
    moment = choose(archive, set_id=set_id, sequence=sequence, time_us=time_us)
    with begun(home.parent, f"{_UNFINISHED}{home.name}-", operation="backup.restore") as folder:
        restoring = _Restoring(archive, moment, folder, Steps(progress), alone=alone)
        restoring.run()
        publish_folder(folder, home)
    repair = "Restore another set to another folder, and see: credit-trading backup verify --deep."
    findings = list(guarded(lambda: check(home), file=FILE_NAME, repair=repair))
    return restoring.told(home, findings)


class _Restoring:
    """One folder, and what has become of each user's file so far."""

    def __init__(self, archive: Archive, moment: Moment, folder: Path, steps: Steps, *, alone: bool) -> None:
        self._archive = archive
        self._moment = moment
        self._folder = folder
        self._alone = alone
        self._steps = steps
        self._notes = list(moment.notes)
        self._missing: dict[int, StoredUser] = {}
        self._copied: dict[int, Manifest] = {}
        self._later: set[int] = set()
        self._sources: dict[str, str] = {}
        self._without: list[str] = []
        self._other_emails: list[str] = []
        self._erased: list[str] = []
        self._users = 0

    def run(self) -> None:
        self._steps.expect(self._moment.sequence)
        path = self._folder / FILE_NAME
        refounded = make_exchange_db(self._archive, self._moment, path, advance=self._steps.advance)
        self._other_emails = [user.user_id for user in refounded.other_emails]
        self._erased = [user.user_id for user in refounded.other_emails if user.number in refounded.erased]
        self._notes += [_told(user, self._moment) for user in refounded.other_emails]
        self._missing = {user.number: user for user in refounded.users if user.state == "active"}
        self._users = len(self._missing)
        self._steps.expect(self._users)
        with scratch_file() as empty:
            looked = self._take_copies(refounded, empty)
        self._settle_marks(path, refounded, looked)
        self._make_anew()
        self._take_checkpoint()

    def told(self, home: Path, findings: list[Finding]) -> Restored:
        return Restored(
            home=home,
            set=self._moment.set,
            sequence=self._moment.sequence,
            time_us=self._moment.time_us,
            users=self._users,
            files=len(self._copied),
            made_anew=len(self._missing),
            without_private_facts=self._without,
            other_emails=self._other_emails,
            erased=self._erased,
            notes=self._notes,
            findings=findings,
            sources=self._sources,
        )

    def _take_copies(self, refounded: Refounded, empty: Connection) -> Looked:
        """The newest that are of use; sets on which the moment does not rest are asked for private facts alone."""
        looked = Looked({**refounded.marked_later, **refounded.marked}, empty)
        for manifest in reversed(self._moment.before):
            self._take_files(manifest, looked, self._missing.keys())
        if not self._alone and not refounded.marked.keys().isdisjoint(self._missing):
            for manifest in older_sets(self._archive, self._moment):
                since_then = {n for n, mark in refounded.marked.items() if mark.since <= manifest.finished_at_us}
                self._take_files(manifest, looked, since_then)
        for manifest in self._moment.after:
            self._take_files(manifest, looked, self._missing.keys(), later=True)
        return looked

    def _take_files(self, manifest: Manifest, looked: Looked, numbers: Container[int], *, later: bool = False) -> None:
        """The copies of a set of those of the users who have none yet."""
        for pack in manifest.packs:
            if not self._missing:
                return
            try:
                self._take_from(pack, manifest, looked, numbers, later=later)
            except (FileCorrupt, NotFound) as error:
                self._notes.append(f"{pack.name}: {error.problem}; older copies, or the journal, have taken its place.")

    def _take_from(
        self, pack: StoredPack, manifest: Manifest, looked: Looked, numbers: Container[int], *, later: bool
    ) -> None:
        copies = [copy for copy in self._archive.index(pack) if copy.user in numbers and self._wants(copy)]
        files, damaged = self._archive.files(pack, copies), 0
        while together := list(islice(files, _COPIES_AT_ONCE)):
            whole = []
            for copy, content in together:
                if isinstance(content, bytes):
                    whole.append((copy, content))
                else:
                    looked.pass_over(copy.user, manifest, content)
                    damaged += 1
            paths = [self._path(self._missing[copy.user]) for copy, _ in whole]
            write_all_new(zip(paths, (content for _, content in whole), strict=True))
            for (copy, _), path in zip(whole, paths, strict=True):
                if not looked.is_of_use(copy.user, path, manifest):
                    discard_database(path)
                    continue
                del self._missing[copy.user]
                self._copied[copy.user] = manifest
                self._sources[path.name] = pack.name
                if later:
                    self._later.add(copy.user)
            self._steps.advance(len(whole))
        if damaged:
            self._notes.append(f"{pack.name}: damaged copies in it: {damaged}; older ones, or the journal, are used.")

    def _wants(self, copy: Copy) -> bool:
        return copy.user in self._missing and copy.applied_sequence <= self._moment.sequence

    def _path(self, user: StoredUser) -> Path:
        assert user.file_name is not None, f"user #{user.number} has no file"
        return path_in(self._folder, user.file_name)

    def _make_anew(self) -> None:
        """Empty files: they are brought forward from the journal like any that is behind."""
        rest = iter(self._missing.values())
        while together := list(islice(rest, _NEW_AT_ONCE)):
            publish_all_new([self._path(user) for user in together], template())
            self._steps.advance(len(together))

    def _settle_marks(self, path: Path, refounded: Refounded, looked: Looked) -> None:
        """Who has private facts now; those of whom some are lost are told."""
        marks = {**refounded.marked_later, **refounded.marked}
        users = {user.number: user for user in refounded.users}
        there = {number: looked.has_any.get(number, False) for number in sorted(marks)}
        with (
            translated("exchange.restore", path),
            closing(connect(path, mode="rw", synchronous="NORMAL")) as connection,
            immediate(connection),
        ):
            for number, has_any in there.items():
                if number in refounded.marked and not has_any:
                    private.unmark(connection, number)
                elif number not in refounded.marked and has_any:
                    since_us = marks[number].since
                    private.insert_restored(connection, number, since_us=since_us, generation=refounded.generation)
        for number in there:
            user_id = users[number].user_id
            if number in refounded.marked and self._are_lost(number, refounded.marked[number], looked):
                self._without.append(user_id)
            self._notes += self._of_private_facts(number, user_id, looked)

    def _are_lost(self, number: int, mark: PrivateRow, looked: Looked) -> bool:
        """Whether private facts by the mark's generation are in no copy that is used: a backup begins one, then copies who wrote before.

        Writes of while the last set was made may be in it or not; nothing of the set is lost then.
        """
        manifest = self._copied.get(number)
        if manifest is None:
            return True
        is_older = manifest.private_generation <= mark.generation or number in manifest.pending
        if not looked.has_any[number]:
            return is_older
        newest = (*self._moment.before[-1:], *self._moment.after[:1])[0]
        is_of_then = mark.generation >= newest.private_generation and number not in looked.passed_over
        return number not in self._later and is_older and not is_of_then and number not in manifest.pending

    def _of_private_facts(self, number: int, user_id: str, looked: Looked) -> Iterator[str]:
        manifest = self._copied.get(number)
        if number in looked.passed_over:
            instead = "no other is of use" if manifest is None else f"that of {manifest.set} is used"
            yield f"Private facts of user {user_id}: {looked.passed_over[number]}; {instead}."
        if manifest is None or not looked.has_any[number]:
            return
        if number in self._later:
            yield f"The private facts of user {user_id} are of later than the moment."
        elif any(number in one.pending for one in self._moment.before[-1:]):
            yield f"The private facts of user {user_id} are of an older copy: the file could not be copied for the set."

    def _take_checkpoint(self) -> None:
        """The newest that is of use: else the journal is replayed from further back."""
        for stored in checkpoints(self._moment):
            try:
                content = read_checkpoint(self._archive, stored)
            except (FileCorrupt, NotFound) as error:
                self._notes.append(f"{stored.name}: {error.problem}; the journal is replayed without it.")
                continue
            write_checkpoint(self._folder, stored, content)
            return


def _told(user: StoredUser, moment: Moment) -> str:
    return (
        f"The e-mail of user {user.user_id} as of {format_time(moment.time_us)} is in no set: it is {user.email} now,"
        " and an event of its own says so."
    )


def checkpoints(moment: Moment) -> list[StoredCheckpoint]:
    """Those in the sets that are not beyond the moment, the newest first."""
    found = [manifest.checkpoint for manifest in (*moment.before, *moment.after) if manifest.checkpoint is not None]
    return sorted((one for one in found if one.sequence <= moment.sequence), key=lambda one: -one.sequence)


def read_checkpoint(archive: Archive, stored: StoredCheckpoint) -> bytes:
    """As it is to lie in the folder. Raises FileCorrupt, NotFound."""
    try:
        return unpacked(archive.read(stored))
    except zstandard.ZstdError as error:
        raise archive.altered(stored.name) from error


def write_checkpoint(home: Path, stored: StoredCheckpoint, content: bytes) -> Path:
    """Under the name that the exchange looks for."""
    folder = home / "checkpoints"
    make_private_folder(folder)
    path = folder / f"{stored.sequence:020d}.checkpoint"
    write_durably(path, content)
    return path


def _refuse_if_taken(home: Path) -> None:
    if not home.exists() and not home.is_symlink():
        return
    if home.is_dir() and not home.is_symlink() and next(home.iterdir(), None) is None:
        return
    what = "an exchange is there" if (home / FILE_NAME).exists() else "something is there already"
    raise AlreadyExists(
        "backup.restore", home, what, hint="Give a folder that does not exist or is empty; nothing was changed."
    )
