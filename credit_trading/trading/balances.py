"""Balances over time: what a user had at any past moment, how it came about, and what flowed in and out.

Here: questions of the services, their input and their decimal text. Never here: present balances (accounts), SQL (users).
Always: `by="booked"` is what the ledger said then, which nothing changes any more; `by="date"` counts what was entered late from the time
when it happened.
"""

from __future__ import annotations

import attrs

from credit_trading.checks import checked_number, shown
from credit_trading.clock import LATEST_US, format_time
from credit_trading.errors import InvalidInput
from credit_trading.money import Asset
from credit_trading.money.amount import format_units
from credit_trading.store.sqlite import Connection
from credit_trading.trading.desk import Desk
from credit_trading.trading.order_input import Moment
from credit_trading.trading.pages import Page, page_of, position_after
from credit_trading.trading.periods import boundaries_us, checked_order, period_moment_us
from credit_trading.users.tables import balances_over_time as past

_WHAT = "balances"


@attrs.frozen(kw_only=True)
class PastBalanceRecord:
    """What was posted of an asset at a past moment. What of it was held then is not kept."""

    asset: str
    posted: str


@attrs.frozen(kw_only=True)
class BalancePeriodRecord:
    """One period of an asset: what there was when it began and when it ended, and the difference."""

    begins_at: str
    ends_at: str
    opening: str
    change: str
    closing: str


@attrs.frozen(kw_only=True)
class BalanceChangeRecord:
    """One change of a balance as the ledger took it, at `booked_at`; `transaction_date` is when it happened."""

    asset: str
    booked_at: str
    sequence: int
    transaction_id: int
    transaction_date: str
    change: str
    balance: str


@attrs.frozen(kw_only=True)
class FlowRecord:
    """What transactions of one type moved; `inflow` and `outflow` are zero or more, `net` is the one less the other."""

    transaction_type: str
    changes: int
    inflow: str
    outflow: str
    net: str


@attrs.frozen(kw_only=True)
class NetFlowRecord:
    """What flowed in and out of one asset."""

    asset: str
    inflow: str
    outflow: str
    net: str
    by_type: list[FlowRecord]


class BalancesOverTime:
    """The past of the balances of the user it is bound to."""

    _desk: Desk
    _user: int

    def get_balance_at(self, asset: str, at: Moment, *, by: str = past.BOOKED) -> str:
        """What was posted once everything of that very microsecond had happened. Raises NotFound, InvalidInput."""
        known, after = self._desk.asset(asset), self._moment(at, what="at") + 1
        way = checked_way(by)
        (balance,) = self._desk.ask(
            self._user,
            ("balance at", known.code, after, way),
            lambda connection: past.balances_before(connection, known.code, [after], way),
        )
        return known.format(balance)

    def get_balances_at(self, at: Moment, *, by: str = past.BOOKED) -> list[PastBalanceRecord]:
        """The same of all assets, by code; those of which there was nothing are left out. Raises InvalidInput."""
        after, way = self._moment(at, what="at") + 1, checked_way(by)
        with self._desk.file_of(self._user) as connection:
            found = [
                (asset, decimals, past.balances_before(connection, asset, [after], way)[0])
                for asset, decimals in past.decimals_of_assets(connection).items()
            ]
        return [
            PastBalanceRecord(asset=asset, posted=format_units(balance, decimals))
            for asset, decimals, balance in found
            if balance
        ]

    def get_balance_history(
        self,
        asset: str,
        *,
        from_: Moment | None = None,
        to: Moment | None = None,
        every: str = "day",
        by: str = past.BOOKED,
    ) -> list[BalancePeriodRecord]:
        """One record for each hour, day, week or month (UTC, weeks begin on Monday), from the first change up to now unless told otherwise.

        The first and the last are cut short where the time that was asked for begins or ends within one. Raises NotFound, InvalidInput.
        """
        known, way = self._desk.asset(asset), checked_way(by)
        given_us, to_us = self._ends(from_, to)
        with self._desk.file_of(self._user) as connection:
            from_us = _beginning(connection, known.code, way, to_us) if given_us is None else given_us
            moments = [from_us, *boundaries_us(from_us=from_us, to_us=to_us, every=every, what="every")]
            balances = past.balances_before(connection, known.code, moments, way)
        return [
            BalancePeriodRecord(
                begins_at=format_time(begins),
                ends_at=format_time(ends),
                opening=known.format(opening),
                change=known.format(closing - opening),
                closing=known.format(closing),
            )
            for begins, ends, opening, closing in zip(moments, moments[1:], balances, balances[1:], strict=False)
        ]

    def get_running_balance(
        self,
        asset: str,
        *,
        from_: Moment | None = None,
        to: Moment | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> Page[BalanceChangeRecord]:
        """Every change as it was booked with the balance after it, the latest first; `after` is the `next` of the page before.

        Pages stay right while changes arrive: those are newer than what has been read. Raises NotFound, InvalidInput.
        """
        known = self._desk.asset(asset)
        most = checked_number(
            limit, what=_WHAT, problem="a page has 1 to 1,000 rows", hint="For example 100.", least=1, most=1000
        )
        from_us = 0 if from_ is None else period_moment_us(from_, what="from")
        to_us = LATEST_US if to is None else period_moment_us(to, what="to")
        checked_order(from_us=from_us, to_us=to_us, what=_WHAT)
        question = ("running balance", self._user, known.code, from_us, to_us)
        before = (to_us, 0) if after is None else position_after(after, question, of=2, what="after")
        with self._desk.file_of(self._user) as connection:
            found = past.changes_back(connection, known.code, from_us=from_us, before=before, most=most + 1)
        page = page_of(found, limit=most, question=question, position=lambda last: (last.booked_at_us, last.sequence))
        return Page([_change(known, change) for change in page], page.next)

    def get_net_flow(
        self,
        asset: str | None = None,
        *,
        from_: Moment | None = None,
        to: Moment | None = None,
        by: str = past.BOOKED,
    ) -> list[NetFlowRecord]:
        """What came in and went out in that time, by asset and type of transaction; all of the history unless told otherwise.

        Assets that nothing moved are left out. The fee of a trade is part of what the trade moved. Raises NotFound, InvalidInput.
        """
        only, way = None if asset is None else self._desk.asset(asset), checked_way(by)
        from_us, to_us = self._ends(from_, to)
        with self._desk.file_of(self._user) as connection:
            known = past.decimals_of_assets(connection)
            found = [
                (code, decimals, past.flows(connection, code, from_us=from_us or 0, to_us=to_us, by=way))
                for code, decimals in known.items()
                if only is None or code == only.code
            ]
        return [net_flow(code, decimals, flows) for code, decimals, flows in found if flows]

    def _moment(self, at: Moment, *, what: str) -> int:
        """Raises InvalidInput for a moment that has not come."""
        moment = period_moment_us(at, what=what)
        if moment > self._now_us():
            problem = "the moment has not come yet, so nobody knows what there will be"
            raise InvalidInput(what, shown(at), problem, hint="Give a moment up to now.")
        return moment

    def _now_us(self) -> int:
        """By the clock, or by the journal where it is ahead of it."""
        return max(self._desk.sequencer.clock.now_us(), self._desk.reading(lambda replica: replica.time_us))

    def _ends(self, from_: Moment | None, to: Moment | None) -> tuple[int | None, int]:
        """Up to now if the end is not given; None where it is to begin with the first change."""
        to_us = self._now_us() + 1 if to is None else period_moment_us(to, what="to")
        if from_ is None:
            return None, to_us
        from_us = period_moment_us(from_, what="from")
        checked_order(from_us=from_us, to_us=to_us, what=_WHAT)
        return from_us, to_us


def checked_way(by: str) -> str:
    """Raises InvalidInput."""
    if by not in past.VIEWS_OF_TIME:
        raise InvalidInput("by", shown(by), "no such way to look back", hint="Choose from booked, date.")
    return by


def _beginning(connection: Connection, asset: str, by: str, to_us: int) -> int:
    """When the asset first moved, unless that was after the period."""
    first = past.first_moment(connection, asset, by)
    return to_us if first is None else min(first, to_us)


def _change(asset: Asset, change: past.BalanceChange) -> BalanceChangeRecord:
    return BalanceChangeRecord(
        asset=asset.code,
        booked_at=format_time(change.booked_at_us),
        sequence=change.sequence,
        transaction_id=change.transaction_id,
        transaction_date=format_time(change.happened_at_us),
        change=asset.format(change.change),
        balance=asset.format(change.balance),
    )


def net_flow(asset: str, decimals: int, flows: dict[str, past.Flow]) -> NetFlowRecord:
    """Of one asset, by type."""
    total = past.Flow(0, 0, 0)
    for flow in flows.values():
        total = total.plus(flow)
    return NetFlowRecord(
        asset=asset,
        inflow=format_units(total.inflow, decimals),
        outflow=format_units(total.outflow, decimals),
        net=format_units(total.inflow - total.outflow, decimals),
        by_type=[
            FlowRecord(
                transaction_type=kind,
                changes=flow.count,
                inflow=format_units(flow.inflow, decimals),
                outflow=format_units(flow.outflow, decimals),
                net=format_units(flow.inflow - flow.outflow, decimals),
            )
            for kind, flow in flows.items()
        ],
    )
