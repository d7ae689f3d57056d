"""What a process says while it trades: what it is about to ask, and what it was answered, line by line.

Here: writing the lines and reading them back. Never here: whether they are true (acknowledged).
Always: a line is written in one piece the moment it is known, so that it is there even if the process is killed right after.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import msgspec

from reliability.acts import Act, Answer

LONGEST_LINE = 4096
"""What POSIX lets several threads or processes write to one pipe without mixing it up."""


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """`act` is about to be asked, or `answer` was given to it; `number` is the act's, such as t1-17."""

    number: str
    act: Act | None = None
    answer: Answer | None = None


class Told(msgspec.Struct, frozen=True):
    """An act and its answer; None where the process ended before it could say one, or did not know it."""

    number: str
    act: Act
    answer: Answer | None

    @property
    def trader(self) -> str:
        return self.number.rpartition("-")[0]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Line).decode


def tell(descriptor: int, line: Line) -> None:
    data = _encode(line) + b"\n"
    assert len(data) <= LONGEST_LINE, f"{len(data)} bytes do not go into a pipe in one piece"
    os.write(descriptor, data)


def told_in(lines: Iterable[bytes]) -> list[Told]:
    """The acts in the order in which they were asked. A last line that was cut short counts as not told."""
    asked: dict[str, Told] = {}
    for data in lines:
        if not data.endswith(b"\n"):
            continue
        line = _decode(data)
        if line.act is not None:
            asked[line.number] = Told(line.number, line.act, None)
        else:
            asked[line.number] = msgspec.structs.replace(asked[line.number], answer=line.answer)
    return list(asked.values())
