"""Finding users: search, order, pages; and what is left of them when they are gone."""

from __future__ import annotations

import pytest

from credit_trading.errors import InvalidInput, NotFound
from credit_trading.journal.log import FILE_NAME
from tests.floor import Floor, opened, rows_of


@pytest.fixture
def crowd(floor: Floor) -> Floor:
    """ann, bob and cat, and some with awkward names."""
    for user_id, email in [
        ("Zoe", "zoe@a.org"),
        ("x_1", "under@score.org"),
        ("x-1", "100%@percent.org"),
        ("dan", "back\\slash@b.org"),
        ("42", "b@b.org"),
    ]:
        floor.admin.databases.create_trading_database(user_id, email)
    return floor


def _ids(floor: Floor, *args: str, **how: object) -> list[str]:
    return [database.user_id for database in floor.admin.databases.list_trading_databases(*args, **how)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("ann", ["ann"]),
        ("ANN", ["ann"]),
        ("example.com", ["ann", "bob", "cat"]),
        ("zoe@A", ["Zoe"]),
        ("_", ["x_1"]),
        ("%", ["x-1"]),
        ("\\", ["dan"]),
        ("%@", ["x-1"]),
        ("x", ["ann", "bob", "cat", "x-1", "x_1"]),
        ("'; DROP TABLE users; --", []),
        ("nobody", []),
    ],
)
def test_search_finds_the_text_itself(crowd: Floor, search: str, found: list[str]) -> None:
    """In id or e-mail, whatever the case; LIKE's wildcards mean themselves."""
    assert _ids(crowd, search) == found


def test_users_are_listed_in_the_order_asked_for(crowd: Floor) -> None:
    """By id whatever its case, by e-mail, by age; up or down."""
    assert _ids(crowd) == ["42", "ann", "bob", "cat", "dan", "x-1", "x_1", "Zoe"]
    assert _ids(crowd, descending=True) == _ids(crowd)[::-1]
    assert _ids(crowd, sort="created_at") == ["ann", "bob", "cat", "Zoe", "x_1", "x-1", "dan", "42"]
    assert _ids(crowd, sort="created_at", descending=True)[0] == "42"
    assert _ids(crowd, sort="email") == ["x-1", "ann", "42", "dan", "bob", "cat", "x_1", "Zoe"]


def test_pages_put_together_are_the_whole_list(crowd: Floor) -> None:
    """None twice, none left out, the last one short; beyond the end there is nothing."""
    pages = [_ids(crowd, limit=3, offset=offset) for offset in (0, 3, 6, 9)]
    assert [len(page) for page in pages] == [3, 3, 2, 0]
    assert [user_id for page in pages for user_id in page] == _ids(crowd)
    assert _ids(crowd, limit=0) == []
    assert _ids(crowd, offset=7) == ["Zoe"]


@pytest.mark.parametrize("how", [{"sort": "number; DROP TABLE users"}, {"limit": -1}, {"offset": -1}])
def test_a_list_that_cannot_be_is_refused(crowd: Floor, how: dict[str, object]) -> None:
    """An unknown order, negative counts."""
    with pytest.raises(InvalidInput):
        _ids(crowd, **how)


def test_a_user_is_shown_with_file_and_date(crowd: Floor) -> None:
    """The time is that of the event that created the user."""
    shown = crowd.admin.databases.show_trading_database("42")
    assert (shown.user_id, shown.email, shown.created_at) == ("42", "b@b.org", "2026-01-01T00:00:00.000000Z")
    assert shown.path.exists()
    with pytest.raises(NotFound, match="no such user"):
        crowd.admin.databases.show_trading_database("43")


def test_a_suspended_user_is_shown_as_such(crowd: Floor) -> None:
    """In the list and alone, until resumed; also by another opening of the exchange, which learns of it from the journal."""
    databases, trading = crowd.admin.databases, crowd.admin.trading
    assert not any(database.suspended for database in databases.list_trading_databases())
    trading.suspend_user("dan")
    assert [one.user_id for one in databases.list_trading_databases() if one.suspended] == ["dan"]
    assert (databases.show_trading_database("dan").suspended, databases.show_trading_database("ann").suspended) == (
        *(True, False),
    )
    assert databases.change_email("dan", "dan@new.org").suspended
    with opened(crowd.exchange.home) as again:
        assert again.as_admin("other").databases.show_trading_database("dan").suspended
    trading.resume_user("dan")
    assert not databases.show_trading_database("dan").suspended


def test_of_a_deleted_user_only_the_id_is_kept(crowd: Floor) -> None:
    """E-mail and salt are gone, so nobody can tell any more whose digest the journal holds; the chain still verifies."""
    crowd.admin.databases.delete_trading_database("42")
    kept = rows_of(
        crowd.exchange.home / FILE_NAME, "SELECT user_id, email, salt, file_name, state FROM users WHERE number = 8"
    )
    assert kept == [("42", None, None, None, "deleted")]
    assert _ids(crowd, "b.org") == ["dan"]
    with pytest.raises(NotFound):
        crowd.user("42")
    assert crowd.findings() == []
