"""The generated pages say what the code says."""

import importlib.util
import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def load_generator():
    spec = importlib.util.spec_from_file_location("generate_docs", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_generated_pages_are_up_to_date():
    assert load_generator().outdated() == [], "run: python docs/generate.py"


def test_the_configuration_page_names_every_key():
    from macaw_cli.config.loading import known_keys

    text = load_generator().configuration_page()
    shown = {re.sub(r"^bridge\.(image|audio|video)\.", "bridge.", key) for key in known_keys()}
    assert sorted(key for key in shown if f"`{key}`" not in text) == []


def test_the_commands_page_shows_every_command():
    text = load_generator().commands_page()
    for name in ("extract-features", "build-dataset", "train", "chat", "export", "evaluate", "inspect", "doctor"):
        assert f"## macaw {name}\n\n```text\nUsage: macaw {name}" in text
