"""`users import` and `users catch-up`: what concerns many users at once."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import TextIO

import click

from credit_trading.cli import output
from credit_trading.cli.command import REFUSED, Command
from credit_trading.cli.session import Session
from credit_trading.errors import AlreadyExists, InvalidInput, TradingError
from credit_trading.users.bulk import Creation

_HEADER = ["user_id", "email"]


class _Lines:
    """The users of a CSV file. While it is read, `line` is where; when all is read, None."""

    def __init__(self, file: TextIO) -> None:
        name = getattr(file, "name", "<stdin>")
        self._name = "standard input" if name == "<stdin>" else name
        self._rows = csv.reader(file, strict=True)
        self.line: int | None = 0

    def __iter__(self) -> Iterator[tuple[str, str]]:
        try:
            for number, row in enumerate(self._rows):
                self.line = self._rows.line_num
                if number == 0:
                    if [cell.strip() for cell in row] != _HEADER:
                        raise self.error("the first line must be user_id,email")
                elif row:
                    if len(row) != len(_HEADER):
                        raise self.error(f"{len(row)} cells, not 2")
                    yield row[0], row[1]
        except UnicodeDecodeError as error:  # found some kilobytes ahead of the line that is read
            self.line = None
            raise InvalidInput("users.import", self._name, f"not UTF-8 ({error}); nothing was changed") from error
        except csv.Error as error:
            self.line = self._rows.line_num
            raise self.error(f"not CSV ({error})") from error
        if self.line == 0:
            self.line = 1
            raise self.error("the first line must be user_id,email")
        self.line = None

    def error(self, problem: str) -> InvalidInput:
        return InvalidInput("users.import", self.place, f"{problem}; nothing was changed", hint="Correct the file.")

    @property
    def place(self) -> str:
        return f"{self._name} line {self.line}"


@click.command("import", cls=Command, examples=["users import users.csv --skip-existing"])
@click.argument("file", type=click.File(encoding="utf-8-sig"))
@click.option("--skip-existing", is_flag=True, help="Pass over users who are there with the same e-mail.")
@click.pass_obj
@click.pass_context
def import_users(ctx: click.Context, session: Session, file: TextIO, skip_existing: bool) -> None:
    """Creates the users of a CSV file with the header user_id,email; "-" reads standard input.

    A line that is wrong is named, and nothing is changed. An import that was broken off is gone on with by --skip-existing.
    """
    lines = _Lines(file)
    with session.admin() as admin, output.progress("Creating users") as tick:
        try:
            made = admin.databases.create_trading_databases(lines, skip_existing=skip_existing, progress=tick)
        except (InvalidInput, AlreadyExists) as error:
            raise _of_line(lines, error) from error
    for refused in made.refused:
        output.warn(str(refused))
    value = {"created": made.created, "already": made.already, "refused": [str(error) for error in made.refused]}
    session.show(value, lambda: output.say(_summary(made)))
    if made.refused:
        ctx.exit(REFUSED)


def _of_line(lines: _Lines, error: InvalidInput | AlreadyExists) -> TradingError:
    if lines.line is None or error.subject == lines.place:
        return error
    problem = f'"{error.subject}": {error.problem}; nothing was changed'
    return type(error)("users.import", lines.place, problem, hint=error.hint)


def _summary(made: Creation) -> str:
    already = f", {made.already} were there already" if made.already else ""
    refused = f", {len(made.refused)} refused" if made.refused else ""
    return f"Created {made.created} users{already}{refused}"


@click.command("catch-up", cls=Command, examples=["users catch-up"])
@click.pass_obj
@click.pass_context
def catch_up(ctx: click.Context, session: Session) -> None:
    """Brings every user's file up to the journal. Each also catches up by itself when it is next read."""
    with session.admin() as admin, output.progress("Catching up") as tick:
        behind = admin.databases.catch_up(progress=tick)
    said = f"{behind} users' files are still behind" if behind else "All users' files are up to date"
    session.show({"behind": behind}, lambda: output.say(said))
    if behind:
        ctx.exit(REFUSED)
