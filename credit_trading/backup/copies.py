"""One user's copies in an archive: which is the newest that is of use, and having it as a database.

Here: finding and proving it. Never here: what it is used for (restoring_user, user_as_of, lost_exchange_db).
Always: a copy is the user's own, whole, and stands on the history of the journal that is asked; where the newest is not as it was written,
that is an error and no older one is taken for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import attrs

from credit_trading.backup.archive import Archive
from credit_trading.backup.manifest import Copy, Manifest, StoredPack
from credit_trading.errors import FileCorrupt, FileForeign, NotFound, VersionUnsupported
from credit_trading.journal.live import LiveReplica
from credit_trading.store.files import temporary_database
from credit_trading.store.sqlite import Connection, connect, translated
from credit_trading.users import private
from credit_trading.users.handles import DAMAGED, check_format
from credit_trading.users.history import history
from credit_trading.users.replacing import check_integrity
from credit_trading.users.standing import Standing


@attrs.frozen
class Found:
    """A copy, and the set that has it."""

    manifest: Manifest
    pack: StoredPack
    copy: Copy


@attrs.frozen(kw_only=True)
class Search:
    """`found` is None where no set has a copy of use; `notes` tell of sets that could not be looked into."""

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
) -> Search:
    """The newest copy of the user's file that stands on this journal's history, in the sets up to one, or up to a sequence.

    With a time only in sets that were finished by then: copies in a later one may know what was not so yet.

    Raises NotFound for a set that is not there, FileForeign for another exchange's archive, FileCorrupt for an index that was altered.
    """
    with history(live) as log:
        exchange_id, line = log.exchange_id, private.lineage(log.connection)
    _check_owner(archive, exchange_id)
    notes = []
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
                for copy in archive.index(pack):
                    if copy.user == number and _is_ours(live, copy):
                        return Search(found=Found(manifest, pack, copy), notes=notes)
    return Search(found=None, notes=notes)


@contextmanager
def laid_out(archive: Archive, live: LiveReplica, found: Found) -> Iterator[tuple[Connection, Standing]]:
    """The copy as a database, thrown away at the end, and where it stands.

    Raises FileCorrupt and FileForeign, naming the pack, for one that is not what the index says; VersionUnsupported, NotFound.
    """
    content = archive.file(found.pack, found.copy)
    name = Path(f"{archive.url}/{found.pack.name}")
    with temporary_database("copy.db") as path:
        with translated("backup.restore", path):
            path.write_bytes(content)
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
