"""Assets, instruments, and what everyone may see of a market: its book and its last trades."""

from __future__ import annotations

from itertools import islice

import attrs

from credit_trading.clock import format_time
from credit_trading.errors import InvalidInput, NotFound
from credit_trading.exchange import commands as cmd
from credit_trading.exchange.book import BookSide
from credit_trading.exchange.market import LAST_TRADES, Market
from credit_trading.exchange.replica import Replica
from credit_trading.money import Asset, Instrument
from credit_trading.trading.desk import Desk
from credit_trading.trading.orders import Number
from credit_trading.trading.principal import Principal
from credit_trading.trading.sequencer import Prepared


@attrs.frozen
class AssetRecord:
    code: str
    decimals: int


@attrs.frozen(kw_only=True)
class InstrumentRecord:
    """`status` is `open` or `halted` (cancels only); fee rates are parts of the trade's value."""

    symbol: str
    base: str
    quote: str
    tick: str
    lot: str
    maker_fee: str
    taker_fee: str
    status: str

    @classmethod
    def of(cls, market: Market) -> InstrumentRecord:
        instrument = market.instrument
        return cls(
            symbol=instrument.symbol,
            base=instrument.base.code,
            quote=instrument.quote.code,
            tick=instrument.tick_size,
            lot=instrument.lot_size,
            maker_fee=_rate(instrument.maker_ppm),
            taker_fee=_rate(instrument.taker_ppm),
            status="halted" if market.halted else "open",
        )


@attrs.frozen(kw_only=True)
class LevelRecord:
    """All open orders at one price."""

    price: str
    quantity: str
    orders: int


@attrs.frozen(kw_only=True)
class BookRecord:
    """Both sides, best first, as of the journal `sequence`."""

    symbol: str
    sequence: int
    bids: list[LevelRecord]
    asks: list[LevelRecord]


@attrs.frozen(kw_only=True)
class TradeRecord:
    """What the public sees of a trade; `taker_side` is the incoming order's."""

    trade_id: int
    sequence: int
    time: str
    price: str
    quantity: str
    taker_side: str


class MarketData:
    """Books and last trades."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def get_book(self, symbol: str, *, depth: int | None = None) -> BookRecord:
        """The best `depth` levels of each side; all of them if None. Raises NotFound."""
        if depth is not None and depth < 1:
            raise InvalidInput("book", depth, "the depth counts levels from 1", hint="Give --depth 10.")
        return self._desk.reading(lambda replica: _book(replica, symbol, depth))

    def get_trades(self, symbol: str, *, limit: int = 50) -> list[TradeRecord]:
        """The latest first; at most 256 are kept for display. Raises NotFound."""
        if not 1 <= limit <= LAST_TRADES:
            raise InvalidInput(
                "trades", limit, f"between 1 and {LAST_TRADES} last trades are shown", hint="Give --limit 50."
            )
        return self._desk.reading(lambda replica: _trades(_market(replica, symbol), limit))


class AssetAdministration:
    """The assets of the exchange."""

    def __init__(self, desk: Desk, principal: Principal) -> None:
        self._desk = desk
        self._scope = principal.scope
        self._note = principal.note()

    def add_asset(self, code: str, *, decimals: int) -> AssetRecord:
        """Raises InvalidInput, AlreadyExists."""
        asset = Asset.checked(code, decimals)
        self._desk.run(
            "assets.add", code, self._desk.sequencer.prepare(cmd.AddAsset(asset), scope=self._scope, note=self._note)
        )
        return AssetRecord(code, decimals)

    def list_assets(self) -> list[AssetRecord]:
        """In the order in which they were added."""
        return self._desk.reading(
            lambda replica: [AssetRecord(asset.code, asset.decimals) for asset in replica.assets.values()]
        )


class InstrumentAdministration:
    """The instruments of the exchange."""

    def __init__(self, desk: Desk, principal: Principal) -> None:
        self._desk = desk
        self._principal = principal
        self._note = principal.note()

    def add_instrument(
        self,
        symbol: str,
        *,
        base: str,
        quote: str,
        tick: Number,
        lot: Number,
        maker_fee: Number = 0,
        taker_fee: Number = 0,
    ) -> InstrumentRecord:
        """`tick` is the price step, `lot` the quantity step; fee rates are parts of the trade's value (0.0025), makers' may be negative.

        Raises InvalidInput, NotFound for an unknown asset, AlreadyExists.
        """
        instrument = Instrument.checked(
            symbol,
            self._desk.asset(base),
            self._desk.asset(quote),
            tick_size=tick,
            lot_size=lot,
            maker_fee=maker_fee,
            taker_fee=taker_fee,
        )
        prepared = self._desk.sequencer.prepare(
            cmd.AddInstrument(instrument), scope=self._principal.scope, note=self._note
        )
        self._desk.run("instruments.add", symbol, prepared)
        return self.show_instrument(symbol)

    def show_instrument(self, symbol: str) -> InstrumentRecord:
        """Raises NotFound."""
        return self._desk.reading(lambda replica: InstrumentRecord.of(_market(replica, symbol)))

    def list_instruments(self) -> list[InstrumentRecord]:
        """In the order in which they were added."""
        return self._desk.reading(lambda replica: [InstrumentRecord.of(market) for market in replica.markets.values()])

    def halt_instrument(self, symbol: str) -> InstrumentRecord:
        """From now on it takes cancels only. Raises NotFound."""
        self._desk.run("instruments.halt", symbol, self.prepare_halt(symbol))
        return self.show_instrument(symbol)

    def resume_instrument(self, symbol: str) -> InstrumentRecord:
        self._desk.run("instruments.resume", symbol, self.prepare_resume(symbol))
        return self.show_instrument(symbol)

    def prepare_halt(self, symbol: str, *, command_id: str | None = None) -> Prepared:
        return self._prepare_status(symbol, command_id, halted=True)

    def prepare_resume(self, symbol: str, *, command_id: str | None = None) -> Prepared:
        return self._prepare_status(symbol, command_id, halted=False)

    def _prepare_status(self, symbol: str, command_id: str | None, *, halted: bool) -> Prepared:
        command = cmd.SetInstrumentStatus(symbol, halted=halted)
        return self._desk.sequencer.prepare(
            command, scope=self._principal.scope, command_id=self._principal.scoped(command_id), note=self._note
        )


def _market(replica: Replica, symbol: str) -> Market:
    market = replica.markets.get(symbol)
    if market is None:
        raise NotFound("instruments", symbol, "no such instrument", hint="List them: credit-trading instruments list.")
    return market


def _book(replica: Replica, symbol: str, depth: int | None) -> BookRecord:
    market = _market(replica, symbol)

    def levels(side: BookSide) -> list[LevelRecord]:
        instrument = market.instrument
        return [
            LevelRecord(
                price=instrument.format_price(level.price_ticks),
                quantity=instrument.format_quantity(level.lots),
                orders=len(level.orders),
            )
            for level in islice(side.levels(), depth)
        ]

    return BookRecord(
        symbol=symbol, sequence=replica.sequence, bids=levels(market.book.bids), asks=levels(market.book.asks)
    )


def _trades(market: Market, limit: int) -> list[TradeRecord]:
    instrument = market.instrument
    return [
        TradeRecord(
            trade_id=trade.trade,
            sequence=trade.sequence,
            time=format_time(trade.time_us),
            price=instrument.format_price(trade.price_ticks),
            quantity=instrument.format_quantity(trade.quantity_lots),
            taker_side=trade.taker_side,
        )
        for trade in islice(reversed(market.last_trades), limit)
    ]


def _rate(ppm: int) -> str:
    text = f"{abs(ppm) / 1_000_000:.6f}".rstrip("0").rstrip(".")
    return f"-{text}" if ppm < 0 else text
