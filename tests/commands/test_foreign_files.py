"""What others keep where a command is told to write: refused by name before any work, and left as it was."""

import json
import os

import pytest

from macaw_cli.basics.errors import DamagedError, InputError, MacawError
from macaw_cli.config.loading import open_workspace
from macaw_cli.config.presets import write_preset
from macaw_cli.dataset.build import build_dataset
from macaw_cli.features.extract import extract
from macaw_cli.features.journal import Journal
from macaw_cli.features.output_checks import require_own_entries
from macaw_cli.features.output_checks import require_own_place as require_own_place_of_features
from macaw_cli.inspection.inspect_folder import PageRequest, inspect_folder
from macaw_cli.quickstart.run import run_quickstart
from macaw_cli.shards.damage_note import damaged_shards
from macaw_cli.shards.feature_store import FeatureStore
from macaw_cli.shards.remote_store import read_record
from macaw_cli.training.run_folder import choose_run, require_own_place

ROW = {"id": "a", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}


@pytest.fixture
def root(tmp_path):
    """A workspace with a conversation, a source folder of images and tars, and somebody's thesis."""
    (tmp_path / "text.jsonl").write_text(json.dumps(ROW) + "\n")
    for name in ("media/image-000000.tar", "media/cat.png", "thesis/chapter.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"mine")
    return tmp_path


def tree(folder):
    return {
        str(path.relative_to(folder)): path.readlink() if path.is_symlink() else path.is_file() and path.read_bytes()
        for path in sorted(folder.rglob("*"))
    }


def refused(folder, call, names=None):
    """`call` ends with a known error that names something, and changes nothing in `folder`."""
    before = tree(folder)
    with pytest.raises(MacawError, match=names):
        call()
    assert tree(folder) == before


def opened(root, *overrides):
    return open_workspace(None, [f"training.runs={root}/runs", *overrides])


def build(root, out):
    return lambda: build_dataset(opened(root, f"dataset.sources=['jsonl:{root}/text.jsonl']", f"dataset.out={out}"))


def features(root, out, source="media"):
    return lambda: extract(opened(root, f"features.out={out}"), [f"{root}/{source}"])


PLACES = ["media", "thesis", "./thesis/../media", "link", "thesis/chapter.txt", "thesis/chapter.txt/below"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("command", [build, features])
def test_a_folder_of_others_is_left_as_it_is(root, command, place):
    (root / "link").symlink_to(root / "thesis")
    refused(root, command(root, root / place), "media|thesis|link")


@pytest.mark.parametrize("out", ["media", "media/features", ".", "media/cat.png", "link/new"])
def test_features_are_not_written_over_into_or_around_their_sources(root, out):
    (root / "link").symlink_to(root / "media")
    refused(root, features(root, root / out), "media|link")


def test_a_dataset_is_not_written_into_a_source(root):
    (root / "sources").mkdir()
    (root / "text.jsonl").rename(root / "sources" / "text.jsonl")
    (root / "text.jsonl").symlink_to(root / "sources" / "text.jsonl")
    refused(root, build(root, root / "sources"), "sources")


def test_tars_of_others_in_a_dataset_of_macaws_stay(root):
    build(root, root / "dataset")()
    for name in ("train-000001.tar", "val-000077.tar", "notes.txt"):
        (root / "dataset" / name).write_bytes(b"mine")
    (root / "text.jsonl").write_text("".join(json.dumps({**ROW, "id": f"{number}"}) + "\n" for number in range(3)))
    build(root, root / "dataset")()
    for name in ("train-000001.tar", "val-000077.tar", "notes.txt"):
        assert (root / "dataset" / name).read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["train-000000.tar", "index.jsonl"])
def test_a_marker_that_was_copied_makes_no_file_of_others_macaws(root, name):
    build(root, root / "dataset")()
    other = root / "other"
    other.mkdir()
    (other / "dataset.json").write_bytes((root / "dataset" / "dataset.json").read_bytes())
    (other / name).write_bytes(b"mine, and not of macaw" * 100)
    refused(root, build(root, other), name)


def test_an_empty_or_cut_shard_of_macaws_own_is_made_again(root):
    build(root, root / "dataset")()
    for size in (0, 700):
        os.truncate(root / "dataset" / "train-000000.tar", size)
        assert build(root, root / "dataset")().info["shards"][0]["bytes"] > 700


@pytest.mark.parametrize("out", ["clip", "clip/features", "tars", "tars/features", "deep/a/features"])
def test_features_are_not_written_into_an_encoder_or_where_a_pattern_would_find_them(root, out):
    for name in ("clip/config.json", "tars/a.tar", "deep/a/a.tar"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"mine")
    sources = [f"{root}/tars/*", f"{root}/deep/**/*.tar"]
    settings = opened(root, f"features.out={root / out}", f"features.image_encoder={root}/clip")
    refused(root, lambda: require_own_place_of_features(settings, sources), "clip|tars|deep")
    apart = opened(root, f"features.out={root}/media/features", f"features.image_encoder={root}/clip")
    require_own_place_of_features(apart, [f"{root}/med*/*.png"])


@pytest.mark.parametrize("plant", ["link", "folder", "file"])
def test_a_building_folder_that_macaw_did_not_make_is_left_alone(root, plant):
    build(root, root / "dataset")()
    building = root / "dataset" / ".building"
    match plant:
        case "link":
            building.symlink_to(root / "thesis")
        case "folder":
            building.mkdir()
            (building / "chapter.txt").write_bytes(b"mine")
        case "file":
            building.write_bytes(b"mine")
    refused(root, build(root, root / "dataset"), ".building")


@pytest.mark.parametrize("command", [build, features])
def test_a_planted_lock_overwrites_nothing(root, command):
    (root / "new").mkdir()
    (root / "new" / ".macaw.lock").symlink_to(root / "thesis" / "chapter.txt")
    if command is build:
        refused(root, build(root, root / "new"), ".macaw.lock")
    else:
        from macaw_cli.features.output.outputs import open_output

        with pytest.raises(InputError, match=r"\.macaw\.lock"), open_output(str(root / "new")):
            pass
    assert (root / "thesis" / "chapter.txt").read_bytes() == b"mine"


def test_a_foreign_tar_in_a_store_of_macaws_is_not_overwritten(root):
    store = root / "features"
    store.mkdir()
    (store / "image-000000.tar").write_bytes(b"mine")
    with pytest.raises(InputError, match=r"image-000000\.tar"):
        Journal(store).add("image", ("image",), [], 1)
    assert [path.name for path in store.iterdir()] == ["image-000000.tar"]


def test_an_object_store_of_others_is_refused():
    require_own_entries("s3://bucket/new", [])
    require_own_entries("s3://bucket/old", ["image-000000.tar", "store.json"])
    with pytest.raises(InputError, match=r"image-000000\.tar"):
        require_own_entries("s3://bucket/data", ["image-000000.tar", ".macaw.lock"])


@pytest.mark.parametrize("named", ["", "[training]", "a: 1\n", "version: 1\nseed: 0\n"])
def test_a_run_does_not_go_into_a_folder_that_is_none(root, named):
    mine = root / "runs" / "mine"
    (mine / "checkpoints" / "step-00000001").mkdir(parents=True)
    (mine / "model.tmp").mkdir()
    if named:
        (mine / "settings.yaml").write_text(named)
    workspace = opened(root, "training.name=mine")
    refused(root, lambda: choose_run(workspace, resume=False), "mine")
    refused(root, lambda: choose_run(workspace, resume=True), "mine")


def test_a_run_is_apart_from_its_datasets(root):
    (root / "runs" / "mine" / "dataset").mkdir(parents=True)
    workspace = opened(root, "training.name=mine", f"training.datasets=['{root}/runs/mine/dataset:2']")
    refused(root, lambda: require_own_place(workspace), "mine")


def store_with(root, *rows, name="features"):
    store = root / name
    store.mkdir()
    (store / "store.json").write_text('{"format_version": 1, "fingerprints": {}}')
    (store / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return store


def bad_names(root):
    mine = str(root / "thesis/chapter.txt")
    return [mine, "../thesis/chapter.txt", str(root / "media/image-000000.tar"), "..", 3, None]


@pytest.mark.parametrize("number", range(6))
def test_a_shard_of_a_manifest_is_a_file_of_its_store(root, number):
    name = bad_names(root)[number]
    row = {"shard": name, "bytes": 4, "sha256": "0" * 64, "items": 1, "job": 0}
    store = store_with(root, row)
    refused(root, lambda: FeatureStore(store))
    refused(root, lambda: inspect_folder(store, verify=True, as_json=False))
    (store / "damaged.json").write_text(json.dumps({"format_version": 1, "damaged": [{"shard": name, "reason": ""}]}))
    job = {"job": 0, "modality": "image", "batch": 1, "shards": {"image": name}, "items": []}
    (store / "journal.jsonl").write_text(json.dumps(job) + "\n")
    with pytest.raises(DamagedError):
        damaged_shards(store)
    with pytest.raises(DamagedError):
        list(Journal(store).read())


def test_a_store_that_calls_itself_the_copy_of_a_url_is_a_plain_folder(root, monkeypatch):
    monkeypatch.setenv("MACAW_CACHE", str(root / "cache"))
    store = store_with(root)
    record = {"format_version": 1, "url": "https://example.invalid/store", "stamps": {}, "sizes": {}}
    (store / ".remote.json").write_text(json.dumps(record))
    assert read_record(store)["url"] == ""


def test_a_page_replaces_no_data(root):
    store = store_with(root)
    for target in (root / "text.jsonl", root / "thesis", store / "store.json"):
        refused(root, lambda target=target: inspect_folder(store, verify=False, as_json=True, page=PageRequest(target)))


def test_init_writes_over_nothing(root):
    (root / "macaw.yaml").symlink_to(root / "nowhere")
    refused(root, lambda: write_preset("small", root), r"macaw\.yaml")


@pytest.mark.parametrize("place", ["media", "thesis/chapter.txt"])
def test_a_quickstart_takes_no_folder_of_others(root, place):
    refused(root, lambda: run_quickstart(root / place), place.partition("/")[0])


def test_a_quickstart_does_not_take_a_workspace_with_media_for_its_own(root):
    write_preset("quickstart", root)
    refused(root, lambda: run_quickstart(root))
    assert os.listdir(root)  # noqa: PTH208
