"""What users' files know beyond an exchange.db that was made anew, told beside each file that is kept.

Here: the words, as JSON, and how they outlive a crash. Never here: finding it out (lost_files).
Always: before any file is changed, all of it stands on the disk; at the end it stands beside each kept file, under its name and `.json`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from credit_trading.backup.lost_files import LostFile
from credit_trading.backup.moment import Moment
from credit_trading.clock import format_time
from credit_trading.store.files import publish_new, write_durably
from credit_trading.users.kept import FOLDER

FILE_NAME = "beyond.json"
"""In the folder of what is unfinished."""


class Report:
    """Of one try; `folder` holds what an earlier one, cut short, has told."""

    def __init__(self, home: Path, folder: Path, moment: Moment) -> None:
        self._kept_in = home / FOLDER
        self._path = folder / FILE_NAME
        self._restored = {
            "restored": {
                "exchange_id": moment.exchange_id,
                "set": moment.set,
                "sequence": moment.sequence,
                "as_of": format_time(moment.time_us),
            }
        }
        self._earlier = _read(self._path)

    def begin(self, lost: Sequence[LostFile]) -> None:
        """Before anything is changed."""
        names = {one.name for one in lost}
        self._earlier = [one for one in self._earlier if one["file"] not in names]
        entries = [*self._earlier, *(one.plain | self._restored for one in lost)]
        if entries:
            write_durably(self._path, msgspec.json.encode(entries))

    def finish(self, lost: Sequence[LostFile]) -> list[Path]:
        """When every file is where it belongs. Returns what was told of files that only an earlier try has found and kept."""
        told = []
        for one in lost:
            if one.report is not None:
                _publish(one.report, one.plain | self._restored)
                told.append(one.report)
        again = map(self._tell_again, self._earlier)
        return [path for path in again if path is not None and path not in told]

    def _tell_again(self, entry: dict[str, Any]) -> Path | None:
        """The kept file is the last one of that name; it was kept just after this was written down."""
        kept = sorted(self._kept_in.glob(f"{entry['becomes'] or entry['file']}~*.db"))
        if not kept:
            return None
        path = Path(f"{kept[-1]}.json")
        if not path.exists():
            _publish(path, entry | {"kept": kept[-1].name})
        return path


def _publish(path: Path, entry: dict[str, Any]) -> None:
    publish_new(path, msgspec.json.format(msgspec.json.encode(entry), indent=2))


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = msgspec.json.decode(path.read_bytes(), type=list[dict[str, Any]])
    except (OSError, msgspec.MsgspecError):
        return []
    return found
