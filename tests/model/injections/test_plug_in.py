"""An injection from an installed package of its own."""

from pathlib import Path

import pytest
from installed_packages import install, macaw, python, write_metadata

HERE = Path(__file__).parent
PACKAGE = HERE / "macaw-media-mean"
SETTINGS_ALONE = """
import sys
from macaw_cli.config.loading import parse_settings
assert parse_settings({"injection": {"name": "media-mean", "every": 2}}, "test").injection.every == 2
assert not {"torch", "numpy", "transformers"} & set(sys.modules), "settings need no heavy package"
"""
A_MODEL = """
import torch
from tests_conftest import make_model, sequence
from macaw_cli.config.injections.designs import read_injection
from macaw_cli.export.model_card import _packages
from macaw_cli.model.modeling import MacawForConditionalGeneration
model = make_model("linear", injection=read_injection({"name": "media-mean", "every": 1}))
assert _packages(model.config) == ["macaw-media-mean"]
ids = torch.tensor([sequence(model.config, 1, 5, "image", 6, 7)])
logits = lambda model, seed: model(input_ids=ids, image_features=torch.randn(
    1, 10, 16, generator=torch.Generator().manual_seed(seed))).logits[0].detach()
assert torch.equal(logits(model, 0), logits(model, 1)), "it changes nothing at the start"
for block in model.injection.blocks:
    torch.nn.init.normal_(block.projection.weight)
one, other = logits(model, 0), logits(model, 1)
assert torch.equal(one[:3], other[:3]) and not torch.isclose(one[3:], other[3:]).all(dim=1).any()
model.save_pretrained("saved")
assert torch.allclose(logits(MacawForConditionalGeneration.from_pretrained("saved").eval(), 0), one, atol=1e-6)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder to import from in which the package is installed, as pip leaves it."""
    return install(PACKAGE, tmp_path_factory.mktemp("site-packages"))


def test_its_settings_are_checked_without_torch(installed, tmp_path):
    done = python(SETTINGS_ALONE, tmp_path, installed)
    assert done.returncode == 0, done.stderr


def test_a_model_has_it_and_is_saved_and_loaded_with_it(installed, tmp_path):
    (tmp_path / "tests_conftest.py").write_text((HERE.parent / "conftest.py").read_text())
    done = python(A_MODEL, tmp_path, installed, HERE.parents[1])
    assert done.returncode == 0, done.stderr


def test_a_package_whose_injection_cannot_be_used_is_named(tmp_path):
    (tmp_path / "odd.py").write_text("from macaw_cli.config.injections.none import NoInjectionSettings as Odd\n"
                                     "from macaw_cli.config.injections.entry import InjectionEntry\n"
                                     "ROW = InjectionEntry(Odd, 'odd:Odd')\n")  # fmt: skip
    write_metadata(tmp_path, "odd-package", "1.0", {"macaw.injections": {"odd": "odd:ROW"}})
    (described,) = macaw(tmp_path, ["init", "here"], places=[tmp_path])
    assert (described["code"], described["error"]) == (2, "UsageError")
    assert "odd-package" in described["problem"]
    assert "the name none is taken" in described["problem"]


def test_the_documentation_shows_the_package_as_it_is():
    page = (HERE.parents[2] / "docs" / "own-parts.md").read_text()
    for name in ("macaw_media_mean/__init__.py", "macaw_media_mean/injection.py"):
        assert (PACKAGE / name).read_text().strip() in page
    entry = (PACKAGE / "pyproject.toml").read_text().partition("[project.entry-points")[2].partition("\n\n")[0]
    assert f"[project.entry-points{entry}" in page
