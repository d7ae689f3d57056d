"""Whatever is wrong with a set is found, and the object named; a set that is found whole can be restored."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

import credit_trading
from credit_trading.backup import people
from credit_trading.backup.archive import packed, store, unpacked
from credit_trading.backup.manifest import (
    Manifest,
    StoredCheckpoint,
    encode,
    encode_index,
    manifest_name,
)
from credit_trading.backup.people import PrivateRow, UserRow
from credit_trading.backup.verification import SetVerification, drill, look, verify
from credit_trading.backup.verified import verified
from credit_trading.errors import NotFound
from tests.backup.story import Story, everything_in
from tests.cli.conftest import Cli

replace = msgspec.structs.replace


def _look(story: Story, number: int = 3, *, deep: bool = False) -> SetVerification:
    return look(story.archive, story.sets[number - 1], deep=deep, check=everything_in)


def _found(story: Story, number: int = 3, *, deep: bool = False) -> set[str]:
    """The objects that findings name."""
    return {finding.file for finding in _look(story, number, deep=deep).findings}


def _objects(story: Story, number: int = 3) -> list[str]:
    """All that the set needs: the third rests on the second and that on the first."""
    chain = story.archive.chain(story.manifest(number))
    return [name for one in chain for name in (manifest_name(one.set), *(stored.name for stored in one.objects))]


def _put(story: Story, manifest: Manifest) -> None:
    """The set's manifest edited by one who knows how: its own hash fits."""
    (story.folder / manifest_name(manifest.set)).write_bytes(encode(manifest))


# Whole sets


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_every_set_of_a_history_is_whole_and_can_be_restored(story: Story, number: int) -> None:
    result = _look(story, number, deep=True)
    assert (result.findings, result.notes) == ([], [])
    assert result.rests_on == {1: [], 2: story.sets[:1], 3: story.sets[:2], 4: [], 5: [story.sets[3]]}[number]
    kept = verified(story.archive, story.manifest(number))
    assert kept is not None
    assert (kept.deep, kept.findings) == (True, 0)


def test_a_drill_restores_the_newest_set(story: Story) -> None:
    result = drill(story.archive, everything_in)
    assert (result.set, result.users, result.findings) == (story.sets[-1], 3, [])
    assert result.sequence == story.moments["the end"].sequence
    assert result.seconds > 0


def test_what_belongs_to_no_set_is_told_and_no_finding(story: Story) -> None:
    (story.folder / "packs" / "left-0001.pack").write_bytes(b"left")
    result = _look(story)
    assert result.findings == []
    assert [note.split()[0] for note in result.notes] == ["packs/left-0001.pack"]


# Damage


def test_a_flipped_bit_anywhere_is_found_and_its_object_named(story: Story) -> None:
    """In every object that the set needs, at its ends and in the middle."""
    names, chance = _objects(story), random.Random(7)
    assert {name.split("/")[0] for name in names} == {"sets", "segments", "packs", "people", "checkpoints"}
    for name in names:
        path = story.folder / name
        content = path.read_bytes()
        for place in (0, len(content) // 2, len(content) - 1, chance.randrange(len(content))):
            path.write_bytes(content[:place] + bytes((content[place] ^ 4,)) + content[place + 1 :])
            assert name in _found(story), f"{name} at {place}"
        path.write_bytes(content)
    assert _found(story) == set()


def test_what_is_dropped_or_cut_short_is_found_and_named(story: Story) -> None:
    own = manifest_name(story.sets[2])
    for name in _objects(story):
        path = story.folder / name
        content = path.read_bytes()
        for cut in (0, len(content) // 2, len(content) - 1):
            path.write_bytes(content[:cut])
            assert name in _found(story), f"{name} cut at {cut}"
        path.unlink()
        if name != own:
            assert name in _found(story), f"{name} dropped"
        path.write_bytes(content)
    (story.folder / "archive.json").unlink()
    assert "archive.json" in _found(story)


def test_two_objects_that_are_exchanged_are_both_named(story: Story) -> None:
    first, second = story.manifest(1), story.manifest(2)
    pairs = [
        (first.segments[0].name, second.segments[0].name),
        (first.packs[0].name, second.packs[0].name),
        (first.people.name, second.people.name),
        (manifest_name(first.set), manifest_name(second.set)),
    ]
    for one, other in pairs:
        a, b = story.folder / one, story.folder / other
        ours, theirs = a.read_bytes(), b.read_bytes()
        a.write_bytes(theirs)
        b.write_bytes(ours)
        found = _found(story)
        assert other in found
        assert one in found or one.startswith(
            "sets/"
        )  # what lies below a manifest that cannot be read is not looked for
        a.write_bytes(ours)
        b.write_bytes(theirs)


def test_all_that_is_wrong_is_told_not_only_the_first(story: Story) -> None:
    names = [story.manifest(1).packs[0].name, story.manifest(2).segments[0].name, story.manifest(3).people.name]
    for name in names:
        (story.folder / name).write_bytes(b"")
    assert _found(story) == set(names)
    assert set(names) <= _found(story, deep=True)
    kept = verified(story.archive, story.manifest(3))
    assert kept is not None
    assert kept.findings == 3


def test_an_edited_manifest_is_found_even_if_only_spaces_were(story: Story) -> None:
    """Numbers by their hash; what JSON does not mind is no edit."""
    path = story.folder / manifest_name(story.sets[2])
    content = json.loads(path.read_bytes())
    content["users"] += 1
    path.write_text(json.dumps(content))
    assert _found(story) == {manifest_name(story.sets[2])}


def test_an_old_manifest_under_a_new_name_is_found(story: Story) -> None:
    """Plainly copied, or with its own id and hash put right."""
    old, name = story.manifest(1), "29990101-000000-000000"
    path = story.folder / manifest_name(name)
    path.write_bytes((story.folder / manifest_name(old.set)).read_bytes())
    assert {one.file for one in verify(story.archive, check=everything_in)} == {manifest_name(name)}
    path.write_bytes(encode(replace(old, set=name)))
    found = verify(story.archive, deep=True, check=everything_in)
    assert {one.file for one in found} == {old.people.name}


Edit = Callable[[Manifest], Manifest]


def _segment(**fields: Any) -> Edit:
    def edit(manifest: Manifest) -> Manifest:
        return replace(manifest, segments=[*manifest.segments[:-1], replace(manifest.segments[-1], **fields)])

    return edit


EDITS: dict[str, Edit] = {
    "sequence": lambda one: replace(one, sequence=one.sequence - 1, files_as_of=one.sequence - 1),
    "hash": lambda one: replace(one, hash="ab" * 32),
    "time": lambda one: replace(one, time_us=one.time_us + 1),
    "users": lambda one: replace(one, users=one.users + 1),
    "exchange": lambda one: replace(one, exchange_id="f" * 32),
    "kind": lambda one: replace(one, kind="full"),
    "files as of": lambda one: replace(one, files_as_of=one.sequence + 1),
    "generation": lambda one: replace(one, private_generation=1),
    "segment's end": _segment(hash_after="ab" * 32),
    "segment's beginning": _segment(hash_before="ab" * 32),
    "segment's rows": _segment(first=2),
    "segment's time": _segment(first_time_us=1),
    "a segment dropped": lambda one: replace(one, segments=one.segments[:-1]),
    "a pack's users": lambda one: replace(one, packs=[replace(one.packs[0], users=1)]),
    "a pack's first": lambda one: replace(one, packs=[replace(one.packs[0], first_user=2)]),
    "a pack's index": lambda one: replace(one, packs=[replace(one.packs[0], index_at=one.packs[0].index_at - 1)]),
    "a pack's dictionary": lambda one: replace(one, packs=[replace(one.packs[0], dictionary_size=0)]),
    "another's people": lambda one: replace(one, people=one.packs[0]),
}


ONLY_DEEP = ("users", "segment's time")
"""What no other object and no other line of the manifest tells."""


@pytest.mark.parametrize("name", EDITS)
def test_a_manifest_edited_by_one_who_knows_how_is_found(story: Story, name: str) -> None:
    """Its own hash fits, and what it says does not."""
    manifest = story.manifest(3)
    _put(story, EDITS[name](manifest))
    found = _found(story, deep=name in ONLY_DEEP)
    assert found
    assert found <= {manifest_name(manifest.set), *(stored.name for stored in manifest.objects)}


def _edited_pack(story: Story, number: int, **fields: Any) -> str:
    """The index says something else of its first file; all hashes above it fit."""
    manifest = story.manifest(number)
    pack = manifest.packs[0]
    copies = story.archive.index(pack)
    content = story.archive.read(pack)[: pack.index_at] + packed(
        encode_index([replace(copies[0], **fields), *copies[1:]])
    )
    stored = store(story.archive, pack.name, content)
    _put(story, replace(manifest, packs=[replace(pack, size=stored.size, sha256=stored.sha256)]))
    return pack.name


@pytest.mark.parametrize(
    "fields",
    [
        {"applied_sequence": 2},
        {"applied_hash": "ab" * 32},
        {"schema_version": 1},
        {"file_size": 1},
        {"offset": 1},
        {"sha256": "ab" * 32},
        {"applied_sequence": 1_000},
    ],
)
def test_a_copy_that_is_not_what_its_index_says_is_found(story: Story, fields: dict[str, Any]) -> None:
    """Where it stands, by whom it was written, where it lies."""
    name = _edited_pack(story, 3, **fields)
    is_seen_in_the_pack = fields.keys() & {"offset", "sha256"} or fields == {"applied_sequence": 1_000}
    found = _look(story, deep=not is_seen_in_the_pack).findings
    assert name in {finding.file for finding in found}
    assert any("user #1" in (finding.row or "") for finding in found)


def test_another_users_file_in_a_users_place_is_found(story: Story) -> None:
    """Index and hashes fit, but it says of itself whose it is."""
    manifest = story.manifest(1)
    copies = story.archive.index(manifest.packs[0])
    name = _edited_pack(story, 1, **{key: getattr(copies[1], key) for key in ("offset", "size", "sha256", "file_size")})
    assert name in _found(story, 1, deep=True)


def _edited_people(story: Story, number: int, edit: Callable[[Any], Any]) -> str:
    manifest = story.manifest(number)
    header, rows = people.read(story.archive.read(manifest.people), name="people")
    writing = people.Writing(header)
    writing.add(one for one in map(edit, rows) if one is not None)
    _put(story, replace(manifest, people=store(story.archive, manifest.people.name, writing.finish())))
    return manifest.people.name


@pytest.mark.parametrize(
    "edit",
    [
        lambda row: replace(row, email="eve@evil.example") if isinstance(row, UserRow) and row.number == 2 else row,
        lambda row: None if isinstance(row, UserRow) and row.number == 2 else row,
        lambda row: None if type(row).__name__ == "NoteRow" else row,
        lambda row: replace(row, actor="admin:nobody") if type(row).__name__ == "NoteRow" else row,
        lambda row: replace(row, folded_id="x") if isinstance(row, UserRow) and row.number == 2 else row,
    ],
    ids=["e-mail", "no row", "no notes", "other notes", "other id"],
)
def test_people_who_are_not_those_of_the_journal_are_found(story: Story, edit: Callable[[Any], Any]) -> None:
    name = _edited_people(story, 1, edit)
    assert _found(story, 1) == set()
    assert _found(story, 1, deep=True) == {name}


def test_private_facts_of_one_who_is_not_marked_are_found(story: Story) -> None:
    name = _edited_people(story, 1, lambda row: None if isinstance(row, PrivateRow) and row.number == 1 else row)
    found = _look(story, 1, deep=True).findings
    assert {one.file for one in found} == {story.manifest(1).packs[0].name}, name


def test_a_checkpoint_that_the_journal_does_not_lead_to_is_found(story: Story) -> None:
    """Of another sequence, under the right name; or with another digest than the manifest's."""
    manifest = story.manifest(1)
    checkpoint = manifest.checkpoint
    assert checkpoint is not None
    _put(story, replace(manifest, checkpoint=replace(checkpoint, state_digest="ab" * 32)))
    assert _found(story, 1, deep=True) == {checkpoint.name}
    later = story.manifest(4).checkpoint
    assert later is not None
    content = story.archive.read(later)
    stored = store(story.archive, checkpoint.name, content)
    assert unpacked(content)
    edited = replace(checkpoint, size=stored.size, sha256=stored.sha256, state_digest=later.state_digest)
    assert isinstance(edited, StoredCheckpoint)
    _put(story, replace(manifest, checkpoint=edited))
    assert checkpoint.name in _found(story, 1, deep=True)


def test_loss_of_private_facts_is_found(story: Story) -> None:
    """The user is marked as having some since before the backup, and the set has no copy of the file."""
    manifest = story.manifest(4)
    _put(story, replace(manifest, packs=[], pending=[1]))
    found = _look(story, 4, deep=True)
    assert {one.row for one in found.findings} == {"user ann", "user bob", "user cat"}
    assert found.notes[-1] == "Users' files that could not be copied when the set was made: 1."


# What is kept, and what is refused


def test_findings_are_kept_and_a_manifest_that_changes_is_unverified_again(story: Story) -> None:
    archive = story.archive
    assert verified(archive, story.manifest(3)) is None
    _look(story)
    kept = verified(archive, story.manifest(3))
    assert kept is not None
    assert not kept.deep
    _put(story, replace(story.manifest(3), erased=[4]))
    assert verified(archive, story.manifest(3)) is None


def test_a_set_that_is_not_there_is_refused_with_a_way_out(story: Story, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"there is no such set.*backup list --from"):
        look(story.archive, "20200101-000000-000000", check=everything_in)


def test_the_commands_tell_what_they_found(story: Story, tmp_path: Path) -> None:
    cli, place = Cli(tmp_path / "home"), str(story.folder)
    told = cli.run("backup", "verify", "--from", place, "--deep").out
    assert "everything, restored" in told
    assert "Findings" in told
    result = cli.json("backup", "verify", "--from", place)
    assert (result["set"], result["findings"], result["deep"]) == (story.sets[-1], [], False)
    name = story.manifest(1).people.name
    (story.folder / name).unlink()
    result = cli.json("backup", "verify", story.sets[2], "--from", place, code=1)
    assert [one["file"] for one in result["findings"]] == [name]
    assert name in cli.run("backup", "verify", story.sets[2], "--from", place, code=1).out
    assert "there is no such set" in cli.refused("backup", "verify", "none", "--from", place)


def test_the_command_restores_a_folder_that_verifies(story: Story, tmp_path: Path) -> None:
    cli, place, home = Cli(tmp_path / "none"), str(story.folder), tmp_path / "restored"
    told = cli.run("backup", "restore", "--from", place, "--to", str(home)).out
    assert story.sets[-1] in told
    assert everything_in(home) == []
    assert "an exchange is there" in cli.refused("backup", "restore", "--from", place, "--to", str(home))
    moment = story.moments["second set"]
    at = credit_trading.clock.format_time(moment.time_us)
    result = cli.json("backup", "restore", "--from", place, "--to", str(tmp_path / "then"), "--at", at)
    assert (result["sequence"], result["users"], result["findings"]) == (moment.sequence, 4, [])
    for words in (["--at", at, "--sequence", "1", "--to", "x"], [], ["--at", "noon", "--to", "x"]):
        cli.run("backup", "restore", "--from", place, *words, code=2)
    assert "holds the sequences" in cli.refused(
        "backup", "restore", "--from", place, "--to", str(tmp_path / "x"), "--sequence", "100000"
    )
    assert not (tmp_path / "x").exists()
