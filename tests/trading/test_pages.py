"""Pages, and cursors as text: what leads on, and what is refused."""

from __future__ import annotations

import base64

import msgspec
import pytest

from credit_trading.errors import InvalidInput
from credit_trading.trading.pages import Page, cursor, page_of, position_after

QUESTION = ("transactions", 1, None, "date", False)


def test_a_page_is_a_list_that_knows_what_comes_next() -> None:
    page = page_of([10, 20, 30], limit=2, question=QUESTION, position=lambda row: (row,))
    assert (list(page), len(page), page[0], page[-1], page[:1]) == ([10, 20], 2, 10, 20, [10])
    assert page.next is not None
    assert position_after(page.next, QUESTION, of=1, what="list") == (20,)


@pytest.mark.parametrize(("rows", "limit"), [([1, 2], 2), ([1], 2), ([], 2), ([1, 2, 3], -1), ([1], 0)])
def test_the_last_page_leads_nowhere(rows: list[int], limit: int) -> None:
    """Below zero is all of them; a page of none has no row to go on from."""
    page = page_of(rows, limit=limit, question=QUESTION, position=lambda row: (row,))
    assert page == Page(rows[:limit] if limit >= 0 else rows, None)


def test_a_cursor_is_short_and_fits_into_an_address() -> None:
    text = cursor(QUESTION, (2**63 - 1, -(2**63 - 1)))
    assert len(text) < 60
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert position_after(text, QUESTION, of=2, what="list") == (2**63 - 1, -(2**63 - 1))


@pytest.mark.parametrize("place", range(len(QUESTION)))
def test_a_cursor_of_another_question_is_refused(place: int) -> None:
    """Whose rows, which filters, which order: each of them counts."""
    other = [*QUESTION]
    other[place] = "else"
    with pytest.raises(
        InvalidInput, match=r"this cursor is of another question\. Ask with the filters and the order"
    ) as refused:
        position_after(cursor(QUESTION, (1, 2)), tuple(other), of=2, what="transactions.list")
    assert str(refused.value).count("\n") == 0


def _packed(*content: object) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(content)).rstrip(b"=").decode()


GOOD = cursor(QUESTION, (1, 2))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "é",
        "\0",
        "A" * 500,
        GOOD[:-1],
        GOOD + "A" * 8,
        cursor(QUESTION, (1,)),
        cursor(QUESTION, (1, 2, 3)),
        _packed(2, b"12345678", (1, 2)),
        _packed(1, b"12345678", (1, 2**64 - 1)),
        _packed(1, b"12345678", (1, "2")),
        _packed(1, b"12345678"),
        _packed(1, b"12345678", (1, 2.5)),
        None,
        17,
        b"x",
        ["x"],
    ],
)
def test_what_is_no_cursor_is_refused_in_one_line(text: object) -> None:
    with pytest.raises(InvalidInput, match=r"not a cursor\. Give `next` of the page before") as refused:
        position_after(text, QUESTION, of=2, what="transactions.list")  # type: ignore[arg-type]  # that is the point
    assert str(refused.value).isprintable()


def test_no_change_of_a_cursor_leads_somewhere_else_unseen() -> None:
    """One letter that is changed: refused, or the same place, or another place of the same question; never anything but an InvalidInput."""
    for place in range(len(GOOD)):
        changed = GOOD[:place] + ("A" if GOOD[place] != "A" else "B") + GOOD[place + 1 :]
        try:
            position = position_after(changed, QUESTION, of=2, what="list")
        except InvalidInput:
            continue
        assert len(position) == 2, changed
