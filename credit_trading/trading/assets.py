"""What can be owned: the assets of the exchange."""

from __future__ import annotations

import attrs

from credit_trading.checks import checked_text
from credit_trading.exchange import commands as cmd
from credit_trading.money import Asset
from credit_trading.trading.desk import Desk
from credit_trading.trading.principal import Principal


@attrs.frozen
class AssetRecord:
    code: str
    decimals: int


class AssetAdministration:
    """Adds and lists assets."""

    def __init__(self, desk: Desk, principal: Principal) -> None:
        self._desk = desk
        self._scope = principal.scope
        self._note = principal.note()

    def add_asset(self, code: str, *, decimals: int) -> AssetRecord:
        """Raises InvalidInput, AlreadyExists."""
        asset = Asset.checked(checked_text(code, what="asset"), decimals)
        self._desk.run(
            "assets.add", code, self._desk.sequencer.prepare(cmd.AddAsset(asset), scope=self._scope, note=self._note)
        )
        return AssetRecord(code, decimals)

    def list_assets(self) -> list[AssetRecord]:
        """In the order in which they were added."""
        return self._desk.reading(
            lambda replica: [AssetRecord(asset.code, asset.decimals) for asset in replica.assets.values()]
        )
