"""What the host had before: projects, and who has how many of their credits. And how its pages see the exchange's tables.

The exchange makes and migrates its own tables (`credit-trading host init`), so Django leaves them alone: `managed = False`.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models


class Project(models.Model):
    """`code` is what its credits are called on the exchange."""

    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=200)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "projects"


class Credits(models.Model):
    """What somebody has of a project's credits: in the host's own hands, and on the exchange (kept by the adapter)."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    project = models.ForeignKey(Project, on_delete=models.PROTECT)
    amount = models.BigIntegerField(default=0)
    on_exchange = models.BigIntegerField(default=0)

    class Meta:
        db_table = "credits"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "project"], name="one_row_each"),
            models.CheckConstraint(condition=models.Q(amount__gte=0), name="never_below_zero"),
        ]


class TradingBalance(models.Model):
    pk = models.CompositePrimaryKey("user_id", "asset")
    user_id = models.CharField(max_length=64)
    asset = models.CharField(max_length=32)
    project_id = models.CharField(max_length=64, null=True)
    posted = models.CharField(max_length=40)
    held = models.CharField(max_length=40)
    available = models.CharField(max_length=40)

    class Meta:
        managed = False
        db_table = "trading_balances"


class TradingActivity(models.Model):
    pk = models.CompositePrimaryKey("sequence", "part")
    sequence = models.BigIntegerField()
    part = models.SmallIntegerField()
    occurred_at = models.DateTimeField()
    type = models.CharField(max_length=24)
    user_id = models.CharField(max_length=64, null=True)
    counterparty_id = models.CharField(max_length=64, null=True)
    project_id = models.CharField(max_length=64, null=True)
    sentence = models.TextField()

    class Meta:
        managed = False
        db_table = "trading_activity"


class TradingRequest(models.Model):
    id = models.CharField(max_length=64, primary_key=True)
    kind = models.CharField(max_length=16)
    user_id = models.CharField(max_length=64, null=True)
    project_id = models.CharField(max_length=64, null=True)
    amount = models.CharField(max_length=64, null=True)
    decision = models.CharField(max_length=8, null=True)
    status = models.CharField(max_length=16)
    sentence = models.TextField(null=True)

    class Meta:
        managed = False
        db_table = "trading_requests"
