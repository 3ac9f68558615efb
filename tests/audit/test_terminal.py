"""Every call that prints, or that quotes for a shell, stands behind its one door; a new one elsewhere fails here."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "macaw_cli"
SOURCES = sorted(PACKAGE.rglob("*.py"))

PRINTS = {"print", "input", "pprint", "breakpoint"}
PRINTING_ATTRIBUTES = {
    "sys.stdout.write", "sys.stderr.write", "sys.stdout.writelines", "sys.stderr.writelines", "sys.stdout.buffer",
    "sys.stderr.buffer", "sys.__stdout__", "sys.__stderr__", "typer.echo", "typer.secho", "click.echo", "click.secho",
    "traceback.print_exc", "traceback.print_exception", "traceback.print_stack", "traceback.print_tb",
    "warnings.warn", "warnings.showwarning", "logging.basicConfig", "logging.StreamHandler", "pprint.pprint",
}  # fmt: skip
RICH = ("rich.console", "rich.live", "rich.progress", "rich.table", "rich.text", "rich.markup", "rich.panel")
DOORS = {
    "basics/answer_view.py": "shows answers; strips them first",
    "basics/console.py": "the door",
    "basics/markdown_text.py": "is given stripped text",
    "basics/standard_streams.py": "what the door writes with",
}
EXCEPTIONS = {("basics/wrapped_lines.py", "rich.cells"): "counts the columns of a text"}
QUOTES = {"basics/shell_words.py": "the door", "training/launching/ssh.py": "runs a command, shows none"}


def printing(tree):
    """Every expression in a program that prints, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in PRINTS:
            yield node.func.id, node.lineno
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in PRINTING_ATTRIBUTES:
            yield ast.unparse(node), node.lineno
        elif isinstance(node, ast.keyword) and node.arg == "file" and ast.unparse(node.value).startswith("sys.std"):
            yield f"file={ast.unparse(node.value)}", node.value.lineno
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("rich"):
            yield node.module, node.lineno
        elif isinstance(node, ast.Import) and any(name.name.startswith("rich") for name in node.names):
            yield "rich", node.lineno
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "os.write" and ast.unparse(node.args[0]) in "12":
            yield "os.write", node.lineno


def name_of(path):
    return path.relative_to(PACKAGE).as_posix()


def test_nothing_prints_outside_the_one_door():
    found = [
        f"{name_of(path)}:{line} {what}"
        for path in SOURCES
        for what, line in printing(ast.parse(path.read_text()))
        if name_of(path) not in DOORS and (name_of(path), what) not in EXCEPTIONS
    ]
    assert found == [], "print through macaw_cli/basics/console.py, which strips what a terminal would obey"


def test_every_exception_of_this_list_still_exists():
    for name, what in EXCEPTIONS:
        assert what in [found for found, _ in printing(ast.parse((PACKAGE / name).read_text()))], (name, what)


def test_commands_to_type_are_quoted_in_one_place():
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("shlex.quote", "shlex.join")
        and name_of(path) not in QUOTES
    ]  # fmt: skip
    assert found == [], "quote with macaw_cli/basics/shell_words.py"


COMMAND_WORDS = ("macaw chat ", "macaw inspect ", "macaw train ", "macaw evaluate ", "macaw export ", " --out ")


def test_no_message_puts_a_name_into_a_command_without_quotes():
    """An f-string in which a `{...}` follows the words of a command."""
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.JoinedStr):
                continue
            for before, value in zip(node.values, node.values[1:], strict=False):
                text = before.value if isinstance(before, ast.Constant) else ""
                if isinstance(value, ast.FormattedValue) and str(text).endswith(COMMAND_WORDS):
                    found.append(f"{name_of(path)}:{node.lineno} {ast.unparse(value)}")
    assert found == [], "write the command with macaw_cli/basics/shell_words.py: to_type"


@pytest.mark.parametrize(
    "line", ["print(name)", "sys.stderr.write(name)", "traceback.print_exc()", "from rich.console import Console",
             "typer.echo(name)", "warnings.warn(name)", "json.dump(x, file=sys.stdout)"],
)  # fmt: skip
def test_the_audit_sees_a_print(line):
    assert list(printing(ast.parse(line)))
