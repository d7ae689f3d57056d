"""Names of users and of their files.

Here: which ids and e-mails are allowed, which file name follows, and the only way from a file name to a path. Never here: whether a name
is taken (the catalogue knows).
Always: a checked id or e-mail is safe in a path, on every platform that we support and on Windows; a user's path leads into the folder.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from credit_trading.checks import shown
from credit_trading.errors import FileCorrupt, InvalidInput

_USER_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}", re.ASCII)
_LABEL = re.compile(r"[^\s.@]+")
_FILE_NAME = re.compile(r"trading_[A-Za-z0-9._~-]{1,200}\.db", re.ASCII)
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
_LONGEST_EMAIL = 254


def check_user_id(user_id: str) -> str:
    """The id itself. Raises InvalidInput unless it is 1 to 64 ASCII letters, digits, '.', '_' or '-', not beginning with '.' or '-'."""
    if not isinstance(user_id, str) or _USER_ID.fullmatch(user_id) is None:
        raise InvalidInput(
            "user id",
            shown(user_id),
            "a user id is 1 to 64 ASCII letters, digits, '.', '_' or '-', not beginning with '.' or '-'",
            hint="For example 42 or ann.smith.",
        )
    if user_id.split(".")[0].lower() in _RESERVED:
        raise InvalidInput("user id", user_id, "a name that Windows reserves for a device", hint="Choose another id.")
    return user_id


def check_email(email: str) -> str:
    """The e-mail itself. Raises InvalidInput unless it has a local part, a domain of dot-separated labels and at most 254 characters."""
    problem = _email_problem(email)
    if problem:
        raise InvalidInput("e-mail", shown(email), problem, hint="For example ann@example.com.")
    return email


def _email_problem(email: str) -> str:
    if not isinstance(email, str):
        return "an e-mail is text"
    if len(email) > _LONGEST_EMAIL:
        return f"an e-mail has at most {_LONGEST_EMAIL} characters, this one {len(email)}"
    if any(unicodedata.category(character).startswith("C") for character in email):
        return "an e-mail holds no control characters"
    local, at, domain = email.rpartition("@")
    if not at or not local:
        return "an e-mail has a part before and after an @"
    if local != local.strip() or not all(_LABEL.fullmatch(label) for label in domain.split(".")):
        return "an e-mail ends in a domain of labels with dots between them"
    return ""


def file_name(user_id: str, email: str, *, suffix: str = "") -> str:
    """`trading_<userId>_<sanitised e-mail>.db`. The e-mail is decoration: `suffix` tells two users apart who would share a name."""
    sanitized = re.sub(r"[^A-Za-z0-9.-]+", "_", email)[:100].strip("._")
    return f"trading_{user_id}_{sanitized}{suffix}.db"


def path_in(home: Path, name: str) -> Path:
    """The path of a user's file whose name stands in the catalogue: any SQLite tool may have written it there.

    Raises FileCorrupt for a name that `file_name` never gives.
    """
    if not isinstance(name, str) or _FILE_NAME.fullmatch(name) is None:
        raise FileCorrupt(
            "users.file",
            shown(name),
            "the catalogue in exchange.db names a user's file so, and no user's file has such a name",
            hint="Somebody has edited exchange.db: restore it from a backup.",
        )
    return home / name
