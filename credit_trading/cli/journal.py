"""`journal`: its head, the proof that nothing before a kept one was changed, and moving its older part into an archive."""

from __future__ import annotations

import click
from rich.filesize import decimal

import credit_trading
from credit_trading.cli import output
from credit_trading.cli.command import COUNT, REFUSED, Group
from credit_trading.cli.session import Session
from credit_trading.cli.tables import draw_fields, moment
from credit_trading.cli.verify import addressed, draw_findings
from credit_trading.errors import FileCorrupt, FileForeign
from credit_trading.progress import Progress
from credit_trading.verify.finding import Finding
from credit_trading.verify.head import check_head_in


@click.group(cls=Group, examples=["journal head"])
def journal() -> None:
    """What happened, as a chain of hashes."""


@journal.command(examples=["journal head", "journal head --json"])
@click.pass_obj
def head(session: Session) -> None:
    """Shows where the journal ends: sequence, hash and time of its last row.

    Keep sequence and hash where nobody who can write to the folder can change them: "journal check" proves with them later that
    nothing before was changed.
    """
    with session.admin() as admin:
        found = admin.journal_head()
    session.show(
        found,
        lambda: draw_fields({"Sequence": str(found.sequence), "Hash": found.hash, "Time (UTC)": moment(found.time)}),
    )


@journal.command(
    examples=["journal check --sequence 1 --hash 5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"]
)
@click.option("--sequence", type=COUNT, required=True, help='As "journal head" told it.')
@click.option("--hash", "hash_hex", required=True, metavar="HEX", help="Likewise.")
@click.pass_obj
@click.pass_context
def check(ctx: click.Context, session: Session, sequence: int, hash_hex: str) -> None:
    """Proves that history up to a head that was kept is unchanged. Ends with 1 if it is not.

    The hash of every row from the first on is computed anew.
    """
    with output.progress("Reading") as tick:
        finding = _check(session, sequence, hash_hex, tick)
    told = {"sequence": sequence, "hash": hash_hex, "unchanged": finding is None, "finding": finding}
    if finding is None:
        session.show(told, lambda: output.say(f"Unchanged up to sequence {sequence}."))
        return
    finding = told["finding"] = addressed(finding)
    session.show(told, lambda: draw_findings([finding]))
    ctx.exit(REFUSED)


@journal.command(
    examples=[
        "journal archive --to backups --dry-run",
        "journal archive --to backups",
        "journal archive --to backups --keep-events 1000000 --json",
    ]
)
@click.option("--to", "place", required=True, metavar="PLACE", help="Where the exchange's backups are.")
@click.option("--keep-events", type=COUNT, help="So many of the latest stay in exchange.db.  [default: 50000]")
@click.option("--dry-run", is_flag=True, help="Only tell what would be moved.")
@click.pass_obj
def archive(session: Session, place: str, keep_events: int | None, dry_run: bool) -> None:
    """Moves the older part of the journal out of exchange.db: from then on it is read in the archive.

    Only what stands there already, in a full set that was verified, and what nobody needs who is up to date. Each row is compared before
    any is deleted. From then on the archive is part of the exchange: what is read from its beginning (a lost file, verify --deep) needs
    it. Keep it, and a copy of it.
    """
    kept = {} if keep_events is None else {"keep_events": keep_events}
    with session.admin() as admin, output.progress("Moving") as tick:
        moved = admin.backups.archive_journal(place, **kept, dry_run=dry_run, progress=tick)
    session.show(
        moved,
        lambda: draw_fields(
            {
                "Place": moved.place,
                "Border": f"sequence {moved.border}" if moved.border else "nothing was moved yet",
                "Segments to move" if dry_run else "Segments moved": str(moved.segments),
                "Rows to take out" if dry_run else "Rows taken out": str(moved.rows),
                "Freed": decimal(max(0, moved.bytes_freed)),
                "Not more, because": "; ".join(moved.held_by),
            }
        ),
    )


def _check(session: Session, sequence: int, hash_hex: str, tick: Progress) -> Finding | None:
    """Also in an exchange that cannot be opened: what keeps it from that may be just what was changed."""
    try:
        with session.admin() as admin:
            return admin.check_journal_head(sequence, hash_hex, progress=tick)
    except (FileCorrupt, FileForeign) as error:
        output.notice(f"It cannot be opened; its journal is read all the same. {error}")
    timeout_s = credit_trading.Settings.from_environment().lock_timeout_s
    return check_head_in(session.home, sequence, hash_hex, lock_timeout_s=timeout_s, progress=tick)
