"""Every parse of a file stands behind a door; files of macaw's own are checked by their kind."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "macaw_cli"
PARSES = ("json.load", "json.loads", "yaml.load", "yaml.safe_load", "yaml.full_load", "yaml.unsafe_load",
          "json.JSONDecoder", "ast.literal_eval", "tomllib.load", "tomllib.loads", "csv.reader", "csv.DictReader",
          "plistlib.load", "configparser.ConfigParser", "ElementTree.parse", "ET.parse")  # fmt: skip
OF_MODULES = ("json", "yaml", "ast", "csv", "tomllib", "plistlib", "configparser", "xml", "numpy")
"""Whose functions are called by their full names, so that the lists here are complete."""
ARRAYS = ("np.load", "np.loadtxt", "np.genfromtxt", "np.fromfile", "np.memmap", "torch.load", "safe_open", "load_file",
          "safetensors.torch.load_file", "np.lib.format.read_array")  # fmt: skip
ARRAYS_IN = {
    "inspection/models.py": "the headers of weights, a clear error",
    "export/weight_files.py": "the door for published weights",
    "export/proving/exchange.py": "an answer of our own child process, and a request of our own parent process",
    "training/tuning/start_weights.py": "a part of the weights that the door for models has just read",
}
DOORS = {
    "basics/json_text.py": "the door for JSON",
    "basics/yaml_text.py": "the door for YAML",
    "basics/csv_rows.py": "the door for CSV",
    "media/number_tables.py": "the door for tables of numbers, in the decoder process",
}
NO_FILES = {
    "config/presets.py": "files that come with the package",
    "config/recipes.py": "files that come with the package",
    "planning/stand_in_llm.py": "files that come with the package",
    "model/packing/packing_support.py": "a text made in the same function",
    "export/formats/stock/llm_fit.py": "a text made in the same function",
    "model/packing/padding_support.py": "a text made in the same function",
    "model/text/control_tokens.py": "a text made in the same function",
    "model/processing.py": "a text made in the same function",
    "inspection/checks.py": "what our own child process printed",
    "training/launching/external_launcher.py": "an order of our own rank 0",
    "media/decoder_process.py": "a request of our own parent process",
    "media/decoder_client.py": "an answer of our own child process",
    "features/engines/worker.py": "an answer of our own child process",
    "features/engines/worker_process.py": "an order of our own parent process",
    "features/engines/work_order.py": "an order of our own parent process",
    "features/engines/ray_actor.py": "an order of our own driver process",
    "features/engines/ray_engine.py": "an answer of our own actor",
}
UNCHECKED = {"read_json", "read_jsonl", "iterate_jsonl", "located_jsonl"}
UNCHECKED_IN = {
    "basics/atomic_files.py": "where they are defined",
    "basics/typed_files.py": "what the checked readers are made of",
    "basics/locks.py": "checked right after",
    "inspection/inspect_folder.py": "looks for one key, of any config.json",
    "export/importing/published/run.py": "checked right after",
    "training/launching/outcome.py": "files of our own processes, in a temporary folder of this command",
    "training/launching/rank_process.py": "a file of our own parent process",
    "shards/store_rows.py": "checked right after",
    "quickstart/run.py": "files that the quickstart has just made",
    "quickstart/report.py": "files that the quickstart has just made",
    "quickstart/controls.py": "files that the quickstart has just made",
    "dataset/generated_source.py": "a file that the same function has just made",
    "dataset/rejects_log.py": "a file that the same class has just made",
    "dataset/judging.py": "a file that the same build has just made",
}


def calls(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


def found(is_meant, allowed):
    names = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}
    used = {name: [(what, line) for what, line in calls(path) if is_meant(what)] for name, path in names.items()}
    stale = [name for name in allowed if not used.get(name) and name != "basics/atomic_files.py"]
    return [f"{name}:{line} {what}" for name, uses in used.items() if name not in allowed for what, line in uses], stale


def test_json_and_yaml_of_files_are_parsed_behind_one_door():
    outside, stale = found(lambda what: what in PARSES, DOORS | NO_FILES)
    assert outside == [], "parse with basics/json_text.py or basics/yaml_text.py, which bound depth and size"
    assert stale == []


def test_files_of_numbers_are_read_behind_their_doors():
    outside, stale = found(lambda what: what in ARRAYS, ARRAYS_IN)
    assert outside == [], "read .npy with basics/npy_arrays.py, weights through encoders/pretrained.py"
    assert stale == []


def test_parsers_are_called_by_their_full_names():
    aliases = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in OF_MODULES:
                aliases += [f"{path.name}:{node.lineno} from {node.module} import {name.name}" for name in node.names
                            if node.module != "numpy.typing"]  # fmt: skip
            if isinstance(node, ast.Import):
                aliases += [f"{path.name}:{node.lineno} import {name.name} as {name.asname}" for name in node.names
                            if name.asname and name.name in OF_MODULES and name.name != "numpy"]  # fmt: skip
    assert aliases == []


def test_files_of_our_own_are_read_with_their_kind():
    outside, stale = found(lambda what: what.rpartition(".")[2] in UNCHECKED, UNCHECKED_IN)
    assert outside == [], "read with basics/typed_files.py: read_object, iterate_objects, or a Kind of your own"
    assert stale == []
