"""After a crash: whether the folder holds everything that was acknowledged, nothing twice, and every balance and hold right.

Here: opening the folder anew, and comparing it with what its processes said before they died. Never here: how they died (kills).
Always: what is found is data, never an exception for a damaged folder; the folder is left as a next process may use it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

import attrs
import msgspec

import credit_trading
from credit_trading import Exchange
from credit_trading.clock import Clock
from reliability.acts import CASH, CREDIT, perform
from reliability.ledger import FEES, Journal, kept_by_hand
from reliability.telling import Told

REPEATED = 40
"""So many of the latest acknowledged acts are asked again; the first answer must come back."""

_EXPECTED = {"not_found", "invalid_input", "already_exists", "user_not_empty", "not_taken", "unwritable", "busy"}
"""Errors that a trader may be given although nothing is wrong with the folder: it is somebody's mistake, or the disk's."""


@attrs.frozen
class Problem:
    """`kind` is lost, twice or finding."""

    kind: str
    text: str


@attrs.define
class Check:
    """`taken` of the `unanswered` acts were in the journal."""

    acknowledged: int = 0
    unanswered: int = 0
    taken: int = 0
    problems: list[Problem] = attrs.Factory(list)

    def found(self, kind: str, text: str) -> None:
        self.problems.append(Problem(kind, text))


def check(home: Path, told: Sequence[Told], *, clock: Clock) -> Check:
    """Opens the folder, which recovers it, and compares. `told` is everything that its processes have said since it was founded."""
    result = Check(acknowledged=sum(one.answer is not None for one in told))
    result.unanswered = len(told) - result.acknowledged
    try:
        with credit_trading.open(home, clock=clock) as exchange:
            exchange.as_admin("check").databases.catch_up()  # also makes a file that a crash came before
            _verify(exchange, result)
            journal = Journal.read(home)
            check_causes(journal, told, result)
            _check_nameless(journal, told, result)
            _check_books(exchange, home, journal, result)
            _check_people(exchange, home, told, result)
            _ask_again(exchange, home, told, result)
            _check_books(exchange, home, journal, result)
    except Exception as error:  # noqa: BLE001 - whatever a damaged folder makes the exchange raise is what is looked for
        result.found("finding", f"the folder cannot be used: {type(error).__name__}: {error}")
    return result


def _verify(exchange: Exchange, result: Check) -> None:
    for finding in exchange.as_admin("check").verify(deep=True).findings:
        result.found("finding", f"verify: {finding}")


def check_causes(journal: Journal, told: Iterable[Told], result: Check) -> None:
    """Every acknowledged act stands under its cause, where the answer says; none stands twice, none that was refused at all."""
    for cause, places in journal.causes.items():
        if len(places) > 1:
            result.found("twice", f"{cause} stands at {places}")
    for one in told:
        causes = one.act.causes(journal.number_of(one.act.user))
        found = [cause for cause in causes if cause in journal.causes]
        if one.answer is None:
            result.taken += bool(found)
            if found and found != causes:
                result.found("lost", f"of the group {one.number} only {found} are there")
        elif one.answer.is_error:
            if one.answer.code not in _EXPECTED:
                result.found("finding", f"{one.number} ({one.act.kind}) was told {one.answer.code}")
            if found:
                result.found("finding", f"{one.number} was refused ({one.answer.code}), and {found} are there")
        elif found != causes:
            result.found("lost", f"{one.number} ({one.act.kind}): of {causes} only {found} are there")
        elif causes and one.answer.sequence not in (0, journal.causes[causes[0]][0]):
            result.found("lost", f"{one.number} was answered {one.answer.sequence}, not {journal.causes[causes[0]]}")


def _check_nameless(journal: Journal, told: Sequence[Told], result: Check) -> None:
    """Acts without an id, by the events that they leave: as many as were acknowledged, or as were asked at most."""
    asked: dict[tuple[str, int], list[Told]] = {}
    for one in told:
        if one.act.event:
            subject = one.act.arguments.get("trade_id") or journal.number_of(one.act.user)
            asked.setdefault((one.act.event, subject), []).append(one)
    for key, acts in asked.items():
        places = journal.events.get(key, [])
        taken = {one.answer.sequence or one.number for one in acts if one.answer and not one.answer.code}
        unanswered = sum(one.answer is None for one in acts)
        if len(places) < len(taken):
            result.found("lost", f"{key}: {places}, and acknowledged were {sorted(map(str, taken))}")
        elif len(places) > len(taken) + unanswered:
            result.found("twice", f"{key}: {places}, and asked were {len(acts)} and acknowledged {len(taken)}")
        for one in acts:
            if one.answer is not None and one.answer.sequence not in (0, *places):
                result.found("lost", f"{one.number} ({one.act.kind}) was answered {one.answer.sequence}, not {places}")


def _check_people(exchange: Exchange, home: Path, told: Sequence[Told], result: Check) -> None:
    """Each user's e-mail is one that was asked for last, by whichever trader; and there is a file for each user, and no other."""
    databases = exchange.as_admin("check").databases.list_trading_databases()
    for database in databases:
        emails = _emails_of(database.user_id, told)
        if database.email not in emails:
            result.found("lost", f"{database.user_id} is {database.email}, and asked for was {sorted(emails)}")
    there = {path.name for path in home.glob("trading_*.db")}
    if there != {database.path.name for database in databases}:
        result.found("finding", f"files {sorted(there)} for users {[database.user_id for database in databases]}")


def _emails_of(user: str, told: Iterable[Told]) -> set[str]:
    """What the user's e-mail may be: what each trader was granted last, or has asked for since and heard nothing."""
    of_trader: dict[str, set[str]] = {}
    granted = False
    for one in told:
        if one.act.user == user and one.act.kind in ("create", "email") and not (one.answer and one.answer.code):
            granted |= one.answer is not None
            email: str = one.act.arguments["email"]
            of_trader[one.trader] = {email} if one.answer else {*of_trader.get(one.trader, ()), email}
    founded_with = set() if granted else {f"{user}@example.com"}
    return founded_with.union(*of_trader.values())


def _check_books(exchange: Exchange, home: Path, journal: Journal, result: Check) -> None:
    """What every user's file shows, and what the exchange earned, against the books that are kept by hand."""
    books, admin = kept_by_hand(home), exchange.as_admin("check")
    for problem in books.problems:
        result.found("finding", f"by hand: {problem}")
    held = books.held
    for user in admin.databases.list_trading_databases():
        number = journal.number_of(user.user_id)
        database = admin.databases.get_trading_database(user.user_id)
        try:
            shown = {row[0]: row[1:] for row in database.execute("SELECT asset, posted, held FROM balances")}
            orders = list(database.execute("SELECT order_id, remaining_quantity, hold FROM active_orders ORDER BY 1"))
        finally:
            database.close()
        for asset in (CASH, CREDIT):
            expected = (books.owned[number, asset], held[number, asset])
            if shown.get(asset, (0, 0)) != expected:
                result.found("finding", f"{user.user_id} has {shown.get(asset)} {asset}, and by hand {expected}")
        expected_orders = [
            (order, one["remaining"], one["hold"]) for order, one in books.open.items() if one["user"] == number
        ]
        if orders != sorted(expected_orders):
            result.found("finding", f"{user.user_id} has the orders {orders}, and by hand {expected_orders}")
    earned = {record.asset: Decimal(record.posted) for record in admin.accounts.get_fees()}
    if earned.get(CASH, Decimal(0)) != Decimal(books.owned[FEES, CASH]) / 100:
        result.found("finding", f"the exchange earned {earned}, and by hand {books.owned[FEES, CASH]} cents")


def _ask_again(exchange: Exchange, home: Path, told: Sequence[Told], result: Check) -> None:
    """The same id again: the first answer if there was one; and what nobody heard of is carried out now unless it had been."""
    before = Journal.read(home)
    acknowledged = [one for one in told if one.answer is not None and not one.answer.is_error]
    asked = [
        one
        for one in [*acknowledged[-REPEATED:], *(one for one in told if one.answer is None)]
        if one.act.causes(0) and one.act.user in before.users and "display_quantity" not in one.act.arguments
    ]
    for one in asked:
        again = perform(exchange, one.act)
        was_there = one.act.causes(before.number_of(one.act.user))[0] in before.causes
        if one.answer is not None and again != msgspec.structs.replace(one.answer, repeated=again.repeated):
            result.found("lost", f"{one.number} was answered {one.answer}, and asked again {again}")
        if not again.code and again.repeated != was_there:
            result.found("twice" if was_there else "lost", f"{one.number} asked again: {again}")
    after = Journal.read(home)
    for one in asked:
        causes = one.act.causes(after.number_of(one.act.user))
        if any(len(after.causes.get(cause, ())) > 1 for cause in causes):
            result.found("twice", f"{one.number} was asked again, and stands twice")
