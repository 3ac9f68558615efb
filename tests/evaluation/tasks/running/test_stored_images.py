"""Features that an extraction has stored are those that a task reads, where the encoder is the model's."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from macaw_cli.basics.errors import InputError
from macaw_cli.config.loading import open_workspace
from macaw_cli.evaluation.tasks.item import Medium
from macaw_cli.evaluation.tasks.running import media_reader
from macaw_cli.evaluation.tasks.running.media_reader import MOST_AHEAD, MediaReader
from macaw_cli.evaluation.tasks.running.stored_images import StoredImages
from macaw_cli.inference.attachments import Attacher
from macaw_cli.main import app
from macaw_cli.media.decoder_pool import DecoderPool
from macaw_cli.model.folder import load_model
from macaw_cli.model.model_encoders import ModelEncoders


@pytest.fixture(scope="module")
def root(workspace_folder, tmp_path_factory):
    """A workspace whose store has `red.png`, and not `blue.png`."""
    folder = tmp_path_factory.mktemp("stored")
    for name in ("runs", "models", "media"):
        (folder / name).symlink_to(workspace_folder / name)
    shutil.copy(workspace_folder / "macaw.yaml", folder)
    words = ["extract-features", str(folder / "media" / "red.png"), "--config", str(folder)]
    done = CliRunner().invoke(app, [*words, "--set", "features.device=cpu"])
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(scope="module")
def loaded(root):
    folder = root / "runs/tiny/model"
    workspace = open_workspace(root)
    model, processor = load_model(folder)
    return workspace, model.config, Attacher(model.config, ModelEncoders(model, processor, folder, workspace))


def undecoded(request):
    raise InputError(f"{request['path']} was decoded")


def test_stored_features_are_those_of_the_encoder_and_nothing_is_decoded(root, loaded, monkeypatch):
    workspace, config, attacher = loaded
    red, blue = (Medium("image", root / "media" / name) for name in ("red.png", "blue.png"))
    (made,) = MediaReader(attacher).attachments(red)
    monkeypatch.setattr(media_reader, "decode_apart", undecoded)
    reader = MediaReader(attacher, StoredImages.of_workspace(workspace, config))
    (stored,) = reader.attachments(red)
    assert np.allclose(stored.features, made.features, atol=2e-3)
    assert (stored.soft_tokens, stored.shape) == (made.soft_tokens, made.shape)
    with pytest.raises(InputError):
        reader.attachments(blue)


def test_what_is_needed_soon_is_decoded_ahead_but_for_what_a_store_has(root, loaded, monkeypatch, tmp_path):
    workspace, config, attacher = loaded
    red, blue = (Medium("image", root / "media" / name) for name in ("red.png", "blue.png"))
    (tmp_path / "broken.png").write_bytes(b"no image")
    broken = Medium("image", tmp_path / "broken.png")
    (made,) = MediaReader(attacher).attachments(blue)
    monkeypatch.setattr(media_reader, "decode_apart", undecoded)
    with DecoderPool(1) as pool:
        asked, submit = [], pool.submit
        monkeypatch.setattr(pool, "submit", lambda request: asked.append(Path(request["path"])) or submit(request))
        reader = MediaReader(attacher, StoredImages.of_workspace(workspace, config), pool=pool)
        for _ in range(3):
            reader.needed_soon([red, blue, broken, blue])
        assert asked == [blue.path, broken.path]
        assert np.array_equal(reader.attachments(blue)[0].features, made.features)
        with pytest.raises(InputError, match=r"broken\.png"):
            reader.attachments(broken)
        reader.needed_soon([blue, broken])
        assert len(asked) == 2
        more = [Medium("image", blue.path, name=str(at)) for at in range(20)]
        reader.needed_soon(more)
        assert len(asked) == 2 + MOST_AHEAD
        reader.needed_soon(more[10:])  # what is not needed any more makes room
        assert len(asked) == 2 + 2 * MOST_AHEAD


def test_features_of_another_encoder_are_not_used(root, loaded, tmp_path):
    _, config, _ = loaded
    shutil.copytree(root / "features", tmp_path / "features")
    shutil.copy(root / "macaw.yaml", tmp_path)
    file = tmp_path / "features" / "store.json"
    content = json.loads(file.read_text())
    assert StoredImages.of_workspace(open_workspace(tmp_path), config).find(root / "media/red.png")
    content["fingerprints"]["image"]["layer"] = -9
    file.write_text(json.dumps(content))
    assert StoredImages.of_workspace(open_workspace(tmp_path), config).find(root / "media/red.png") is None


def test_a_damaged_store_is_told_and_left_out(root, loaded, tmp_path, capsys):
    _, config, _ = loaded
    shutil.copytree(root / "features", tmp_path / "features")
    shutil.copy(root / "macaw.yaml", tmp_path)
    next((tmp_path / "features").glob("*.tar")).write_bytes(b"cut")
    assert StoredImages.of_workspace(open_workspace(tmp_path), config).find(root / "media/red.png") is None
    assert str(tmp_path / "features") in capsys.readouterr().err
