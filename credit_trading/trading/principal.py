"""Who is acting: the one thing that every command carries and no caller can leave out.

Always: a user's principal names one user and none of its services takes another; ids given by different users never meet.
"""

from __future__ import annotations

import attrs

from credit_trading.checks import checked_id, checked_text, shown
from credit_trading.errors import InvalidInput
from credit_trading.journal.notes import Note

_KINDS = {"id": "command id", "key": "key", "order": "client order id"}


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

    def note(self, text: str | None = None, *, counterparty: str | None = None) -> Note | None:
        """What stands beside the journal; None for a user who acts for themselves and says nothing more. Raises InvalidInput.

        `counterparty` is who the other side was, where that is nobody here.
        """
        own = self.actor == f"user:{self.user_id}"
        if own and (self.origin, self.correlation_id, text, counterparty) == (None,) * 4:
            return None
        return Note(
            actor=self.actor,
            origin=_words(self.origin, what="origin"),
            correlation_id=_words(self.correlation_id, what="correlation id"),
            note=_words(text, what="note"),
            counterparty=_words(counterparty, what="counterparty"),
        )

    def scoped(self, command_id: str | None, *, kind: str = "id") -> str | None:
        """The id within the exchange: what one user calls a command is none of another's. None stays None (one is made up).

        An id in its full form, as reports and errors name it, stays as it is; but only one of that kind, or one that was made up: keys
        are given by administrators, and no user can take one of theirs.
        """
        if command_id is None:
            return None
        if isinstance(command_id, str) and command_id.startswith(f"{self.scope}/"):
            _, given_kind, own_id = (*command_id.split("/", 2), "", "")[:3]
            if given_kind not in (kind, "id"):
                problem = f"this is no {_KINDS[kind]} of {self.scope}"
                raise InvalidInput(
                    _KINDS[kind],
                    shown(command_id),
                    problem,
                    hint=f"Give {self.scope}/{kind}/NAME, or a name of your own.",
                )
            checked_id(own_id, what=kind)
            return command_id
        return f"{self.scope}/{kind}/{checked_id(command_id, what=kind)}"

    @property
    def scope(self) -> str:
        """Whose ids these are: a user's, or the administrators' together."""
        return "admin" if self.number is None else f"user{self.number}"


def _words(text: str | None, *, what: str) -> str | None:
    return None if text is None else checked_text(text, what=what)
