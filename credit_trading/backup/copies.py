"""One user's copies in an archive: which is the newest that is of use, and having it as a database.

Here: finding and proving it. Never here: what it is used for (restoring_user, user_as_of, lost_exchange_db).
Always: a copy is the user's own, whole, and stands on the history of the journal that is asked. One whose private tables are damaged was
so when it was made, and is passed over; where the newest is not as it was written, that is an error unless the caller wants the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import attrs

from credit_trading.backup.archive import Archive
from credit_trading.backup.manifest import Copy, Manifest, StoredPack
from credit_trading.backup.private_copies import private_tables
from credit_trading.errors import FileCorrupt, FileForeign, NotFound, VersionUnsupported
from credit_trading.journal.live import LiveReplica
from credit_trading.store.files import temporary_database
from credit_trading.store.sqlite import Connection, connect, translated
from credit_trading.users import private
from credit_trading.users.handles import DAMAGED, check_format
from credit_trading.users.history import history
from credit_trading.users.replacing import check_integrity
from credit_trading.users.scratch import scratch_file
from credit_trading.users.standing import Standing


@attrs.frozen
class Found:
    """A copy, and the set that has it; `content` is a whole database."""

    manifest: Manifest
    pack: StoredPack
    copy: Copy
    content: bytes = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Search:
    """`found` is None where no set has a copy of use; `notes` tell of sets that could not be looked into, and of copies passed over."""

    found: Found | None
    notes: Sequence[str] = ()


def newest_copy(
    archive: Archive,
    live: LiveReplica,
    number: int,
    *,
    set_id: str | None = None,
    sequence: int | None = None,
    time_us: int | None = None,
    though_altered: bool = False,
) -> Search:
    """The newest copy of the user's file that stands on this journal's history, in the sets up to one, or up to a sequence.

    With a time only in sets that were finished by then: copies in a later one may know what was not so yet.

    Raises NotFound for a set that is not there, FileForeign for another exchange's archive; FileCorrupt and NotFound for a pack that was
    altered or is gone, unless it is to be passed over, too.
    """
    with history(live) as log:
        exchange_id, line = log.exchange_id, private.lineage(log.connection)
    _check_owner(archive, exchange_id)
    notes: list[str] = []
    for one in reversed(_set_ids(archive, set_id)):
        try:
            manifest = archive.manifest(one)
        except (FileCorrupt, VersionUnsupported) as error:
            if one == set_id:
                raise
            notes.append(f"The set {one} was passed over: {error.problem}.")
            continue
        if manifest.exchange_id != exchange_id or (sequence is not None and manifest.sequence > sequence):
            continue
        if time_us is not None and manifest.finished_at_us > time_us:
            continue
        if set_id is None and manifest.lineage != line.id and manifest.set > (line.restored_from or ""):
            continue  # private facts of an exchange.db that this one does not come from
        for pack in manifest.packs:
            if pack.first_user <= number <= pack.last_user:
                try:
                    found = _found(archive, live, manifest, pack, number)
                    problem = found and _damage(found)
                except (FileCorrupt, NotFound) as error:
                    if not though_altered:
                        raise
                    found, problem = None, error.problem
                if problem:
                    notes.append(f"The copy in {one} was passed over: {problem}.")
                elif found is not None:
                    return Search(found=found, notes=notes)
    return Search(found=None, notes=notes)


def _found(archive: Archive, live: LiveReplica, manifest: Manifest, pack: StoredPack, number: int) -> Found | None:
    """Raises FileCorrupt, NotFound for a pack that is not as it was written."""
    for copy in archive.index(pack):
        if copy.user == number and _is_ours(live, copy):
            return Found(manifest, pack, copy, archive.file(pack, copy))
    return None


def _damage(found: Found) -> str | None:
    """What is wrong with the private tables in it."""
    with temporary_database("copy.db") as path, scratch_file() as empty:
        with translated("backup.restore", path):
            path.write_bytes(found.content)
        try:
            private_tables(path, empty)
        except FileCorrupt as error:
            return error.problem
    return None


@contextmanager
def laid_out(archive: Archive, live: LiveReplica, found: Found) -> Iterator[tuple[Connection, Standing]]:
    """The copy as a database, thrown away at the end, and where it stands.

    Raises FileCorrupt and FileForeign, naming the pack, for one that is not what the index says; VersionUnsupported.
    """
    name = Path(f"{archive.url}/{found.pack.name}")
    with temporary_database("copy.db") as path:
        with translated("backup.restore", path):
            path.write_bytes(found.content)
        with closing(connect(path, mode="rw", synchronous="NORMAL")) as connection:
            with of_no_use(archive, found):
                check_format(connection, name)
                check_integrity(connection, name)
                standing = Standing.of(connection, name)
                standing.check_version(name)
                with history(live) as log:
                    standing.check_owner(name, exchange_id=log.exchange_id, number=found.copy.user)
                    standing.check_history(log, name)
            yield connection, standing


@contextmanager
def of_no_use(archive: Archive, found: Found) -> Iterator[None]:
    """What is wrong with the copy is told of the pack, with a way out. Raises FileCorrupt."""
    try:
        yield
    except (*DAMAGED, FileCorrupt, FileForeign) as error:
        problem = error.problem if isinstance(error, FileCorrupt | FileForeign) else error
        raise FileCorrupt(
            "backup.restore",
            f"{archive.url}/{found.pack.name}",
            f"the copy of user #{found.copy.user} in it is of no use: {problem}",
            hint=f"Name an older set; they are listed by: credit-trading backup list --from {archive.url}.",
        ) from error


def _check_owner(archive: Archive, exchange_id: str) -> None:
    owner = archive.exchange_id()
    if owner is None:
        archive.newest()  # says that there is nothing
    elif owner != exchange_id:
        raise FileForeign(
            "backup.restore", archive.url, "it is the archive of another exchange", hint="Give the place of this one's."
        )


def _set_ids(archive: Archive, last: str | None) -> list[str]:
    ids = archive.set_ids()
    if last is None:
        return ids
    if last not in ids:
        hint = f"See which there are: credit-trading backup list --from {archive.url}."
        raise NotFound("backup.restore", last, f"there is no such set at {archive.url}", hint=hint)
    return ids[: ids.index(last) + 1]


def _is_ours(live: LiveReplica, copy: Copy) -> bool:
    with history(live) as log:
        found = log.hash_at(copy.applied_sequence)
    return found is not None and found.hex() == copy.applied_hash
