"""Where archives lie: a folder, or whatever else `fsspec` can write to.

Here: reading, writing, listing and removing whole objects by name. Never here: what they are.
Always: an object appears under its name whole and durable, or not at all; what goes wrong is told with the place and the name. No URL holds
a password: places are shown, kept in exchange.db and written into commands. Only this module knows of `fsspec`, and loads it for URLs
alone: it takes longer than all else that a command needs.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from credit_trading.checks import shown
from credit_trading.errors import FileCorrupt, InvalidInput, NotFound, StorageError, TradingError, Unwritable
from credit_trading.store.files import (
    STALE_AFTER_S,
    UNFINISHED,
    fsync_folder,
    make_private_folder,
    sweep_unfinished,
    write_durably,
)


class Place(Protocol):
    """Objects by name, as `sets/a.json`; `/` parts folders. Every method raises StorageError, naming place and object."""

    url: str

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes:
        """The object, or its bytes from `start` up to but without `end`. Raises NotFound."""

    def write(self, name: str, content: bytes) -> None:
        """Puts the object there, in one step, in the place of one of that name."""

    def names(self, folder: str) -> list[str]:
        """Of all objects in that folder, sorted; none where it does not exist. Of the place itself ("") also the folders in it."""

    def size(self, name: str) -> int | None:
        """In bytes; None if there is no such object."""

    def remove(self, name: str) -> None:
        """What is gone already is fine."""

    def sweep(self, *, older_than_s: float = STALE_AFTER_S) -> None:
        """Removes what killed processes have left half written, in all folders, once it has not changed for so long. Never raises."""


_ONE_STEP = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "az", "oss"})
"""Protocols of stores where an object that is put is there whole or not at all. Elsewhere it is put under another name first."""

_KEEP_NOTHING = frozenset({"memory", "data", "blockcache", "cached", "filecache", "simplecache"})
"""Protocols of what is gone when the program ends, or may be at any time."""

_READ_ONLY = frozenset({"http", "https", "git", "github", "gist", "reference", "libarchive", "tar", "zip"})
"""Those to which objects cannot be put one by one."""

_PASSWORD = re.compile(r"(?<=://)([^/@]*):([^/]*)@")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*", re.ASCII)


def open_place(url: str | os.PathLike[str]) -> Place:
    """The place at a path or URL; nothing is made there before the first write. Raises InvalidInput, StorageError."""
    text = checked_url(url)
    if "://" in text and not text.startswith("file://"):
        return _remote(text)
    path = Path(os.path.abspath(text.removeprefix("file://")))
    if os.path.exists(path) and not os.path.isdir(path):
        raise InvalidInput("place", path, "a file, not a folder", hint="Give a folder, or one that is not there yet.")
    return Folder(path)


def checked_url(url: str | os.PathLike[str]) -> str:
    """The path or URL itself, if a place may be named so; nothing is looked up. Raises InvalidInput."""
    text = os.fspath(url)
    if not text or not text.isprintable():
        raise _no_place(text, "not a folder or URL")
    if "::" in text:
        raise _no_place(text, "a place in a place (::) is not supported")
    scheme, remote, _ = text.partition("://")
    if remote and scheme.lower() in _KEEP_NOTHING:
        raise _no_place(text, f"{scheme}:// keeps nothing for long")
    if remote and scheme.lower() in _READ_ONLY:
        raise _no_place(text, f"nothing can be written to {scheme}://")
    if _PASSWORD.search(text):
        name = "AWS_SECRET_ACCESS_KEY" if scheme.lower() in ("s3", "s3a") else f"FSSPEC_{scheme.upper()}_PASSWORD"
        raise InvalidInput(
            "place",
            _PASSWORD.sub(r"\1:***@", text),
            "a URL with a password would be kept and shown",
            hint=f"Leave it out, and put it into the environment: {name}.",
        )
    return text


def _remote(url: str) -> Remote:
    from fsspec.core import url_to_fs

    try:
        files, root = url_to_fs(url)
    except ImportError as error:
        raise InvalidInput(
            "place",
            url,
            f"what it needs is not installed ({error})",
            hint='For s3://, install the extra: pip install "credit-trading[s3]".',
        ) from error
    except ValueError as error:
        raise _no_place(url, str(error)) from error
    except Exception as error:  # some connect at once, and each has its own errors
        raise StorageError(
            "place",
            url,
            f"it cannot be reached ({type(error).__name__}: {error})",
            hint="Is the place the right one, and the network there?",
        ) from error
    return Remote(url, files, root.rstrip("/"))


def _no_place(text: str, problem: str) -> InvalidInput:
    return InvalidInput(
        "place",
        shown(_PASSWORD.sub(r"\1:***@", text)),
        problem,
        hint="For example /srv/backups, or s3://bucket/folder.",
    )


class Folder:
    """A folder on a disk of this machine, for its owner only."""

    def __init__(self, path: Path) -> None:
        self.url = str(path)
        self.path = path

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes:
        with self._told(name), open(self.path / _checked(name), "rb") as file:
            file.seek(start or 0)
            return file.read() if end is None else file.read(end - (start or 0))

    def write(self, name: str, content: bytes) -> None:
        with self._told(name):
            path = self.path / _checked(name)
            if not path.parent.is_dir():
                self._make(path.parent)
            write_durably(path, content)

    def names(self, folder: str) -> list[str]:
        with self._told(folder):
            path = self.path / _checked(folder or ".")
            if not path.is_dir():
                return []
            return _listed(folder, (one.name for one in path.iterdir()))

    def size(self, name: str) -> int | None:
        with self._told(name):
            try:
                return (self.path / _checked(name)).stat().st_size
            except FileNotFoundError:
                return None

    def remove(self, name: str) -> None:
        with self._told(name):
            path = self.path / _checked(name)
            if path.exists():
                path.unlink()
                fsync_folder(path.parent)

    def sweep(self, *, older_than_s: float = STALE_AFTER_S) -> None:
        with suppress(OSError):
            for folder in [self.path, *(one for one in self.path.iterdir() if one.is_dir() and not one.is_symlink())]:
                sweep_unfinished(folder, older_than_s=older_than_s)

    def _make(self, folder: Path) -> None:
        try:
            make_private_folder(self.path)
            make_private_folder(folder)
        except StorageError as error:
            if not isinstance(
                error.__cause__, FileNotFoundError | NotADirectoryError | FileExistsError | PermissionError
            ):
                raise
            problem = f"no folder can be made here ({str(error.__cause__.strerror).lower()})"
            raise Unwritable("place", self.url, problem, hint="Give a place where this user may write.") from error

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        with _told(self.url, name):
            yield


class Remote:
    """Whatever `fsspec` reaches; what it has answered to is durable as far as it knows."""

    def __init__(self, url: str, files: Any, root: str) -> None:
        self.url = url.rstrip("/")
        self._files = files
        self._root = root

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes:
        with _told(self.url, name):
            content: bytes = self._files.cat_file(self._at(name), start=start, end=end)
            return content

    def write(self, name: str, content: bytes) -> None:
        with _told(self.url, name):
            path = self._at(name)
            if not _ONE_STEP.isdisjoint(_protocols(self._files)):
                self._files.pipe_file(path, content)
                return
            unfinished = f"{path.rpartition('/')[0]}/{UNFINISHED}{secrets.token_hex(8)}"
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._files.pipe_file(unfinished, content)
            self._files.mv(unfinished, path)

    def names(self, folder: str) -> list[str]:
        with _told(self.url, folder):
            self._files.invalidate_cache()
            try:
                found = self._files.ls(self._at(folder) if folder else self._root, detail=False)
            except FileNotFoundError:
                return []
            return _listed(folder, (path.rstrip("/").rsplit("/", 1)[-1] for path in found))

    def size(self, name: str) -> int | None:
        with _told(self.url, name):
            self._files.invalidate_cache()
            try:
                size: int = self._files.info(self._at(name))["size"]
            except FileNotFoundError:
                return None
            return size

    def remove(self, name: str) -> None:
        with _told(self.url, name):
            try:
                self._files.rm_file(self._at(name))
            except FileNotFoundError:
                return

    def sweep(self, *, older_than_s: float = STALE_AFTER_S) -> None:
        """An object store has nothing half written; what other servers have is for whoever looks after them."""

    def _at(self, name: str) -> str:
        return f"{self._root}/{_checked(name)}"


def _checked(name: str) -> str:
    """Names come out of manifests, which anybody may have written: none leads out of the place. Raises FileCorrupt."""
    if name != "." and _NAME.fullmatch(name) is None:
        raise FileCorrupt("place", shown(name), "no name of an object", hint="Is this archive made by credit-trading?")
    return name


def _listed(folder: str, names: Iterable[str]) -> list[str]:
    """Without what is hidden, or not yet whole."""
    return sorted(f"{folder}/{name}" if folder else name for name in names if name and not name.startswith("."))


def _protocols(files: Any) -> set[str]:
    return {files.protocol} if isinstance(files.protocol, str) else set(files.protocol)


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
    except PermissionError as error:
        raise Unwritable("place", subject, "permission denied", hint="Check who may read and write there.") from error
    except NotADirectoryError as error:
        problem = "a file stands where a folder should be"
        raise StorageError("place", subject, problem, hint="Is the place the right one?") from error
    except Exception as error:  # every store has its own
        raise StorageError("place", subject, f"{type(error).__name__}: {error}", hint="Try again.") from error
