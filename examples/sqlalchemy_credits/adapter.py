"""The host's own tables follow the exchange: with SQLAlchemy's ORM, in a session of the host's, in the exchange's transaction.

Always: credits leave one side in the same transaction in which they are asked for on the other.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import AbstractContextManager

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from credit_trading.host import request_rows
from credit_trading.host.adapter import Adapter, OwnBalance
from credit_trading.host.rows import Changes, RequestRow
from examples.sqlalchemy_credits.models import Credits, Project


class NotEnough(Exception):
    """Somebody has fewer credits than are to be moved."""


class CreditsAdapter(Adapter):
    def __init__(self, engine: Engine) -> None:
        self._sessions = sessionmaker(engine)

    def transaction(self) -> AbstractContextManager[Session]:
        return self._sessions.begin()

    def apply(self, connection: Session, changes: Changes) -> None:
        """Shows what everybody has on the exchange, and ends what the host has begun."""
        for row in (*changes.balances, *changes.gone_balances):
            if row["project_id"] is not None:
                credits = _credits(connection, row["user_id"], int(row["project_id"]))
                credits.on_exchange = 0 if row["user_id"] in changes.deleted_users else row["posted_units"]
        for request in changes.requests:
            if request["project_id"] is None:  # money, of which this host keeps nothing
                continue
            if (request["kind"], request["status"]) == ("deposit", "refused"):
                _of(connection, request).amount += int(request["amount"] or 0)
            elif request["status"] == "held" and request["decision"] is None:
                _of(connection, request).amount += int(request["amount"] or 0)
                request_rows.confirm(connection, request["id"])

    def project_status(self, connection: Session, project_id: str) -> str | None:
        project = connection.get(Project, int(project_id)) if project_id.isdigit() else None
        if project is None:
            return None
        return "retired" if project.is_retired else "active"

    def reapply(self, connection: Session, request: RequestRow) -> bool:
        if request["project_id"] is None:
            return False
        credits, amount = _of(connection, request), int(request["amount"] or 0)
        if request["kind"] == "deposit" and credits.amount < amount:
            return False
        credits.amount += amount if request["kind"] == "withdrawal" else -amount
        return True

    def keeps(self, user_id: str, asset: str, project_id: str | None) -> bool:
        """Credits of projects, and no money."""
        return project_id is not None

    def own_balances(self, connection: Session, after: tuple[str, str] | None, limit: int) -> Sequence[OwnBalance]:
        rows = select(Credits.owner, Project.code, Credits.on_exchange).join(Project).where(Credits.on_exchange != 0)
        found = sorted((owner, code, str(amount)) for owner, code, amount in connection.execute(rows))
        return [OwnBalance(*one) for one in found if after is None or one[:2] > after][:limit]

    def set_own_balance(self, connection: Session, balance: OwnBalance) -> None:
        project = connection.scalars(select(Project).where(Project.code == balance.asset)).one()
        _credits(connection, balance.user_id, project.id).on_exchange = int(balance.posted)

    def bring(self, owner: str, project_id: int, amount: int) -> str:
        """To the exchange; the id of the request."""
        request_id = f"in-{secrets.token_hex(8)}"
        with self._sessions.begin() as session:
            credits = session.get(Credits, (owner, project_id), with_for_update=True)
            if credits is None or credits.amount < amount:
                raise NotEnough
            credits.amount = Credits.amount - amount  # as it is then: not every database has locked the row
            request_rows.deposit(session, request_id, user_id=owner, project_id=str(project_id), amount=str(amount))
        return request_id

    def take_back(self, owner: str, project_id: int, amount: int) -> str:
        """From the exchange: held there first; `apply` adds them here and confirms, in one transaction."""
        request_id = f"out-{secrets.token_hex(8)}"
        with self._sessions.begin() as session:
            request_rows.withdraw(session, request_id, user_id=owner, project_id=str(project_id), amount=str(amount))
        return request_id


def _credits(session: Session, owner: str, project_id: int) -> Credits:
    """Locked, for the owner may be bringing some at the same moment."""
    found = session.get(Credits, (owner, project_id), with_for_update=True)
    if found is None:
        found = Credits(owner=owner, project_id=project_id, amount=0, on_exchange=0)
        session.add(found)
    return found


def _of(session: Session, request: RequestRow) -> Credits:
    return _credits(session, request["user_id"] or "", int(request["project_id"] or 0))
