"""Which ids and e-mails are names, and which are not."""

from __future__ import annotations

import pytest

from credit_trading.errors import AlreadyExists, InvalidInput, NotFound
from credit_trading.users.naming import check_email, check_user_id, file_name
from tests.floor import Floor

GOOD_IDS = [
    "42",
    "a",
    "Ann",
    "ann.smith",
    "ann-smith",
    "_x",
    "0",
    "a" * 64,
    "console",
    "com10",
    "a.con",
    "ann.",
    "a..b",
]
BAD_IDS = [
    *["", " ", "a" * 65, ".ann", "-ann", "ann smith", "ann/smith", "ann\\smith", "..", "../x", "a\0b", "a\n", "\na"],
    *["änn", "\uff41nn", "٣", "ann@x", "a:b", "a*", "a?", 'a"', "a<b", "a|b", "a~2", "a%b", "a'b"],
    *["con", "CON", "Con.txt", "prn", "aux", "nul", "NUL.db", "com1", "COM9", "lpt1", "LPT9.x"],
]
GOOD_EMAILS = [
    *["ann@example.com", "a@b", "ann+tag@sub.example.co.uk", "änn@exämple.de", '"a b"@example.com', "a@b@c.de"],
    *["o'hara@example.ie", "x" * 242 + "@example.com", "100%@example.com", "_@_._", "ann@[192.168.0.1]"],
]
BAD_EMAILS = [
    *["", "ann", "@example.com", "ann@", "ann@.com", "ann@example.", "ann@a..b", "ann@exa mple.com", " @b.c", " a@b.c"],
    *["a @b.c", "ann\n@example.com", "ann@example.com\n", "a\0@b.c", "a\x7f@b.c", "a\u200b@b.c", "a\u202e@b.c"],
    *["x" * 243 + "@example.com", "a@b.c\td", "a\ud800@b.c"],
]


@pytest.mark.parametrize("user_id", GOOD_IDS)
def test_an_id_within_the_rules_is_taken_as_it_is(user_id: str) -> None:
    """1 to 64 ASCII letters, digits, '.', '_', '-', not beginning with '.' or '-'."""
    assert check_user_id(user_id) == user_id


@pytest.mark.parametrize("user_id", BAD_IDS)
def test_an_id_outside_the_rules_is_refused_in_one_line(user_id: str) -> None:
    """Windows' reserved names too, with any extension; what is shown of it is printable."""
    with pytest.raises(InvalidInput) as error:
        check_user_id(user_id)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("user_id", [None, 42, b"ann", 1.5])
def test_an_id_that_is_no_text_is_refused(user_id: object) -> None:
    """42 is not "42": a caller who mixes them up would find two users."""
    with pytest.raises(InvalidInput):
        check_user_id(user_id)  # type: ignore[arg-type]


@pytest.mark.parametrize("email", GOOD_EMAILS)
def test_an_email_within_the_rules_is_taken_as_it_is(email: str) -> None:
    """A non-empty local part and a domain of dot-separated labels, at most 254 characters."""
    assert check_email(email) == email


@pytest.mark.parametrize("email", BAD_EMAILS)
def test_an_email_outside_the_rules_is_refused_in_one_line(email: str) -> None:
    """Empty parts, blanks in the domain, control and invisible characters, too long."""
    with pytest.raises(InvalidInput) as error:
        check_email(email)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("email", GOOD_EMAILS)
@pytest.mark.parametrize("user_id", ["42", "a" * 64])
def test_every_file_name_is_safe_on_every_platform(user_id: str, email: str) -> None:
    """ASCII, short enough with -wal behind it, no separators; it begins with the user's id."""
    name = file_name(user_id, email)
    assert name.startswith(f"trading_{user_id}_")
    assert name.endswith(".db")
    assert name.isascii()
    assert not set(name) & set('/\\:*?"<>|% \0')
    assert len(name) <= 200


def test_the_file_is_named_after_the_user_and_the_sanitised_email(floor: Floor) -> None:
    """As asked for: trading_<userId>_<sanitizedEmail>.db."""
    floor.admin.databases.create_trading_database("42", "ann+x@example.com")
    assert floor.path("42").name == "trading_42_ann_x_example.com.db"
    assert floor.path("42").stat().st_mode & 0o777 == 0o600


def test_a_bad_name_changes_nothing(floor: Floor) -> None:
    """No event, no file."""
    sequence, files = floor.exchange.sequence, sorted(floor.exchange.home.iterdir())
    with pytest.raises(InvalidInput):
        floor.admin.databases.create_trading_database("../x", "ann@example.com")
    with pytest.raises(InvalidInput):
        floor.admin.databases.create_trading_database("x", "no-address")
    with pytest.raises(InvalidInput):
        floor.admin.databases.change_email("ann", "no-address")
    assert (floor.exchange.sequence, sorted(floor.exchange.home.iterdir())) == (sequence, files)


@pytest.mark.parametrize("user_id", ["ann", "ANN", "Ann"])
def test_an_id_that_exists_in_any_case_is_refused(floor: Floor, user_id: str) -> None:
    """Some file systems, and most people, do not tell them apart."""
    sequence = floor.exchange.sequence
    with pytest.raises(AlreadyExists) as error:
        floor.admin.databases.create_trading_database(user_id, "other@example.com")
    assert ("the user exists" in str(error.value)) == (user_id == "ann")
    assert floor.exchange.sequence == sequence
    if user_id != "ann":
        with pytest.raises(NotFound):
            floor.user(user_id)


def test_the_id_of_a_former_user_is_never_given_out_again(floor: Floor) -> None:
    """In no case: old statements must not seem to be about somebody else."""
    floor.admin.databases.create_trading_database("dan", "dan@example.com")
    floor.admin.databases.delete_trading_database("dan")
    for user_id in ("dan", "DAN"):
        with pytest.raises(AlreadyExists, match="never given out again"):
            floor.admin.databases.create_trading_database(user_id, "dan@example.com")


def test_users_whose_names_collide_never_share_a_file(floor: Floor) -> None:
    """a + b_c@x and a_b + c@x look the same once sanitised, and so does the same e-mail in other letters."""
    create = floor.admin.databases.create_trading_database
    create("a", "b_c@x.org")
    create("a_b", "c@x.org")
    create("a_b_c", "x.org@x.org")
    create("A_B_c_X.org", "x.org@x")
    paths = [database.path for database in floor.admin.databases.list_trading_databases("x.org")]
    assert len({str(path).lower() for path in paths}) == len(paths) == 4
    assert all(path.exists() for path in paths)
    for user in ("a", "a_b"):
        floor.admin.accounts.deposit(user, "USD", {"a": "1.00", "a_b": "2.00"}[user])
    assert [floor.balance("a"), floor.balance("a_b")] == ["1.00", "2.00"]
    assert floor.findings() == []


def test_a_change_of_email_never_takes_a_file_that_is_somebodys(floor: Floor) -> None:
    """Neither the name another has, nor the one that another is about to give up."""
    create = floor.admin.databases.create_trading_database
    create("a", "b_c@x.org")
    create("a_b", "other@x.org")
    taken = floor.path("a")
    changed = floor.admin.databases.change_email("a_b", "c@x.org")
    assert changed.path != taken
    with floor.admin.databases.get_trading_database("a").conn:  # keeps the file of a, so that its renaming waits
        assert floor.admin.databases.change_email("a", "new@x.org").path == taken
        assert floor.admin.databases.change_email("a_b", "c@x.org").path != taken
    assert floor.findings() == []


def test_several_users_may_have_one_email(floor: Floor) -> None:
    """It is an address, not a name."""
    create = floor.admin.databases.create_trading_database
    assert create("x", "team@example.com").path != create("y", "team@example.com").path
