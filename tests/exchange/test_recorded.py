"""Transactions of elsewhere: what each kind posts, when it is refused, and that it touches nothing but balances."""

from __future__ import annotations

import msgspec
import pytest

from credit_trading.errors import CommandConflict, InvalidInput, NotFound
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import events as ev
from credit_trading.exchange.accounts import OUTSIDE
from credit_trading.exchange.recorded import DIRECTIONS
from credit_trading.exchange.rejections import Rejection
from credit_trading.money.amount import MAX_UNITS
from tests.exchange.market import Market
from tests.exchange.replicas import START_US

ANN, BOB = 1, 2
TRADE = {"currency": "USD", "price": 500, "price_decimals": 2, "total": 5000, "fee": 12}


def recorded(kind: str, quantity: int = 10, *, reference: str = "r1", **more: object) -> cmd.RecordTransaction:
    """Of ann's: 10 credits, at 5.00 and a fee of 0.12 where it is a trade."""
    trade = TRADE if kind.split("_")[0] in ("buy", "sell") else {}
    asset = str(more.pop("asset", "TREE"))
    moment = more.pop("occurred_at_us", START_US - 1)
    return cmd.RecordTransaction(ANN, kind, reference, moment, asset, quantity, **(trade | more))  # type: ignore[arg-type]


def balances(market: Market) -> tuple[int, int]:
    accounts = market.live.accounts
    return accounts.balance(ANN, "TREE").posted, accounts.balance(ANN, "USD").posted


@pytest.mark.parametrize(
    ("kind", "credits", "cash"),
    [
        ("deposit", 10, 0),
        ("transfer_in", 10, 0),
        ("correction_in", 10, 0),
        ("withdrawal", -10, 0),
        ("transfer_out", -10, 0),
        ("correction_out", -10, 0),
        ("fee", -10, 0),
        ("buy", 10, -5012),
        ("sell", -10, 4988),
    ],
)
def test_each_kind_posts_against_the_outside_world(market: Market, kind: str, credits: int, cash: int) -> None:
    """Per asset all accounts sum to zero, which the market checks after every step; what was posted stands in the event."""
    before, outside = balances(market), market.live.accounts.balance(OUTSIDE, "USD").posted
    market.send(recorded(kind))
    market.check()
    assert balances(market) == (before[0] + credits, before[1] + cash)
    assert market.live.accounts.balance(OUTSIDE, "USD").posted == outside - cash
    event = market.entries[-1].event
    assert isinstance(event, ev.TransactionRecorded)
    assert (event.asset_change, event.currency_change, event.users()) == (credits, cash, (ANN, None))


@pytest.mark.parametrize("kind", ["buy", "sell"])
def test_a_busted_trade_as_it_is_shown_gives_back_what_the_trade_took(market: Market, kind: str) -> None:
    """The fee of a bust is shown below zero."""
    before = balances(market)
    market.send(recorded(kind, reference="t"))
    market.send(recorded(f"{kind}_busted", reference="b", fee=-12))
    market.check()
    assert balances(market) == before


def test_every_kind_is_tried_here() -> None:
    """A new one must be given its postings above."""
    assert set(DIRECTIONS) == {
        *("deposit", "transfer_in", "correction_in", "withdrawal", "transfer_out", "correction_out", "fee"),
        *("buy", "sell", "buy_busted", "sell_busted"),
    }


def test_books_and_prices_do_not_move(told_market: Market) -> None:
    """Nor is it a trade of this exchange: the next one has the next number."""
    told_market.play("place a1 ann sell 9 @ 5.00  | - / 5.00 x 9")
    told_market.send(recorded("buy"))
    told_market.send(recorded("sell", reference="r2"))
    told_market.play("""
        last                       -> none                      | - / 5.00 x 9
        place b1 bob buy 4 @ 5.00  -> trade a1 4 @ 5.00        | - / 5.00 x 5
    """)
    assert told_market.live.last_trade == 1


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (recorded("withdrawal", 1001), Rejection.INSUFFICIENT_FUNDS),
        (recorded("sell", 992), Rejection.INSUFFICIENT_FUNDS),
        (recorded("buy", total=10_000_000, fee=1), Rejection.INSUFFICIENT_FUNDS),
        (recorded("sell", 1, total=10, fee=10_000_011), Rejection.INSUFFICIENT_FUNDS),
        (recorded("deposit", MAX_UNITS - 4000 + 1), Rejection.ISSUE_CAP_EXCEEDED),
        (recorded("sell", 1, total=MAX_UNITS), Rejection.ISSUE_CAP_EXCEEDED),
    ],
    ids=["withdrawal", "sell", "buy", "fee above proceeds", "issue", "issue of cash"],
)
def test_what_is_not_there_cannot_be_given_nor_more_brought_in_than_fits(
    market: Market, command: cmd.RecordTransaction, code: Rejection
) -> None:
    """What an open order holds is not there either: of ann's 1000 credits, 9 are in the book."""
    market.play("place a1 ann sell 9 @ 5.00")
    before = balances(market)
    market.send(command)
    event = market.entries[-1].event
    assert isinstance(event, ev.CommandRejected)
    assert (event.code, balances(market)) == (code.value, before)
    market.check()


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (recorded("deposit", asset="GOLD"), NotFound),
        (recorded("buy", currency="GOLD"), NotFound),
        (recorded("buy", asset="USD"), InvalidInput),
        (recorded("buy", symbol="GOLD/USD"), NotFound),
        (recorded("buy", counterparty=99), NotFound),
        (recorded("deposit", occurred_at_us=START_US + 1), InvalidInput),
        (recorded("deposit", occurred_at_us=-1), InvalidInput),
        (recorded("deposit", recorded_at_us=START_US + 1), InvalidInput),
    ],
    ids=["asset", "currency", "same asset", "symbol", "counterparty", "future", "before 1970", "entered in the future"],
)
def test_what_names_nothing_here_leaves_nothing(
    market: Market, command: cmd.RecordTransaction, error: type[Exception]
) -> None:
    """Malformed input raises, and emits no event."""
    before = len(market.entries)
    with pytest.raises(error):
        market.send(command)
    assert len(market.entries) == before


def test_the_same_reference_takes_effect_once(market: Market) -> None:
    """Its id is made of user and reference; other content under it is refused."""
    market.send(recorded("deposit"), command_id="user1/record/r1")
    before = balances(market)
    assert market.send(recorded("deposit"), command_id="user1/record/r1") == []
    with pytest.raises(CommandConflict):
        market.send(recorded("deposit", 11), command_id="user1/record/r1")
    assert balances(market) == before


def test_what_was_recorded_before_entry_had_a_time_has_the_same_content_still() -> None:
    """References are kept for ever with the digest of what they stood for."""
    deposit = cmd.RecordTransaction(1, "deposit", "OLD-1", 1_714_564_800_000_000, "USD", 1000)
    buy = cmd.RecordTransaction(
        *(1, "buy", "OLD-1", 1_714_564_800_000_000, "T", 1000, "USD", 1, 2, 3, 4, 5, "s", "maker", "t", "x")
    )
    contents = [cmd.Request.of(one, command_id="r", prepared_us=0).content for one in (deposit, buy)]
    assert contents == ["ef8b07cc4c73692e", "090671417b52d876"]
    later = msgspec.structs.replace(deposit, recorded_at_us=0)
    assert cmd.Request.of(later, command_id="r", prepared_us=0).content not in contents


def test_a_price_on_what_comes_in_moves_no_money(market: Market) -> None:
    """It says what it cost, and when it was entered stands beside when it happened; 1970 is a time, too."""
    before = balances(market)
    market.send(recorded("deposit", currency="USD", price=150, price_decimals=2, total=1500, recorded_at_us=0))
    market.check()
    assert balances(market) == (before[0] + 10, before[1])
    event = market.entries[-1].event
    assert isinstance(event, ev.TransactionRecorded)
    assert (event.total, event.currency_change, event.recorded_at_us) == (1500, 0, 0)
