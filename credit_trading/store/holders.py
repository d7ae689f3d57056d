"""Which processes hold a lock, for people who look for the one that hangs.

Here: what the kernel says of the single bytes of a file. Never here: taking or releasing locks (slots), what a byte stands for (locks).
Always: an answer is of this moment and may be outdated when it is read: it is shown, and nothing is decided by it.
"""

from __future__ import annotations

import fcntl
import os
import struct
import sys
from collections.abc import Iterable, Iterator

_LOCKS = "/proc/locks"

# struct flock with 64-bit offsets: see fcntl(2) on each system.
_FIELDS = "qqihh" if sys.platform == "darwin" else "hhqqi4x"
_TYPE, _PID = (3, 2) if sys.platform == "darwin" else (0, 4)


def other_holder(descriptor: int, byte: int) -> int | None:
    """The id of another process that holds the byte, shared or not; of several, one. None if there is none (F_GETLK).

    A lock from another pid namespace (a container) counts as held by process 0.
    """
    start, length, pid = byte, 1, 0
    if sys.platform == "darwin":
        asked = struct.pack(_FIELDS, start, length, pid, fcntl.F_WRLCK, os.SEEK_SET)
    else:
        asked = struct.pack(_FIELDS, fcntl.F_WRLCK, os.SEEK_SET, start, length, pid)
    answer = struct.unpack(_FIELDS, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
    return None if answer[_TYPE] == fcntl.F_UNLCK else int(answer[_PID])


def all_holders(descriptor: int, byte: int) -> list[int]:
    """The ids of all processes that hold the byte, this one included, ascending.

    Only Linux can tell (/proc/locks); elsewhere it is at most one other.
    """
    try:
        with open(_LOCKS, encoding="ascii") as lines:
            return sorted(set(_holders(lines, os.fstat(descriptor), byte)))
    except OSError:
        other = other_holder(descriptor, byte)
        return [] if other is None else [other]


def _holders(lines: Iterable[str], file: os.stat_result, byte: int) -> Iterator[int]:
    """Of lines such as `1: POSIX  ADVISORY  READ 3303 fe:00:2146337 2 2`; one that waits is marked by an arrow."""
    wanted = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}"
    for line in lines:
        words = line.split()
        if len(words) != 8 or words[1] != "POSIX" or words[5] != wanted:
            continue
        if int(words[6]) <= byte and (words[7] == "EOF" or byte <= int(words[7])):
            yield int(words[4])
