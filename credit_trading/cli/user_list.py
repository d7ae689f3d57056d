"""`users import` and `users catch-up`: what concerns many users at once."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import TextIO

import click

from credit_trading.cli import output
from credit_trading.cli.command import REFUSED, Command
from credit_trading.cli.counts import counted
from credit_trading.cli.session import Session
from credit_trading.errors import AlreadyExists, InvalidInput, TradingError
from credit_trading.users.bulk import Creation, WrongUsers

_HEADER = ["user_id", "email"]


_HINT = "Correct the file."


class _Lines(Iterator[tuple[str, str]]):
    """The users of a CSV file, a step each; a step at a line that is wrong raises InvalidInput, and the next one goes on after it.

    `numbers` are the lines of the steps so far, None where it is not known.
    """

    def __init__(self, file: TextIO) -> None:
        name = getattr(file, "name", "<stdin>")
        self.name = "standard input" if name == "<stdin>" else name
        self.numbers: list[int | None] = []
        self._rows = csv.reader(file, strict=True)
        self._is_over = False

    def __next__(self) -> tuple[str, str]:
        if self._is_over:
            raise StopIteration
        if not self.numbers:
            self._check_header()
        while not (row := self._row()):
            if row is None:
                raise StopIteration
        self.numbers.append(self._rows.line_num)
        if len(row) != len(_HEADER):
            raise self._error(f"{counted(len(row), 'cell')}, not 2")
        return row[0], row[1]

    def _check_header(self) -> None:
        if [cell.strip() for cell in self._row() or []] != _HEADER:
            self._end(line=max(1, self._rows.line_num))
            raise self._error("the first line must be user_id,email")

    def _row(self) -> list[str] | None:
        """The next one, None when all are read. What is no text or no CSV ends the file: nobody knows where it goes on."""
        try:
            row = next(self._rows, None)
        except UnicodeDecodeError as error:  # found some kilobytes ahead of the line that is read
            self._end(line=None)
            raise self._error(f"not UTF-8 ({error})") from error
        except csv.Error as error:
            self._end(line=self._rows.line_num)
            raise self._error(f"not CSV ({error})") from error
        self._is_over = row is None
        return row

    def _end(self, *, line: int | None) -> None:
        self.numbers.append(line)
        self._is_over = True

    def _error(self, problem: str) -> InvalidInput:
        """Without a subject: the line is told by whoever tells of all that are wrong."""
        return InvalidInput("users.import", "", problem, hint=_HINT)


@click.command(
    "import",
    cls=Command,
    examples=["users import users.csv", "users import users.csv --skip-existing", "users import - < users.csv"],
)
@click.argument("file", type=click.File(encoding="utf-8-sig"))
@click.option("--skip-existing", is_flag=True, help="Pass over users who are there with the same e-mail.")
@click.pass_obj
@click.pass_context
def import_users(ctx: click.Context, session: Session, file: TextIO, skip_existing: bool) -> None:
    """Creates the users of a CSV file in UTF-8; "-" reads standard input.

    The first line is the header user_id,email; each other line is a user. Two users may have the same e-mail, but not the same id.

    Lines that are wrong are named, ten at most, and nothing is changed. An import that was broken off is gone on with by --skip-existing.
    """
    lines = _Lines(file)
    with session.admin() as admin, output.progress("Creating users") as tick:
        try:
            made = admin.databases.create_trading_databases(lines, skip_existing=skip_existing, progress=tick)
        except (InvalidInput, AlreadyExists) as error:
            if isinstance(error.__cause__, WrongUsers):
                raise _of_lines(lines, error.__cause__) from error
            raise
    for refused in made.refused:
        output.warn(str(refused))
    value = {"created": made.created, "already": made.already, "refused": [str(error) for error in made.refused]}
    session.show(value, lambda: output.say(_summary(made)))
    if made.refused:
        ctx.exit(REFUSED)


def _of_lines(lines: _Lines, found: WrongUsers) -> TradingError:
    """One error that names each line, of the first one's class."""
    problems, hints = list[str](), list[str]()
    for place, error in found.wrong:
        problem = f'"{error.subject}": {error.problem}' if error.subject else error.problem
        problems.append(_line(lines.numbers[place], problem))
        hints.append(error.hint)
    more = "; no further line was looked at" if found.is_cut_off else ""
    problem = f"{'; '.join(problems)}{more}; nothing was changed"
    return type(found.wrong[0][1])("users.import", lines.name, problem, hint=_joined(hints))


def _joined(hints: Iterable[str]) -> str:
    """Each once; a command in one ends where the semicolon is."""
    different = list(dict.fromkeys(hints))
    return different[0] if len(different) == 1 else "; ".join(hint.rstrip(".") for hint in different)


def _line(number: int | None, problem: str) -> str:
    return problem if number is None else f"line {number}: {problem}"


def _summary(made: Creation) -> str:
    already = f", {counted(made.already, 'was', 'were')} there already" if made.already else ""
    refused = f", {len(made.refused)} refused" if made.refused else ""
    return f"Created {counted(made.created, 'user')}{already}{refused}"


@click.command("catch-up", cls=Command, examples=["users catch-up"])
@click.pass_obj
@click.pass_context
def catch_up(ctx: click.Context, session: Session) -> None:
    """Brings every user's file up to the journal. Each also catches up by itself when it is next read."""
    with session.admin() as admin, output.progress("Catching up") as tick:
        behind = admin.databases.catch_up(progress=tick)
    still = counted(behind, "user's file is", "users' files are")
    said = f"{still} still behind" if behind else "All users' files are up to date"
    session.show({"behind": behind}, lambda: output.say(said))
    if behind:
        ctx.exit(REFUSED)
