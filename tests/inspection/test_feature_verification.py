"""`macaw inspect --verify` names what is damaged in a feature store, and leaves a note for its repair."""

import json

import pytest

from macaw_cli.basics.errors import DamagedError
from macaw_cli.inspection.feature_verification import verify_feature_store
from macaw_cli.inspection.inspect_folder import inspect_folder
from macaw_cli.shards.damage_note import DAMAGE_NAME, damaged_shards


def problems(store):
    return {finding.file: finding for finding in verify_feature_store(store) if finding.problem}


def flip(shard, at=600):
    content = bytearray(shard.read_bytes())
    content[at] ^= 1
    shard.write_bytes(content)


def edit_row(store, path, **change):
    manifest = store / "manifest.jsonl"
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    for row in rows:
        if row.get("path") == path and row["modality"] == "image":
            row |= change
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_a_whole_store_has_no_problem_and_an_old_note_goes(copy):
    store = copy / "features"
    (store / DAMAGE_NAME).write_text('{"format_version": 1, "damaged": [{"shard": "image-000000.tar", "reason": "x"}]}')
    assert problems(store) == {} and not (store / DAMAGE_NAME).exists()


def test_a_flipped_bit_and_a_missing_shard_are_named_with_their_media_and_noted(copy, capsys):
    store = copy / "features"
    flip(store / "image-000000.tar")
    (store / "video-000000.tar").unlink()
    found = problems(store)
    assert set(found) == {"image-000000.tar", "video-000000.tar"}
    image, video = found["image-000000.tar"], found["video-000000.tar"]
    assert "its content has changed" in image.problem and "it is missing" in video.problem
    assert image.media == 2 and sorted(image.examples) == ["media/blue.png", "media/red.png"]
    assert set(damaged_shards(store)) == set(found)
    with pytest.raises(DamagedError, match=r"image-000000\.tar: .*\(2 media: media/") as told:
        inspect_folder(store, verify=True, as_json=True)
    assert "macaw extract-features" in told.value.hint
    damaged = json.loads(capsys.readouterr().out)["damaged"]
    assert damaged[0]["media"] == 2 and "media/red.png" in damaged[0]["examples"]
    inspect_folder(store, verify=False, as_json=False)
    assert "2 shards, as --verify found" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "problem"),
    [({"offset": 10**9}, "points to bytes"), ({"bytes": 10**9}, "points to bytes"), ({"offset": 0}, "points to bytes"),
     ({"offset": 2048}, "which is not there"), ({"key": "0" * 32}, "which is not there")],
)  # fmt: skip
def test_a_row_that_points_to_something_else_is_noticed(copy, change, problem):
    store = copy / "features"
    edit_row(store, "media/red.png", **change)
    (finding,) = problems(store).values()
    assert (finding.file, finding.examples) == ("image-000000.tar", ("media/red.png",))
    assert problem in finding.problem
    assert damaged_shards(store) == ["image-000000.tar"]


def test_leftovers_and_a_torn_line_are_told_as_harmless(copy, capsys):
    store = copy / "features"
    (store / "image-000007.tar").write_bytes(b"half")
    (store / "image-000008.tar.partial").write_bytes(b"half")
    with (store / "manifest.jsonl").open("a") as out:
        out.write('{"path": "media/half')
    inspect_folder(store, verify=True, as_json=True)
    shown = capsys.readouterr()
    facts = json.loads(shown.out)
    assert facts["damaged"] == []
    unfinished = "image-000008.tar.partial"
    assert [note["file"] for note in facts["notes"]] == ["image-000007.tar", unfinished, "manifest.jsonl"]
    assert "left over from unfinished work" in shown.err and "incomplete" in shown.err
    assert "image-000008.partial.json" in shown.err and "the next extraction continues it" in shown.err
    assert not (store / DAMAGE_NAME).exists()


def test_what_was_noted_is_made_again_by_the_next_extraction_with_the_same_bytes(copy):
    from macaw_cli.config.loading import open_workspace
    from macaw_cli.features.extract import extract

    store = copy / "features"
    whole = {path.name: path.read_bytes() for path in store.glob("*.tar")}
    flip(store / "image-000000.tar")
    assert set(problems(store)) == {"image-000000.tar"}
    extract(open_workspace(copy, ["features.max_reject_ratio=1"]), [str(copy / "media")])
    assert {path.name: path.read_bytes() for path in store.glob("*.tar")} == whole
    assert problems(store) == {} and damaged_shards(store) == []
