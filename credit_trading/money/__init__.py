"""Assets, amounts and instruments: exact numbers at the edge. Pure; knows no order, user or file."""

from credit_trading.money.amount import MAX_UNITS, format_units, parse_rate, parse_units
from credit_trading.money.asset import Asset
from credit_trading.money.instrument import Instrument

__all__ = ["MAX_UNITS", "Asset", "Instrument", "format_units", "parse_rate", "parse_units"]
