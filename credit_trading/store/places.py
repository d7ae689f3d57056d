"""Where archives lie: a folder, or whatever else `fsspec` can write to.

Here: reading, writing, listing and removing whole objects by name. Never here: what they are.
Always: an object appears under its name whole and durable, or not at all; what goes wrong is told with the place and the name. Only this
module knows of `fsspec`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from credit_trading.errors import InvalidInput, NotFound, StorageError, TradingError
from credit_trading.store.files import fsync_folder, make_private_folder, write_durably


class Place(Protocol):
    """Objects by name, as `sets/a.json`; `/` parts folders. Every method raises StorageError, naming place and object."""

    url: str

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes:
        """The object, or its bytes from `start` up to but without `end`. Raises NotFound."""

    def write(self, name: str, content: bytes) -> None:
        """Puts the object there, in one step, in the place of one of that name."""

    def names(self, folder: str) -> list[str]:
        """Of all objects in that folder, sorted; none where it does not exist."""

    def size(self, name: str) -> int | None:
        """In bytes; None if there is no such object."""

    def remove(self, name: str) -> None:
        """What is gone already is fine."""


def open_place(url: str | os.PathLike[str]) -> Place:
    """The place at a path or URL; nothing is made there before the first write. Raises InvalidInput."""
    text = os.fspath(url)
    if not text or not text.isprintable():
        raise InvalidInput(
            "place", repr(text), "not a folder or URL", hint="For example /srv/backups, or s3://bucket/folder."
        )
    try:
        files, root = url_to_fs(text)
    except ImportError as error:
        raise InvalidInput(
            "place",
            text,
            f"what it needs is not installed ({error})",
            hint='For s3://, install the extra: pip install "credit-trading[s3]".',
        ) from error
    except ValueError as error:
        raise InvalidInput(
            "place", text, str(error), hint="For example /srv/backups, or s3://bucket/folder."
        ) from error
    return Folder(Path(root)) if isinstance(files, LocalFileSystem) else Remote(text, files, root.rstrip("/"))


class Folder:
    """A folder on a disk of this machine, for its owner only."""

    def __init__(self, path: Path) -> None:
        self.url = str(path)
        self._path = path

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes:
        with self._told(name), open(self._path / name, "rb") as file:
            file.seek(start or 0)
            return file.read() if end is None else file.read(end - (start or 0))

    def write(self, name: str, content: bytes) -> None:
        with self._told(name):
            path = self._path / name
            if not path.parent.is_dir():
                make_private_folder(self._path)
                make_private_folder(path.parent)
            write_durably(path, content)

    def names(self, folder: str) -> list[str]:
        with self._told(folder):
            path = self._path / folder
            if not path.is_dir():
                return []
            return sorted(f"{folder}/{one.name}" for one in path.iterdir() if not one.name.startswith("."))

    def size(self, name: str) -> int | None:
        with self._told(name):
            try:
                return (self._path / name).stat().st_size
            except FileNotFoundError:
                return None

    def remove(self, name: str) -> None:
        with self._told(name):
            path = self._path / name
            if path.exists():
                path.unlink()
                fsync_folder(path.parent)

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        with _told(self.url, name):
            yield


class Remote:
    """An object store: each put is one step, and durable when it is answered."""

    def __init__(self, url: str, files: Any, root: str) -> None:
        self.url = url.rstrip("/")
        self._files = files
        self._root = root

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes:
        with _told(self.url, name):
            content: bytes = self._files.cat_file(f"{self._root}/{name}", start=start, end=end)
            return content

    def write(self, name: str, content: bytes) -> None:
        with _told(self.url, name):
            self._files.pipe_file(f"{self._root}/{name}", content)

    def names(self, folder: str) -> list[str]:
        with _told(self.url, folder):
            self._files.invalidate_cache()
            try:
                found = self._files.ls(f"{self._root}/{folder}", detail=False)
            except FileNotFoundError:
                return []
            return sorted(f"{folder}/{path.rsplit('/', 1)[-1]}" for path in found if not path.endswith("/"))

    def size(self, name: str) -> int | None:
        with _told(self.url, name):
            self._files.invalidate_cache()
            try:
                size: int = self._files.info(f"{self._root}/{name}")["size"]
            except FileNotFoundError:
                return None
            return size

    def remove(self, name: str) -> None:
        with _told(self.url, name):
            try:
                self._files.rm_file(f"{self._root}/{name}")
            except FileNotFoundError:
                return


@contextmanager
def _told(url: str, name: str) -> Iterator[None]:
    """Object stores raise whatever their libraries raise."""
    subject = f"{url}/{name}"
    try:
        yield
    except TradingError:
        raise
    except FileNotFoundError as error:
        raise NotFound("place", subject, "it is not there", hint="Is the place the right one, and whole?") from error
    except Exception as error:  # every store has its own
        raise StorageError("place", subject, f"{type(error).__name__}: {error}", hint="Try again.") from error
