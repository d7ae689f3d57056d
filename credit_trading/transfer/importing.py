"""Taking an import over: all of it in one COMMIT, or nothing.

Here: the commands that carry out a plan, and what is told of it. Never here: whether it may be done (checking), the write path.
Always: what was checked is decided on the state that it was checked against, or is checked again; nothing is done while there is a problem.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import islice

import attrs
import msgspec

from credit_trading.errors import Busy, NotAllTaken, NotFound, StorageError
from credit_trading.exchange import commands as cmd
from credit_trading.exchange.entered import CostMethod
from credit_trading.exchange.replica import Replica
from credit_trading.progress import Progress
from credit_trading.store.sqlite import StrPath
from credit_trading.trading.desk import Desk
from credit_trading.trading.principal import Principal
from credit_trading.trading.sequencer import Prepared
from credit_trading.transfer.checking import Check
from credit_trading.transfer.container import opened
from credit_trading.transfer.lines import Line
from credit_trading.transfer.plan import Plan, Trades
from credit_trading.transfer.problems import Problem, Problems, TooMany
from credit_trading.transfer.reading import Transaction
from credit_trading.transfer.schema import Limits
from credit_trading.transfer.trades import names_trade
from credit_trading.users.bulk import PER_COMMIT, creation

_log = logging.getLogger(__name__)

_ATTEMPTS = 3
"""Between the check and the commit somebody may create a user, and so take a number that was planned, or record the same trades."""


@attrs.frozen(kw_only=True)
class Imported:
    """What an import did, or would do. Nothing was done if there are `problems` or it was a `dry_run`.

    `duplicates` are transactions that were here already, with the same content. `unsettled` ones are left out: pending, cancelled, failed.
    Orders are never taken over: `open_orders` of the `orders` in the file are open where it comes from. `sequence` is that of the last
    event, 0 if there was nothing to do.
    """

    dry_run: bool
    done: bool
    users: int = 0
    assets: int = 0
    instruments: int = 0
    transactions: int = 0
    duplicates: int = 0
    unsettled: int = 0
    orders: int = 0
    open_orders: int = 0
    sequence: int = 0
    problems: list[Problem] = attrs.Factory(list)
    problems_cut_off: bool = False
    """There may be more than are told."""


class _Outdated(Exception):
    """Users were created since the plan was made, or trades recorded that it names."""


class Import:
    """One file on its way in."""

    def __init__(
        self, desk: Desk, principal: Principal, path: StrPath, *, dry_run: bool, limits: Limits, progress: Progress
    ) -> None:
        self._desk = desk
        self._principal = principal
        self._path = path
        self._dry_run = dry_run
        self._limits = limits
        self._progress = progress

    def run(self) -> Imported:
        """See `Transfer.import_`."""
        for _ in range(_ATTEMPTS):
            plan, problems = self._checked()
            if problems or self._dry_run:
                return self._result(plan, problems)
            try:
                return self._carried_out(plan)
            except _Outdated:
                continue
        problem = "others kept creating users or recording the same trades; nothing was changed"
        raise Busy("import", self._path, problem, hint="Try again.")

    def _checked(self) -> tuple[Plan, Problems]:
        problems = Problems(self._limits.problems)
        plan = Plan()
        try:
            with opened(self._path, problems, self._limits) as container:
                check = Check(self._desk, container, problems, self._progress)
                plan = check.plan
                check.run()
        except TooMany:
            pass
        return plan, problems

    def _carried_out(self, plan: Plan) -> Imported:
        lines: list[Line] = []
        prepared: list[Prepared] = []
        for line, command in self._commands(plan):
            lines.append(line)
            prepared.append(command)

        def check(replica: Replica) -> None:
            if len(replica.users) != plan.users_before:
                raise _Outdated
            for number, trades in plan.trades.items():
                if self._are_recorded(number, trades, last=replica.users[number].last_sequence):
                    raise _Outdated

        try:
            outcomes = self._desk.sequencer.submit_together(prepared, check=check)
        except NotAllTaken as error:
            line = lines[error.place]
            problems = Problems(self._limits.problems)
            problems.add(f"refused meanwhile: {error.reason.problem}", line.file, line.number)
            return self._result(plan, problems)
        self._show(plan)
        return self._result(plan, Problems(1), done=True, sequence=max((one.sequence for one in outcomes), default=0))

    def _are_recorded(self, number: int, trades: Trades, *, last: int) -> bool:
        """Whether the user's history names one of these trades beyond what they were checked against. In the turn to write."""
        log = self._desk.live.log
        entries = map(log.entry, log.history_of(number, last=last, after=trades.sequence))
        return any(entry is not None and names_trade(entry.event, trades.references) for entry in entries)

    def _commands(self, plan: Plan) -> Iterator[tuple[Line, Prepared]]:
        """Assets before what is counted in them, users before what happened to them."""
        prepare, scope, note = self._desk.sequencer.prepare, self._principal.scope, self._principal.note()
        for asset in plan.assets:
            yield asset.line, prepare(cmd.AddAsset(asset.asset), scope=scope, note=note)
        for one in plan.instruments:
            yield one.line, prepare(cmd.AddInstrument(one.instrument, one.rules), scope=scope, note=note)
        for user in plan.users:
            command, part = creation(user.user_id, user.email, lambda _: None)
            yield user.line, prepare(command, scope=scope, note=note, personal=part)
            if user.cost_method is not None and user.cost_method != CostMethod.AVERAGE:
                yield user.line, prepare(cmd.SetCostMethod(user.number, user.cost_method), scope=scope, note=note)
        for transaction in plan.transactions:
            yield transaction.line, self._recorded(transaction, plan)

    def _recorded(self, one: Transaction, plan: Plan) -> Prepared:
        """Who the other side was is personal unless it is a user here: then it stands in the note, and never in the journal."""
        user = plan.numbers[one.user_id]
        other = self._number_of(one.counterparty, plan)
        note = self._principal.note(one.note)
        if note is not None and other is None:
            note = attrs.evolve(note, counterparty=one.counterparty)
        command = cmd.RecordTransaction(
            user,
            one.kind,
            one.reference,
            one.occurred_at_us,
            one.asset.code,
            one.quantity,
            one.currency.code if one.currency else None,
            one.price,
            one.price_decimals,
            one.total,
            one.fee,
            other,
            one.symbol,
            one.role,
            one.trade_reference,
            one.external_reference,
            msgspec.UNSET if one.recorded_at_us is None else one.recorded_at_us,
        )
        command_id = f"user{user}/record/{one.reference}"
        return self._desk.sequencer.prepare(command, scope=self._principal.scope, command_id=command_id, note=note)

    def _number_of(self, counterparty: str | None, plan: Plan) -> int | None:
        """None for nobody here."""
        if counterparty is None:
            return None
        if counterparty not in plan.numbers:
            try:
                plan.numbers[counterparty] = self._desk.user_number(counterparty)
            except NotFound:
                plan.numbers[counterparty] = 0
        return plan.numbers[counterparty] or None

    def _show(self, plan: Plan) -> None:
        """The commit is made: what fails here is made up for when the files are next opened."""
        created = iter([user.number for user in plan.users])
        numbers = {plan.numbers[one.user_id] for one in plan.transactions} | {user.number for user in plan.users}
        try:
            while group := list(islice(created, PER_COMMIT)):
                self._desk.files.create_all(group)
            for done, _ in enumerate(self._desk.projector.bring_forward(sorted(numbers), patient=False), 1):
                self._progress(done, len(numbers))
        except (StorageError, NotFound, RuntimeError) as error:
            _log.warning("users' files catch up when they are next read: %s", error)

    def _result(self, plan: Plan, problems: Problems, *, done: bool = False, sequence: int = 0) -> Imported:
        return Imported(
            dry_run=self._dry_run,
            done=done,
            users=len(plan.users),
            assets=len(plan.assets),
            instruments=len(plan.instruments),
            transactions=len(plan.transactions),
            duplicates=plan.duplicates,
            unsettled=plan.unsettled,
            orders=plan.orders,
            open_orders=plan.open_orders,
            sequence=sequence,
            problems=list(problems),
            problems_cut_off=problems.is_cut_off,
        )
