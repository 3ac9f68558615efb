"""A plan for an LLM that is not on this machine: its published shape, and a guess at its tokens.

Only plans use it: nothing can be trained with it.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from macaw_cli.basics.errors import MacawError
from macaw_cli.config.loading import Workspace
from macaw_cli.config.recipes import FOLDER
from macaw_cli.encoders.pretrained import load_config, load_tokenizer
from macaw_cli.training.tuning.llm_source import llm_source

SHAPES = {
    "huggyllama/llama-7b": "llama-7b.json",
    "lmsys/vicuna-7b-v1.5": "llama-7b.json",
    "Qwen/Qwen2.5-7B-Instruct": "qwen2.5-7b.json",
}
"""Hub id to its sizes, shipped beside the presets that name it."""
CHAT_TEMPLATE = "{% for message in messages %}{{ message.role }}: {{ message.content }}{{ eos_token }}{% endfor %}"
CHARACTERS_PER_TOKEN = 4
"""Roughly, in English text with a vocabulary of 32,000."""


@contextmanager
def with_reachable_llm(workspace: Workspace) -> Iterator[tuple[Workspace, str]]:
    """The workspace as it is where its LLM can be read; else one with a stand-in, and a line that says so.

    Raises:
        UsageError: the settings name no LLM.
        InputError: a path that is not there.
    """
    source = llm_source(workspace)
    if source not in SHAPES or _is_reachable(source):
        yield workspace, ""
        return
    with TemporaryDirectory(prefix="macaw-plan-") as scratch:
        folder = Path(scratch)
        shape = json.loads((FOLDER / SHAPES[source]).read_text(encoding="utf-8"))
        (folder / "config.json").write_text(json.dumps(shape))
        _write_tokenizer(folder)
        settings = workspace.settings
        training = replace(settings.training, runs=str(folder / "runs"))
        note = (
            f"{source} is not on this machine and cannot be reached: its published shape is planned with, "
            f"and its tokens are guessed at one for {CHARACTERS_PER_TOKEN} characters."
        )
        yield Workspace(workspace.root, replace(settings, llm=scratch, training=training)), note


def _is_reachable(source: str) -> bool:
    try:
        load_config(source)
        load_tokenizer(source)
    except MacawError:
        return False
    return True


def _write_tokenizer(folder: Path) -> None:
    """One that makes a token of every few characters."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordLevel({"<unk>": 0, "<s>": 1, "</s>": 2}, unk_token="<unk>"))
    pieces = Regex(rf"[\s\S]{{1,{CHARACTERS_PER_TOKEN}}}")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(pieces, "isolated")
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>")
    fast.chat_template = CHAT_TEMPLATE + "{% if add_generation_prompt %}assistant: {% endif %}"
    fast.save_pretrained(folder)
