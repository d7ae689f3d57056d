"""When an instrument trades: halts, sessions by hand and by schedule, and orders for the day (FIX 326, 340; TimeInForce 0)."""

from __future__ import annotations

import pytest

from credit_trading.exchange import engine
from credit_trading.exchange import events as ev
from credit_trading.exchange.exchange_state import NEVER_US
from credit_trading.exchange.schedule import Boundaries, Schedule
from credit_trading.exchange.state import dump, restore
from tests.exchange.market import Market
from tests.exchange.replicas import SECOND_US, START_US, SYMBOL


@pytest.mark.parametrize(
    ("shut", "reopen", "status"), [("halt", "resume", "instrument_halted"), ("close", "open", "instrument_closed")]
)
def test_an_instrument_that_does_not_trade_takes_cancels_only(
    told_market: Market, shut: str, reopen: str, status: str
) -> None:
    """Halted or closed: orders stay, may leave and expire; nothing comes in, nothing is changed."""
    told_market.play(f"""
        place a1 ann sell 5 @ 5.00                                                          | - / 5.00 x 5
        place a2 ann sell 5 @ 5.00 until +5s                                                | - / 5.00 x 10
        place a3 ann sell 5 @ 5.00                                                          | - / 5.00 x 15
        place s1 ann sell 5 market stop 4.00                                                | - / 5.00 x 15
        {shut}                                                                              | - / 5.00 x 15
        place b1 bob buy 5 @ 5.00             -> reject {status}                            | - / 5.00 x 15
        place b2 bob buy 5 market             -> reject {status}                            | - / 5.00 x 15
        place b3 bob buy 5 market stop 6.00   -> reject {status}                            | - / 5.00 x 15
        amend a1 quantity 4                   -> reject {status}                            | - / 5.00 x 15
        amend s1 quantity 4                   -> reject {status}                            | - / 5.00 x 15
        cancel a1                                                                           | - / 5.00 x 10
        cancel s1                                                                           | - / 5.00 x 10
        at +5s                                                                              | - / 5.00 x 10
        due                                   -> expire a2                                  | - / 5.00 x 5
        {shut}                                                                              | - / 5.00 x 5
        {reopen}                                                                            | - / 5.00 x 5
        place b4 bob buy 5 @ 5.00             -> trade a3 5 @ 5.00                          | - / -
    """)


def test_a_halt_outweighs_the_session(market: Market) -> None:
    """Each is kept by itself, and both must allow it."""
    market.play("""
        status                                -> open
        close
        status                                -> closed
        halt
        status                                -> halted
        place b1 bob buy 5 @ 5.00             -> reject instrument_halted
        open
        status                                -> halted
        close
        resume
        status                                -> closed
        place b2 bob buy 5 @ 5.00             -> reject instrument_closed
        open
        status                                -> open
        place b3 bob buy 5 @ 5.00
    """)


def test_sessions_open_and_close_by_schedule(told_market: Market) -> None:
    """Before anything else of that moment; the orders stay over night."""
    told_market.play("""
        schedule +5s-+10s +20s-+30s           -> session closes                             | - / -
        place b1 bob buy 5 @ 5.00             -> reject instrument_closed                   | - / -
        at +4.999999s                                                                       | - / -
        place b2 bob buy 5 @ 5.00             -> reject instrument_closed                   | - / -
        at +5s                                                                              | - / -
        place b3 bob buy 5 @ 5.00             -> session opens                              | 5.00 x 5 / -
        at +9.999999s                                                                       | 5.00 x 5 / -
        place a1 ann sell 1 @ 5.00            -> trade b3 1 @ 5.00                          | 5.00 x 4 / -
        at +10s                                                                             | 5.00 x 4 / -
        place a2 ann sell 1 @ 5.00            -> session closes, reject instrument_closed   | 5.00 x 4 / -
        at +25s                                                                             | 5.00 x 4 / -
        due                                   -> session opens                              | 5.00 x 4 / -
        due                                                                                 | 5.00 x 4 / -
        place a3 ann sell 1 @ 5.00            -> trade b3 1 @ 5.00                          | 5.00 x 3 / -
        at +99s                                                                             | 5.00 x 3 / -
        due                                   -> session closes                             | 5.00 x 3 / -
        at +9999s                                                                           | 5.00 x 3 / -
        due                                                                                 | 5.00 x 3 / -
    """)


def test_what_was_missed_happens_moment_by_moment(market: Market) -> None:
    """Expiries and sessions of a long pause, merged in the order of their moments; expiries first where they fall together."""
    market.play("""
        schedule +0s-+10s +20s-+30s
        place a1 ann buy 1 @ 4.01 until +30s
        place a2 ann buy 1 @ 4.02 until +15s
        place a3 ann buy 1 @ 4.03 DAY
        place a4 ann buy 1 @ 4.04 until +10s
        place a5 ann buy 1 @ 4.05 until +9s
        place a6 ann buy 1 @ 4.06 DAY
        at +40s
        due   -> expire a5, expire a3 session_ended, expire a4, expire a6 session_ended, session closes, expire a2
               + session opens, expire a1, session closes
    """)


def test_an_order_for_the_day_ends_with_the_session_that_it_was_accepted_in(told_market: Market) -> None:
    """At the next close as known then; placed in the next session it is for that one."""
    told_market.play("""
        schedule +0s-+10s +20s-+30s                                                         | - / -
        place b1 bob buy 5 @ 5.00 DAY                                                       | 5.00 x 5 / -
        place b2 bob buy 5 market stop 6.00 DAY                                             | 5.00 x 5 / -
        place b3 bob buy 5 @ 5.00                                                           | 5.00 x 10 / -
        at +9.999999s                                                                       | 5.00 x 10 / -
        place a1 ann sell 1 @ 5.00            -> trade b1 1 @ 5.00                          | 5.00 x 9 / -
        at +10s                                                                             | 5.00 x 9 / -
        due -> expire b1 session_ended, expire b2 session_ended, session closes             | 5.00 x 5 / -
        at +20s                                                                             | 5.00 x 5 / -
        place b4 bob buy 5 @ 5.01 DAY         -> session opens                              | 5.01 x 5, 5.00 x 5 / -
        at +30s                                                                             | 5.01 x 5, 5.00 x 5 / -
        due -> expire b4 session_ended, session closes                                      | 5.00 x 5 / -
        balance bob USD                       -> 99995.00 held 25.00                        | 5.00 x 5 / -
    """)


def test_an_order_for_the_day_needs_a_session_that_ends(market: Market) -> None:
    """Without a schedule, or after its last close, there is none."""
    market.play("""
        place b1 bob buy 5 @ 5.00 DAY         -> reject no_session_end
        schedule +0s-+10s
        place b2 bob buy 5 @ 5.00 DAY
        at +10s
        open                                  -> expire b2 session_ended, session closes
        place b3 bob buy 5 @ 5.00 DAY         -> reject no_session_end
        place b4 bob buy 5 @ 5.00
    """)


def test_the_end_of_a_day_order_is_frozen(market: Market) -> None:
    """A schedule that is changed or taken away moves no order; one with a new expiry is no longer for the day."""
    market.play("""
        schedule +0s-+10s
        place b1 bob buy 5 @ 5.00 DAY
        place b2 bob buy 5 @ 5.00 DAY
        schedule +0s-+20s
        place b3 bob buy 5 @ 5.00 DAY
        amend b2 until +15s
        at +12s
        due                                   -> expire b1 session_ended
        schedule none
        at +30s
        due                                   -> expire b2, expire b3 session_ended
        status                                -> open
    """)


def test_an_amended_order_for_the_day_stays_one(market: Market) -> None:
    """Only a new expiry makes it good till date."""
    market.play("""
        schedule +0s-+10s
        place b1 bob buy 5 @ 5.00 DAY
        amend b1 price 5.01 quantity 6
        at +10s
        due                                   -> expire b1 session_ended, session closes
    """)


def test_open_and_close_by_hand_last_until_the_next_boundary(market: Market) -> None:
    """The schedule then goes on as if nothing had been."""
    market.play("""
        schedule +10s-+20s +30s-+40s          -> session closes
        open
        place b1 bob buy 1 @ 5.00
        at +10s
        place b2 bob buy 1 @ 5.00             -> session opens
        close
        at +15s
        place b3 bob buy 1 @ 5.00             -> reject instrument_closed
        at +20s
        due                                   -> session closes
        open
        at +29s
        place b4 bob buy 1 @ 5.00
        at +40s
        due                                   -> session opens, session closes
        status                                -> closed
    """)


def test_without_a_schedule_what_is_done_by_hand_lasts(market: Market) -> None:
    """Taking the schedule away leaves the instrument as it is at that moment."""
    market.play("""
        close
        at +99999s
        due
        status                                -> closed
        open
        status                                -> open
        schedule +100001s-+100005s            -> session closes
        schedule none
        at +100002s
        due
        status                                -> closed
        open
        at +100006s
        due
        status                                -> open
    """)


def test_a_boundary_never_lifts_a_halt(market: Market) -> None:
    """Sessions go on beneath it."""
    market.play("""
        schedule +10s-+20s                    -> session closes
        halt
        at +10s
        due                                   -> session opens while halted
        status                                -> halted
        place b1 bob buy 1 @ 5.00             -> reject instrument_halted
        at +20s
        resume                                -> session closes while halted
        status                                -> closed
    """)


def test_a_new_schedule_takes_effect_at_once(market: Market) -> None:
    """In the middle of a session the instrument opens, between two it closes; if it is so already nothing is reported."""
    market.play("""
        schedule +0s-+10s
        status                                -> open
        at +5s
        schedule +6s-+10s                     -> session closes
        schedule +4s-+10s                     -> session opens
        schedule +4s-+11s
        at +10s
        due
        at +11s
        due                                   -> session closes
    """)


def test_every_change_of_status_is_an_event_with_its_reason(market: Market) -> None:
    """Also one that changes nothing; with the next boundaries as seen from there."""
    market.play("""
        halt
        halt
        schedule +0s-+10s +20s-+30s
        resume
        at +10s
        due                                   -> session closes
    """)
    changes = [entry.event for entry in market.entries if isinstance(entry.event, ev.InstrumentStatusChanged)]
    ten, twenty, thirty = (START_US + seconds * 1_000_000 for seconds in (10, 20, 30))
    symbol = market.instrument.symbol
    assert changes == [
        ev.InstrumentStatusChanged(symbol, True, True, "requested"),
        ev.InstrumentStatusChanged(symbol, True, True, "requested"),
        ev.InstrumentStatusChanged(symbol, False, True, "requested", twenty, ten),
        ev.InstrumentStatusChanged(symbol, False, False, "schedule", twenty, thirty),
    ]


def test_the_next_moment_is_known_and_survives_a_checkpoint(market: Market) -> None:
    """Whoever waits for it need not ask again and again."""
    assert market.live.next_due_us == NEVER_US
    market.play("place b1 bob buy 1 @ 5.00 until +5s")
    assert market.live.next_due_us == START_US + 5_000_000
    market.play("schedule +0s-+3s")
    assert market.live.next_due_us == START_US + 3_000_000
    assert restore(dump(market.live)).next_due_us == START_US + 3_000_000
    market.play("""
        at +3s
        due                                   -> session closes
    """)
    assert market.live.next_due_us == START_US + 5_000_000
    market.play("cancel b1")
    assert market.live.next_due_us == NEVER_US


def test_an_instrument_whose_time_zone_is_not_known_here_is_closed_and_all_else_goes_on(market: Market) -> None:
    """Nobody trades at a wrong hour, and no one else waits for it; a new schedule or a hand opens it again."""
    market.play("""
        schedule +0s-+10s +20s-+30s
        place b1 bob buy 5 @ 5.00
    """)
    market.live.take_pending()
    engine.advance(market.live, time_us=START_US + 10 * SECOND_US, calendar=lambda _, __: None)
    (entry,) = market.live.take_pending()
    market.followed.apply(entry)
    market.entries.append(entry)
    assert isinstance(entry.event, ev.InstrumentStatusChanged)
    assert (entry.event.session_open, entry.event.reason) == (False, "unknown_time_zone")
    assert market.live.next_due_us == NEVER_US
    market.play("""
        at +25s
        place b2 bob buy 5 @ 5.00             -> reject instrument_closed
        cancel b1
        open
        place b3 bob buy 5 @ 5.00
    """)


def test_what_nobody_saw_for_long_is_passed_over_in_one_step(market: Market) -> None:
    """A year without a command must not become a year of openings and closes under the lock; the last week is told one by one."""
    day, week = 86_400, 7 * 86_400
    sessions = [(START_US + n * day * SECOND_US, START_US + (n * day + 9) * SECOND_US) for n in range(1, 400)]

    def daily(_: Schedule, after_us: int) -> Boundaries:
        return Boundaries(
            next((opens for opens, _ in sessions if opens > after_us), None),
            next((closes for _, closes in sessions if closes > after_us), None),
        )

    market.play("schedule +86400s-+86409s -> session closes")
    engine.advance(market.live, time_us=START_US + 360 * day * SECOND_US + 1, calendar=daily)
    entries = market.live.take_pending()
    for entry in entries:
        market.followed.apply(entry)
        market.entries.append(entry)
    assert len(entries) <= 2 * week // day + 2
    assert market.live.markets[SYMBOL].session_open
    assert market.live.markets[SYMBOL].boundaries.closes_at_us == sessions[359][1]
