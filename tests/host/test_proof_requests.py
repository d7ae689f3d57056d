"""Requests twice, in another order, decided too early, deleted, and asked for again with other content."""

from __future__ import annotations

from random import Random

import pytest
from sqlalchemy.exc import IntegrityError

from tests.host.credits import AT_LENGTH_ON_POSTGRES, FOREST, PROJECTS, USERS, CreditsHost


def insert(host: CreditsHost, request_id: str, kind: str, user: str, amount: int, **more: object) -> None:
    """A row as a host writes it by itself, beside its own change."""
    row = {"id": request_id, "kind": kind, "user_id": user, "asset": FOREST, "amount": str(amount), **more}
    names = ", ".join(row)
    with host.database.connect() as connection:
        if kind == "deposit":
            connection.exec_driver_sql(
                f"UPDATE credits SET amount = amount - {amount} WHERE owner = '{user}' AND project_id = {PROJECTS[FOREST]}"
            )
        values = ", ".join(f"'{value}'" for value in row.values())
        connection.exec_driver_sql(f"INSERT INTO trading_requests ({names}) VALUES ({values})")


@AT_LENGTH_ON_POSTGRES
def test_the_same_requests_twice_in_any_order_and_at_any_time_of_theirs_are_carried_out_once(
    credits_host: CreditsHost,
) -> None:
    """Times that are moved about change in which order they come, and nothing else."""
    host, chance = credits_host, Random(6)
    asked = [
        (f"r{number}", chance.choice(("deposit", "withdrawal")), chance.choice(USERS), chance.randint(1, 9))
        for number in range(12)
    ]
    chance.shuffle(asked)
    for number, one in enumerate(asked):
        created_at = f"20{chance.randint(10, 40)}-0{chance.randint(1, 9)}-11 12:00:00.000000+00:00"
        insert(host, *one, created_at=created_at)
        with pytest.raises(IntegrityError):  # and its own side is rolled back with it
            insert(host, *one)
        if number % 5 == 4:
            host.sync()
        host.assert_sums()
    host.until_quiet()
    host.assert_settled()
    assert set(host.effects()) == {one[0] for one in asked}


@AT_LENGTH_ON_POSTGRES
def test_a_decision_before_the_hold_moves_the_credits_once(credits_host: CreditsHost) -> None:
    """By plain SQL: the host has credited its own side, or has said that it will not, before the exchange holds anything."""
    host = credits_host
    host.take_back("early", 10)
    host.take_back("never", 10)
    with host.database.connect() as connection:
        connection.exec_driver_sql("UPDATE credits SET amount = amount + 10 WHERE owner = 'ann' AND project_id = 1")
        connection.exec_driver_sql("UPDATE trading_requests SET decision = 'confirm' WHERE id = 'early'")
        connection.exec_driver_sql("UPDATE trading_requests SET decision = 'fail' WHERE id = 'never'")
    host.assert_sums()
    host.until_quiet()
    host.assert_settled()
    assert {name: row["status"] for name, row in host.requests().items()} == {"early": "done", "never": "released"}


@pytest.mark.parametrize("has_caught_up", [True, False])
@AT_LENGTH_ON_POSTGRES
def test_an_id_asked_for_again_with_other_content_moves_nothing_and_is_told(
    credits_host: CreditsHost, has_caught_up: bool
) -> None:
    """Somebody deletes the row by hand; the host, which has lost count, asks for more under the same id."""
    host = credits_host
    host.bring("in", 50)
    if has_caught_up:
        host.until_quiet()
    else:
        host.floor.exchange.as_admin("worker").host._link._directions()[1].round()  # the outcome is not shown yet
    host.database.execute("DELETE FROM trading_requests WHERE id = 'in'")
    host.bring("in", 70)
    host.until_quiet()
    row = host.requests()["in"]
    assert (row["status"], host.effects()["in"]) == ("set_aside", (FOREST, 50))
    assert {one.key for one in host.floor.admin.host.check().differences} == {"in"}
    assert host.floor.findings() == []
