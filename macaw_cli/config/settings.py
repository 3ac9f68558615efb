"""The settings of a workspace: what `macaw.yaml` may hold, each default written here and nowhere else.

The string under a field is its documentation: `docs/configuration.md` is generated from it.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, with_config

from macaw_cli.config.bridges.designs import AnyBridge
from macaw_cli.config.bridges.table import default_design
from macaw_cli.config.chat_settings import ChatSettings
from macaw_cli.config.evaluation_settings import EvaluationSettings
from macaw_cli.config.expert_text_settings import ExpertTextSettings
from macaw_cli.config.experts.chosen import AnyExperts
from macaw_cli.config.exports.chosen import AnyExport
from macaw_cli.config.exports.hf import HfExportSettings
from macaw_cli.config.feature_settings import FeatureSettings
from macaw_cli.config.filters.chosen import AnyFilters
from macaw_cli.config.generation_settings import GenerationSettings
from macaw_cli.config.injections.designs import AnyInjection
from macaw_cli.config.injections.none import NoInjectionSettings
from macaw_cli.config.quickstart_settings import QuickstartSettings
from macaw_cli.config.serve_settings import ServeSettings
from macaw_cli.config.setting_types import Texts
from macaw_cli.config.training_settings import TrainingSettings
from macaw_cli.config.view_settings import ViewSettings

FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetSettings:
    """`macaw build-dataset`: captions and conversations joined with features."""

    sources: Texts = ()
    """`FORMAT:PATH[?OPTIONS][#N]` each: a format of [formats.md](formats.md), guessed where it is left out; `#N` takes
    N of them at random, `#N+` repeats some where there are fewer, `#N%` takes that share."""
    generate: bool = False
    """Let an LLM write conversations about items (rows with captions and without messages); see `generation`."""
    features: Texts = ("features",)
    """Feature stores to join with."""
    media: Texts = ()
    """Folders in which files are looked up by the names in rows, where the feature stores do not know these names."""
    out: str = "dataset"
    """Folder of the training shards."""
    val_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Share of the conversations held out; connected media always stay on one side."""
    shard_megabytes: Annotated[int, Field(ge=1)] = 256
    """Size at which a new training shard is begun."""
    filters: AnyFilters = ()
    """What conversations have to pass besides being valid, in this order; each by its name or with its options. What
    they remove does not count as unusable."""
    leak_check: Literal["report", "drop", "off"] = "report"
    """What happens to training media that are nearly the same as held-out ones: they are reported, or their
    conversations are dropped as well; `off` compares none."""
    leak_similarity: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Cosine of the mean features of two media from which on they are nearly the same."""
    benchmarks: Texts = ()
    """Feature stores of benchmarks, whose media are compared with the training media as held-out ones are."""
    kinds: dict[str, Annotated[int, Field(ge=1)]] = field(default_factory=dict)
    """Kind of conversations to the largest number of them that is used, chosen at random: `{yes-no: 5000}`."""
    mix: Literal["all", "sqrt", "equal"] = "all"
    """Sizes of the sources: `all` is as they are; `sqrt` uses of each a number that is proportional to the square root
    of its size, and all of the smallest; `equal` uses of each as many as the smallest has. Chosen at random."""
    experts: AnyExperts = ()
    """What describes media as text, each by its name or with its options; see docs/experts.md. The dataset holds the
    texts beside the features, and `expert_texts` says what a training reads of them."""
    workers: Annotated[int, Field(ge=1)] | None = None
    """Processes that write shards; `null` takes one per core. Their number changes no byte."""
    max_reject_ratio: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Share of unusable conversations above which the command ends with exit code 1."""


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True, coerce_numbers_to_str=True, allow_inf_nan=False))
@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The whole of `macaw.yaml`."""

    version: int = FORMAT_VERSION
    """Format version of this file."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Seed of everything random: splits, order, initial weights."""
    llm: str = ""
    """Folder or hub id of a causal LLM of transformers."""
    bridge: AnyBridge = field(default_factory=default_design)
    """Bridge between encoders and LLM: one design for all modalities, or one for each."""
    injection: AnyInjection = field(default_factory=NoInjectionSettings)
    """Media inside the LLM's layers, instead of soft tokens in its input."""
    features: FeatureSettings = field(default_factory=FeatureSettings)
    """Settings of `macaw extract-features`."""
    dataset: DatasetSettings = DatasetSettings()
    """Settings of `macaw build-dataset`."""
    generation: GenerationSettings = field(default_factory=GenerationSettings)
    """Settings of `macaw build-dataset --generate`."""
    views: ViewSettings = field(default_factory=ViewSettings)
    """Cheap operations on stored features, applied whenever they are read; see docs/views.md."""
    expert_texts: ExpertTextSettings = field(default_factory=ExpertTextSettings)
    """What a model reads of the experts' texts in a dataset; see docs/experts.md."""
    training: TrainingSettings = field(default_factory=TrainingSettings)
    """Settings of `macaw train`."""
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)
    """Settings of `macaw evaluate`."""
    chat: ChatSettings = field(default_factory=ChatSettings)
    """Settings of `macaw chat`."""
    serve: ServeSettings = field(default_factory=ServeSettings)
    """Settings of `macaw serve`."""
    export: AnyExport = field(default_factory=HfExportSettings)
    """Settings of `macaw export`."""
    quickstart: QuickstartSettings = field(default_factory=QuickstartSettings)
    """Settings of `macaw quickstart`."""
