"""Who is acting: the one thing that every command carries and no caller can leave out.

Always: a user's principal names one user and none of its services takes another; ids given by different users never meet.
"""

from __future__ import annotations

import re

import attrs

from credit_trading.errors import InvalidInput
from credit_trading.journal.notes import Note

_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
_LONGEST_TEXT = 1000


@attrs.frozen(kw_only=True)
class Principal:
    """`actor` as it stands in audit trails: `user:42` or `admin:setup`. `number` is the user acted for; None for an admin's own acts.

    `origin` (an address, a screen) and `correlation_id` (a request) are the host's words.
    """

    actor: str
    number: int | None = None
    user_id: str | None = None
    origin: str | None = None
    correlation_id: str | None = None

    def note(self, text: str | None = None) -> Note | None:
        """What stands beside the journal; None for a user who acts for themselves and says nothing more."""
        own = self.actor == f"user:{self.user_id}"
        if own and self.origin is None and self.correlation_id is None and text is None:
            return None
        return Note(
            actor=self.actor,
            origin=checked_text(self.origin, what="origin"),
            correlation_id=checked_text(self.correlation_id, what="correlation id"),
            note=checked_text(text, what="note"),
        )

    def scoped(self, command_id: str | None, *, kind: str = "id") -> str | None:
        """The id within the exchange: what one user calls a command is none of another's. None stays None (one is made up).

        An id in its full form, as reports and errors name it, stays as it is.
        """
        if command_id is None:
            return None
        if isinstance(command_id, str) and command_id.startswith(f"{self.scope}/"):
            _, given_kind, own_id = (*command_id.split("/", 2), "", "")[:3]
            checked_id(given_kind, what=kind)
            checked_id(own_id, what=kind)
            return command_id
        return f"{self.scope}/{kind}/{checked_id(command_id, what=kind)}"

    @property
    def scope(self) -> str:
        """Whose ids these are: a user's, or the administrators' together."""
        return "admin" if self.number is None else f"user{self.number}"


def checked_id(text: str, *, what: str) -> str:
    """Raises InvalidInput unless it is 1 to 64 letters, digits, '.', '_', ':' or '-': no id can hold an e-mail."""
    if not isinstance(text, str) or _ID.fullmatch(text) is None:
        raise InvalidInput(
            what,
            str(text)[:40],
            "an id is 1 to 64 ASCII letters, digits, '.', '_', ':' or '-'",
            hint="For example order-0042.",
        )
    return text


def checked_text(text: str | None, *, what: str) -> str | None:
    """Raises InvalidInput beyond a thousand characters."""
    if text is not None and len(text) > _LONGEST_TEXT:
        raise InvalidInput(what, text[:40], f"longer than {_LONGEST_TEXT} characters", hint="Shorten it.")
    return text
