"""What exchange.db keeps beside journal and catalogue: lists of users, and how far backups have counted.

Here: that those on the lists are users, and may be there. Never here: their files (files), segments of the journal (journal).
"""

from __future__ import annotations

from collections.abc import Iterator

from credit_trading.journal.live import LiveReplica
from credit_trading.store.sqlite import Connection
from credit_trading.users import catalogue, erasure, private, quarantine
from credit_trading.verify.finding import EXCHANGE, RESTORE, Finding


def check_lists(live: LiveReplica) -> Iterator[Finding]:
    """Those in quarantine, those with private facts, and those who were erased."""
    with live.history() as log:
        connection = log.connection
        listed = [("quarantine", one.number, one.since_us) for one in quarantine.list_all(connection)]
        listed += [("private_facts", number, since_us) for number, since_us in private.list_marked(connection)]
        listed += [("erased_users", number, erased_us) for number, erased_us in erasure.list_erased(connection)]
        users = {number: _user(connection, number) for _, number, _ in listed}
        counted, written = private.backup_generations(connection), private.generations(connection)
    for table, number, since_us in listed:
        yield from _check_row(table, number, since_us, users[number])
    yield from _check_generations(counted, written)


def _user(connection: Connection, number: int) -> catalogue.StoredUser | None:
    found = catalogue.page(connection, after=number - 1, most=1)
    return found[0] if found and found[0].number == number else None


def _check_row(table: str, number: int, since_us: int, user: catalogue.StoredUser | None) -> Iterator[Finding]:
    row = f"{table} #{number}"
    if user is None:
        yield Finding(file=EXCHANGE, row=row, problem="there is no such user", repair=RESTORE)
    elif since_us < user.created_at_us:
        yield Finding(file=EXCHANGE, row=row, problem="it is older than the user", repair=RESTORE)


def _check_generations(counted: list[tuple[int, int]], written: list[tuple[int, int]]) -> Iterator[Finding]:
    """No private write is of a backup that has not begun: the next one would not copy it, nor any after it."""
    if [only for only, _ in counted] != [1] or counted[0][1] < 1:
        problem = "one row says which generation of private facts this is, from 1 on"
        yield Finding(file=EXCHANGE, row="backup_generation", problem=problem, found=str(counted), repair=RESTORE)
        return
    ((_, now),) = counted
    for number, generation in written:
        if not 0 <= generation <= now:
            yield Finding(
                file=EXCHANGE,
                row=f"private_facts #{number}",
                problem="written in a generation that has not begun",
                expected=f"0 to {now}",
                found=str(generation),
                repair=RESTORE,
            )
