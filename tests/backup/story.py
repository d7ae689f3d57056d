"""A short history with sets along it, and what everything was like at moments in between.

Here: the exchange, its archive, and the moments. Never here: what is restored, or what a test expects of it.

    sets      1 full          2 incremental         3 incremental      4 full    5 incremental, nothing new
    people    ann bob cat dan, +eve; bob's e-mail; dan deleted; +fay; e-mails of cat (twice) and eve; eve and fay deleted
    private   ann, cat first  ann second, bob first
"""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import attrs

import credit_trading
from credit_trading import Exchange, ManualClock
from credit_trading.backup.archive import Archive
from credit_trading.backup.manifest import Manifest
from credit_trading.store.places import Folder
from credit_trading.store.sqlite import connect
from credit_trading.users import private_writer
from credit_trading.verify.finding import Finding
from tests.floor import Floor, opened, rows_of

MINUTE_S = 60


@attrs.frozen(kw_only=True)
class Moment:
    """What a moment was like: each user's e-mail, balances, and private facts by then."""

    sequence: int
    time_us: int
    digest: str
    emails: dict[str, str]


@attrs.frozen
class Story:
    """Where the archive lies, its sets in order, and the moments by name."""

    folder: Path
    home: Path
    sets: list[str]
    moments: dict[str, Moment]

    @property
    def archive(self) -> Archive:
        return Archive(Folder(self.folder))

    def manifest(self, number: int) -> Manifest:
        """Of the first set, the second, and so on."""
        return self.archive.manifest(self.sets[number - 1])

    def copied(self, folder: Path) -> Story:
        """With an archive that a test may damage."""
        shutil.copytree(self.folder, folder)
        return attrs.evolve(self, folder=folder)


class _Telling:
    def __init__(self, exchange: Exchange, clock: ManualClock, folder: Path) -> None:
        self.exchange = exchange
        self.clock = clock
        self.floor = Floor(exchange)
        self.folder = folder
        self.sets: list[str] = []
        self.moments: dict[str, Moment] = {}

    def back_up(self, *, full: bool = False) -> None:
        self.clock.advance(MINUTE_S)
        created = self.floor.admin.backups.create(self.folder, "full" if full else None)
        assert not created.skipped
        self.sets.append(created.set)
        self.clock.advance(MINUTE_S)

    def remember(self, name: str) -> None:
        """The moment is over a minute later."""
        emails = {user.user_id: user.email for user in self.floor.admin.databases.list_trading_databases()}
        digest = self.exchange.state_digest()
        self.moments[name] = Moment(
            sequence=self.exchange.sequence, time_us=self.clock.now_us(), digest=digest, emails=emails
        )
        self.clock.advance(MINUTE_S)

    def write_fact(self, number: int, fact: str) -> None:
        writer = private_writer.PrivateWriter(self.exchange._files, self.exchange._projector)
        with writer.writing(number) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS paper (fact TEXT)")
            connection.execute("INSERT INTO paper VALUES (?)", (fact,))


def told(folder: Path) -> Story:
    """Made once, to be copied."""
    clock, home = ManualClock(), folder / "home"
    with opened(home, clock=clock) as exchange:
        telling = _Telling(exchange, clock, folder / "archive")
        _tell(telling)
    return Story(folder / "archive", home, telling.sets, telling.moments)


def _tell(telling: _Telling) -> None:
    floor, databases = telling.floor.set_up("ann", "bob", "cat"), telling.floor.admin.databases
    databases.create_trading_database("dan", "dan@example.com")
    floor.place("ann", "sell", 100, "5.00")
    telling.remember("before any set")
    telling.write_fact(1, "first")
    telling.write_fact(3, "first")
    floor.place("bob", "buy", 10, "5.00")
    telling.back_up()
    telling.remember("first set")
    floor.place("cat", "buy", 10, "5.00", client_order_id="c1")
    telling.remember("before the e-mail")
    databases.change_email("bob", "bob@elsewhere.example")
    databases.create_trading_database("eve", "eve@first.example")
    databases.delete_trading_database("dan")
    telling.write_fact(1, "second")
    telling.write_fact(2, "first")
    telling.remember("second set")
    telling.back_up()
    databases.change_email("cat", "cat@between.example")
    databases.change_email("eve", "eve@between.example")
    databases.create_trading_database("fay", "fay@between.example")
    floor.place("cat", "sell", 5, "6.00")
    telling.remember("an e-mail in no set")
    databases.change_email("cat", "cat@example.org")
    databases.delete_trading_database("eve")
    databases.delete_trading_database("fay")
    floor.place("ann", "buy", 3, "6.00")
    telling.back_up()
    telling.remember("third set")
    floor.place("ann", "buy", 1, "6.00")
    telling.remember("before the full set")
    floor.place("bob", "buy", 7, "4.90")
    telling.back_up(full=True)
    telling.back_up()
    telling.remember("the end")


def everything_in(home: Path) -> list[Finding]:
    """What `verify --deep` finds."""
    return credit_trading.verify_folder(home, deep=True).findings


def facts_of(home: Path, user: str) -> list[str]:
    """The user's private facts."""
    (path,) = home.glob(f"trading_{user}_*.db")
    return [row[0] for row in rows_of(path, "SELECT fact FROM paper ORDER BY rowid")]


def tables_of(path: Path) -> list[str]:
    with closing(connect(path, mode="rw")) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")]
