"""What a market's replica tells, as the scripts say it: what happened, and how things stand.

Here: the words of reports. Never here: the words of commands (market), the engine.
Always: orders and users go by the names that the script gave them.
"""

from __future__ import annotations

from collections.abc import Iterator

from credit_trading.exchange import events as ev
from credit_trading.exchange.order import EXTERNAL, ExpiryReason
from tests.exchange.replicas import CASH, SYMBOL, Replicas


class Reports:
    """`labels` are the orders' names by number, `transactions` those of what was entered, `users` the users' numbers by name.

    All grow while the script is played.
    """

    def __init__(
        self, replicas: Replicas, *, labels: dict[int, str], transactions: dict[int, str], users: dict[str, int]
    ) -> None:
        self._replicas = replicas
        self._transactions = transactions
        self._labels = labels
        self._users = users

    # What happened

    def happened(self, entries: list[ev.Entry], *, asked: str = "") -> Iterator[str]:
        """All that nobody asked for in so many words; a cancel for the reason `asked` was."""
        for entry in entries:
            match entry.event:
                case ev.Trade() as trade:
                    yield self._trade(trade)
                case ev.OrderTriggered(order=order, price_ticks=price):
                    yield f"trigger {self._label(order)} @ {self._price(price)}"
                case ev.OrderRefreshed(order=order, shown_lots=lots):
                    yield f"refresh {self._label(order)} {self._quantity(lots)}"
                case ev.OrderReduced(order=order, quantity_lots=lots):
                    yield f"reduce {self._label(order)} to {self._quantity(lots)}"
                case ev.OrderCanceled(order=order, reason=reason) if reason != asked:
                    yield f"cancel {self._label(order)} {reason}"
                case ev.OrdersMassCanceled(orders=orders):
                    yield f"mass cancel of {orders}"
                case ev.OrderExpired(order=order, reason=reason):
                    yield f"expire {self._label(order)}" + (f" {reason}" if reason != ExpiryReason.EXPIRED else "")
                case ev.InstrumentStatusChanged(reason="schedule", halted=halted, session_open=is_open):
                    yield ("session opens" if is_open else "session closes") + (" while halted" if halted else "")
                case ev.OrderRejected(code=code) | ev.CommandRejected(code=code):
                    yield f"reject {code}"
                case ev.TransactionUpdated(transaction=number, status=status, reason=reason) if reason != "requested":
                    yield f"{status} {self._transactions.get(number, number)} {reason}"
                case ev.Transferred(receiver=receiver, asset=asset, amount=amount):
                    yield f"move {self._units(asset, amount)} {asset} to {self._user(receiver)}"

    def _trade(self, trade: ev.Trade) -> str:
        shown = (
            f"trade {self._label(trade.maker_order)} {self._quantity(trade.quantity_lots)} "
            f"@ {self._price(trade.price_ticks)}"
        )
        market = self._replicas.live.markets[SYMBOL]
        if market.rules.maker_ppm or market.rules.taker_ppm or market.user_fees:
            shown += f" fees {self._units(CASH, trade.taker_fee)}/{self._units(CASH, trade.maker_fee)}"
        return shown

    # How things stand

    def ask(self, question: str, words: list[str]) -> list[str]:
        if question in ("queue", "book"):
            answer = self.queue if question == "queue" else self.levels
            return answer(buys=words[0] == "bids") or ["empty"]
        if question == "balance":
            return [self.balance(*words)]
        return [{"fees": self.fees, "last": self.last, "status": self.status, "answer": self.answer}[question]()]

    def book(self) -> str:
        """Both sides, the best level of each first: `5.00 x 3, 4.99 x 7 / 5.01 x 2`; a side without orders is `-`."""
        return " / ".join(", ".join(self.levels(buys=buys)) or "-" for buys in (True, False))

    def levels(self, *, buys: bool) -> list[str]:
        depth = self._replicas.depth(buys=buys)
        return [f"{self._price(price)} x {self._quantity(lots)}" for price, lots in depth]

    def queue(self, *, buys: bool) -> list[str]:
        levels = self._replicas.side(buys=buys).levels()
        return [self._label(number) for level in levels for number in level.orders]

    def order(self, number: int) -> str:
        order = self._replicas.live.orders.get(number)
        if order is None:
            return "closed"
        filled, quantity = self._quantity(order.filled_lots), self._quantity(order.quantity_lots)
        limit = f"@ {self._price(order.price_ticks)}" if order.price_ticks else "market"
        limit += " outside" if order.route == EXTERNAL else ""
        stop = "" if order.stop_ticks is None else f" stop {self._price(order.stop_ticks)}"
        shown = f" showing {self._quantity(order.shown_lots)}" if order.display_lots else ""
        if order.stop_ticks is not None and order.display_lots:
            shown = f" to show {self._quantity(order.display_lots)}"  # one that waits shows nothing yet
        hold = self._units(order.held_asset, order.hold)
        return f"{order.status} {filled} of {quantity} {limit}{stop}{shown} hold {hold}"

    def balance(self, user: str, asset: str) -> str:
        balance = self._replicas.live.accounts.balance(self._users[user], asset)
        held = f" held {self._units(asset, balance.held)}" if balance.held else ""
        return self._units(asset, balance.posted) + held

    def fees(self) -> str:
        return self._units(CASH, self._replicas.fees)

    def last(self) -> str:
        last = self._replicas.live.markets[SYMBOL].last_price_ticks
        return "none" if last is None else self._price(last)

    def status(self) -> str:
        return self._replicas.live.markets[SYMBOL].status

    def answer(self) -> str:
        answer = self._replicas.answer
        assert answer is not None
        return (
            f"{answer.code or answer.status} {self._quantity(answer.filled_lots)} of {self._quantity(answer.quantity_lots)} "
            f"for {self._units(CASH, answer.filled_value)} fees {self._units(CASH, answer.fees)}"
        )

    def _label(self, number: int) -> str:
        return self._labels.get(number, f"#{number}")

    def _user(self, number: int) -> str:
        return next(name for name, known in self._users.items() if known == number)

    def _price(self, price_ticks: int) -> str:
        return self._replicas.instrument.format_price(price_ticks)

    def _quantity(self, lots: int) -> str:
        return self._replicas.instrument.format_quantity(lots)

    def _units(self, asset: str, amount: int) -> str:
        return self._replicas.live.assets[asset].format(amount)
