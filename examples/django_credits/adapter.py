"""The host's own tables follow the exchange: with Django's ORM, on Django's connection, in the exchange's transaction.

Always: credits leave one side in the same transaction in which they are asked for on the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import django
from django.apps import apps
from django.db import close_old_connections, connection, transaction
from django.db.models import F

from credit_trading.host.adapter import Adapter, OwnBalance
from credit_trading.host.request_rows import confirm
from credit_trading.host.rows import Changes, RequestRow

if not apps.ready:  # the command line of credit-trading imports this module by itself
    django.setup()

from django.contrib.auth.models import User as Person

from examples.django_credits.models import Credits, Project


class CreditsAdapter(Adapter):
    def transaction(self) -> AbstractContextManager[Any]:
        return _transaction()

    def apply(self, connection: Any, changes: Changes) -> None:
        """Shows what everybody has on the exchange, and ends what the host has begun."""
        for rows, is_gone in ((changes.balances, False), (changes.gone_balances, True)):
            for row in rows:
                if self.keeps(row["user_id"], row["asset"], row["project_id"]):
                    self._show(row["user_id"], row["asset"], 0 if is_gone else row["posted_units"])
        for request in changes.requests:
            if request["project_id"] is None:  # money, of which this host keeps nothing
                continue
            if (request["kind"], request["status"]) == ("deposit", "refused"):
                _add(request)
            elif request["status"] == "held" and request["decision"] is None:
                _add(request)
                confirm(connection, request["id"])

    def project_status(self, connection: Any, project_id: str) -> str | None:
        project = Project.objects.filter(pk=project_id).first() if project_id.isdigit() else None
        if project is None:
            return None
        return "active" if project.retired_at is None else "retired"

    def reapply(self, connection: Any, request: RequestRow) -> bool:
        if request["project_id"] is None:
            return False
        if request["kind"] == "withdrawal":
            _add(request)
            return True
        amount = int(request["amount"] or 0)
        return bool(_row(request).filter(amount__gte=amount).update(amount=F("amount") - amount))

    def keeps(self, user_id: str, asset: str, project_id: str | None) -> bool:
        """Credits of projects, and no money; of people, and nobody whom only the exchange knows."""
        return project_id is not None and user_id.isdigit() and Person.objects.filter(pk=user_id).exists()

    def own_balances(self, connection: Any, after: tuple[str, str] | None, limit: int) -> Sequence[OwnBalance]:
        rows = Credits.objects.select_related("project").exclude(on_exchange=0)
        found = sorted((str(row.owner_id), row.project.code, str(row.on_exchange)) for row in rows)
        return [OwnBalance(*one) for one in found if after is None or one[:2] > after][:limit]

    def set_own_balance(self, connection: Any, balance: OwnBalance) -> None:
        self._show(balance.user_id, balance.asset, int(balance.posted))

    def _show(self, user_id: str, code: str, amount: int) -> None:
        project = Project.objects.filter(code=code).first()
        if project is not None:
            Credits.objects.update_or_create(owner_id=int(user_id), project=project, defaults={"on_exchange": amount})


@contextmanager
def _transaction() -> Any:
    """One of Django's; a connection that the server has closed meanwhile is opened again before.

    Durable: within a transaction of a view, the exchange would carry out requests that are rolled back afterwards.
    """
    close_old_connections()
    with transaction.atomic(durable=True):
        yield connection


def _row(request: RequestRow) -> Any:
    return Credits.objects.filter(owner_id=request["user_id"], project_id=request["project_id"])


def _add(request: RequestRow) -> None:
    """Credits come into the host's hands."""
    owner, project = int(request["user_id"] or 0), int(request["project_id"] or 0)
    Credits.objects.get_or_create(owner_id=owner, project_id=project)
    _row(request).update(amount=F("amount") + int(request["amount"] or 0))


adapter = CreditsAdapter()
