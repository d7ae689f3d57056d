"""`transactions record` and `transactions update`: what did not happen on the book."""

from __future__ import annotations

import click

from credit_trading.cli import output
from credit_trading.cli.command import WHOLE_NUMBER, Command, Words
from credit_trading.cli.session import Session
from credit_trading.exchange.entered import TYPES
from credit_trading.trading.transaction_service import TransactionReport

_TYPES = [transaction_type.replace("_", "-") for transaction_type in TYPES]

_note = click.option("--note", metavar="TEXT", help="A remark; it can be erased later.")


@click.command(
    cls=Command,
    examples=[
        "transactions record ann buy VCS-1340-2020 10 --price 12.40 --currency USD --counterparty bob",
        'transactions record ann sell VCS-1340-2020 4 --price 12.10 --currency USD --fee 0.50 --outside "Acme Ltd"',
        "transactions record ann withdrawal USD 5.00 --pending --expires-at 2031-12-31T17:00:00Z --reference payout-7",
        "transactions record ann deposit VCS-1340-2020 3 --price 9.80 --currency USD --occurred-at 2025-03-01T12:00:00Z",
    ],
)
@click.argument("user_id")
@click.argument("transaction_type", type=Words(_TYPES), metavar="TYPE")
@click.argument("credit_type")
@click.argument("quantity")
@click.option("--price", metavar="P", help="Of one credit; the total is computed. For what comes in: what it cost.")
@click.option("--currency", metavar="CODE", help="What the price is counted in.")
@click.option("--fee", metavar="F", help="What a buy or sell outside cost beside its price.")
@click.option("--counterparty", metavar="USER_ID", help="The other side, a user here: it is entered for both.")
@click.option("--outside", metavar="NAME", help="The other side, where that is nobody here.")
@click.option(
    "--occurred-at", metavar="T", help="When it happened: 2025-03-01T12:00:00Z, or a date. Unless given, now."
)
@click.option("--pending", is_flag=True, help="Not settled yet: what it will take is held.")
@click.option("--expires-at", metavar="T", help="Cancelled then, if it is still pending.")
@click.option("--reference", metavar="ID", help="What others call it; one of a user's only once.")
@click.option("--key", metavar="K", help="A name for this command: the same key again enters nothing a second time.")
@_note
@click.pass_obj
def record(
    session: Session,
    user_id: str,
    transaction_type: str,
    credit_type: str,
    quantity: str,
    price: str | None,
    currency: str | None,
    fee: str | None,
    counterparty: str | None,
    outside: str | None,
    occurred_at: str | None,
    pending: bool,
    expires_at: str | None,
    reference: str | None,
    key: str | None,
    note: str | None,
) -> None:
    """Enters a trade, transfer, deposit, withdrawal, fee or correction that did not happen on the book.

    TYPE is buy, sell, deposit, withdrawal, transfer-in, transfer-out, fee, correction-in or correction-out.
    """
    with session.user(user_id) as user:
        report = user.transactions.record_transaction(
            transaction_type.replace("-", "_"),
            credit_type,
            quantity,
            price_per_credit=price,
            currency=currency,
            fee=fee,
            counterparty=counterparty,
            outside=outside,
            occurred_at=occurred_at,
            status="pending" if pending else "settled",
            expires_at=expires_at,
            external_reference=reference,
            note=note,
            key=key,
        )
    session.show(report, lambda: _say(report))


@click.command(
    cls=Command,
    examples=["transactions update ann 17 settled", 'transactions update ann 18 failed --note "account closed"'],
)
@click.argument("user_id")
@click.argument("transaction_id", type=WHOLE_NUMBER)
@click.argument("status", type=Words(["settled", "cancelled", "failed"]), metavar="STATUS")
@_note
@click.pass_obj
def update(session: Session, user_id: str, transaction_id: int, status: str, note: str | None) -> None:
    """Moves a pending transaction on; STATUS is settled, cancelled or failed."""
    with session.user(user_id) as user:
        report = user.transactions.update_transaction_status(transaction_id, status, note=note)
    session.show(report, lambda: _say(report))


def _say(report: TransactionReport) -> None:
    kind = report.transaction_type.replace("_", " ")
    total = f" for {report.total_value} {report.currency}" if report.total_value else ""
    repeated = "; it was entered before" if report.repeated else ""
    what = f"{kind} of {report.quantity} {report.credit_type}{total}"
    output.say(f"Transaction {report.transaction_id}, {what}: {report.status}{repeated}")
