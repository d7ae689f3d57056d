"""What can be owned: carbon credits, cash, anything countable in a smallest unit."""

from __future__ import annotations

import re
from decimal import Decimal

import msgspec

from credit_trading.checks import checked_id
from credit_trading.errors import InvalidInput
from credit_trading.money.amount import format_units, parse_units

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", re.ASCII)

MAX_DECIMALS = 18


class Asset(msgspec.Struct, frozen=True, omit_defaults=True):
    """`decimals` is the number of digits after the point that its smallest unit has: USD 2, a serialised carbon credit 0.

    `project_id` is the project of the host application that it belongs to. Both are for good. A Struct, so that an asset without a
    project is encoded as it was before there were any: ids of commands are compared by that.
    """

    code: str
    decimals: int
    project_id: str | None = None

    @classmethod
    def checked(cls, code: str, decimals: int, project_id: str | None = None) -> Asset:
        """A new asset from outside. Raises InvalidInput for a code, decimals or a project's id outside the rules."""
        if _CODE.fullmatch(code) is None:
            raise InvalidInput(
                "assets.add",
                code[:40],
                "an asset code is 1 to 32 ASCII letters, digits, '.', '_' or '-', beginning with a letter or digit",
                hint="For example USD or VCS-1340-2020.",
            )
        if isinstance(decimals, bool) or not isinstance(decimals, int) or not 0 <= decimals <= MAX_DECIMALS:
            raise InvalidInput(
                "assets.add", code, f"decimals must be a whole number from 0 to {MAX_DECIMALS}", hint="USD has 2."
            )
        return cls(code, decimals, None if project_id is None else checked_id(project_id, what="project id"))

    def parse(self, value: str | int | Decimal, *, what: str = "amount") -> int:
        """Smallest units; zero or more. Raises InvalidInput."""
        return parse_units(value, self.decimals, what=what)

    def parse_positive(self, value: str | int | Decimal, *, what: str = "amount") -> int:
        """Smallest units; at least one. Raises InvalidInput."""
        units = self.parse(value, what=what)
        if units == 0:
            raise InvalidInput(what, value, "zero is not an amount to move", hint=f"Give at least {self.format(1)}.")
        return units

    def format(self, units: int) -> str:
        return format_units(units, self.decimals)
