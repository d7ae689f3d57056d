"""The catalogue of users in exchange.db: which number stands for whom, and which file is theirs.

Here: the mutable, personal side of a user; written in the same transaction as the event that it belongs to. Never here: balances,
orders, files themselves. Always: an id is given out once, whatever its case; no two users share a file name; what has still to be
done to a file (`previous_file_name`, state `deleting`) stands here until it is done.
"""

from __future__ import annotations

import hashlib
import secrets

import attrs

from credit_trading.errors import AlreadyExists, InvalidInput, NotFound
from credit_trading.store.sqlite import Connection
from credit_trading.users.naming import file_name

SCHEMA = """
CREATE TABLE users (
    number INTEGER PRIMARY KEY,
    user_id TEXT NOT NULL,
    folded_id TEXT NOT NULL UNIQUE,
    email TEXT,
    salt TEXT,
    file_name TEXT UNIQUE COLLATE NOCASE,
    previous_file_name TEXT UNIQUE COLLATE NOCASE,
    state TEXT NOT NULL CHECK (state IN ('active', 'deleting', 'deleted')),
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX users_unfinished ON users (number) WHERE previous_file_name IS NOT NULL OR state = 'deleting';
"""

_COLUMNS = "number, user_id, email, file_name, previous_file_name, state, created_at"


@attrs.frozen
class User:
    """A row of the catalogue. `created_at_us` is the time of the event that created the user."""

    number: int
    user_id: str
    email: str
    file_name: str
    previous_file_name: str | None
    state: str
    created_at_us: int


@attrs.frozen
class StoredUser:
    """All that stands in the catalogue of one user; what is personal is gone once the state is `deleted`."""

    number: int
    user_id: str
    folded_id: str
    email: str | None
    salt: str | None
    file_name: str | None
    previous_file_name: str | None
    state: str
    created_at_us: int


def new_salt() -> str:
    return secrets.token_hex(16)


def person_digest(user_id: str, email: str, salt: str) -> str:
    """What the journal holds of a person: nothing, once the salt is erased."""
    return hashlib.sha256("\n".join((salt, user_id, email)).encode()).hexdigest()


def check_free(connection: Connection, user_id: str) -> None:
    """Raises AlreadyExists if the id is or was given out, in whatever case."""
    row = connection.execute("SELECT user_id, state FROM users WHERE folded_id = ?", (user_id.lower(),)).fetchone()
    if row is None:
        return
    if row[1] != "active":
        problem, hint = f"a former user had the id {row[0]}, and ids are never given out again", "Choose another id."
    elif row[0] != user_id:
        problem, hint = f"the user {row[0]} differs only in case", "Choose another id."
    else:
        problem, hint = "the user exists", f"Choose another id, or show it: credit-trading users show {user_id}."
    raise AlreadyExists("users.create", user_id, problem, hint=hint)


def insert(connection: Connection, number: int, user_id: str, email: str, *, salt: str, created_at_us: int) -> None:
    connection.execute(
        "INSERT INTO users (number, user_id, folded_id, email, salt, file_name, state, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, 'active', ?)",
        (number, user_id, user_id.lower(), email, salt, _free_name(connection, number, user_id, email), created_at_us),
    )


def insert_restored(connection: Connection, user: StoredUser) -> None:
    """A row as it was once, of a user whose file is not about to be renamed; under another name if somebody has that one by now."""
    name = user.file_name
    if name is not None and is_known_file(connection, name):
        name = file_name(user.user_id, user.email or "", suffix=f"~{user.number}")
    connection.execute(
        "INSERT INTO users (number, user_id, folded_id, email, salt, file_name, state, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            user.number,
            user.user_id,
            user.folded_id,
            user.email,
            user.salt,
            name,
            user.state,
            user.created_at_us,
        ),
    )


def change_email(connection: Connection, number: int, email: str, *, salt: str) -> None:
    """Also names the file anew; the file itself follows when `previous_file_name` is worked off."""
    user = by_number(connection, number)
    new_name = _free_name(connection, number, user.user_id, email)
    previous = user.previous_file_name or user.file_name
    connection.execute(
        "UPDATE users SET email = ?, salt = ?, file_name = ?, previous_file_name = ? WHERE number = ?",
        (email, salt, new_name, None if previous == new_name else previous, number),
    )


def mark_deleting(connection: Connection, number: int) -> None:
    connection.execute("UPDATE users SET state = 'deleting' WHERE number = ?", (number,))


def finish_deletion(connection: Connection, number: int) -> None:
    """The files are gone: of the person the catalogue keeps nothing but the id, so that it is not given out again."""
    connection.execute(
        "UPDATE users SET state = 'deleted', email = NULL, salt = NULL, file_name = NULL, previous_file_name = NULL"
        " WHERE number = ? AND state = 'deleting'",
        (number,),
    )


def finish_rename(connection: Connection, number: int, name: str) -> None:
    connection.execute("UPDATE users SET previous_file_name = NULL WHERE number = ? AND file_name = ?", (number, name))


def by_id(connection: Connection, user_id: str) -> User:
    """An active user. Raises NotFound, InvalidInput for an id that is not text."""
    if not isinstance(user_id, str):
        raise InvalidInput("user id", user_id, f"{type(user_id).__name__} is not text", hint=f'Give text: "{user_id}".')
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM users WHERE folded_id = ? AND user_id = ? AND state = 'active'",
        (user_id.lower(), user_id),
    ).fetchone()
    if row is None:
        raise NotFound("users", user_id, "no such user", hint="List them: credit-trading users list.")
    return User(*row)


def former(connection: Connection, user_id: str) -> User:
    """A user of that id in whatever state. Raises NotFound."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM users WHERE folded_id = ? AND user_id = ?", (user_id.lower(), user_id)
    ).fetchone()
    if row is None:
        raise NotFound("users", user_id, "no such user, nor was there ever one", hint="Check the id.")
    return User(*row)


def by_number(connection: Connection, number: int) -> User:
    """A user in whatever state; one who is deleted has no e-mail and no file name."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM users WHERE number = ?", (number,)).fetchone()
    if row is None:
        raise NotFound("users", f"#{number}", "no such user", hint="List them: credit-trading users list.")
    return User(*row)


def page(connection: Connection, *, after: int, most: int) -> list[StoredUser]:
    """The rows beyond the user number `after`, by number."""
    rows = connection.execute(
        "SELECT number, user_id, folded_id, email, salt, file_name, previous_file_name, state, created_at FROM users"
        " WHERE number > ? ORDER BY number LIMIT ?",
        (after, most),
    )
    return [StoredUser(*row) for row in rows]


def count_active(connection: Connection) -> int:
    """How many users there are who are not deleted, nor about to be."""
    count: int = connection.execute("SELECT count(*) FROM users WHERE state = 'active'").fetchone()[0]
    return count


def is_known_file(connection: Connection, name: str) -> bool:
    """Whether it is, or was until a rename that is under way, the file of a user."""
    row = connection.execute("SELECT 1 FROM users WHERE file_name = ?1 OR previous_file_name = ?1", (name,)).fetchone()
    return row is not None


def unfinished(connection: Connection) -> list[User]:
    """Users whose file has still to be renamed or deleted."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM users WHERE previous_file_name IS NOT NULL OR state = 'deleting' ORDER BY number"
    )
    return [User(*row) for row in rows]


SORTS = {"user_id": "folded_id", "created_at": "created_at, number", "email": "email, number"}


def search(
    connection: Connection, *, text: str, sort: str, descending: bool, limit: int | None, offset: int
) -> list[User]:
    """Active users whose id or e-mail contains `text`, whatever the case (of ASCII letters)."""
    pattern = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    order = ", ".join(f"{column} {'DESC' if descending else 'ASC'}" for column in SORTS[sort].split(", "))
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM users WHERE state = 'active'"
        f" AND (user_id LIKE ?1 ESCAPE '\\' OR email LIKE ?1 ESCAPE '\\') ORDER BY {order} LIMIT ?2 OFFSET ?3",
        (pattern, -1 if limit is None else limit, offset),
    )
    return [User(*row) for row in rows]


def _free_name(connection: Connection, number: int, user_id: str, email: str) -> str:
    """A file name that no other user has now or is about to give up."""
    name = file_name(user_id, email)
    taken = connection.execute(
        "SELECT 1 FROM users WHERE number != ?1 AND (file_name = ?2 OR previous_file_name = ?2)", (number, name)
    ).fetchone()
    return file_name(user_id, email, suffix=f"~{number}") if taken else name
