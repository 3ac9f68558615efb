"""What every world promises: balanced and unseen contents, questions that can be answered, files that are read back."""

from collections import Counter

import numpy as np
import pytest

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.loading import open_workspace
from macaw_cli.config.presets import preset_yaml
from macaw_cli.config.quickstart_settings import QuickstartSettings
from macaw_cli.media.decoding import decode
from macaw_cli.media.kinds import modality_of
from macaw_cli.modalities.table import BUILT_IN, TABLE
from macaw_cli.quickstart.world import make_world
from macaw_cli.quickstart.worlds.table import BY_MODALITY, WORLDS, worlds_of

OTHERS = [world for world in WORLDS if not TABLE[world.modality].original]


def test_each_modality_of_macaw_has_a_world():
    assert [world.modality for world in WORLDS] == [row.name for row in BUILT_IN]
    assert worlds_of(["series", "image"]) == [BY_MODALITY["image"], BY_MODALITY["series"]]
    with pytest.raises(UsageError, match="smell"):
        worlds_of(["smell"])


@pytest.mark.parametrize("world", OTHERS, ids=lambda world: world.modality)
def test_contents_are_balanced_and_unseen_ones_are_apart(world):
    rng = np.random.default_rng(0)
    seen, unseen = (world.contents(300, rng, unseen=side) for side in (False, True))
    assert {_attributes(one) for one in seen}.isdisjoint(map(_attributes, unseen))
    for contents, most in ((seen, 0.08), (unseen, 0.35)):
        answers = {}
        for one in contents:
            for question in world.ask(one, rng):
                if question.choices:
                    answers.setdefault((question.kind, question.choices), Counter())[question.answer] += 1
        assert len(answers) >= 3
        for (_, choices), counts in answers.items():
            assert set(counts) <= set(choices)
            assert max(counts.values()) / counts.total() < 1 / len(choices) + most


def _attributes(content):
    return tuple(value for name, value in vars(content).items() if name != "seed")


@pytest.mark.parametrize("world", OTHERS, ids=lambda world: world.modality)
def test_files_are_what_they_say_equal_for_equal_seeds_and_fit_the_settings(world, tmp_path):
    content = world.contents(1, np.random.default_rng(3), unseen=False)[0]
    paths = [tmp_path / f"{name}.{world.suffix}" for name in ("one", "two")]
    for path in paths:
        world.write(path, content, np.random.default_rng(5))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert abs(paths[0].stat().st_size / world.bytes_per_file - 1) < 0.6
    assert modality_of(paths[0]) == world.modality
    (tmp_path / "macaw.yaml").write_text(preset_yaml("quickstart", world.settings))
    settings = open_workspace(tmp_path).settings
    shape = settings.features.shapes().get(world.modality)
    _, arrays = decode({"path": str(paths[0]), "modality": world.modality, "shape": list(shape or ())})
    assert arrays[world.modality].ndim == (3 if shape is None else 2)


def test_a_world_has_the_chosen_modalities_alone(tmp_path):
    sizes = QuickstartSettings(
        modalities=("series", "depth"), train_others=2, heldout=1, unseen=1, train_texts=0, heldout_texts=0
    )
    make_world(tmp_path, seed=0, sizes=sizes, show_progress=False)
    names = Counter(path.name.partition("-")[0] for path in (tmp_path / "media").rglob("*.*"))
    assert names == {"series": 4, "depth": 4}
