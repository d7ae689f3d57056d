"""The page: whole by itself, and nothing that a user has written does anything in it."""

from __future__ import annotations

import io
import re
from decimal import Decimal
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from credit_trading import ManualClock
from credit_trading.clock import format_time
from credit_trading.statements.page import amount, moment, period, signed
from tests.floor import CASH, Floor
from tests.statements.past import DAY_US, Past

_VOID = {"meta", "br"}


class _Page(HTMLParser):
    """Tags with their attributes, all text, and whether every tag is closed where it must be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.text += data


def page_of(floor: Floor, user: str = "ann", **words: str) -> str:
    stream = io.BytesIO()
    floor.user(user).statements.write_statement(stream, format="html", **words)
    return stream.getvalue().decode()


@pytest.fixture(scope="module")
def page(past: Past) -> str:
    return page_of(past.floor)


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing(page: str) -> None:
    """No script, no link, no image, no font; and browsers are told so."""
    found = _Page(page)
    names = {tag for tag, _ in found.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "base", "form", "a", "use", "image"}
    assert not [
        (tag, name) for tag, attrs in found.tags for name in attrs if name.startswith("on") or name in ("src", "href")
    ]
    assert "url(" not in page
    assert "@import" not in page
    assert "http://" not in page.replace("http-equiv", "")
    assert "https://" not in page
    policy = [attrs["content"] for tag, attrs in found.tags if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_every_line_and_balance_of_the_statement_stands_on_the_page(past: Past, page: str) -> None:
    text = _Page(page).text
    with past.floor.user("ann").statements.open_statement() as source:
        lines = list(source.lines())
    assert page.count('<tr><td class="when">') == len(lines) == source.statement.transactions
    for balance in source.statement.balances:
        assert amount(balance.closing) in text
    for line in lines:
        assert all(signed(change.change) in text and amount(change.balance) in text for change in line.changes)
    assert source.statement.as_of_hash in text


def test_every_chart_is_a_drawing_with_axes_that_a_screen_reader_can_tell(page: str) -> None:
    charts = [ElementTree.fromstring(found) for found in re.findall(r"<svg .*?</svg>", page, re.DOTALL)]
    assert len(charts) >= 5
    identities = [node.get("id") for chart in charts for node in chart.iter() if node.get("id")]
    assert len(set(identities)) == len(identities)
    for chart in charts:
        title, description = chart.find("title"), chart.find("desc")
        assert title is not None
        assert description is not None
        assert (title.text or "").strip()
        assert len((description.text or "").strip()) > 20
        assert chart.get("role") == "img"
        assert chart.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
        assert len([node for node in chart.iter("text") if (node.text or "").strip()]) >= 4
        assert chart.findall("path") or chart.findall("rect")


def test_a_chart_tells_between_which_balances_an_asset_was(past: Past) -> None:
    """In words, of every line and not only of those moments that are drawn."""
    begins = format_time(past.begins_us + 40 * DAY_US)
    page = page_of(past.floor, from_=begins)
    with past.floor.user("ann").statements.open_statement(begins) as source:
        lines = list(source.lines())
    for balance in source.statement.balances:
        known = [
            balance.opening,
            *(one.balance for line in lines for one in line.changes if one.asset == balance.asset),
        ]
        told = [amount(one) for one in (known[0], known[-1], min(known, key=Decimal), max(known, key=Decimal))]
        words = (
            f"{told[0]} {balance.asset} at the beginning, {told[1]} at the end; at least {told[2]}, at most {told[3]}."
        )
        assert words in page


def test_profit_begins_with_nothing(page: str) -> None:
    chart = page.partition("Realised profit so far, USD</h3>")[2].partition("</svg>")[0]
    (begins,) = re.findall(r'class="line" d="M[0-9.]+ ([0-9.]+)', chart)
    (zero,) = re.findall(r'class="zero".* y1="([0-9.]+)"', chart)
    assert begins == zero


def test_what_came_in_the_last_moment_is_drawn(floor: Floor) -> None:
    """Here all of the history is one microsecond long."""
    lines = re.findall(r'class="line" d="([^"]*)"', page_of(floor))
    assert [line.count("V") for line in lines] == [1, 1]


def test_two_moments_of_one_second_are_told_as_one(floor: Floor, clock: ManualClock) -> None:
    """Entered at once, that is; and a late one has both."""
    transactions = floor.admin.on_behalf_of("ann").transactions
    clock.advance(1.5)
    transactions.record_transaction("deposit", CASH, "1.00", occurred_at=clock.now_us() - 1)
    assert "happened" not in _Page(page_of(floor)).text.partition("Transactions")[2]
    transactions.record_transaction("deposit", CASH, "1.00", occurred_at="2025-12-12T00:00:00Z")
    assert "happened 2025-12-12" in _Page(page_of(floor)).text
    assert "booked 2026-01-" in _Page(page_of(floor, by="date")).text


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</td></tr></table><h1>mine</h1>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt; & <!-- ",
    "\u202eright to left\u202c",
    "']]></style><style>*{display:none}</style>",
]


def test_what_users_and_admins_write_is_only_ever_text(floor: Floor) -> None:
    """Notes, counterparties and references that would be markup, a template or an end of the style sheet."""
    plain = {tag for tag, _ in _Page(page_of(floor)).tags}
    transactions = floor.admin.on_behalf_of("ann").transactions
    for words in HOSTILE:
        floor.admin.accounts.deposit("ann", CASH, "1.00", note=words)
        transactions.record_transaction("deposit", CASH, "1.00", outside=words, note=words)
        transactions.record_transaction("deposit", CASH, "2.00", outside=words, note=words, status="pending")
    found = page_of(floor)
    page = _Page(found)
    for words in HOSTILE:
        assert page.text.count(words) == 5
    assert {tag for tag, _ in page.tags} - plain <= {"table", "span"}
    assert found.count("<style>") == 1
    assert "49" not in re.findall(r'<span class="note">([^<]*)', found)


def test_a_period_of_whole_days_is_told_by_its_first_and_last(floor: Floor, clock: ManualClock) -> None:
    clock.advance(90 * 86_400)
    service = floor.user("ann").statements
    assert period(service.get_statement("2026-01-01", "2026-02-01")) == "2026-01-01 to 2026-01-31 (UTC)"
    assert period(service.get_statement("2026-01-07", "2026-01-08")) == "2026-01-07 (UTC)"
    told = period(service.get_statement("2026-01-01T10:00:00Z", "2026-01-08"))
    assert told == "2026-01-01 10:00:00 to 2026-01-07 (UTC)"


@pytest.mark.parametrize(
    ("text", "shown", "change"),
    [
        ("0", "0", "0"),
        ("0.00", "0.00", "0.00"),
        ("-0.05", "\N{MINUS SIGN}0.05", "\N{MINUS SIGN}0.05"),
        ("1234567.890", "1,234,567.890", "+1,234,567.890"),
        ("-1000", "\N{MINUS SIGN}1,000", "\N{MINUS SIGN}1,000"),
        ("4611686018427387904", "4,611,686,018,427,387,904", "+4,611,686,018,427,387,904"),
        ("0.000000000000000001", "0.000000000000000001", "+0.000000000000000001"),
    ],
)
def test_amounts_keep_every_digit(text: str, shown: str, change: str) -> None:
    assert amount(text) == shown
    assert signed(text) == change


def test_midnight_is_told_as_a_day() -> None:
    assert moment("2026-03-01T00:00:00.000000Z") == "2026-03-01"
    assert moment("2026-03-01T00:00:00.000001Z") == "2026-03-01 00:00:00"
