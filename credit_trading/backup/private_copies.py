"""Private facts in copies of users' files: whether they can be used, and where else there are any.

Here: looking into a copy that is laid out, and which sets may have an older one. Never here: taking it (restoring), finding one user's
copies (copies).
Always: a damaged table is no table: its rows may be too few, or wrong ones, and nothing else could tell.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from contextlib import closing
from pathlib import Path

from credit_trading.backup.archive import Archive
from credit_trading.backup.manifest import Manifest
from credit_trading.backup.moment import Moment
from credit_trading.errors import FileCorrupt, TradingError
from credit_trading.store.sqlite import Connection, connect
from credit_trading.users import private
from credit_trading.users.handles import as_user_file


def private_tables(path: Path, empty: Connection) -> list[str]:
    """The private tables of the copy at `path`; `empty` is a file fresh from the template. Raises FileCorrupt where one is damaged."""
    with as_user_file(path), closing(connect(path, mode="rw", synchronous="NORMAL")) as connection:
        return private.whole_tables_of(connection, empty)


class Looked:
    """At copies of the users in `marked`. `has_any` says of each copy that is used whether it has private tables.

    `passed_over` says of users who have them which copy was not of use, the newest one, and why.
    """

    def __init__(self, marked: Container[int], empty: Connection) -> None:
        self._marked = marked
        self._empty = empty
        self.has_any: dict[int, bool] = {}
        self.passed_over: dict[int, str] = {}

    def is_of_use(self, number: int, path: Path, manifest: Manifest) -> bool:
        """Looks at the copy of that set, which lies at `path`."""
        if number not in self._marked:
            return True
        try:
            self.has_any[number] = bool(private_tables(path, self._empty))
        except FileCorrupt as error:
            self.pass_over(number, manifest, error)
            return False
        return True

    def pass_over(self, number: int, manifest: Manifest, error: FileCorrupt) -> None:
        if number in self._marked:
            self.passed_over.setdefault(number, f"the copy in {manifest.set} is damaged ({error.problem})")


def older_sets(archive: Archive, moment: Moment) -> Iterator[Manifest]:
    """Sets of the same exchange.db that are older than those which lead to the moment, and lie on its history; the newest first."""
    if not moment.before:
        return
    newest, known = moment.before[-1], {manifest.set for manifest in moment.before}
    for set_id in reversed(archive.set_ids()):
        if set_id >= newest.set or set_id in known:
            continue
        try:
            manifest = archive.manifest(set_id)
            is_ours = (manifest.exchange_id, manifest.lineage) == (newest.exchange_id, newest.lineage)
            if is_ours and moment.history.hash_at(manifest.sequence) == manifest.hash:
                yield manifest
        except TradingError:  # there may be others; of what is missing in the end it is told
            continue
