"""Rules of the project that no linter knows: a command line that starts fast, small files that say what they do."""

import ast
import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
PACKAGE = PROJECT / "macaw_cli"
SOURCES = sorted(PACKAGE.rglob("*.py"))
HEAVY = ("numpy", "torch", "transformers", "deepspeed", "webdataset")
UNSAFE_ARGUMENTS = {("allow_pickle", True), ("weights_only", False)}
MAX_LINES = 250
MAX_HELP_RATIO = 2.5
TIMED_ROUNDS = 7

HELP_OF_EVERYTHING = """
import json, sys
from typer.testing import CliRunner
from macaw_cli.main import app
loaded = {}
for name in ["", *(info.name for info in app.registered_commands)]:
    answer = CliRunner().invoke(app, [*filter(None, [name]), "--help"])
    assert answer.exit_code == 0, (name, answer.output)
    loaded[name] = sorted(sys.modules)
print(json.dumps(loaded))
"""


def python(*arguments):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True, cwd=PROJECT)


def names(paths):
    return [str(path.relative_to(PROJECT)) for path in paths]


def test_no_help_page_imports_a_heavy_package():
    loaded = json.loads(python("-c", HELP_OF_EVERYTHING).stdout)
    assert len(loaded) >= 12
    assert [(name, heavy) for name, modules in loaded.items() for heavy in HEAVY if heavy in modules] == []


def test_importing_the_package_imports_nothing_heavy():
    unwanted = [*HEAVY, "typer", "rich", "pydantic", "yaml"]
    code = f"import sys, macaw_cli; print([name for name in {unwanted} if name in sys.modules])"
    assert python("-c", code).stdout.strip() == "[]"


def test_the_public_names_come_on_first_use_and_a_wrong_name_is_told():
    import macaw_cli

    public = {"Engine", "MacawConfig", "MacawForConditionalGeneration", "MacawProcessor", "MediaEmbedder"}
    public |= {"__version__"}
    assert set(macaw_cli.__all__) == public
    with pytest.raises(AttributeError, match="no attribute 'MacawModel'"):
        _ = macaw_cli.MacawModel


def test_help_takes_at_most_two_and_a_half_times_the_import_of_typer_and_rich():
    """Both take turns and the best of several rounds counts, in CPU seconds, so that other work here matters little."""
    baseline, ours = [], []
    for _ in range(TIMED_ROUNDS):
        for seconds, arguments in (
            (baseline, ["-c", "import typer, rich.console, rich.progress"]),
            (ours, ["-m", "macaw_cli", "--help"]),
        ):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            python(*arguments)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(ours) <= MAX_HELP_RATIO * min(baseline), f"{min(ours):.3f} s against {min(baseline):.3f} s"


def test_no_source_file_is_longer_than_250_lines():
    assert names(path for path in SOURCES if len(path.read_text().splitlines()) > MAX_LINES) == []


def test_every_module_says_what_it_is_for():
    assert names(path for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text()))) == []


def test_no_module_has_a_name_that_says_nothing():
    meaningless = {"utils.py", "util.py", "helpers.py", "common.py", "misc.py"}
    assert names(path for path in SOURCES if path.name in meaningless) == []


def test_package_files_hold_a_docstring_only():
    root = PACKAGE / "__init__.py"
    rooms = [path for path in SOURCES if path.name == "__init__.py" and path != root]
    assert names(path for path in rooms if len(ast.parse(path.read_text()).body) != 1) == []


def test_nothing_reads_a_pickle():
    """A pickle is code that a file brings, and `extractall` writes where the file says."""
    nodes = [(path, node) for path in SOURCES for node in ast.walk(ast.parse(path.read_text()))]
    assert [f"{path.name}: {unsafe(node)}" for path, node in nodes if unsafe(node)] == []


def unsafe(node):
    """What is unsafe about one piece of a program; None when nothing is."""
    if isinstance(node, ast.Attribute) and ast.unparse(node) in ("pickle.load", "pickle.loads", "pickle.Unpickler"):
        return ast.unparse(node)
    if isinstance(node, ast.Attribute) and node.attr == "extractall":
        return "extractall"
    if isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant):
        return f"{node.arg}={node.value.value}" if (node.arg, node.value.value) in UNSAFE_ARGUMENTS else None
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
        return None if any(word.arg == "weights_only" for word in node.keywords) else "torch.load without weights_only"
    return None


def test_commands_import_no_room_at_module_level():
    allowed = ("macaw_cli.commands", "macaw_cli.basics", "macaw_cli.config")
    eager = []
    for path in (PACKAGE / "commands").glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("macaw_cli"):
                eager += [f"{path.name}: {node.module}"] if not (node.module or "").startswith(allowed) else []
    assert eager == []
