"""A hook of MkDocs: CONTRIBUTING.md, which stands where GitHub looks for it, is also a page of the site."""

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]


def contributing_page() -> str:
    """The text of CONTRIBUTING.md with links as seen from the folder docs/."""
    return (ROOT / "CONTRIBUTING.md").read_text().replace("](docs/", "](")


def on_files(files: Files, *, config: Any) -> Files:
    """Add the page to those that lie in docs/."""
    files.append(File.generated(config, "contributing.md", content=contributing_page()))
    return files
