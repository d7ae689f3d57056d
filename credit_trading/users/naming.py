"""Names of users and of their files.

Here: which ids and e-mails are allowed, and which file name follows. Never here: whether a name is taken (the catalogue knows).
Always: a checked id or e-mail is safe in a path, on every platform that we support and on Windows.
"""

from __future__ import annotations

import re
import unicodedata

from credit_trading.checks import shown
from credit_trading.errors import InvalidInput

_USER_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}", re.ASCII)
_LABEL = re.compile(r"[^\s.@]+")
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
