"""The generated pages say what the code says, every page is in the site's navigation, and links lead somewhere."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
ELSEWHERE = {"contributing.md"}  # docs/site_hook.py makes it from CONTRIBUTING.md
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
TELLING = 10  # letters of a message that are the same whatever the values are


def load_generator():
    spec = importlib.util.spec_from_file_location("generate_docs", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_generated_pages_are_up_to_date():
    assert load_generator().outdated() == [], "run: python docs/generate.py"


def test_the_configuration_page_names_every_key():
    from macaw_cli.config.loading import known_keys
    from macaw_cli.modalities.table import MODALITIES

    text = load_generator().configuration_page()
    shown = {re.sub(rf"^bridge\.({'|'.join(MODALITIES)})\.", "bridge.", key) for key in known_keys()}
    assert sorted(key for key in shown if f"`{key}`" not in text) == []


def test_the_commands_page_shows_every_command():
    text = load_generator().commands_page()
    for name in ("extract-features", "build-dataset", "train", "chat", "export", "evaluate", "inspect", "doctor"):
        assert f"## macaw {name}\n\n```text\nUsage: macaw {name}" in text


def prose(page):
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", page.read_text()))


def anchors(page):
    """The ids of a page's headings, as GitHub and MkDocs make them for headings of plain words."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}


def pages_of(nav):
    for entry in nav if isinstance(nav, list) else [nav]:
        if isinstance(entry, dict):
            for below in entry.values():
                yield from pages_of(below)
        else:
            yield entry


def test_every_page_is_in_the_navigation_once():
    nav = list(pages_of(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    assert sorted(nav) == sorted({page.name for page in DOCS.glob("*.md")} | ELSEWHERE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings_that_are_there(page):
    broken = []
    for link in LINK.findall(FENCE.sub("", page.read_text())):
        target, _, anchor = link.partition("#")
        file = page.parent / target if target else page
        if link.startswith("https://"):
            continue
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(link)
    assert broken == []


def test_no_page_links_out_of_the_docs_folder():
    """What lies beside docs/ is not in the site."""
    links = [(page.name, link) for page in DOCS.glob("*.md") for link in LINK.findall(prose(page))]
    assert [(name, link) for name, link in links if "../" in link] == []


def test_the_readme_links_every_page():
    linked = {link.partition("#")[0] for link in LINK.findall((ROOT / "README.md").read_text())}
    assert sorted(page.name for page in DOCS.glob("*.md") if f"docs/{page.name}" not in linked) == ["index.md"]


def test_the_files_that_the_readme_and_the_contributing_page_name_are_there():
    missing = []
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        for row in re.findall(r"^\|.*\|$|^\d\. .*$", page.read_text(), re.MULTILINE):
            for name in re.findall(r"`((?:[\w.]+/)+[\w.]*|\w+\.(?:py|md))`", row):
                places = [*(ROOT / folder / name for folder in ("", "macaw_cli")), *(ROOT / "macaw_cli").rglob(name)]
                missing += [] if any(place.exists() for place in places) else [name]
    of_workspaces = ("features/", "dataset/", "runs/", "site/")
    assert [name for name in missing if name.endswith(".py") or not name.startswith(of_workspaces)] == []


def test_the_troubleshooting_page_shows_messages_that_the_code_has():
    unknown = re.findall(r"^```text\n(.+)$", (DOCS / "troubleshooting.md").read_text(), re.MULTILINE)
    assert len(unknown) >= 15
    words = [line.split() for line in unknown]
    hints = {" ".join(line[place : place + 3]) for line in words for place in range(len(line) - 2)}
    for path in (ROOT / "macaw_cli").rglob("*.py"):
        source = path.read_text()
        messages = list(messages_of(source)) if any(hint in source for hint in hints) else []
        unknown = [line for line in unknown if not any(stands_in(line, message) for message in messages)]
    assert unknown == []


def messages_of(source):
    """Every text of a program that could be a message, as the parts between its values."""
    for node in ast.walk(ast.parse(source)):
        values = node.values if isinstance(node, ast.JoinedStr) else [node]
        texts = [part.value for part in values if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        parts = [part for text in texts for part in re.split(r"\{\w+\}", text.strip())]
        if sum(map(str.isalpha, "".join(parts))) >= TELLING:
            yield parts


def stands_in(line, parts):
    """Whether a line holds the parts of a message in their order."""
    place = 0
    for part in parts:
        place = line.find(part, place)
        if place < 0:
            return False
        place += len(part)
    return True
