"""How instruments look: many in a table, one with all its rules."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from credit_trading.cli.tables import Cell, Column, draw_fields, draw_table, moment
from credit_trading.trading.instrument_record import InstrumentRecord


def draw_instruments(found: Sequence[InstrumentRecord]) -> None:
    columns = [
        Column("Symbol"),
        Column("Base"),
        Column("Quote"),
        Column("Tick", right=True),
        Column("Lot", right=True),
        Column("Maker fee", right=True),
        Column("Taker fee", right=True),
        Column("Status"),
        Column("Last price", right=True, spare=True),
        Column("Project", spare=True),
    ]
    rows = [
        (
            record.symbol,
            record.base,
            record.quote,
            record.tick,
            record.lot,
            record.maker_fee,
            record.taker_fee,
            _status(record.status),
            record.last_price,
            record.project_id,
        )
        for record in found
    ]
    draw_table(columns, rows, empty="No instruments yet.")


def draw_instrument(record: InstrumentRecord) -> None:
    """Grid, status and times, prices, rules; a filter that is off is "-"."""
    fields: dict[str, Cell] = {
        "Symbol": record.symbol,
        "Project": record.project_id,
        "Tick": f"{record.tick} {record.quote}",
        "Lot": f"{record.lot} {record.base}",
        "Status": _status(record.status),
        "Session": record.session,
        "Hours": f"{record.hours} {record.time_zone}" if record.hours else None,
        "Holidays": ", ".join(record.holidays) or None,
        "Next open (UTC)": moment(record.next_open),
        "Next close (UTC)": moment(record.next_close),
        "Last price": record.last_price,
        "Reference price": record.reference_price or (f"{record.last_price} (last)" if record.last_price else None),
        "Price band": record.price_band,
        "Collar": record.collar,
        "Maker fee": record.maker_fee,
        "Taker fee": record.taker_fee,
        "Min quantity": record.min_quantity,
        "Max quantity": record.max_quantity,
        "Min value": f"{record.min_value} {record.quote}" if record.min_value else None,
        "Max open orders": None if record.max_open_orders is None else str(record.max_open_orders),
        "Self-trade": record.self_trade.replace("_", "-"),
    }
    draw_fields(fields)


def _status(status: str) -> Text:
    return Text(status, "green" if status == "open" else "yellow")
