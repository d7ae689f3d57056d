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
    """`project_id` is the project of the host application that it belongs to, if any."""

    code: str
    decimals: int
    project_id: str | None = None

    @classmethod
    def of(cls, asset: Asset) -> AssetRecord:
        return cls(asset.code, asset.decimals, asset.project_id)


class AssetAdministration:
    """Adds and lists assets."""

    def __init__(self, desk: Desk, principal: Principal) -> None:
        self._desk = desk
        self._scope = principal.scope
        self._note = principal.note()

    def add_asset(self, code: str, *, decimals: int, project_id: str | None = None) -> AssetRecord:
        """An asset, with its decimals and the project of the host application that it belongs to, for good.

        `project_id` is 1 to 64 letters, digits, '.', '_', ':' or '-'. Raises InvalidInput, AlreadyExists, NotFound for a project that
        the host application does not know, where it has that checked.
        """
        asset = Asset.checked(checked_text(code, what="asset"), decimals, project_id)
        if asset.project_id is not None:
            self._desk.check_project(asset.project_id)
        self._desk.run(
            "assets.add", code, self._desk.sequencer.prepare(cmd.AddAsset(asset), scope=self._scope, note=self._note)
        )
        return AssetRecord.of(asset)

    def list_assets(self) -> list[AssetRecord]:
        """In the order in which they were added."""
        return self._desk.reading(lambda replica: list(map(AssetRecord.of, replica.assets.values())))
