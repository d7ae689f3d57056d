"""Places of archives: a folder, a store in memory, one without puts in one step, and a server that speaks S3 on the loopback."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from credit_trading.errors import InvalidInput, NotFound, StorageError, Unwritable
from credit_trading.store import places
from credit_trading.store.places import Folder, Place, Remote, open_place


@pytest.fixture(params=["folder", "memory", "by renaming"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    if request.param == "folder":
        return open_place(tmp_path / "archive")
    monkeypatch.setattr(places, "_ONE_STEP", frozenset({"memory"} if request.param == "memory" else ()))
    return in_memory(tmp_path)


def in_memory(tmp_path: Path) -> Remote:
    """What `open_place` gives for a store, with one that needs no server."""
    return Remote(f"memory://{tmp_path.name}/archive", MemoryFileSystem(), f"/{tmp_path.name}/archive")


def check_place(place: Place) -> None:
    """All that an archive asks of its place."""
    assert place.names("sets") == []
    assert place.names("") == []
    assert place.size("sets/a.json") is None
    with pytest.raises(NotFound, match=r"sets/a\.json.*not there"):
        place.read("sets/a.json")
    place.write("sets/b.json", b"0123456789")
    place.write("sets/a.json", b"")
    place.write("top.json", b"top")
    assert place.names("sets") == ["sets/a.json", "sets/b.json"]
    assert place.names("") == ["sets", "top.json"]
    assert (place.size("sets/b.json"), place.size("sets/a.json")) == (10, 0)
    assert place.read("sets/b.json") == b"0123456789"
    assert place.read("sets/b.json", 2, 5) == b"234"
    assert place.read("sets/b.json", 7) == b"789"
    assert place.read("sets/b.json", 7, 100) == b"789"
    place.write("sets/b.json", b"new")
    assert place.read("sets/b.json") == b"new"
    place.remove("sets/b.json")
    place.remove("sets/b.json")
    assert place.names("sets") == ["sets/a.json"]


def test_a_place_keeps_objects_by_name(place: Place) -> None:
    check_place(place)


def test_nothing_is_made_before_the_first_write(tmp_path: Path) -> None:
    place = open_place(tmp_path / "archive")
    assert place.names("sets") == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["", "a\nb", "nothing://x", "s4://bucket"])
def test_what_is_no_place_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match=r"For example /srv/backups, or s3://bucket/folder|not installed"):
        open_place(url)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("memory://x", "memory:// keeps nothing for long"),
        ("simplecache://x", "simplecache:// keeps nothing for long"),
        ("simplecache::s3://bucket/x", "a place in a place"),
        ("zip://x.zip", "nothing can be written to zip://"),
        ("https://example.com/x", "nothing can be written to https://"),
    ],
)
def test_what_keeps_nothing_is_refused(url: str, problem: str) -> None:
    """A backup there would be told to be done, and be gone."""
    with pytest.raises(InvalidInput, match=problem):
        open_place(url)


@pytest.mark.parametrize(
    "url", ["ftp://ann:pass@host/x", "ftp://ann:pass@pass@host", "memory://ann:pass@host", "q://:pass@h"]
)
def test_a_password_in_a_url_is_refused_and_not_shown(url: str) -> None:
    """It would stand in exchange.db, in hints and in the list of processes."""
    with pytest.raises(InvalidInput) as refused:
        open_place(url)
    assert "pass" not in str(refused.value).replace("a URL with a password", "")


def test_a_place_that_cannot_be_reached_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """FTP connects when the place is named."""

    def connect(*_: Any, **__: Any) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr("ftplib.FTP.connect", connect)
    with pytest.raises(
        StorageError, match=r'place "ftp://nowhere/x": it cannot be reached \(gaierror: .*network there'
    ):
        open_place("ftp://nowhere/x")


def test_a_file_is_no_place(tmp_path: Path) -> None:
    """Nor is what lies below one."""
    (tmp_path / "u1.db").write_text("in the way")
    with pytest.raises(InvalidInput, match=r'u1\.db": a file, not a folder'):
        open_place(tmp_path / "u1.db")
    below = open_place(tmp_path / "u1.db" / "backups")
    with pytest.raises(StorageError, match="a file stands where a folder should be"):
        below.read("archive.json")
    with pytest.raises(Unwritable, match=r"u1\.db/backups.*no folder can be made here \(file exists\)"):
        below.write("archive.json", b"{}")


def test_where_no_folder_can_be_made_the_place_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """/proc says that there is no such file."""

    def mkdir(*_: Any) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr("credit_trading.store.files.os.mkdir", mkdir)
    with pytest.raises(Unwritable, match=rf'place "{tmp_path}/archive": no folder can be made here'):
        open_place(tmp_path / "archive").write("archive.json", b"{}")


def test_a_folder_may_be_named_as_a_url_or_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = [
        open_place(name) for name in ("archive", f"file://{tmp_path}/archive", "./x/../archive", tmp_path / "archive")
    ]
    assert {one.url for one in found} == {str(tmp_path / "archive")}
    assert all(isinstance(one, Folder) for one in found)


def test_folders_and_files_are_their_owners_alone(tmp_path: Path) -> None:
    open_place(tmp_path / "archive").write("sets/a.json", b"{}")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "archive").rglob("*")}
    assert modes == {"sets": 0o700, "a.json": 0o600}
    assert stat.S_IMODE((tmp_path / "archive").stat().st_mode) == 0o700


def test_a_full_disk_leaves_the_old_object_and_no_other_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = open_place(tmp_path / "archive")
    place.write("sets/a.json", b"old")

    def fsync(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("credit_trading.store.files.os.fsync", fsync)
        with pytest.raises(Unwritable, match="no space left on device"):
            place.write("sets/a.json", b"new")
    assert place.read("sets/a.json") == b"old"
    assert [path.name for path in (tmp_path / "archive" / "sets").iterdir()] == ["a.json"]


def test_a_store_that_fails_is_told_by_place_and_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its library raises."""
    place = in_memory(tmp_path)
    place.write("sets/a.json", b"{}")

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("connection reset")

    for name in ("pipe_file", "cat_file", "info", "ls", "rm_file"):
        monkeypatch.setattr(MemoryFileSystem, name, fail)
    for act in (
        lambda: place.write("sets/a.json", b""),
        lambda: place.read("sets/a.json"),
        lambda: place.size("sets/a.json"),
        lambda: place.remove("sets/a.json"),
    ):
        with pytest.raises(StorageError, match=r"memory://.*sets/a\.json.*RuntimeError: connection reset"):
            act()
    with pytest.raises(StorageError, match="connection reset"):
        place.names("sets")


def test_without_puts_in_one_step_an_object_is_put_beside_its_name_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SFTP for example: half an object would stand there under its name."""
    monkeypatch.setattr(places, "_ONE_STEP", frozenset())
    place = in_memory(tmp_path)
    original = MemoryFileSystem.pipe_file

    def cut_short(self: Any, path: str, value: bytes, **more: Any) -> None:
        original(self, path, value[:2], **more)
        raise ConnectionResetError

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", cut_short)
    with pytest.raises(StorageError):
        place.write("sets/a.json", b"whole")
    assert place.names("sets") == []
    assert place.size("sets/a.json") is None


def test_a_command_that_needs_no_url_does_not_load_fsspec() -> None:
    """It takes longer than the rest."""
    code = (
        "import sys, credit_trading.cli.program; from credit_trading.store.places import open_place;"
        "open_place('x').names('sets'); print([name for name in ('fsspec', 's3fs', 'aiohttp') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


_CLIENT = """
import sys
from tests.store.test_places import check_place
from tests.floor import Floor, opened
from credit_trading.backup.archive import Archive
from credit_trading.store.places import open_place

check_place(open_place("s3://bucket/place"))
with opened(sys.argv[1]) as exchange:
    floor = Floor(exchange).set_up("ann", "bob")
    made = [floor.admin.backups.create("s3://bucket/archive") for _ in range(2)]
archive = Archive.at("s3://bucket/archive")
assert archive.set_ids() == [one.set for one in made]
manifest = archive.manifest(made[0].set)
for stored in manifest.objects:
    archive.read(stored)
print([copy.user for pack in manifest.packs for copy in archive.index(pack)])
"""


def test_an_archive_in_an_object_store(home: Path) -> None:
    """In a process of its own, as s3fs keeps a thread: all that a place must do, and two sets."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "dummy",
            "AWS_SECRET_ACCESS_KEY": "dummy",
            "AWS_DEFAULT_REGION": "us-east-1",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        make = "import s3fs; s3fs.S3FileSystem().mkdir('bucket')\n"
        done = subprocess.run(
            [sys.executable, "-c", make + _CLIENT, str(home)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.stdout, done.returncode) == ("[1, 2]\n", 0), done.stderr
    finally:
        server.stop()
