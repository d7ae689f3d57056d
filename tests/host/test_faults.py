"""What goes wrong with the host's database, in words that anybody may read."""

from __future__ import annotations

import pytest
from sqlalchemy import exc, insert

from credit_trading.errors import FileForeign, StorageError
from credit_trading.host import schema
from credit_trading.host.connecting.engine import EngineAdapter
from credit_trading.host.connecting.faults import safe_url, translated_errors
from credit_trading.host.tables import Tables
from tests.host.database import Database


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:////srv/app/it's@home.db", "sqlite:////srv/app/it's@home.db"),
        ("postgresql+psycopg://ann:hunter2@db:5432/app", "postgresql+psycopg://ann:***@db:5432/app"),
        ("postgresql://ann@db/app?password=hunter2&port=1", "postgresql://ann@db/app?password=***&port=1"),
        ("postgresql://db/app?sslmode=require&sslpassword=hunter2", None),
        ("postgresql://ann:hunter@2@db/app", "postgresql://***@db/app"),
        ("postgresql://ann:p@hunter/2@db/app?x=hunter2", "postgresql://***@db/app"),
        ("postgresql://ann:hunter2%40@db/app", "postgresql://ann:***@db/app"),
        ("postgresql://ann:hunter2@db:port/app", "a URL that cannot be read"),
        ("hunter2", "a URL that cannot be read"),
        ("", "a URL that cannot be read"),
    ],
)
def test_no_password_is_shown(url: str, shown: str | None) -> None:
    assert "hunter" not in safe_url(url)
    assert shown is None or safe_url(url) == shown


def test_what_the_database_says_is_told_in_one_line_without_values(database: Database) -> None:
    """Values of a statement may be anybody's data; PostgreSQL's second line repeats them."""
    tables, adapter = Tables(), EngineAdapter(database.url)
    with adapter.transaction() as connection:
        schema.init(connection, tables, exchange_id="ours")

    def write() -> None:
        with adapter.transaction() as connection:
            for _ in range(2):
                connection.execute(insert(tables.requests).values(id="ann@example.com", kind="deposit"))

    with pytest.raises(StorageError, match="rolled back; whoever follows tries it again") as told:
        write()
    assert "\n" not in str(told.value)
    assert "ann@example.com" not in str(told.value)
    assert isinstance(told.value.__cause__, exc.IntegrityError)
    assert database.rows("SELECT count(*) FROM trading_requests") == [(0,)]


@pytest.mark.parametrize("bug", [ZeroDivisionError(), exc.ArgumentError("a bug of ours"), FileForeign("a", "b", "c")])
def test_what_is_no_trouble_of_the_database_passes(bug: Exception) -> None:
    with pytest.raises(type(bug)) as raised, translated_errors("host"):
        raise bug
    assert raised.value is bug
