"""Write what repeats the code: the pages of settings, commands, formats, filters, tasks, and the figures of layers.

    python docs/generate.py          writes all of them
    python docs/generate.py --check  says which ones are out of date, and exits with 1

`tests/test_docs.py` holds them up to date.
"""

import json
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter
from typer.testing import CliRunner

from macaw_cli.config.settings import Settings
from macaw_cli.main import app

FOLDER = Path(__file__).parent
HELP_WIDTH = 100
NOTICE = "<!-- Written by docs/generate.py; change the code, then run it again. -->"
WORDS = {
    "string": "text", "integer": "integer", "number": "number", "boolean": "`true` or `false`", "null": "`null`",
    "object": "mapping",
}  # fmt: skip
BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


def configuration_page() -> str:
    """Every key of `macaw.yaml` with its type, default and meaning."""
    schema = TypeAdapter(Settings).json_schema()
    defaults = json.loads(TypeAdapter(Settings).dump_json(Settings()))
    parts = [
        "# Configuration: every key of `macaw.yaml`", NOTICE,
        "`--set a.b=c` overrides any key on any command; a command's own options come last. A relative path is relative"
        " to the folder of `macaw.yaml`. A section with one value may be given by it alone: `bridge: linear` means"
        " `bridge: {name: linear}`, `image_encoder: openai/clip-vit-base-patch16` means `image_encoder: {model: ...}`.",
        *_sections(schema, schema, defaults, ""),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def commands_page() -> str:
    """The help text of `macaw` and of each command, as a user sees it."""
    names = [info.name for info in app.registered_commands if info.name]
    parts = ["# Commands", NOTICE, _help([])]
    parts += [f"## macaw {name}\n\n{_help([name])}" for name in names]
    return "\n\n".join(parts) + "\n"


FIGURES = runpy.run_path(str(FOLDER / "architecture.py"))
BRIDGES = runpy.run_path(str(FOLDER / "bridges_page.py"))
EXPORTS = runpy.run_path(str(FOLDER / "exports_page.py"))
FORMATS = runpy.run_path(str(FOLDER / "formats_page.py"))
PROMPTS = runpy.run_path(str(FOLDER / "prompts_page.py"))
MODALITIES = runpy.run_path(str(FOLDER / "modalities_page.py"))
EXPERTS = runpy.run_path(str(FOLDER / "experts_page.py"))
FILTERS = runpy.run_path(str(FOLDER / "filters_page.py"))
TASKS = runpy.run_path(str(FOLDER / "tasks_page.py"))
PAGES = {
    "configuration.md": configuration_page,
    "commands.md": commands_page,
    "bridges.md": lambda: BRIDGES["bridges_page"](NOTICE),
    "export.md": lambda: EXPORTS["exports_page"](NOTICE),
    "formats.md": lambda: FORMATS["formats_page"](NOTICE),
    "experts.md": lambda: EXPERTS["experts_page"](NOTICE),
    "filters.md": lambda: FILTERS["filters_page"](NOTICE),
    "modalities.md": lambda: MODALITIES["modalities_page"](NOTICE),
    "tasks.md": lambda: TASKS["tasks_page"](NOTICE),
    "prompts.md": lambda: PROMPTS["page"](NOTICE),
    "images/architecture.svg": FIGURES["layers_figure"],
    "images/path.svg": FIGURES["path_figure"],
}


def outdated() -> list[str]:
    """Names of the pages whose committed text differs from what the code says now."""
    return [name for name, page in PAGES.items() if not _same(FOLDER / name, page())]


def _same(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text() == text


def _help(command: list[str]) -> str:
    answer = CliRunner(env={"COLUMNS": str(HELP_WIDTH)}).invoke(app, [*command, "--help"], prog_name="macaw")
    lines = [line.rstrip() for line in answer.output.strip().splitlines()]
    return "\n".join(["```text", *lines, "```"])


def _sections(section: dict[str, Any], root: dict[str, Any], defaults: dict[str, Any], prefix: str) -> Iterator[str]:
    """One table for the section's own keys, then its subsections."""
    below: list[tuple[str, str, dict[str, Any], Any]] = []
    listed: list[str] = []
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    told_once = prefix not in ("", "training.")  # a bridge for one modality has the same designs again
    variants = {name: value for name, value in section["properties"].items() if "oneOf" in value and not told_once}
    for name, value in section["properties"].items():
        target = _section_of(value, root)
        if name in variants:
            continue
        if target is None:
            default = _default(defaults[name]) if name in defaults else "none"
            rows.append(f"| `{prefix}{name}` | {_type(value)} | {default} | {_cell(value['description'])} |")
            listed += _listed_variants(f"{prefix}{name}[]", value, root)
            if item := _section_of(value.get("items", {}), root):
                below.append((f"{name}[]", item["description"], item, _own_defaults(item)))
        else:
            below.append((name, value["description"], target, defaults.get(name) or {}))
    if prefix == "":
        yield "## Top level"
    if len(rows) > 2:
        yield "\n".join(rows)
    yield from listed
    for name, value in variants.items():
        yield f"{'##' if prefix == '' else '###'} `{prefix}{name}`\n\n{value['description']}"
        for choice in value["oneOf"]:
            yield from _variant(prefix + name, _section_of(choice, root) or {}, root)
    for name, description, target, values in below:
        yield f"{'##' if prefix == '' else '###'} `{prefix}{name}`\n\n{description}"
        yield from _sections(target, root, values, f"{prefix}{name}.")


def _variant(name: str, variant: dict[str, Any], root: dict[str, Any]) -> Iterator[str]:
    """One of the forms that a section may have: its heading shows how it is chosen."""
    keys = variant["properties"]
    chosen = next((key for key in ("name", "mode", "format") if "const" in keys.get(key, {})), None)
    form = f"{chosen}: {keys[chosen]['const']}" if chosen else ", ".join(f"{key}: ..." for key in keys)
    yield f"### `{name}: {{{form}}}`\n\n{variant['description']}"
    yield from _sections(variant, root, _own_defaults(variant), f"{name}.")


def _listed_variants(name: str, value: dict[str, Any], root: dict[str, Any]) -> Iterator[str]:
    """The forms that a section in a list may have; the keys that all of them have alike are told once."""
    variants = [_section_of(choice, root) or {} for choice in value.get("items", {}).get("oneOf", [])]
    first = variants[0]["properties"] if variants else {}
    alike = {key: one for key, one in first.items() if all(each["properties"].get(key) == one for each in variants)}
    if alike:
        yield f"### `{name}`\n\nWhat each of them has:"
        yield from _sections({"properties": alike}, root, _own_defaults({"properties": alike}), f"{name}.")
    for variant in variants:
        own = {key: one for key, one in variant["properties"].items() if key not in alike}
        yield from _variant(name, variant | {"properties": own}, root)


def _own_defaults(section: dict[str, Any]) -> dict[str, Any]:
    """Of a section that stands in a list: what its keys are where they are not given."""
    return {name: value["default"] for name, value in section["properties"].items() if "default" in value}


def _section_of(value: dict[str, Any], root: dict[str, Any]) -> dict[str, Any] | None:
    reference = value.get("$ref")
    return root["$defs"][reference.rpartition("/")[2]] if reference else None


def _type(value: dict[str, Any]) -> str:
    if choices := value.get("anyOf", value.get("oneOf")):
        return " or ".join(dict.fromkeys(_type(choice) for choice in choices))
    if "enum" in value:
        return ", ".join(f"`{choice}`" for choice in value["enum"])
    if "const" in value:
        return f"`{value['const']}`"
    if value.get("type") == "array":
        return f"list of {_type(value['items'])}"
    if "$ref" in value:
        return "section"
    bounds = [f"{sign} {value[key]}" for key, sign in BOUNDS.items() if key in value]
    return " ".join([WORDS[value["type"]], ", ".join(bounds)]).strip()


def _default(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("\n").removesuffix("\n...")
    if isinstance(value, str) and "\n" in value:
        text = json.dumps(value, ensure_ascii=False)
    return "empty" if value == "" else f"`{text}`"


def _cell(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|")


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit("\n".join(f"docs/{name} is out of date: run python docs/generate.py" for name in outdated()) or 0)
    for page_name, page in PAGES.items():
        (FOLDER / page_name).write_text(page())
