"""What all commands have in common: `--json`, examples in the help, numbers that begin with a minus, one line per error.

Here: the classes that commands and groups are made of, and the types of their parameters. Never here: any command.
Always: exit code 0 is done, 1 refused or failed, 2 wrong usage, 130 interrupted; no traceback.
"""

from __future__ import annotations

import logging
import os
import re
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import click
import rich_click
from rich.panel import Panel
from rich.text import Text

from credit_trading.cli import output
from credit_trading.cli.session import Session
from credit_trading.errors import TradingError

PROGRAM = "credit-trading"

DONE, REFUSED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130

_NEGATIVE = re.compile(r"-[.0-9]")


class _WithExamples(rich_click.RichCommand):
    """A command whose help ends with examples; each is what stands after the program's name."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def get_help(self, ctx: click.Context) -> str:
        """Panels on a terminal, plain text elsewhere."""
        return super().get_help(ctx) if output.is_fancy(sys.stdout) else self._plain_help(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        lines = Text("\n".join(self._example_lines()))
        panel = Panel(lines, title="Examples", title_align="left", border_style="dim")
        formatter.write(panel)  # type: ignore[arg-type]  # rich-click takes renderables

    def _example_lines(self) -> list[str]:
        return [f"{PROGRAM} {example}" for example in self.examples]

    def _plain_help(self, ctx: click.Context) -> str:
        formatter = click.HelpFormatter(max_width=100)
        click.Command.format_usage(self, ctx, formatter)
        click.Command.format_help_text(self, ctx, formatter)
        click.Command.format_options(self, ctx, formatter)
        if isinstance(self, click.Group):
            click.Group.format_commands(self, ctx, formatter)
        with formatter.section("Examples"):
            for line in self._example_lines():
                formatter.write(f"  {line}\n")
        return formatter.getvalue().rstrip("\n")


class Command(_WithExamples):
    """A command that gives a result. Its function is given the session; `--json` is set there."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(
            click.Option(
                ["--json"],
                is_flag=True,
                expose_value=False,
                callback=_wants_json,
                help="Give the result as one JSON value.",
            )
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """A number below zero is a value that the exchange refuses with a reason, not an option that does not exist."""
        try:
            return super().parse_args(ctx, list(args))
        except click.NoSuchOption as error:
            if _NEGATIVE.match(error.option_name) is None:
                raise
        ctx.ignore_unknown_options = True
        return super().parse_args(ctx, list(args))


class Group(_WithExamples, rich_click.RichGroup):  # type: ignore[misc]  # as rich-click itself mixes them
    """Commands about one noun."""

    command_class = Command
    group_class = type


class Program(Group):
    """The outermost group: whatever happens inside ends as an exit code and at most one line on standard error."""

    def main(self, args: Sequence[str] | None = None, *_: Any, **extra: Any) -> Any:
        given = list(sys.argv[1:] if args is None else args)
        sys.exit(self._run(given, {key: extra[key] for key in extra if key == "obj"}))

    def _run(self, args: list[str], extra: dict[str, Any]) -> int:
        with output.addressing(
            partial(_for_home, home=_home_in(args), commands=self.list_commands(click.Context(self)))
        ):
            return self._run_addressed(args, extra)

    def _run_addressed(self, args: list[str], extra: dict[str, Any]) -> int:
        log, handler = logging.getLogger("credit_trading"), output.WarningsToStandardError()
        log.addHandler(handler)
        try:
            _check_text(args)
            code = super().main(args, prog_name=PROGRAM, standalone_mode=False, **extra)
            sys.stdout.flush()
            return code if isinstance(code, int) else DONE
        except BrokenPipeError:
            _abandon_standard_output()
            return REFUSED
        except (click.Abort, KeyboardInterrupt):
            output.fail("interrupted.")
            return INTERRUPTED
        except click.UsageError as error:
            output.fail(_usage_line(error))
            return WRONG_USAGE
        except click.ClickException as error:
            output.fail(error.format_message())
            return REFUSED
        except TradingError as error:
            output.fail(str(error))
            return REFUSED
        except Exception as error:  # the root of the program
            if os.environ.get("CREDIT_TRADING_DEBUG"):
                raise
            name = type(error).__name__
            output.fail(f"{name}: {error}. This is a fault in the program: see it whole with CREDIT_TRADING_DEBUG=1.")
            return REFUSED
        finally:
            log.removeHandler(handler)


class WholeNumber(click.ParamType[int]):
    """ASCII digits only: what Python takes beside them (`1_000`, other scripts' digits) is more likely a slip."""

    name = "number"

    def __init__(self, *, negative: bool = True) -> None:
        self._wanted = "a whole number of at most 18 digits" + ("" if negative else ", 0 or more")
        self._pattern = re.compile(r"-?[0-9]{1,18}" if negative else "[0-9]{1,18}", re.ASCII)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        if self._pattern.fullmatch(value) is None:
            self.fail(f"{value!r} is not {self._wanted}.", param, ctx)
        return int(value)


class Words(click.Choice[str]):
    """A choice in capitals or not, with "-" or "_" between its words: as results and the library write it, too."""

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__(words, case_sensitive=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return super().convert(str(value).replace("_", "-"), param, ctx)


WHOLE_NUMBER = WholeNumber()
COUNT = WholeNumber(negative=False)


def _wants_json(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    session = ctx.find_object(Session)
    if session is not None:
        session.json = value


def _check_text(args: Sequence[str]) -> None:
    for argument in args:
        try:
            argument.encode()
        except UnicodeEncodeError as error:
            raise click.UsageError(f"The argument {argument!a} is not valid text.") from error


def _home_in(args: Sequence[str]) -> str | None:
    """The folder as it was named among the program's own options, which come first; the last one counts."""
    home, place = None, 0
    while place < len(args) and args[place].startswith("-"):
        name, equals, value = args[place].partition("=")
        if name == "--home":
            place += not equals
            home = value if equals else next(iter(args[place:]), None)
        place += 1
    return home


def _for_home(text: str, *, home: str | None, commands: Sequence[str]) -> str:
    """The commands in the text, for the folder that was named; those that name one stay as they are."""
    if home is None:
        return text
    named = f"{PROGRAM} --home {shlex.quote(home)} "
    return re.sub(rf"\b{PROGRAM} (?=(?:{'|'.join(map(re.escape, commands))})\b)", lambda _: named, text)


def _usage_line(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx is not None else PROGRAM
    message = error.format_message()
    return f"{message if message.endswith(('.', '?')) else f'{message}.'} See: {path} --help."


def _abandon_standard_output() -> None:
    """Nobody reads any more: what is still buffered goes nowhere, or Python would complain about it at exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
