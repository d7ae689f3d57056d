"""`backup restore --user`: one user put back, or as of a moment in a file of its own.

Here: which of the two, and what is shown. Never here: the command's options (restore).
"""

from __future__ import annotations

import attrs

from credit_trading.backup.archive import Archive
from credit_trading.backup.restoring_user import RestoredUser
from credit_trading.backup.user_as_of import UserAsOf, user_as_of_archive
from credit_trading.cli import output
from credit_trading.cli.counts import counted
from credit_trading.cli.session import Session
from credit_trading.cli.tables import draw_fields, moment
from credit_trading.errors import NotAnExchange


def restore_in_place(
    session: Session, place: str, user_id: str, set_id: str | None, *, sequence: int | None, time_us: int | None
) -> None:
    with session.admin() as admin:
        one = admin.backups.restore_user(place, user_id, set_id=set_id, sequence=sequence, time_us=time_us)
    session.show(_shown(one), lambda: _draw(one))


def restore_into_file(
    session: Session,
    place: str,
    user_id: str,
    target: str,
    set_id: str | None,
    *,
    sequence: int | None,
    time_us: int | None,
) -> None:
    """By the exchange's own journal, or by the archive's where there is no exchange."""
    try:
        with session.admin() as admin:
            one = admin.backups.user_as_of(place, user_id, target, set_id=set_id, sequence=sequence, time_us=time_us)
    except NotAnExchange:
        one = user_as_of_archive(
            Archive.at(place), user_id, target, session.home, set_id=set_id, sequence=sequence, time_us=time_us
        )
    shown = attrs.asdict(one, filter=attrs.filters.exclude("time_us", "path"))
    session.show({**shown, "path": str(one.path), "as_of": one.as_of}, lambda: _draw_file(one))


def _shown(one: RestoredUser) -> dict[str, object]:
    shown = attrs.asdict(one, filter=attrs.filters.exclude("copied_at_us", "path", "kept"))
    kept = None if one.kept is None else str(one.kept)
    return {**shown, "copied_at": one.copied_at, "path": str(one.path), "kept": kept}


def _draw(one: RestoredUser) -> None:
    draw_fields(
        {
            "Restored": one.user_id,
            "File": str(one.path),
            "From": one.set,
            "Copied at": f"{moment(one.copied_at)} UTC, sequence {one.copy_sequence}",
            "Caught up": f"{counted(one.caught_up, 'event')}, to sequence {one.sequence}",
            "Private tables, as of the copy": ", ".join(one.private_tables) or "none",
            "Rows that differed in the copy": _counts(one.copy_differs),
            "Rows that differed in the file": "not known" if one.file_differed is None else _counts(one.file_differed),
            "Old file": str(one.kept)
            if one.kept
            else "there was none"
            if one.changed
            else "as it should be: untouched",
            "Private tables in the old file only": ", ".join(one.left_behind) or "none",
        }
    )
    _say_notes(one)


def _draw_file(one: UserAsOf) -> None:
    draw_fields(
        {
            "File": str(one.path),
            "User": one.user_id,
            "As of": f"sequence {one.sequence}",
            "Last event": f"sequence {one.last_event}, {moment(one.as_of)} UTC",
            "Events": str(one.events),
            "Private tables": ", ".join(one.private_tables) or "none",
            "These are from": one.set or "no set of by then has a copy of this user's file",
        }
    )
    _say_notes(one)


def _say_notes(one: RestoredUser | UserAsOf) -> None:
    for told in one.notes:
        output.say(f"Note: {told}")


def _counts(differing: dict[str, int]) -> str:
    return ", ".join(f"{table} {count}" for table, count in differing.items()) or "none"
