"""Which jobs there are, and when: a TOML file in the exchange's folder.

Here: the file's words, its rules, and the one that is written to begin with. Never here: doing anything of it (work).
Always: the file is checked as a whole, each mistake is told with its table, key and rule, and a file with mistakes is not used at all.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import attrs

from credit_trading.errors import InvalidInput, NotFound, Unwritable
from credit_trading.jobs.timing import Every, Timing, parse_cron, parse_period
from credit_trading.jobs.toml_table import Table, count, strings, switch, text, timeout, words

FILE_NAME = "jobs.toml"

BACKUP, DRILL, VERIFY, PRUNE, EXPIRE, CHECKPOINT = "backup", "drill", "verify", "prune", "expire", "checkpoint"
SETS = ("incremental", "full")
EVENTS = ("failed", "overdue", "done")

MOST_JOBS = 100
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_LEAST_OVERDUE_S = 300
"""For what runs every minute: a restart of the machine is no alarm."""

_PERIODS_OVERDUE = 3
_KEEP = ("keep_last", "keep_daily", "keep_weekly", "keep_monthly")
_TIMES = ("every", "cron", "overdue_after")
_KEYS = {
    BACKUP: ("to", "set"),
    DRILL: ("from",),
    VERIFY: ("from", "deep"),
    PRUNE: ("from", *_KEEP),
    EXPIRE: (),
    CHECKPOINT: (),
}
"""What each kind of job is told beside its times."""


@attrs.frozen(kw_only=True)
class Job:
    """`place` is where its archive lies; `set` is what kind of backup it makes; `keep_…` are how many sets a prune keeps."""

    name: str
    kind: str
    timing: Timing
    overdue_after_s: int | None = None
    place: str = ""
    set: str = "incremental"
    deep: bool = False
    keep_last: int = 0
    keep_daily: int = 0
    keep_weekly: int = 0
    keep_monthly: int = 0

    def patience_s(self, now_us: int) -> int:
        """How long without a success until it is overdue: what the file says, else three of its periods, five minutes at least."""
        if self.overdue_after_s is not None:
            return self.overdue_after_s
        return max(_LEAST_OVERDUE_S, _PERIODS_OVERDUE * self.timing.period_s(now_us))


@attrs.frozen(kw_only=True)
class Hook:
    """A program that is told what happened, as JSON on its standard input. `on` says what of `EVENTS` it is told."""

    command: tuple[str, ...]
    timeout_s: int = 30
    on: tuple[str, ...] = ("failed", "overdue")


@attrs.frozen(kw_only=True)
class Config:
    """`path` is the file. Jobs in its order, names to jobs."""

    path: Path
    jobs: Mapping[str, Job]
    hook: Hook | None = None

    def job(self, name: str) -> Job:
        """Raises NotFound."""
        if name not in self.jobs:
            known = ", ".join(self.jobs) or "none"
            raise NotFound("jobs", name, f"{self.path} has no such job", hint=f"It has: {known}.")
        return self.jobs[name]


def path_in(home: Path) -> Path:
    return home / FILE_NAME


def load(path: Path) -> Config:
    """Raises NotFound, Unwritable if it cannot be read, InvalidInput with all mistakes. Relative places are seen from the file's folder."""
    try:
        read = tomllib.loads(path.read_bytes().decode())
    except FileNotFoundError as error:
        raise NotFound("jobs", path, "there is no such file", hint="Write one: credit-trading jobs init.") from error
    except OSError as error:
        raise Unwritable(
            "jobs", path, f"it cannot be read ({error.strerror})", hint="Check its permissions."
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidInput("jobs", path, "it is not UTF-8", hint="Save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput("jobs", path, f"it is not TOML: {error}", hint="See https://toml.io.") from error
    mistakes: list[str] = []
    config = Config(
        path=path.absolute(), jobs=_jobs(read, path.absolute().parent, mistakes), hook=_hook(read, mistakes)
    )
    mistakes += [
        f"[{key}] is not known: only [hook] and [jobs.NAME] are" for key in read if key not in ("hook", "jobs")
    ]
    if mistakes:
        raise InvalidInput("jobs", path, "; ".join(mistakes), hint="Nothing of the file is used before it is right.")
    return config


def _jobs(read: Mapping[str, object], folder: Path, mistakes: list[str]) -> dict[str, Job]:
    tables = read.get("jobs", {})
    if not isinstance(tables, dict):
        mistakes.append("jobs is not a table: each job is one of its own, [jobs.NAME]")
        return {}
    if len(tables) > MOST_JOBS:
        mistakes.append(f"it has {len(tables)} jobs: {MOST_JOBS} at most")
    found = {}
    for name, content in tables.items():
        table = Table(f"jobs.{name}", content, mistakes)
        if _NAME.fullmatch(name) is None:
            table.wrong("a job's name is 1 to 40 small letters, digits and hyphens")
        job = _job(name, table, folder)
        if job is not None:
            found[name] = job
    return found


def _job(name: str, table: Table, folder: Path) -> Job | None:
    """None where something in it is wrong."""
    before = len(table.mistakes)
    kind = table.word("kind", tuple(_KEYS))
    timing = _timing(table)
    overdue_after_s = table.read("overdue_after", parse_period, None)
    keys = _KEYS.get(kind or "", ())
    values: dict[str, object] = {}
    if "to" in keys or "from" in keys:
        values["place"] = _place(table, keys[0], folder)
    if "set" in keys:
        values["set"] = table.word("set", SETS)
    if "deep" in keys:
        values["deep"] = table.read("deep", switch, False)
    if kind == PRUNE:
        values |= {key: table.read(key, count, 0) for key in _KEEP}
        if not any(values[key] for key in _KEEP) and len(table.mistakes) == before:
            table.wrong(f"nothing says what to keep: give one of {', '.join(_KEEP)} at least")
    if kind:
        table.refuse_others(("kind", *_TIMES, *keys), f'a job of kind "{kind}"')
    if len(table.mistakes) > before or timing is None:
        return None
    return Job(name=name, kind=str(kind), timing=timing, overdue_after_s=overdue_after_s, **values)  # type: ignore[arg-type]


def _timing(table: Table) -> Timing | None:
    every, cron = table.has("every"), table.has("cron")
    if every == cron:
        table.wrong('give either every = "1h" or cron = "15 2 * * *"' + (", not both" if every else ""))
        return None
    if cron:
        return table.read("cron", parse_cron, None)
    seconds = table.read("every", parse_period, None)
    return None if seconds is None else Every(seconds)


def _place(table: Table, key: str, folder: Path) -> str:
    """A path or URL; a path is seen from the file's folder, since nobody knows from where a service is started."""
    where = table.read(key, text, "", needed=True)
    return str(folder / where) if where and "://" not in where else where


def _hook(read: Mapping[str, object], mistakes: list[str]) -> Hook | None:
    if "hook" not in read:
        return None
    table = Table("hook", read["hook"], mistakes)
    before = len(mistakes)
    command = table.read("command", words, (), needed=True)
    timeout_s = table.read("timeout_s", timeout, 30)
    on = table.read("on", _events, ("failed", "overdue"))
    table.refuse_others(("command", "timeout_s", "on"), "it")
    return Hook(command=command, timeout_s=timeout_s, on=on) if len(mistakes) == before else None


def _events(value: object) -> tuple[str, ...]:
    listed = strings(value)
    if not listed or not set(listed) <= set(EVENTS):
        raise ValueError(f"{value!r} is not a list of {', '.join(EVENTS)}")
    return listed
