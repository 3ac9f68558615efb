
import numpy as np
import pytest
import remote_store_server
import soundfile
import tiny_macaw
from PIL import Image

from macaw_cli.config.loading import open_workspace
from macaw_cli.shards.feature_store import FeatureStore


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """A folder with tiny encoders `clip` and `whisper`."""
    folder = tmp_path_factory.mktemp("tiny") / "models"
    tiny_macaw.make_models(folder)
    return folder


@pytest.fixture
def workspace(tmp_path, models):
    """Opens the workspace of the test's folder, with given settings: `workspace("features.frames=2")`."""

    def opened(*overrides):
        (tmp_path / "macaw.yaml").write_text(
            f"version: 1\nfeatures:\n  image_encoder: {models / 'clip'}\n  audio_encoder: {models / 'whisper'}\n"
            "  frames: 3\n  batch_size: 4\n  shard_items: 5\n  max_reject_ratio: 1.0\n"
        )
        return open_workspace(tmp_path, overrides)

    return opened


@pytest.fixture
def media(tmp_path):
    """7 different images, 3 audio files and 2 videos (one silent) below `media/`."""
    folder = tmp_path / "media"
    (folder / "pictures").mkdir(parents=True)
    generator = np.random.default_rng(0)
    for number in range(7):
        pixels = generator.integers(0, 256, (30, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "pictures" / f"{number}.png")
    for number in range(3):
        soundfile.write(folder / f"{number}.wav", generator.standard_normal(9000) / 10, 16000)
    tiny_macaw.make_video(folder / "loud.mp4", with_audio=True)
    tiny_macaw.make_video(folder / "silent.mp4", with_audio=False)
    return folder


@pytest.fixture
def store(tmp_path):
    """Opens the feature store of the test's workspace."""
    return lambda: FeatureStore(tmp_path / "features")


@pytest.fixture
def contents(tmp_path):
    """The bytes of every file of the store whose bytes are promised: shards, manifest, store.json."""

    def read(folder=None):
        folder = folder or tmp_path / "features"
        files = [*folder.glob("*.tar"), folder / "manifest.jsonl", folder / "store.json", folder / "rejects.jsonl"]
        return {file.name: file.read_bytes() for file in files if file.exists()}

    return read


@pytest.fixture(scope="session")
def s3_server():
    """A real S3 server on this machine; its URL."""
    with remote_store_server.s3_server() as url:
        yield url


@pytest.fixture
def bucket(s3_server, tmp_path, monkeypatch):
    """An empty bucket as a driver and `s3://` URL, with a cache of its own for remote stores."""
    import s3fs

    monkeypatch.setenv("MACAW_CACHE", str(tmp_path / "cache"))
    filesystem = s3fs.S3FileSystem(use_listings_cache=False)
    name = f"test-{tmp_path.name.replace('_', '-').lower()[-40:]}".strip("-")
    filesystem.mkdir(name)
    yield filesystem, f"s3://{name}"
    filesystem.rm(name, recursive=True)
