"""Runs docs/host-integration.md from top to bottom in the folder it is started in: its commands and its Python, in one process.

Here: the running, for a process of its own: Django can be set up once in each. Never here: what is checked of the page (test_page).
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from credit_trading import verify_folder
from credit_trading.cli import main

PAGE = Path(__file__).parent.parent.parent / "docs" / "host-integration.md"

BLOCKS: list[tuple[str, str]] = re.findall(r"^```(console|python)\n(.*?)^```", PAGE.read_text(), re.M | re.S)


def named(text: str) -> str | None:
    """The file that a block shows a part of; None for what is run."""
    found = re.match(r"# (examples/\S+\.py)\n", text)
    return found[1] if found else None


def command(line: str) -> None:
    """One line of a console."""
    words = shlex.split(line)
    if words[0] == "export":
        name, _, value = words[1].partition("=")
        os.environ[name] = value
    elif words[:2] == ["python", "-m"]:
        from django.core.management import execute_from_command_line

        execute_from_command_line(words[2:])
    elif words[0] == "credit-trading":
        may_fail = words[-2:] == ["||", "true"]
        done = CliRunner().invoke(main, words[1:-2] if may_fail else words[1:])
        sys.stdout.write(f"$ {line}\n{done.output}\n")
        assert may_fail or done.exit_code == 0, f"{line}: {done.exit_code}"
    else:
        assert words[:2] == ["pip", "install"], line


def run() -> int:
    """How many blocks were run."""
    scope: dict[str, Any] = {}
    ran = 0
    for number, (language, text) in enumerate(BLOCKS, 1):
        if named(text) is not None:
            continue
        ran += 1
        if language == "python":
            exec(compile(text, f"host-integration.md, block {number}", "exec"), scope)
        else:
            for line in text.splitlines():
                command(line.removeprefix("$ "))
    command("credit-trading host check")
    scope["exchange"].close()
    findings = [str(finding) for finding in verify_folder("database/trading", deep=True).findings]
    assert findings == [], findings
    return ran


if __name__ == "__main__":
    sys.stdout.write(f"{run()} blocks were run\n")
