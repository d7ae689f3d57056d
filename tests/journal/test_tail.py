"""The journal beyond a position: in stretches, and only from where the journal goes on."""

from __future__ import annotations

import pytest

from credit_trading.errors import FileForeign
from credit_trading.journal.follower import Position
from credit_trading.journal.rows import FIRST_HASH
from credit_trading.journal.tail import head_of, tail_after
from tests.floor import Floor
from tests.marketdata.floors import trade

BEGINNING = Position("", 0, FIRST_HASH)


def test_stretches_lead_from_the_beginning_to_the_head_without_a_gap(floor: Floor) -> None:
    """The position after the last is the journal's own, and nothing follows it."""
    trade(floor)
    live, position, sequences = floor.exchange._live, BEGINNING, []
    head = head_of(live)
    while (tail := tail_after(live, position, up_to=head, most=4, follower="test")).rows:
        assert len(tail.rows) <= 4
        sequences += [row[0] for row in tail.rows]
        position = tail.after
    assert sequences == [*range(1, head + 1)]
    with live.history() as log:
        assert position == tail.after == Position(log.exchange_id, *log.head())


def test_nothing_is_read_beyond_where_it_shall_end(floor: Floor) -> None:
    """Not even if the position lies there already: another process may have gone further."""
    live = floor.exchange._live
    head = head_of(live)
    assert [row[0] for row in tail_after(live, BEGINNING, up_to=3, most=100, follower="test").rows] == [1, 2, 3]
    after = tail_after(live, BEGINNING, up_to=head, most=100, follower="test").after
    assert tail_after(live, after, up_to=3, most=100, follower="test").after == after


@pytest.mark.parametrize("replaced", ["by a longer one", "by a shorter one"])
def test_a_journal_that_is_replaced_between_two_statements_is_not_followed(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, replaced: str
) -> None:
    """The position was right a moment ago; what comes now is chained to another row, or is not there."""
    live = floor.exchange._live
    head = head_of(live)
    position = Position("", 3, bytes(31) + b"\1")
    if replaced == "by a shorter one":
        position, head = tail_after(live, BEGINNING, up_to=3, most=3, follower="test").after, head + 1
    monkeypatch.setattr(Position, "check", lambda *_, follower: None)
    with pytest.raises(FileForeign, match="does not go on from where it stands"):
        tail_after(live, position, up_to=head, most=100, follower="test")
