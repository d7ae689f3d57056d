"""How a line is written and read back: every text survives, and no spreadsheet runs one."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit_trading.spreadsheet import csv_line, guarded, unguarded
from credit_trading.transfer.lines import csv_lines, json_line, json_lines
from credit_trading.transfer.problems import Problems
from credit_trading.transfer.schema import USERS, Limits

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
ANY = (
    TEXT
    | st.text(";\t\r\n'=+-@,\"5", max_size=12)
    | st.sampled_from(["=1+1", "'=1", "''", "-5", "-5.0", "+5", "-", "@a", "\ta", "\r\na", '"', ",", "\n"])
)


@given(st.lists(st.tuples(ANY, ANY), max_size=5))
def test_every_text_is_read_back_as_it_was_written(pairs: list[tuple[str, str]]) -> None:
    """In both forms; the empty text is nothing."""
    values = [{"user_id": one or None, "email": other or None, "cost_method": None} for one, other in pairs]
    problems = Problems(10)
    csv_file = csv_line(USERS.names) + b"".join(csv_line(list(one.values())) for one in values)
    json_file = b"".join(json_line(USERS, one) for one in values)
    found = csv_lines(io.BytesIO(csv_file), "users.csv", USERS, Limits(), problems)
    assert [line.values for line in found] == values
    found = json_lines(io.BytesIO(json_file), "users.jsonl", USERS, Limits(), problems)
    assert [line.values for line in found] == values
    assert problems == []


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t1", "\rx", "\nx", "-", "'", "--5", "-1e5"])
def test_what_a_spreadsheet_would_run_has_an_apostrophe_before_it(cell: str) -> None:
    assert guarded(cell) == f"'{cell}"
    assert unguarded(guarded(cell)) == cell


@pytest.mark.parametrize(
    "text", ["x{}=1+1", "x{}=1+1{}y", "{}+1", "{}{}@SUM(A1)", "{}'{}-1+1", 'x"{}"{}=1', "-5{}=1", "a,{}=1,"]
)
@pytest.mark.parametrize("separator", [";", "\t", "\n", "\r\n"])
@pytest.mark.parametrize("splits_at", [",", ";", "\t"])
def test_no_formula_begins_where_a_spreadsheet_splits_lines_otherwise(
    splits_at: str, separator: str, text: str
) -> None:
    """Such a cell is in quotes; but where lines are split at `;`, one in the middle of a cell is no quote, and so a `'` stands there."""
    cell = text.replace("{}", separator)
    line = csv_line(["ann", cell, "9.50"])
    assert b',"' in line
    cells = [one for row in csv.reader(io.StringIO(line.decode(), newline=""), delimiter=splits_at) for one in row]
    assert [one for one in cells if one.startswith(("=", "+", "-", "@"))] == []
    assert unguarded(guarded(cell)) == cell


def test_apostrophes_that_guard_nothing_are_kept() -> None:
    """A file of other programs has them inside of a cell for its own reasons."""
    assert unguarded("a;'b'\n'c'; '=") == "a;'b'\n'c'; '="


@pytest.mark.parametrize("cell", ["-0.05", "-12", "12.50", "ann", "", "a=b", "2026-03-01T09:30:00.000000Z"])
def test_numbers_below_zero_stay_numbers(cell: str) -> None:
    assert guarded(cell) == cell
    assert unguarded(cell) == cell


def test_csv_is_what_rfc_4180_says() -> None:
    """Python's own reader takes it, and its writer writes the same."""
    cells = ["a", 'say "hi"', "x,y", "line\nend", "", " kept "]
    written = csv_line(cells)
    assert written == b'a,"say ""hi""","x,y","line\nend",, kept \r\n'
    assert next(csv.reader(io.StringIO(written.decode(), newline=""), strict=True)) == cells
    told = io.StringIO(newline="")
    csv.writer(told, lineterminator="\r\n").writerow(cells)
    assert told.getvalue().encode() == written


def test_a_line_knows_where_it_stands() -> None:
    """Of a record that spans lines, the first; lines count from 1, with the heading."""
    file = b'\xef\xbb\xbfuser_id,email\r\nann,"a\nb"\r\n\r\nbob,c\n'
    found = list(csv_lines(io.BytesIO(file), "users.csv", USERS, Limits(), Problems(9)))
    assert [(line.number, line.values["user_id"]) for line in found] == [(2, "ann"), (5, "bob")]
