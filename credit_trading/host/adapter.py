"""How a host application lets its own tables follow: the protocol that it implements.

Here: what is asked of a host. Never here: the default, which has tables of ours only (engine), and how connections are borrowed
(connections).
Always: what an adapter is called with is within one transaction of the host's database; what it raises rolls all of that back, and it is
tried again later with the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import attrs

from credit_trading.host.rows import Changes, RequestRow


@attrs.frozen
class OwnBalance:
    """What the host's own tables say that a user has of an asset on the exchange, as exact decimal text."""

    user_id: str
    asset: str
    posted: str


class Adapter(Protocol):
    """Subclass it; only `transaction` must be given. `connection` is what `transaction` gave, of whatever kind.

    Tables of ours stand in the same database and are written on the same connection, before `apply` is called.
    """

    def transaction(self) -> AbstractContextManager[Any]:
        """One transaction of the host's database: committed at the end of the block, rolled back if that raises.

        Gives the connection: a SQLAlchemy Connection or Session, or a Django connection (`django.db.connection`). May be called from
        any thread; is not called within another one, and must not be: the exchange would carry out requests that are rolled back with that.
        An error of the block comes out of it, whatever else is done about it.
        """
        ...

    def apply(self, connection: Any, changes: Changes) -> None:  # noqa: ARG002 - the default has no tables of its own
        """Brings the host's own tables to what the batch has changed. Is called exactly once for each batch that is committed."""
        return

    def project_status(self, connection: Any, project_id: str) -> str | None:  # noqa: ARG002 - the default knows no projects
        """`active`, `retired`, or None for a project that the host does not know; assets of such are refused. Default: all are active."""
        return "active"

    def reapply(self, connection: Any, request: RequestRow) -> bool:  # noqa: ARG002 - the default cannot
        """The exchange has carried out a request of which this database has lost its own side (an older copy was put back): do it again.

        Say whether it is done; if not, the row of the request keeps `reapply`, and `host check` names it. A deposit: take the credits
        from the host's side. A withdrawal: add them. Is called in the transaction that writes the row.
        """
        return False

    def keeps(self, user_id: str, asset: str, project_id: str | None) -> bool:  # noqa: ARG002 - the default keeps all or none
        """Whether the host has a record of its own of that balance; no other is missed by `host check`. Default: of all."""
        return True

    def own_balances(self, connection: Any, after: tuple[str, str] | None, limit: int) -> Sequence[OwnBalance]:  # noqa: ARG002
        """The host's own record of balances on the exchange, by (user_id, asset) from beyond `after`; for `host check`. Default: none."""
        return ()

    def set_own_balance(self, connection: Any, balance: OwnBalance) -> None:  # noqa: ARG002 - nor here
        """Corrects its own record; is called by `host repair --own-tables` only."""
        return
