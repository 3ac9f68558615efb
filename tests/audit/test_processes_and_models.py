"""Every call that starts a process, loads a model, opens a medium or runs what a file holds stands behind a door.

The doors: `basics/child.py` starts processes, `encoders/pretrained.py` loads models, tokenizers, processors and
configurations without code of their own, `media/opening.py` opens images and containers of an allow-list of formats,
and `model/text/rendering.py` renders chat templates. Whoever adds a call of these elsewhere uses a door, or says why
not here. Names are followed through imports and their aliases, and count where they are passed on as well as called.
"""

import ast
import re
from fnmatch import translate
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "macaw_cli"
SOURCES = sorted(PACKAGE.rglob("*.py"))

DOORS = {"basics/child.py", "encoders/pretrained.py", "media/opening.py", "model/text/rendering.py"}

PROCESSES = {
    "subprocess.Popen", "subprocess.run", "subprocess.call", "subprocess.check_*", "subprocess.get*", "os.system",
    "os.popen", "os.fork*", "os.exec*", "os.spawn*", "os.posix_spawn*", "pty.*", "multiprocessing.*",
    "torch.multiprocessing.*", "concurrent.futures.ProcessPoolExecutor", "concurrent.futures.process.*",
    "asyncio.create_subprocess_*", "torch.distributed.launcher.*", "torch.distributed.run.*", "ray.init", "ray.remote",
    "webbrowser.*",
}  # fmt: skip
MODELS = {
    "torch.hub.*", "torch.jit.load", "transformers.pipeline", "huggingface_hub.*_download",
    "transformers.dynamic_module_utils.*", "tokenizers.Tokenizer.from_*", "sentencepiece.SentencePieceProcessor",
    "*.from_pretrained", "transformers.Auto*.from_config", "*.apply_chat_template",
}  # fmt: skip
MEDIA = {
    "PIL.Image.open", "av.open", "av.container.open", "decord.*Reader", "soundfile.SoundFile", "soundfile.read",
    "soundfile.blocks", "soundfile.info", "wave.open", "cv2.*", "imageio.*", "torchvision.io.*", "torchaudio.load",
    "torchcodec.*", "librosa.load",
}  # fmt: skip
CODE = {
    "torch.load", "numpy.load", "pickle.load*", "pickle.Unpickler", "dill.*", "cloudpickle.*", "joblib.load",
    "shelve.*", "marshal.load*", "pandas.read_pickle", "yaml.load*", "yaml.full_load*", "yaml.unsafe_load*", "eval",
    "exec", "__import__", "importlib.import_module", "importlib.util.spec_from_file_location", "runpy.*",
    "*engine.load_checkpoint",
}  # fmt: skip
WATCHED = re.compile("|".join(map(translate, PROCESSES | MODELS | MEDIA | CODE)))
"""The four sets hold full names, as patterns of `fnmatch`."""

ALLOWED = {
    "a module that a table of macaw or an installed package's entry point names": [
        "__init__.py importlib.import_module", "media/decoding.py importlib.import_module",
        "basics/named_objects.py importlib.import_module",
    ],
    "the module that child.py tells the process it starts": [
        "basics/child_side.py runpy.run_module",
    ],
    "the door to YAML, with its own bounded loader": [
        "basics/yaml_text.py yaml.load",
    ],
    "the one launcher of several training processes, which is torch's": [
        "training/launching/own_launcher.py torch.distributed.launcher.api.LaunchConfig",
        "training/launching/own_launcher.py torch.distributed.launcher.api.elastic_launch",
    ],
    "a pool of processes that runs functions of macaw's own on its own data": [
        "quickstart/world.py concurrent.futures.ProcessPoolExecutor", "quickstart/world.py multiprocessing.get_context",
        "training/data/tokenising.py concurrent.futures.ProcessPoolExecutor",
        "training/data/tokenising.py multiprocessing.get_context",
        "dataset/writing.py concurrent.futures.ProcessPoolExecutor", "dataset/writing.py multiprocessing.get_context",
        "dataset/writing.py concurrent.futures.process.BrokenProcessPool",
    ],
    "the Ray cluster that a user asks for": [
        "features/engines/ray_cluster.py ray.init", "features/engines/ray_engine.py ray.remote",
    ],
    "a class of macaw's own that reads JSON, and the rest through the doors": [
        "model/folder.py macaw_cli.model.processing.MacawProcessor.from_pretrained",
        "model/media_embedder.py macaw_cli.model.processing.MacawProcessor.from_pretrained",
        "training/data/seen_example.py macaw_cli.model.processing.MacawProcessor.from_pretrained",
        "model/processing.py macaw_cli.model.configuration.MacawConfig.from_pretrained",
        "comparison/existing.py macaw_cli.model.configuration.MacawConfig.from_pretrained",
        "export/run.py macaw_cli.model.configuration.MacawConfig.from_pretrained",
        "export/run.py macaw_cli.model.processing.MacawProcessor.from_pretrained",
        "training/tuning/start_settings.py macaw_cli.model.configuration.MacawConfig.from_pretrained",
    ],
    "a class of macaw's own, behind the door: names that weights had before, and where the folder is": [
        "model/earlier_names.py (something).from_pretrained", "model/saved_config.py (something).from_pretrained",
    ],
    "no folder: weights and configuration are given": [
        "export/importing/family_import.py macaw_cli.model.modeling.MacawForConditionalGeneration.from_pretrained",
        "export/importing/published/run.py macaw_cli.model.modeling.MacawForConditionalGeneration.from_pretrained",
        "export/formats/stock/stock_format.py kind.from_pretrained",
    ],
    "the folder that this command has just written, loaded as a stranger would": [
        "export/proving/own_answers.py macaw_cli.MacawForConditionalGeneration.from_pretrained",
        "export/proving/own_answers.py macaw_cli.MacawProcessor.from_pretrained",
        "export/proving/llm_answers.py transformers.AutoModelForCausalLM.from_pretrained",
        "export/gguf/reading.py transformers.AutoConfig.from_pretrained",
        "export/gguf/reading.py transformers.AutoModelForCausalLM.from_pretrained",
        "export/proving/stock_answers.py (something).from_pretrained",
        "export/proving/stock_answers.py transformers.AutoProcessor.from_pretrained",
        "export/proving/stock_answers.py processor.apply_chat_template",
    ],
    "the content of a tokenizer that the door has loaded": [
        "model/text/control_tokens.py tokenizers.Tokenizer.from_str",
    ],
    "a tokenizer.json, which is data alone": [
        "model/instruction_tokenizer.py tokenizers.Tokenizer.from_str",
        "dataset/generation/token_counts.py tokenizers.Tokenizer.from_str",
    ],
    "with weights_only, which test_project_rules asks of every torch.load": [
        "export/weight_files.py torch.load",
    ],
    "after require_trusted": [
        "training/steps/engine.py self._engine.load_checkpoint",
    ],
    "after open_container has read the file's tracks and the file is known to be no playlist": [
        "media/frame_times.py decord.VideoReader",
    ],
    "libsndfile, which opens nothing beside its file": [
        "media/soundfile_audio.py soundfile.SoundFile",
    ],
    "a medium of macaw's own making": [
        "inspection/decoders.py wave.open", "quickstart/pretraining/samples.py PIL.Image.open",
        "dataset/generation/shown_media.py wave.open", "inspection/dataset_media.py wave.open",
        "quickstart/videos.py av.open",
    ],
}  # fmt: skip
"""Reason to files with the names that are fine there."""
EXCEPTIONS = {place for places in ALLOWED.values() for place in places}


class Uses(ast.NodeVisitor):
    """Names that are watched, with their lines, wherever a program names them outside annotations."""

    def __init__(self, tree):
        self.found, self._imported = [], {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                self._imported |= {one.asname: one.name for one in node.names if one.asname}
            elif isinstance(node, ast.ImportFrom):
                self._imported |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
        self.visit(tree)

    def visit_Name(self, node):
        self._note(node)

    def visit_Attribute(self, node):
        self._note(node)
        self.visit(node.value)

    def visit_Call(self, node):
        name = self._full_name(node.func)
        without_pickles = name == "numpy.load" and says(node, "allow_pickle", False)
        a_certain_one = name == "importlib.import_module" and isinstance(node.args[0], ast.Constant)
        for part in ast.iter_child_nodes(node):
            if part is not node.func or not (without_pickles or a_certain_one):
                self.visit(part)

    def visit_arg(self, node):
        """Only its annotation would be left to look at."""

    def visit_AnnAssign(self, node):
        for part in filter(None, (node.target, node.value)):
            self.visit(part)

    def visit_FunctionDef(self, node):
        for part in (*node.decorator_list, node.args, *node.body):
            self.visit(part)

    def _note(self, node):
        name = self._full_name(node)
        if WATCHED.match(name):
            self.found.append((name, node.lineno))

    def _full_name(self, node):
        if isinstance(node, ast.Attribute):
            return f"{self._full_name(node.value)}.{node.attr}"
        return self._imported.get(node.id, node.id) if isinstance(node, ast.Name) else "(something)"


def says(call, word, value):
    """Whether a call gives an argument by this name and value."""
    return any(
        given.arg == word and isinstance(given.value, ast.Constant) and given.value.value is value
        for given in call.keywords
    )


@cache
def uses_in(path):
    return Uses(ast.parse(path.read_text())).found


def name_of(path):
    return path.relative_to(PACKAGE).as_posix()


def calls_in(door):
    """Calls in one of the doors, by the last part of their names."""
    for node in ast.walk(ast.parse((PACKAGE / door).read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func).rpartition(".")[2], node


def test_nothing_foreign_is_run_or_opened_outside_the_doors():
    found = [
        f"{name_of(path)}:{line} {name}"
        for path in SOURCES
        for name, line in uses_in(path)
        if name_of(path) not in DOORS and f"{name_of(path)} {name}" not in EXCEPTIONS
    ]
    assert found == [], "use child.*, load_* of pretrained, open_image, open_container or render_chat"


def test_every_exception_still_exists():
    there = {f"{name_of(path)} {name}" for path in SOURCES for name, _ in uses_in(path)}
    assert EXCEPTIONS - there == set()


def test_the_door_of_models_runs_no_code_of_theirs():
    loading = [call for name, call in calls_in("encoders/pretrained.py") if name in ("from_pretrained", "from_config")]
    assert len(loading) >= 3
    assert [ast.unparse(call) for call in loading if not says(call, "trust_remote_code", False)] == []


def test_the_door_of_media_says_which_formats():
    words = {"Image.open": "formats", "av.open": "container_options"}
    opening = [(ast.unparse(call.func), call) for _, call in calls_in("media/opening.py")]
    given = {name: [word.arg for word in call.keywords] for name, call in opening if name in words}
    assert set(given) == set(words)
    assert [name for name in given if words[name] not in given[name]] == []


@pytest.mark.parametrize("code", [
    "import subprocess\nsubprocess.run(a)", "from subprocess import Popen\nPopen(a)",
    "import subprocess as s\ns.check_output(a)", "import subprocess\ncall(subprocess.run, a)",
    "import os\nos.system(a)", "import os\nos.execv(a, b)", "from os import fork as f\nf()",
    "from multiprocessing import get_context\nget_context()",
    "from concurrent.futures import ProcessPoolExecutor\nwith ProcessPoolExecutor() as pool: pass",
    "AutoModel.from_pretrained(a)", "load().from_pretrained(a)", "partial(kind.from_pretrained, a)",
    "from transformers import AutoModel\nAutoModel.from_config(a)", "tokenizer.apply_chat_template(a)",
    "from huggingface_hub import hf_hub_download\nhf_hub_download(a)", "import torch\ntorch.hub.load(a)",
    "from PIL import Image\nImage.open(a)", "from PIL import Image as I\nI.open(a)", "import av\nav.open(a, 'r')",
    "from av import open as opened\nopened(a)", "import decord\ndecord.VideoReader(a)",
    "import soundfile\nsoundfile.read(a)", "import wave\nwave.open(a)", "import cv2\ncv2.imread(a)",
    "import torch\ntorch.load(a, weights_only=True)", "import pickle\npickle.loads(a)",
    "import numpy as np\nnp.load(a)",
    "import numpy as np\nnp.load(a, allow_pickle=True)", "eval(a)", "exec(a)",
    "from importlib import import_module\nimport_module(a)", "self._engine.load_checkpoint(a)",
])  # fmt: skip
def test_the_audit_sees_every_way_to_run_or_open_something(code):
    assert Uses(ast.parse(code)).found


@pytest.mark.parametrize("code", [
    "model.eval()", "import subprocess\nclass A:\n    process: subprocess.Popen",
    "import numpy as np\nnp.load(a, allow_pickle=False)",
    "import subprocess\ndef f(a: subprocess.Popen) -> subprocess.Popen: pass", "import subprocess\nsubprocess.DEVNULL",
    "from importlib import import_module\nimport_module('liger_kernel')", "from PIL import Image\nImage.new(a)",
    "open_image(a)", "import os\nos.open(a)", "from os import path\npath.exists(a)", "BridgeClass.from_config(a)",
    "def from_pretrained(cls): pass",
])  # fmt: skip
def test_the_audit_leaves_the_rest_alone(code):
    assert not Uses(ast.parse(code)).found
