"""Folders on network file systems are told from those on a disk of this machine, and warned about."""

from __future__ import annotations

import ctypes
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from credit_trading.store import place
from credit_trading.store.place import FileSystem, file_system_of
from tests.floor import opened
from tests.forks import in_fork, succeeded

_MOUNTS = r"""
21 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
22 21 0:21 / /proc rw,relatime - proc proc rw
30 21 0:40 / /srv rw,relatime shared:5 - nfs4 filer:/srv rw,vers=4.2
31 30 254:1 / /srv/local rw,relatime shared:6 master:2 - xfs /dev/vdb rw
32 21 0:41 / /mnt/with\040space\134and\011tab rw - cifs //filer/it rw
33 21 0:42 / /home/ann/far rw,nosuid - fuse.sshfs ann@far:/ rw,user_id=0
34 21 254:2 /deep/inside /mnt/bound rw,relatime - btrfs /dev/vdc rw,subvol=/deep
35 21 0:43 /share /mnt/bound-share rw,relatime - nfs filer:/share rw
36 21 254:3 / /mnt/over rw - ext4 /dev/vdd rw
37 36 0:44 / /mnt/over rw - 9p host rw,trans=virtio
38 21 8:17 / /media/stick rw - fuseblk /dev/sdb1 rw
39 21 0:45 / /mnt/unfinished rw
"""


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with these mounts."""
    table = tmp_path / "mountinfo"
    table.write_text(_MOUNTS)
    monkeypatch.setattr(place, "_MOUNTS", table)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/var/lib/trading", FileSystem("ext4", "/")),
        ("/", FileSystem("ext4", "/")),
        ("/srv", FileSystem("nfs4", "/srv")),
        ("/srv/trading", FileSystem("nfs4", "/srv")),
        ("/srvtrading", FileSystem("ext4", "/")),
        ("/srv/local/trading", FileSystem("xfs", "/srv/local")),
        ("/srv/locality", FileSystem("nfs4", "/srv")),
        ("/mnt/with space\\and\ttab/trading", FileSystem("cifs", "/mnt/with space\\and\ttab")),
        ("/home/ann/far/x/y", FileSystem("fuse.sshfs", "/home/ann/far")),
        ("/mnt/bound/trading", FileSystem("btrfs", "/mnt/bound")),
        ("/mnt/bound-share/trading", FileSystem("nfs", "/mnt/bound-share")),
        ("/mnt/over/trading", FileSystem("9p", "/mnt/over")),
        ("/mnt/unfinished", FileSystem("ext4", "/")),
    ],
)
def test_the_mount_with_the_longest_name_above_a_path_is_the_one_it_lies_on(
    mounted: None, path: str, expected: FileSystem
) -> None:
    assert file_system_of(path) == expected


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse", "fuse.sshfs", "ceph", "lustre", "gpfs"])
def test_file_systems_of_other_machines_are_known(kind: str) -> None:
    assert FileSystem(kind, "/mnt").is_remote


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "f2fs", "tmpfs", "overlay", "fuseblk", "apfs"])
def test_disks_of_this_machine_are_not_taken_for_others(kind: str) -> None:
    assert not FileSystem(kind, "/mnt").is_remote


def test_where_the_system_tells_nothing_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "_MOUNTS", tmp_path / "no such file")
    assert file_system_of(tmp_path) is None


def test_a_link_is_followed_to_where_it_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    far = tmp_path / "far"
    far.mkdir()
    (tmp_path / "near").symlink_to(far)
    table = tmp_path / "mountinfo"
    table.write_text(f"1 0 8:1 / / rw - ext4 a rw\n2 1 0:9 / {os.path.realpath(far)} rw - nfs filer:/ rw\n")
    monkeypatch.setattr(place, "_MOUNTS", table)
    near = file_system_of(tmp_path / "near" / "trading")
    assert near is not None
    assert near.type == "nfs"


@pytest.mark.parametrize("create", [True, False])
def test_opening_and_founding_warn_in_one_line_that_says_what_to_do(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, create: bool
) -> None:
    """Everything works all the same: the one process that an NFS folder is used by may be the only one."""
    if not create:
        opened(home).close()
        caplog.clear()
    table = home.parent / "mountinfo"
    table.write_text("1 0 0:9 / / rw - nfs4 filer:/ rw\n")
    monkeypatch.setattr(place, "_MOUNTS", table)
    with opened(home), caplog.at_level(logging.WARNING):
        (line,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "\n" not in line
    assert str(home) in line
    assert "nfs4, mounted at /" in line
    assert "Move the folder to a local disk" in line


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mounts are told on Linux only")
@pytest.mark.skipif(shutil.which("findmnt") is None, reason="findmnt, which tells it independently, is not installed")
def test_what_this_machine_says_is_read_as_findmnt_reads_it(tmp_path: Path) -> None:
    told = subprocess.run(
        ["findmnt", "--noheadings", "--output", "FSTYPE,TARGET", "--target", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    ).stdout.splitlines()
    kind, target = told[-1].split(maxsplit=1)  # of several that lie on each other, the one that is seen
    assert file_system_of(tmp_path) == FileSystem(kind, target.strip())


_CLONE_NEWNS = 0x00020000
_MS_REC, _MS_PRIVATE = 1 << 14, 1 << 18


def _mount_of_its_own(folder: Path) -> bool:
    """In a namespace of this process alone, a FUSE whose server is gone; False where that is not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS) or libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None):
        return False
    try:
        server = os.open("/dev/fuse", os.O_RDWR)
    except OSError:
        return False
    options = f"fd={server},rootmode=40000,user_id=0,group_id=0".encode()
    mounted: int = libc.mount(b"ann@far:/", os.fsencode(folder), b"fuse.sshfs", 0, options)
    os.close(server)
    return mounted == 0


@pytest.mark.skipif(not Path("/dev/fuse").exists(), reason="no FUSE here")
def test_a_real_mount_is_seen_even_when_its_server_does_not_answer(tmp_path: Path) -> None:
    """As after the network went away: looking into the folder itself would fail."""
    outcome = tmp_path / "outcome"
    folder = tmp_path / "far away"
    folder.mkdir()

    def look() -> None:
        if not _mount_of_its_own(folder):
            outcome.write_text("not allowed")
            return
        assert file_system_of(folder / "trading") == FileSystem("fuse.sshfs", str(folder))
        outcome.write_text("seen")

    assert succeeded(in_fork(look))
    if outcome.read_text() == "not allowed":
        pytest.skip("this process may not mount a FUSE in a namespace of its own")
    assert outcome.read_text() == "seen"
