"""On what kind of file system a folder lies.

Here: what Linux tells of its mounts, and which types are not a disk of this machine. Never here: refusing to work there.
Always: nothing is read but the table of mounts, and links on the way to the folder.

SQLite's WAL is memory that all processes share, and our locks are POSIX record locks: both hold between the processes of one
machine, on a disk of its own. Source: https://sqlite.org/wal.html, "All processes using a database must be on the same host computer".
"""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

import attrs

from credit_trading.store.sqlite import StrPath

_log = logging.getLogger(__name__)

_MOUNTS = Path("/proc/self/mountinfo")
_OCTAL = re.compile(r"\\([0-7]{3})")

_NETWORK = {"nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "ncpfs", "afs", "coda", "davfs", "sshfs"}
_CLUSTER = {"ceph", "glusterfs", "lustre", "gpfs", "beegfs", "orangefs", "pvfs2", "gfs2", "ocfs2"}
_SHARED_WITH_A_HOST = {"9p", "virtiofs", "vboxsf", "vmhgfs", "prl_fs", "drvfs"}
_REMOTE = _NETWORK | _CLUSTER | _SHARED_WITH_A_HOST


@attrs.frozen
class FileSystem:
    """A mount, by the kernel's name for its type: `ext4`, `nfs4`, `fuse.sshfs`."""

    type: str
    mount_point: str

    @property
    def is_remote(self) -> bool:
        """Of another machine, or of a program: any FUSE that names itself may be either (`fuseblk` is a disk)."""
        return self.type in _REMOTE or self.type == "fuse" or self.type.startswith("fuse.")


def file_system_of(path: StrPath) -> FileSystem | None:
    """Where the path lies or would lie, links followed; None where the system does not tell (all but Linux)."""
    try:
        mounts = os.fsdecode(_MOUNTS.read_bytes())
    except OSError:
        return None
    return _mounted_at(os.path.realpath(path), mounts)


def warn_if_remote(folder: StrPath) -> None:
    """One line in the log for an exchange whose folder is not on a disk of this machine."""
    found = file_system_of(folder)
    if found is not None and found.is_remote:
        _log.warning(
            '"%s" is on a network file system (%s, mounted at %s), where locks and SQLite\'s WAL may fail and lose data.'
            " Move the folder to a local disk of the one machine that uses it.",
            os.fspath(folder),
            found.type,
            found.mount_point,
        )


def _mounted_at(path: str, mounts: str) -> FileSystem | None:
    """The mount with the longest name above `path`; of several at one place the last, which hides the others.

    A line is `id parent device root MOUNT_POINT options [tags] - TYPE source options`; source: proc_pid_mountinfo(5).
    """
    found: FileSystem | None = None
    for line in mounts.splitlines():
        before, separator, after = line.partition(" - ")
        fields = before.split(" ")
        if not separator or len(fields) < 6:
            continue
        mount_point = _OCTAL.sub(lambda escape: chr(int(escape[1], 8)), fields[4])
        if _is_above(mount_point, path) and (found is None or len(mount_point) >= len(found.mount_point)):
            found = FileSystem(after.split(" ")[0], mount_point)
    return found


def _is_above(mount_point: str, path: str) -> bool:
    return path == mount_point or path.startswith(mount_point.rstrip("/") + "/")
