"""Balances, deposits and withdrawals."""

from __future__ import annotations

import attrs

from credit_trading.exchange import commands as cmd
from credit_trading.exchange.accounts import FEES
from credit_trading.exchange.replica import Replica
from credit_trading.trading.balances import BalancesOverTime
from credit_trading.trading.desk import Desk, Number
from credit_trading.trading.principal import Principal
from credit_trading.trading.records import BalanceRecord
from credit_trading.trading.sequencer import Prepared


@attrs.frozen
class Receipt:
    """A money movement that is in the journal. `repeated`: its key was known, nothing was moved again."""

    user_id: str
    asset: str
    amount: str
    sequence: int
    repeated: bool


class AccountService(BalancesOverTime):
    """The balances of the user it is bound to, now and in the past."""

    def __init__(self, desk: Desk, principal: Principal) -> None:
        assert principal.number is not None
        self._desk = desk
        self._user = principal.number

    def get_balances(self) -> list[BalanceRecord]:
        """By asset, in the order of the codes; assets of which the user has nothing are left out."""
        return self._desk.reading(lambda replica: _balances(replica, self._user))


class AccountAdministration:
    """What only an admin may do with accounts."""

    def __init__(self, desk: Desk, principal: Principal) -> None:
        self._desk = desk
        self._principal = principal

    def deposit(
        self, user_id: str, asset: str, amount: Number, *, key: str | None = None, note: str | None = None
    ) -> Receipt:
        """From the outside world to the user. The same `key` with the same content moves nothing again, however much later.

        Raises InvalidInput for an amount that is not a positive number of whole smallest units, NotFound, CommandConflict for a key
        that stood for something else, OrderRejected (`issue_cap_exceeded`) for more than accounts can hold.
        """
        return self._move(
            "accounts.deposit", user_id, asset, amount, self.prepare_deposit(user_id, asset, amount, key=key, note=note)
        )

    def withdraw(
        self, user_id: str, asset: str, amount: Number, *, key: str | None = None, note: str | None = None
    ) -> Receipt:
        """From the user to the outside world; as `deposit`. Raises OrderRejected (`insufficient_funds`)."""
        return self._move(
            "accounts.withdraw",
            user_id,
            asset,
            amount,
            self.prepare_withdrawal(user_id, asset, amount, key=key, note=note),
        )

    def prepare_deposit(
        self, user_id: str, asset: str, amount: Number, *, key: str | None = None, note: str | None = None
    ) -> Prepared:
        return self._prepare(cmd.Deposit, user_id, asset, amount, key, note)

    def prepare_withdrawal(
        self, user_id: str, asset: str, amount: Number, *, key: str | None = None, note: str | None = None
    ) -> Prepared:
        return self._prepare(cmd.Withdraw, user_id, asset, amount, key, note)

    def get_fees(self) -> list[BalanceRecord]:
        """What the exchange earned, by asset."""
        return self._desk.reading(lambda replica: _balances(replica, FEES))

    def _prepare(
        self,
        kind: type[cmd.Deposit | cmd.Withdraw],
        user_id: str,
        asset: str,
        amount: Number,
        key: str | None,
        note: str | None,
    ) -> Prepared:
        known = self._desk.asset(asset)
        return self._desk.sequencer.prepare(
            kind(self._desk.user_number(user_id), known.code, known.parse_positive(amount)),
            scope=self._principal.scope,
            command_id=self._principal.scoped(key, kind="key"),
            note=self._principal.note(note),
        )

    def _move(self, operation: str, user_id: str, asset: str, amount: Number, prepared: Prepared) -> Receipt:
        outcome, _ = self._desk.run(operation, f"{amount} {asset}", prepared, user_id=user_id)
        known = self._desk.asset(asset)
        return Receipt(user_id, asset, known.format(known.parse(amount)), outcome.sequence, outcome.repeated)


def _balances(replica: Replica, account: int) -> list[BalanceRecord]:
    return [
        BalanceRecord(
            asset=code,
            posted=replica.assets[code].format(balance.posted),
            held=replica.assets[code].format(balance.held),
            available=replica.assets[code].format(balance.available),
        )
        for code, balance in replica.accounts.of(account).items()
    ]
