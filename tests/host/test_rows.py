"""What adapters are given has the names of the columns, in their order."""

from __future__ import annotations

import pytest

from credit_trading.host import rows
from credit_trading.host.tables import Tables

KINDS = {
    "balances": rows.BalanceRow,
    "orders": rows.OrderRow,
    "statistics": rows.StatisticsRow,
    "activity": rows.ActivityRow,
    "activity_daily": rows.DailyRow,
    "requests": rows.RequestRow,
}


@pytest.mark.parametrize("name", KINDS)
def test_a_row_is_told_as_its_table_has_it(name: str) -> None:
    assert list(KINDS[name].__annotations__) == getattr(Tables(), name).columns.keys()
