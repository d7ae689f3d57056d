"""A host on Django that lends us its connection: a program, because Django's settings are one per process.

python -m tests.host.django_side sqlite:///app.db
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import django
import pytest
from django.conf import settings
from django.db import connection, models, transaction
from sqlalchemy import insert, make_url, select, update

from credit_trading.errors import InvalidInput, StorageError
from credit_trading.host import schema
from credit_trading.host.connecting.connections import borrowed, translated_errors
from credit_trading.host.tables import Tables

AT = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
TABLES = Tables()
_BACKENDS = {"sqlite": "sqlite3", "postgresql": "postgresql"}


def set_up(url: str) -> type[Any]:
    """Django on that database, with one table of its own; its model."""
    at = make_url(url)
    place: dict[str, object] = {"ENGINE": f"django.db.backends.{_BACKENDS[at.get_backend_name()]}", "NAME": at.database}
    if at.get_backend_name() == "postgresql":
        place |= {"USER": at.username, "HOST": at.query["host"], "PORT": at.query["port"]}
        place["OPTIONS"] = {"options": at.query["options"]}
    settings.configure(DATABASES={"default": place}, INSTALLED_APPS=[], USE_TZ=True, TIME_ZONE="Asia/Tokyo")
    django.setup()

    class Company(models.Model):  # type: ignore[misc]
        name = models.TextField(unique=True)

        class Meta:
            app_label = "host"

    with connection.schema_editor() as editor:
        editor.create_model(Company)
    with transaction.atomic():
        assert len(schema.init(borrowed(connection), TABLES, exchange_id="ours")) == len(TABLES.metadata.tables)
    return Company


def ask(request_id: str) -> None:
    """Writes a request as the host's own code would, beside its own change."""
    core = borrowed(connection)
    core.execute(insert(TABLES.requests).values(id=request_id, kind="deposit", created_at=AT, reapply=True))


def there(company: type[Any]) -> tuple[list[str], list[str]]:
    """What is committed: names of companies, ids of requests."""
    connection.close()
    with transaction.atomic():
        ids = borrowed(connection).scalars(select(TABLES.requests.c.id).order_by(TABLES.requests.c.id)).all()
    return sorted(company.objects.values_list("name", flat=True)), list(ids)


def commits_together(company: type[Any]) -> None:
    with transaction.atomic():
        company.objects.create(name="one")
        ask("one")
    assert there(company) == (["one"], ["one"])


def rolls_back_together(company: type[Any]) -> None:
    def write(fail: Callable[[], object]) -> None:
        with translated_errors("django"), transaction.atomic():
            company.objects.create(name="two")
            ask("two")
            fail()

    for fail in (lambda: 1 / 0, lambda: company.objects.create(name="one"), lambda: ask("one")):
        with pytest.raises((ZeroDivisionError, StorageError)) as error:
            write(fail)
        assert "\n" not in str(error.value)
    assert there(company) == (["one"], ["one"])


def a_savepoint_takes_back_its_own_part_alone(company: type[Any]) -> None:
    with transaction.atomic():
        ask("outer")
        try:
            with transaction.atomic():
                company.objects.create(name="inner")
                ask("inner")
                raise KeyError
        except KeyError:
            pass
        with borrowed(connection).begin_nested():  # and ours within Django's
            ask("nested")
        company.objects.create(name="outer")
    assert there(company) == (["one", "outer"], ["nested", "one", "outer"])


def moments_and_days_are_read_as_they_were_written(company: type[Any]) -> None:
    """Django has SQLite make times of text by itself, and PostgreSQL give them in its own zone."""
    with transaction.atomic():
        core = borrowed(connection)
        row = core.execute(select(TABLES.requests).where(TABLES.requests.c.created_at == AT)).mappings().first()
        assert row is not None
        assert (row["created_at"], row["created_at"].tzinfo, row["reapply"]) == (AT, UTC, True)
        counts = {"entries": 1, "quantity_units": 2**62, "value_units": 0}
        key = {"type": "trade", "project_id": "", "user_id": "ann", "asset": "", "currency": ""}
        core.execute(insert(TABLES.activity_daily), [{"day": date(2026, 3, day), **key, **counts} for day in (1, 2)])
        assert core.scalars(select(TABLES.activity_daily.c.day)).all() == [date(2026, 3, 1), date(2026, 3, 2)]
        assert core.scalar(select(TABLES.activity_daily.c.quantity_units)) == 2**62
        moved = core.execute(update(TABLES.position).where(TABLES.position.c.sequence == 1).values(sequence=2))
        assert moved.rowcount == 0
    with connection.cursor() as cursor:  # Django's own functions and converters are as they were
        cursor.execute("SELECT created_at FROM trading_requests")
        assert cursor.fetchone()[0].replace(tzinfo=UTC) == AT
    assert company.objects.filter(name__iregex="^ONE$").count() == 1


def is_refused_outside_of_a_transaction(company: type[Any]) -> None:
    connection.close()
    for _ in range(2):
        with pytest.raises(InvalidInput, match=r"transaction\.atomic"):
            borrowed(connection)


def main() -> None:
    company = set_up(sys.argv[1])
    steps: list[Callable[[type[Any]], None]] = [
        commits_together,
        rolls_back_together,
        a_savepoint_takes_back_its_own_part_alone,
        moments_and_days_are_read_as_they_were_written,
        is_refused_outside_of_a_transaction,
    ]
    for step in steps:
        step(company)
        sys.stdout.write(f"{step.__name__}\n")


if __name__ == "__main__":
    main()
