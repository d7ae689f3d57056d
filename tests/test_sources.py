"""What holds of the sources as a whole: values reach SQL only as parameters, names reach paths in one place, files are private."""

from __future__ import annotations

import ast
import logging
import os
import stat
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from credit_trading import Settings
from credit_trading.errors import FileCorrupt, InvalidInput, TradingError
from credit_trading.journal.log import FILE_NAME
from credit_trading.users.naming import check_email, check_user_id, file_name, path_in
from tests.floor import SYMBOL, Floor, edit, opened
from tests.sql_in_sources import Hole, holes, holes_in

PACKAGE = Path(__file__).parent.parent / "credit_trading"

ALLOWED = {
    "host/keyed.py: self.sql": "compiled by SQLAlchemy of one of our own tables, with places for all values",
    "marketdata/prints.py: found.fetchall()": "kinds and names of what stands in marketdata.db, as its own catalogue spells them",
    "store/sqlite.py: synchronous": "FULL or NORMAL, from the code that opens the file",
    "store/migrations.py: migration.statements": "the SQL of our own tables, handed down from the rooms that own them",
    "store/migrations.py: migration.version": "a whole number of this package",
    "trading/records.py: field.name": "names of the fields of our own record classes",
    "users/difference.py: connection.execute('PRAGMA query_only').fetchone()": "0 or 1, as SQLite tells it",
    "users/difference.py: in_order(table, keys)": "a SELECT of all rows of one of our own tables",
    "users/difference.py: table": "the name of one of our own tables",
    "users/handles.py: longest_ms": "a whole number of this package",
    "users/private.py: '?' * len(columns)": "as many question marks as a private table has columns",
    "users/private.py: _objects(old, new)": "the SQL of private tables, as the user's own file spells it",
    "users/private.py: _quoted(table)": "a private table's name, quoted",
    "users/private.py: map(_quoted, columns)": "its columns' names, each quoted",
    "users/tables/keyset.py: one.sql": "made by search and order_search of constants of theirs, which their test looks at",
    "users/reading/listener.py: self._asked": "a SELECT that was executed before, to ask for its plan",
    "users/reading/listener.py: statement": "SQL of the room that asks, handed on as it is",
    "users/tables/migrations.py: _differing_views(connection)": "the names of our own views",
    "users/tables/migrations.py: step.statements": "the SQL of our own tables",
    "verify/schema.py: application_id": "a value that stands beside the statement, to compare its answer with",
    "verify/schema.py: schema": "the SQL of our own tables, handed down from the rooms that own them",
    "verify/tables.py: in_order(table, width)": "a SELECT of all rows of one of our own tables",
    "verify/schema.py: version": "a value that stands beside the statement, to compare its answer with",
}
"""Parts of statements that are not constant and come from nobody outside."""


def _key(hole: Hole) -> str:
    return f"{hole.file}: {hole.text}"


# SQL


@cache
def _holes() -> list[Hole]:
    return holes_in(PACKAGE)


def test_values_reach_sql_only_as_bound_parameters() -> None:
    """Whatever else a statement is made of is a constant of a module, or stands above with its reason."""
    assert [str(hole) for hole in _holes() if _key(hole) not in ALLOWED] == []


def test_what_is_allowed_is_still_there() -> None:
    assert {_key(hole) for hole in _holes()} == set(ALLOWED)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('c.execute(f"SELECT * FROM users WHERE user_id = {user_id}")', ["user_id"]),
        ('c.execute("SELECT * FROM users WHERE user_id = \'" + user_id + "\'")', ["user_id"]),
        (
            'c.execute("SELECT * FROM users WHERE user_id = %s" % user_id)',
            ["'SELECT * FROM users WHERE user_id = %s' % user_id"],
        ),
        ('c.execute("SELECT {}".format(user_id))', ["'SELECT {}'.format(user_id)"]),
        ('c.execute(" ".join(["SELECT", user_id]))', ["user_id"]),
        ("c.executescript(user_id)", ["user_id"]),
        ("c.executemany(sql=user_id)", ["user_id"]),
        ("c.execute(*user_id)", ["user_id"]),
        ('text = f"SELECT {user_id}"\n    c.execute(text)', ["user_id"]),
        ('text = "SELECT "\n    text += user_id\n    c.execute(text)', ["user_id"]),
        ('for text in ("SELECT 1", user_id):\n        c.execute(text)', ["user_id"]),
        ('a, b = ("x", user_id)\n    c.execute(f"{a} {b}")', ["user_id"]),
        ("with user_id as text:\n        c.execute(text)", ["user_id"]),
        ("c.execute(text := user_id)", ["(text := user_id)"]),
        ('select(c, Record, "view", where=user_id)', ["user_id"]),
        ('c.execute(f"SELECT {COLUMNS} FROM t WHERE a = ?", (user_id,))', []),
        ('for table in TABLES:\n        c.execute(f"SELECT * FROM {table}")', []),
        ('c.execute("SELECT 1" if user_id else "SELECT 2")', []),
        ('a, b = ("x", 1) if user_id else ("y", 2)\n    c.execute(f"SELECT {a}", (b,))', []),
        ("c.execute(module.INSERT, (user_id,))", []),
    ],
)
def test_the_reader_of_the_sources_finds_what_is_planted(body: str, expected: list[str]) -> None:
    """A value in a statement, in whatever way it got there; and nothing where there is none."""
    source = f'COLUMNS = "a, b"\nTABLES = ("t", "u")\n\ndef run(c, user_id):\n    {body}\n'
    assert [hole.text for hole in holes(source, "planted.py")] == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('c.execute(text(f"SELECT * FROM users WHERE user_id = {user_id}"))', ["user_id"]),
        ('c.exec_driver_sql("DELETE FROM users WHERE user_id = " + user_id)', ["user_id"]),
        ("c.execute(select(literal_column(user_id)))", ["user_id"]),
        ("c.execute(select(table).where(table.c.user_id == user_id))", []),
        ('c.execute(text("SELECT :user_id"), {"user_id": user_id})', []),
    ],
)
def test_where_sqlalchemy_binds_values_only_text_can_hold_one(body: str, expected: list[str]) -> None:
    source = f"def run(c, table, user_id):\n    {body}\n"
    assert [hole.text for hole in holes(source, "host/planted.py")] == expected


def test_nobody_runs_statements_under_another_name() -> None:
    """`run = connection.execute` would go unseen; `self._execute` and `self._executemany` are looked at."""
    aliases = []
    for path in sorted(PACKAGE.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source if "execute" in source else "")
        called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        known = {
            id(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            and [ast.unparse(target) for target in node.targets] in (["self._execute"], ["self._executemany"])
        }
        aliases += [
            f"{path.name}:{node.lineno}: {ast.unparse(node)}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and node.attr.startswith("execute") and id(node) not in called | known
        ]
    assert aliases == []


# Paths

_NAMES = {"user_id", "email", "file_name", "previous_file_name"}
_BUILDERS = {"Path", "PurePath", "os.path.join", "joinpath", "with_name", "with_stem"}


def _paths_made_of_names(source: str) -> Iterator[str]:
    """Expressions that build a path out of something with such a name."""
    for node in ast.walk(ast.parse(source)):
        built: list[ast.expr] = []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            built = [node.left, node.right]
        elif isinstance(node, ast.Call):
            function = ast.unparse(node.func)
            built = node.args if {function, function.rpartition(".")[2]} & _BUILDERS else []
        for expression in built:
            for part in ast.walk(expression):
                if (getattr(part, "attr", None) or getattr(part, "id", None)) in _NAMES and not _is_checked(
                    part, expression
                ):
                    yield ast.unparse(node)


def _is_checked(part: ast.AST, expression: ast.expr) -> bool:
    """Whether it is an argument of `path_in`."""
    return any(
        isinstance(call, ast.Call)
        and ast.unparse(call.func) == "path_in"
        and any(part is inner for inner in ast.walk(call))
        for call in ast.walk(expression)
    )


def test_a_users_id_or_address_becomes_a_path_in_one_place_only() -> None:
    """`naming.path_in`, which looks at the name first."""
    found = [
        f"{path.relative_to(PACKAGE)}: {text}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for text in _paths_made_of_names(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "planted",
    ["home / user.file_name", "Path(home, user_id)", "os.path.join(home, f'{email}.db')", "home / f'x{user_id}'"],
)
def test_a_path_made_elsewhere_would_be_found(planted: str) -> None:
    assert list(_paths_made_of_names(planted))


HOSTILE = [
    *["../x", "..", ".", "a/b", "/etc/x", "a\\b", "C:\\x", "a\0b", "a\nb", "con", "NUL", "com1.x", "-rf", "~", "~root"],
    *["a" * 65, "a" * 5000, "%2e%2e%2f", "a:b", "\u2025/x", "\uff41/b", "\ud800", ".hidden", "", "x.db-wal/../y"],
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_id_or_address_makes_no_path_outside_the_folder(home: Path, text: str) -> None:
    """It is refused, or the file's name holds nothing of it that means anything in a path."""
    for user_id, email in ((text, "ann@example.com"), ("ann", f"{text}@example.com"), ("ann", f"ann@{text}")):
        try:
            name = file_name(check_user_id(user_id), check_email(email))
        except InvalidInput:
            continue
        path = path_in(home, name)
        assert path.parent == home
        assert os.path.normpath(path) == str(path)
        assert len(os.fsencode(path.name + "-journal")) <= 255


def test_hostile_ids_and_addresses_leave_no_file_anywhere(floor: Floor) -> None:
    """Those that are allowed get a file in the folder; the others leave no trace."""
    around = floor.exchange.home.parent
    before = sorted(around.iterdir())
    for number, text in enumerate(HOSTILE):
        for user_id, email in ((text, "x@example.com"), (f"u{number}", f"{text}@example.com")):
            try:
                path = floor.admin.databases.create_trading_database(user_id, email).path
            except TradingError:
                continue
            assert path.parent == floor.exchange.home
            assert path.is_file()
    assert sorted(around.iterdir()) == before
    assert floor.findings() == []


BAD_NAMES = [
    *[
        "../victim.db",
        "../../etc/x",
        "/etc/x",
        "",
        ".",
        "..",
        "exchange.db",
        "trading_/../../victim.db",
        "exchange.lock",
    ],
    *[
        "trading_ann_x.db/../../victim.db",
        "checkpoints/trading_ann_x.db",
        "trading_ann\0.db",
        "TRADING_ann.db",
        "trading_ann_x.db\n",
    ],
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_only_names_that_are_given_to_files_become_paths(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileCorrupt, match="no user's file has such a name") as error:
        path_in(tmp_path, name)
    assert str(error.value).isprintable()


@pytest.fixture
def victim(floor: Floor) -> Path:
    """Somebody else's file, one folder above the exchange."""
    path = floor.exchange.home.parent / "victim.db"
    path.write_bytes(b"precious")
    return path


def _forge(floor: Floor, assignment: str) -> Floor:
    """The catalogue edited by hand while nobody has it open; and the exchange opened anew, which the caller closes."""
    floor.exchange.close()
    edit(floor.exchange.home / FILE_NAME, f"UPDATE users SET {assignment} WHERE user_id = 'ann'")
    return Floor(opened(floor.exchange.home))


def test_a_catalogue_that_names_a_file_elsewhere_is_refused_in_clear_words(floor: Floor, victim: Path) -> None:
    """Whoever reads that user is told; all others trade on, and nothing outside the folder is opened or made."""
    forged = _forge(floor, "file_name = '../victim.db'")
    with forged.exchange:
        forged.place("bob", "buy", 1, "5.00")
        with pytest.raises(FileCorrupt, match=r"users.file \"\.\./victim.db\".*Somebody has edited exchange.db"):
            forged.user("ann").orders.get_active_orders()
        with pytest.raises(FileCorrupt):
            forged.admin.databases.get_trading_database("ann")
        forged.place("ann", "sell", 1, "5.00")  # decided in the journal; the file is not needed for that
        assert forged.balance("bob") == "999995.00"
    assert victim.read_bytes() == b"precious"
    assert [path.name for path in victim.parent.iterdir() if path.is_file()] == ["victim.db"]


@pytest.mark.parametrize(
    "assignment",
    [
        "state = 'deleting', file_name = '../victim.db'",
        "state = 'deleting', previous_file_name = '../victim.db'",
        "previous_file_name = '../victim.db'",
        "previous_file_name = file_name, file_name = '../victim.db'",
    ],
)
def test_a_forged_renaming_or_deletion_touches_nothing_outside(
    floor: Floor, victim: Path, assignment: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The exchange opens, says what it has not done, and trades."""
    with caplog.at_level(logging.WARNING):
        forged = _forge(floor, assignment)
    with forged.exchange:
        assert forged.place("bob", "buy", 1, "5.00").order_status == "new"
    assert "no user's file has such a name" in caplog.text
    assert victim.read_bytes() == b"precious"
    assert [path.name for path in victim.parent.iterdir() if path.is_file()] == ["victim.db"]


# Permissions


def _public_in(folder: Path) -> list[str]:
    """What others than the owner could read, write or enter, or the owner could not."""
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in (folder, *folder.rglob("*"))}
    return [
        f"{path.relative_to(folder.parent)} {mode:04o}"
        for path, mode in sorted(modes.items())
        if mode != (0o700 if path.is_dir() else 0o600)
    ]


@pytest.fixture(params=[0o000, 0o077], ids=["umask 000", "umask 077"])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    """What this process takes from the modes of files; put back in the end."""
    before = os.umask(request.param)
    yield
    os.umask(before)


def test_everything_that_is_made_is_its_owners_alone(umask: None, home: Path) -> None:
    """Folders 0700 and files 0600, whatever the umask; while all is open, and after it was closed."""
    with opened(home, settings=Settings(checkpoint_every_events=1)) as exchange:
        floor = Floor(exchange).set_up("ann", "bob")
        floor.place("ann", "sell", 5, "5.00")
        floor.place("bob", "buy", 5, "5.00")
        assert exchange.market_data.get_trades(SYMBOL)
        floor.admin.databases.create_trading_databases([("cat", "cat@example.com"), ("dan", "dan@example.com")])
        floor.admin.databases.change_email("ann", "new@example.com")
        floor.admin.databases.catch_up()
        _damage(floor.path("bob"))
        floor.admin.databases.rebuild("bob")
        with floor.admin.databases.get_trading_database("bob").conn:
            names = {path.name for path in home.iterdir()}
            assert {"exchange.db-wal", "exchange.db-shm", "exchange.lock", "marketdata.db", "caught_up.json"} <= names
            assert "trading_bob_bob_example.com.db-shm" in names
            assert _public_in(home) == []
    for folder in ("checkpoints", "quarantine"):
        assert list((home / folder).iterdir()), folder
    assert _public_in(home) == []


def _damage(path: Path) -> None:
    """As any SQLite tool could."""
    edit(path, "UPDATE balances SET posted = posted + 1")
