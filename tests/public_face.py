"""The public face as text: one line for each name that a host may use, with its signature, type or value.

Here: finding and rendering. Never here: what the face should be (public_face.txt).
From `credit_trading.__all__`, `credit_trading.errors` and the services of an opened exchange it goes on to every class of this package that
they name, but not into the rooms below: of what those hold the class's name is said and no more. Names with an underscore are nobody's.

    $ python -m tests.public_face     # writes public_face.txt anew
"""

from __future__ import annotations

import enum
import inspect
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ForwardRef, is_typeddict

import attrs
import msgspec

import credit_trading
from credit_trading import ManualClock, Prepared, Settings, SystemClock, TradingError, errors

FILE = Path(__file__).parent / "public_face.txt"

BELOW = ("cli", "exchange", "journal", "money", "store")
"""Rooms whose classes a host meets as values only."""
OPAQUE = {Prepared}
"""What is handed back as it was given."""
MADE_BY_HOSTS = (Settings, ManualClock, SystemClock, TradingError)
"""Of these, and what derives from them, the way to make one is public too."""


def public_face() -> str:
    """All lines, sorted. Of two classes of one name each is told with its module."""
    face = Face()
    names = Counter(owner.__name__ for owner in {owner for owner, _ in face.lines if owner})
    labels = {
        owner: owner.__name__
        if names[owner.__name__] == 1
        else f"{owner.__module__.rpartition('.')[2]}.{owner.__name__}"
        for owner, _ in face.lines
        if owner
    }
    return "".join(
        f"{line}\n" for line in sorted(f"{labels[owner] if owner else ''}{text}" for owner, text in face.lines)
    )


class Face:
    """What has been found so far."""

    def __init__(self) -> None:
        self.lines: set[tuple[type | None, str]] = set()
        """Whose each is, and what comes after the owner's name."""
        self._seen: set[type] = set()
        for name in credit_trading.__all__:
            self._exported(name, getattr(credit_trading, name))
        for found in vars(errors).values():
            if isinstance(found, type) and issubclass(found, TradingError):
                self._class(found)
        with tempfile.TemporaryDirectory() as folder, credit_trading.open(Path(folder) / "x", create=True) as exchange:
            admin = exchange.as_admin("face")
            admin.databases.create_trading_database("1", "one@example.com")
            for opened in (exchange, admin, exchange.as_user("1"), admin.on_behalf_of("1")):
                self._attributes(opened)

    def _exported(self, name: str, found: object) -> None:
        if isinstance(found, type):
            self._say(None, f"credit_trading.{name}: {_parents(found)}")
            self._class(found)
        elif callable(found):
            self._say(None, f"credit_trading.{name}{self._signature(found)}")
        else:
            self._say(None, f"credit_trading.{name}: {type(found).__name__}")

    def _say(self, owner: type | None, text: str) -> None:
        self.lines.add((owner, text))

    def _attributes(self, opened: object) -> None:
        """What hangs on an object: its services, and theirs."""
        self._class(type(opened))
        for name in _public(vars(opened)):
            value = getattr(opened, name)
            self._say(type(opened), f".{name}: {'Path' if isinstance(value, Path) else type(value).__name__}")
            if _is_ours(type(value)) and type(value) not in self._seen:
                self._attributes(value)
        for name, member in vars(type(opened)).items():  # the type checker alone may know of what type these are
            if (
                isinstance(member, property)
                and not name.startswith("_")
                and _is_ours(kind := type(getattr(opened, name)))
            ):
                self._class(kind)

    def _class(self, found: type) -> None:
        """Its methods, properties, fields and constants, inherited ones too; once."""
        if found in self._seen or found in OPAQUE:
            return
        self._seen.add(found)
        if issubclass(found, TradingError):
            self._say(None, f"errors.{found.__name__}: {_parents(found)}")
        if issubclass(found, MADE_BY_HOSTS):
            self._say(found, self._signature(found))
        parents = (
            [found] if issubclass(found, TradingError) else found.__mro__
        )  # errors repeat nothing of their parents
        ours = [parent for parent in parents if parent.__module__.startswith("credit_trading")]
        for name in {name: None for parent in ours for name in _public(vars(parent))}:
            self._member(found, next(parent for parent in ours if name in vars(parent)), name)
        for name, annotation in _fields(found):
            self._say(found, f".{name}: {annotation}")
            self._follow(annotation, vars(sys.modules[found.__module__]))

    def _member(self, owner: type, parent: type, name: str) -> None:
        member = vars(parent)[name]
        if isinstance(member, property):
            returned = inspect.get_annotations(member.fget)["return"] if member.fget else ""
            self._say(owner, f".{name}: {returned}")
            self._follow(returned, vars(sys.modules[parent.__module__]))
        elif isinstance(member, classmethod) and not issubclass(owner, MADE_BY_HOSTS):
            return  # how the package makes its records
        elif isinstance(member, classmethod | staticmethod) or inspect.isfunction(member):
            bound = not isinstance(member, staticmethod)
            function: Any = getattr(member, "__func__", member)
            self._say(owner, f".{name}{self._signature(function, bound=bound)}")
        elif isinstance(member, enum.Enum | str | int | None) and name not in dict(_fields(owner)):
            value = member.value if isinstance(member, enum.Enum) else member
            self._say(owner, f".{name} = {value!r}")

    def _signature(self, function: Callable[..., Any], *, bound: bool = False) -> str:
        """As it stands in the source."""
        signature = inspect.signature(function)
        parameters = list(signature.parameters.values())[bound:]
        scope = vars(sys.modules[function.__module__])
        for annotation in (*(one.annotation for one in parameters), signature.return_annotation):
            if isinstance(annotation, str):
                self._follow(annotation, scope)
        returned = "" if isinstance(function, type) else f" -> {_text(signature.return_annotation)}"
        return f"({', '.join(_rendered(parameters))}){returned}"

    def _follow(self, annotation: str, scope: dict[str, Any]) -> None:
        """Goes on to the classes of this package that it names; what other names stand for is said."""
        for name in re.findall(r"[A-Za-z]\w*", annotation):
            found = scope.get(name)
            if isinstance(found, type) and _is_ours(found):
                self._class(found)
            elif found is not None and not isinstance(found, type) and hasattr(found, "__args__"):
                self._say(None, f"{name} = {found!r}")


def _rendered(parameters: list[inspect.Parameter]) -> Iterator[str]:
    """With the marks that say which are given by name."""
    by_name = False
    for one in parameters:
        if one.kind is one.VAR_POSITIONAL:
            by_name = True
        elif one.kind is one.KEYWORD_ONLY and not by_name:
            by_name = True
            yield "*"
        mark = "*" if one.kind is one.VAR_POSITIONAL else "**" if one.kind is one.VAR_KEYWORD else ""
        text = f"{mark}{one.name}" + ("" if one.annotation is one.empty else f": {_text(one.annotation)}")
        default = getattr(one.default, "__name__", None) or repr(one.default)
        yield text if one.default is one.empty else f"{text} = {default}"


def _text(annotation: object) -> str:
    if annotation is inspect.Signature.empty:
        return "None"
    if isinstance(annotation, ForwardRef):
        return annotation.__forward_arg__
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", None) or repr(annotation)


def _fields(found: type) -> list[tuple[str, str]]:
    """Of records: attrs classes and structs."""
    if attrs.has(found):
        return [(one.name, _text(one.type)) for one in attrs.fields(found) if not one.name.startswith("_")]
    if issubclass(found, msgspec.Struct) or is_typeddict(found):
        written = {
            name: text for parent in reversed(found.__mro__) for name, text in inspect.get_annotations(parent).items()
        }
        return [(name, _text(written[name])) for name in _public(written) if "ClassVar" not in _text(written[name])]
    return []


def _public(names: Any) -> list[str]:
    return [name for name in names if not name.startswith("_")]


def _parents(found: type) -> str:
    return ", ".join(parent.__name__ for parent in found.__bases__)


def _is_ours(found: type) -> bool:
    package, _, rest = found.__module__.partition(".")
    return package == "credit_trading" and rest.partition(".")[0] not in BELOW and not found.__name__.startswith("_")


if __name__ == "__main__":
    FILE.write_text(public_face())
