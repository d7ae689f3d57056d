"""The exchange's state as an object of a set, so that whoever restores it need not replay the whole journal.

Always: it is made from the last checkpoint and the journal, by a replica of its own; nobody waits for it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import attrs

from credit_trading.backup.archive import Archive, packed, store
from credit_trading.backup.manifest import StoredCheckpoint
from credit_trading.exchange.replica import Replica
from credit_trading.exchange.state import dissolve, state_digest
from credit_trading.journal import checkpoint, rows
from credit_trading.journal.bulk import Pace, Uncollected
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.renewal import REST_S, SHORT_BATCH, WORK_S, Glances
from credit_trading.journal.replay import replay
from credit_trading.store.sqlite import translated


@attrs.frozen(kw_only=True)
class ReplicaCopy:
    """A checkpoint as of `sequence`, compressed, with the chain hash there and the digest of the state."""

    content: bytes
    sequence: int
    hash: bytes
    state_digest: str

    def store(self, archive: Archive, name: str) -> StoredCheckpoint:
        """Raises StorageError."""
        stored = store(archive, name, self.content)
        return StoredCheckpoint(
            name=stored.name,
            size=stored.size,
            sha256=stored.sha256,
            sequence=self.sequence,
            hash=self.hash.hex(),
            state_digest=self.state_digest,
        )


def copy_replica(live: LiveReplica, *, sequence: int) -> ReplicaCopy:
    """As of that row. Takes as much memory again as the live replica. Raises StorageError."""
    pace = Pace(work_s=WORK_S, rest_s=REST_S)
    glances = Glances(live.history)
    journal = _UpTo(glances, sequence)
    with Uncollected():
        replica, chain_hash = checkpoint.load(live.checkpoints, journal, pace=pace) or (Replica(), rows.FIRST_HASH)
        chain_hash = replay(replica, chain_hash, glances.batch_from, until=sequence, batch=SHORT_BATCH, pace=pace)
        digest = state_digest(replica)
        content = _encoded(replica, chain_hash, journal, pace)
        for _ in dissolve(replica):
            pace()
    return ReplicaCopy(content=packed(content), sequence=sequence, hash=chain_hash, state_digest=digest)


def _encoded(replica: Replica, chain_hash: bytes, journal: _UpTo, pace: Pace) -> bytes:
    with translated("backup.create", tempfile.gettempdir()), tempfile.TemporaryDirectory() as folder:
        return checkpoint.save(Path(folder), replica, chain_hash, journal, pace=pace).read_bytes()


class _UpTo:
    """Its history as it was when that row was its last one."""

    def __init__(self, journal: Glances, last: int) -> None:
        self._journal = journal
        self._last = last
        self.exchange_id = journal.exchange_id

    def hash_at(self, sequence: int) -> bytes | None:
        return self._journal.hash_at(sequence) if sequence <= self._last else None
