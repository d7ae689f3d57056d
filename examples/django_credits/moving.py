"""Credits go to the exchange and come back: what the host's views call.

Always: the request to the exchange is a row of the same transaction as the change of the host's own tables. Either both are there or none.
"""

from __future__ import annotations

import secrets

from django.contrib.auth.models import User as Person
from django.db import connection, transaction
from django.db.models import F

from credit_trading.host import request_rows
from examples.django_credits.models import Credits, Project


class NotEnough(Exception):
    """Somebody has fewer credits than are to be moved."""


def bring(person: Person, project: Project, amount: int) -> str:
    """To the exchange; the id of the request. What comes of it stands in its row, and in the page of activity."""
    request_id = f"in-{secrets.token_hex(8)}"
    with transaction.atomic():
        own = Credits.objects.filter(owner=person, project=project, amount__gte=amount)
        if not own.update(amount=F("amount") - amount):
            raise NotEnough
        request_rows.deposit(
            connection, request_id, user_id=str(person.pk), project_id=str(project.pk), amount=str(amount)
        )
    return request_id


def take_back(person: Person, project: Project, amount: int) -> str:
    """From the exchange: held there first; the adapter adds them here and confirms, in one transaction."""
    request_id = f"out-{secrets.token_hex(8)}"
    with transaction.atomic():
        request_rows.withdraw(
            connection, request_id, user_id=str(person.pk), project_id=str(project.pk), amount=str(amount)
        )
    return request_id


def retire(project: Project, retired_at: object) -> str:
    """The project's credits are no longer traded."""
    request_id = f"retire-{project.pk}"
    with transaction.atomic():
        Project.objects.filter(pk=project.pk).update(retired_at=retired_at)
        request_rows.retire_project(connection, request_id, project_id=str(project.pk))
    return request_id
