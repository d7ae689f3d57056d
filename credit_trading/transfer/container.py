"""The file that is imported: a zip file as exports are, or one file of transactions.

Here: what may stand in it, how large it may be, and whether it is what its manifest says. Never here: the meaning of a line (checking).
Always: nothing is unpacked to disk, and no name in it is ever a path; whatever is wrong with a file from outside is a problem that is told,
never another error.
"""

from __future__ import annotations

import hashlib
import io
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import attrs
import msgspec

from credit_trading.checks import shown
from credit_trading.errors import InvalidInput
from credit_trading.store.sqlite import StrPath, translated
from credit_trading.transfer import schema
from credit_trading.transfer.lines import Line, csv_lines, json_lines
from credit_trading.transfer.manifest import Heading, Manifest, StoredTable
from credit_trading.transfer.problems import Problems
from credit_trading.transfer.schema import CSV, FILE_NAMES, JSONL, MANIFEST, TRANSACTIONS, Limits, Table

_MANIFEST_BYTES = 1 << 20
_PIECE = 1 << 20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, struct.error)
"""What `zipfile` raises for files that are damaged, or made to hurt."""


class Container:
    """What can be read, table by table. `problems` takes what is wrong."""

    def __init__(self, problems: Problems, limits: Limits) -> None:
        self._problems = problems
        self._limits = limits
        self._open: dict[Table, tuple[str, Callable[[], BinaryIO], StoredTable | None]] = {}

    def __contains__(self, table: Table) -> bool:
        return table in self._open

    def file_of(self, table: Table) -> str:
        """What the table's file is called."""
        return self._open[table][0]

    def lines(self, table: Table) -> Iterator[Line]:
        """In the order of the file; none if it is not there. At the end the manifest's word on it is checked."""
        if table not in self._open:
            return
        file, opened, stored = self._open[table]
        before, rows = len(self._problems), 0
        read = json_lines if file.endswith(JSONL) else csv_lines
        try:
            with opened() as plain:
                stream = _Hashed(plain)
                for line in read(cast(BinaryIO, stream), file, table, self._limits, self._problems):
                    rows += 1
                    if rows > self._limits.lines(table):
                        most = f"more than {self._limits.lines(table):,} rows"
                        self._problems.add(f"{most}; split the history by time", file, line.number)
                        return
                    yield line
                stream.drain()
        except _DAMAGE as error:
            self._problems.add(f"it cannot be unpacked ({_said(error)})", file)
            return
        if stored is not None and len(self._problems) == before:
            self._check(stored, rows, stream.sha256)

    def _check(self, stored: StoredTable, rows: int, sha256: str) -> None:
        if sha256 != stored.sha256:
            self._problems.add(
                f"it is not the file that {MANIFEST} speaks of: its SHA-256 differs; {_CHANGED}", stored.name
            )
        elif rows != stored.rows:
            self._problems.add(f"{rows} rows, where {MANIFEST} says {stored.rows}", stored.name)

    def take_file(self, path: Path) -> None:
        """One file of transactions, by its ending."""
        self._open[TRANSACTIONS] = (path.name, _reader(path), None)

    def take_zip(self, archive: zipfile.ZipFile) -> None:
        """The tables of an export; of one that stands there in both forms, JSON Lines are read. Nothing if there is a problem."""
        if not self._is_sound(archive):
            return
        manifest = self._manifest(archive)
        if manifest is None:
            return
        listed = {stored.name: stored for stored in manifest.files}
        present = {entry.filename for entry in archive.infolist()} - {MANIFEST}
        for name in sorted(present ^ listed.keys()):
            problem = f"{MANIFEST} does not name it" if name in present else f"{MANIFEST} names it, and it is missing"
            self._problems.add(problem, shown(name))
        if present != listed.keys():
            return
        for name, table in FILE_NAMES.items():
            if name in present and table not in self._open:
                self._open[table] = (name, _opener(archive, name), listed[name])
            elif name in present:
                self._check_unread(archive, listed[name])

    def _check_unread(self, archive: zipfile.ZipFile, stored: StoredTable) -> None:
        """Of the form that is passed over: whoever has changed a cell there would not be heard."""
        try:
            with archive.open(stored.name) as file:
                stream = _Hashed(cast(BinaryIO, file))
                stream.drain()
        except _DAMAGE as error:
            self._problems.add(f"it cannot be unpacked ({_said(error)})", stored.name)
            return
        self._check(stored, stored.rows, stream.sha256)

    def _is_sound(self, archive: zipfile.ZipFile) -> bool:
        """Whether all that stands in it may, once, and is not too large."""
        entries = archive.infolist()
        before = len(self._problems)
        names = Counter(entry.filename for entry in entries)
        for name in names:
            if name != MANIFEST and name not in FILE_NAMES:
                self._problems.add("not part of an export", shown(name))
            elif names[name] > 1:
                self._problems.add("it stands there twice", name)
        for entry in entries:
            if entry.flag_bits & 1 or entry.compress_type not in _METHODS:
                self._problems.add("encrypted, or packed in an unusual way", shown(entry.filename))
        if sum(entry.file_size for entry in entries) > self._limits.file_bytes:
            self._problems.add(f"unpacked it has more than {self._limits.file_bytes:,} bytes", self._name(archive))
        return len(self._problems) == before

    def _manifest(self, archive: zipfile.ZipFile) -> Manifest | None:
        add = self._problems.add
        if MANIFEST not in archive.namelist():
            add(f"no export: {MANIFEST} is missing", self._name(archive))
            return None
        try:
            with archive.open(MANIFEST) as file:
                content = file.read(_MANIFEST_BYTES)
            heading = msgspec.json.decode(content, type=Heading)
            if heading.schema != schema.SCHEMA:
                add(f"the schema is {shown(heading.schema)}, not {schema.SCHEMA}", MANIFEST, None, "schema")
            elif heading.version > schema.VERSION:
                problem = f"version {heading.version} is newer than {schema.VERSION}; use a newer credit_trading"
                add(problem, MANIFEST, None, "version")
            elif heading.version < 1:
                add(f"there is no version {heading.version}", MANIFEST, None, "version")
            else:
                return msgspec.json.decode(content, type=Manifest)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            add("not a manifest", MANIFEST)
        except _DAMAGE as error:
            add(f"it cannot be unpacked ({_said(error)})", MANIFEST)
        return None

    def _name(self, archive: zipfile.ZipFile) -> str:
        return Path(archive.filename or "").name


_CHANGED = "bring in lines of your own as a .jsonl or .csv file of transactions by itself"


@contextmanager
def opened(path: StrPath, problems: Problems, limits: Limits) -> Iterator[Container]:
    """The container in the file, by its ending. Raises InvalidInput for another ending and for what is no file, StorageError otherwise."""
    source = Path(path)
    container = Container(problems, limits)
    ending = source.suffix.lower()
    if ending not in (".zip", JSONL, CSV):
        raise InvalidInput(
            "import", source, "not a .zip, .jsonl or .csv file", hint="Give a file that export has made."
        )
    with translated("import", source):
        status = source.stat()
        _refuse_unless_file(source, status.st_mode)
        if status.st_size > limits.file_bytes:
            problems.add(f"more than {limits.file_bytes:,} bytes", source.name)
            yield container
        elif ending != ".zip":
            container.take_file(source)
            yield container
        else:
            with open(source, "rb") as file:
                try:
                    archive = zipfile.ZipFile(file)
                except _DAMAGE as error:
                    problems.add(f"not a whole zip file ({_said(error)})", source.name)
                    yield container
                    return
                with archive:
                    container.take_zip(archive)
                    yield container


def _refuse_unless_file(path: Path, mode: int) -> None:
    """It is read more than once, and a pipe would be waited for without end."""
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
        raise InvalidInput("import", path, f"{what}, not a file", hint="Give a file that export has made.")


def _reader(path: Path) -> Callable[[], BinaryIO]:
    return lambda: path.open("rb")


def _opener(archive: zipfile.ZipFile, name: str) -> Callable[[], BinaryIO]:
    return lambda: cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, archive.open(name)), _PIECE))


def _said(error: Exception) -> str:
    return shown(str(error)) or type(error).__name__


@attrs.define
class _Hashed:
    """A file as it is read line by line, and the hash of what was read."""

    _file: BinaryIO
    _digest: hashlib._Hash = attrs.Factory(hashlib.sha256)

    def readline(self, most: int) -> bytes:
        raw = self._file.readline(most)
        self._digest.update(raw)
        return raw

    def drain(self) -> None:
        """What comes after the last line that was wanted."""
        while piece := self._file.read(_PIECE):
            self._digest.update(piece)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()
