"""The one door to what transformers loads: configurations, tokenizers, processors and models.

No code of a model folder is run, whatever its files ask for, and no pickle is read: weights come from safetensors.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import DamagedError, InputError, MacawError, UsageError
from macaw_cli.basics.json_text import parse_json
from macaw_cli.basics.shown_text import cut
from macaw_cli.basics.typed_files import read_object
from macaw_cli.basics.typed_rows import OBJECT, Fields
from macaw_cli.encoders.folder_checks import require_known_type, require_tokenizer_files
from macaw_cli.encoders.generation_file import require_usable_generation
from macaw_cli.encoders.source import explain, is_path, quiet_transformers, trouble_is_told

_INDEX, _ADAPTER = "model.safetensors.index.json", "adapter_config.json"
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_WEIGHT_MAP = Fields({"weight_map": OBJECT})
_ASKS_TO_RUN = ("trust_remote_code", "custom code", "custom generation code")
"""What transformers says where a folder names classes of its own that are not among those of transformers."""


def load_config(source: str | Path, revision: str = "") -> Any:
    """The configuration of a model.

    Args:
        source: folder or hub id.
        revision: hub revision, or empty.

    Raises:
        InputError: there is none, it is damaged, or it is of an architecture that comes as code.
        MissingDependencyError: it must be downloaded, accepted or logged in for first.
    """
    from transformers import AutoConfig

    require_known_type(Path(source))
    return _loaded(AutoConfig, source, revision)


def load_tokenizer(source: str | Path) -> Any:
    """The tokenizer of a model; arguments and errors as in `load_config`."""
    from transformers import AutoTokenizer

    require_tokenizer_files(Path(source))
    tokenizer = _loaded(AutoTokenizer, source, "")
    if not isinstance(tokenizer.model_max_length, int | float):
        raise InputError(f"{source}: `model_max_length` of tokenizer_config.json must be a number.", "Correct it.")
    return tokenizer


def load_preprocessor(kind: Any, source: str | Path, revision: str = "", **options: Any) -> Any:
    """An image processor or feature extractor; arguments and errors as in `load_config`.

    Args:
        kind: the class of transformers, an Auto class or a certain one.
        source: folder or hub id.
        revision: hub revision, or empty.
        **options: for the class.
    """
    return _loaded(kind, source, revision, **options)


def load_causal_lm(source: str | Path, **options: Any) -> Any:
    """An LLM with its weights.

    Args:
        source: folder or hub id.
        **options: for `AutoModelForCausalLM.from_pretrained`.

    Raises:
        InputError: it cannot be read, holds pickles only, is an adapter, or comes as code.
        MissingDependencyError: it must be downloaded, accepted or logged in for first.
    """
    from transformers import AutoModelForCausalLM

    with trouble_is_told(source):
        return load_model_class(AutoModelForCausalLM, source, **options)


def load_model_class(kind: Any, source: str | Path, revision: str = "", **options: Any) -> Any:
    """What `kind.from_pretrained` gives; other arguments and errors as in `load_causal_lm`.

    Args:
        kind: the model's class.
        source: folder or hub id.
        revision: hub revision, or empty.
        **options: for the class.
    """
    _require_safe_weights(Path(source))
    _require_own_kernels(Path(source))
    require_usable_generation(Path(source))
    with _no_code_is_run(source):
        return kind.from_pretrained(
            source, revision=revision or None, trust_remote_code=False, use_safetensors=True, **options
        )


def _require_own_kernels(folder: Path) -> None:
    """Refuse a configuration that names an attention kernel of the hub, which is compiled code.

    Raises:
        InputError: with the name of the kernel.
    """
    file = folder / "config.json"
    if not file.is_file():
        return
    waiting: list[Any] = [parse_json(file.read_text(encoding="utf-8", errors="replace"), str(file))]
    while waiting:
        part = waiting.pop()
        waiting += part.values() if isinstance(part, dict) else part if isinstance(part, list) else []
        for name, value in part.items() if isinstance(part, dict) else ():
            if str(name).endswith("attn_implementation") and isinstance(value, str) and "/" in value:
                raise InputError(
                    f"{file} names the attention kernel {cut(value)}, which would run code from the model hub.",
                    f"Remove {name} from the file.",
                )


def causal_lm_of(config: Any, **options: Any) -> Any:
    """An LLM with random weights.

    Args:
        config: its configuration.
        **options: for `AutoModelForCausalLM.from_config`.

    Raises:
        InputError: the configuration names an architecture that comes as code.
    """
    from transformers import AutoModelForCausalLM

    with _no_code_is_run(getattr(config, "name_or_path", "") or "the configuration"):
        return AutoModelForCausalLM.from_config(config, trust_remote_code=False, **options)


def model_config(source: str, revision: str, section: str) -> Any:
    """The transformers configuration of `source`.

    Args:
        source: folder or hub id.
        revision: hub revision, or empty.
        section: the settings section that names it, such as `image_encoder`.

    Raises:
        UsageError: no encoder is set.
        InputError: the folder holds no model, or the hub has no such one.
        MissingDependencyError: it must be downloaded, accepted or logged in for first.
    """
    if not source:
        raise UsageError(
            f"`features.{section}.model` is not set, but some files need it.",
            f"Give --{section.replace('_', '-')} FOLDER_OR_HUB_ID, or set it in macaw.yaml.",
        )
    if is_path(source) and not (Path(source) / "config.json").is_file():
        there = "is not a model folder, it has no config.json" if Path(source).exists() else "does not exist"
        problem = f"`features.{section}.model`: {source} {there}."
        raise InputError(problem, "Name a folder in the transformers format, or a hub id.")
    return load_config(source, revision)


def load_weights(kind: Any, source: str, revision: str, **options: Any) -> Any:
    """A model in fp32; fails when a weight is missing instead of inventing it.

    Raises:
        InputError: weights are missing or damaged.
    """
    import torch

    with trouble_is_told(source):
        model, found = load_model_class(
            kind, source, revision, dtype=torch.float32, output_loading_info=True, **options
        )
    if found["missing_keys"]:
        missing = sorted(found["missing_keys"])
        raise InputError(
            f"{source} has no weights for {counted(len(missing), 'part')} of {kind.__name__}, such as {missing[0]}.",
            "Check that it holds the right kind of model, and all of its files.",
        )
    return model


def _loaded(kind: Any, source: str | Path, revision: str, **options: Any) -> Any:
    """Configurations, tokenizers and processors: their libraries raise anything on a file that is damaged."""
    with quiet_transformers(), _no_code_is_run(source):
        try:
            return kind.from_pretrained(source, revision=revision or None, trust_remote_code=False, **options)
        except MacawError:
            raise
        except Exception as error:
            if _asks_to_run_code(error):
                raise
            raise explain(str(source), error) from error


@contextmanager
def _no_code_is_run(source: str | Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, ImportError) as error:
        if not _asks_to_run_code(error):
            raise
        raise InputError(
            f"{source} can only be loaded with code of its own, and macaw runs no code from model folders.",
            "Choose a model whose architecture is part of transformers.",
        ) from None


def _asks_to_run_code(error: BaseException) -> bool:
    return isinstance(error, ValueError) and any(words in str(error) for words in _ASKS_TO_RUN)


def _require_safe_weights(folder: Path) -> None:
    """Tell of a folder what transformers would answer by reading pickles, or files elsewhere.

    Raises:
        InputError: its weights are pickles only, it is an adapter of another model, or its index leads out of it.
    """
    if not folder.is_dir():
        return
    if (folder / _ADAPTER).is_file():
        raise InputError(
            f"{folder} holds an adapter ({_ADAPTER}) of another model.",
            "Merge it into its model (`merge_and_unload` of peft), or name the model.",
        )
    if (folder / _INDEX).is_file():
        _require_plain_names(folder / _INDEX)
    elif not any(folder.glob("*.safetensors")):
        pickles = sorted(file.name for pattern in _PICKLES for file in folder.glob(pattern))
        if pickles:
            raise InputError(
                f"{folder} holds its weights only as pickle files ({cut(', '.join(pickles))}), which can run code "
                "when loaded.",
                "macaw reads safetensors. Ask the author for them, or, if you trust the files, convert them with "
                "transformers (from_pretrained, then save_pretrained).",
            )


def _require_plain_names(index: Path) -> None:
    try:
        names = list(read_object(index, _WEIGHT_MAP)["weight_map"].values())
    except DamagedError:
        raise InputError(f"{index} is not an index of weight files.", "Download it again.") from None
    if wrong := next((name for name in names if not isinstance(name, str) or Path(name).name != name), None):
        raise InputError(f"{index} names {cut(str(wrong))}, which lies outside its folder.", "Download it again.")
