"""The settings of `macaw train`: what is trained, how, and what a run keeps and tells."""

from dataclasses import dataclass, field
from typing import Annotated, Literal, get_args

from pydantic import Field

from macaw_cli.config.loss_weights.modes import AnyLossWeights
from macaw_cli.config.loss_weights.none import NoLossWeights
from macaw_cli.config.setting_types import Texts, matching, named, one_or_more, per_modality
from macaw_cli.config.unanswerable import ANSWERS

Group = Literal["bridge", "begin_end_tokens", "injection", "llm"]
GROUPS: tuple[Group, ...] = get_args(Group)
"""What can be trained: the bridges, the embeddings of begin and end tokens (`<image>`), the injection, and the LLM."""
LEARNING_RATES: dict[Group, float] = {"bridge": 1e-3, "begin_end_tokens": 1e-3, "injection": 1e-3, "llm": 2e-5}
"""The learning rate where neither the training nor the group names one."""
ADAPTER_LEARNING_RATE = 2e-4
"""The learning rate of `llm` where that is an adapter."""
ENOUGH_STEPS = 100
"""Fewer optimizer steps than this seldom take a new bridge anywhere."""
Groups = Annotated[tuple[Group, ...], one_or_more, Field(min_length=1)]
Schedule = Literal["cosine", "linear", "constant"]
Template = Literal["alpaca", "chat", "plain"]
Objective = Literal["answers", "media-text"]
Tracker = Literal["wandb", "mlflow"]

LearningRate = Annotated[float, Field(gt=0)]
WeightDecay = Annotated[float, Field(ge=0)]
WarmupRatio = Annotated[float, Field(ge=0, lt=1)]
SwapShare = Annotated[float, Field(ge=0, lt=1)]
RunName = Annotated[str, matching(r"([^/.][^/]*)?", "must be the name of one folder: no `/`, and no `.` at its start")]


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupSettings:
    """One group of parameters; `null` takes the training's own value."""

    learning_rate: LearningRate | None = None
    """Peak learning rate."""
    weight_decay: WeightDecay | None = None
    """AdamW weight decay, on matrices only."""
    warmup_ratio: WarmupRatio | None = None
    """Share of the steps in which the learning rate rises."""
    schedule: Schedule | None = None
    """What the learning rate does after the rise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupsSettings:
    """Values of single groups of parameters."""

    bridge: GroupSettings = GroupSettings()
    """Optimizer settings of the bridges."""
    begin_end_tokens: GroupSettings = GroupSettings()
    """Optimizer settings of the embeddings of the modalities' begin and end tokens."""
    injection: GroupSettings = GroupSettings()
    """Optimizer settings of the injection."""
    llm: GroupSettings = GroupSettings()
    """Optimizer settings of the LLM, or of its adapter."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AdapterSettings:
    """A small adapter of the LLM, made and saved by PEFT; or only the LLM's norms and biases."""

    kind: Literal["none", "lora", "dora", "qlora", "norms-and-biases"] = "none"
    """`qlora` is `lora` on an LLM whose own weights are held in 4 bits; it needs bitsandbytes. `norms-and-biases`
    trains these weights of the LLM, as LLaMA-Adapter V2 does; a Llama gets new biases. It uses no value below."""
    rank: Annotated[int, Field(ge=1)] = 16
    """Rank of the two small matrices."""
    alpha: Annotated[float, Field(gt=0)] = 32.0
    """The adapter's output is multiplied by alpha / rank."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Dropout of the adapter's input while training."""
    targets: Texts = ("all-linear",)
    """Names of the linear layers that get one; `all-linear` means every one but the output layer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StageSettings:
    """One stage of a recipe; `null` takes the training's own value."""

    name: Annotated[str, matching(r"[A-Za-z0-9_-]+", "must be of letters, digits, `_` and `-`")]
    """Name of the stage, as it is shown."""
    objective: Objective | None = None
    """See `training.objective`."""
    datasets: Texts | None = None
    """See `training.datasets`."""
    epochs: Annotated[float, Field(gt=0)] | None = None
    """Passes over the training conversations."""
    max_steps: Annotated[int, Field(ge=1)] | None = None
    """Most optimizer steps of this stage."""
    train: Groups | None = None
    """Parameter groups that are trained."""
    learning_rate: LearningRate | None = None
    """Peak learning rate."""
    weight_decay: WeightDecay | None = None
    """AdamW weight decay, on matrices only."""
    warmup_ratio: WarmupRatio | None = None
    """Share of the stage's steps in which the learning rate rises."""
    schedule: Schedule | None = None
    """What the learning rate does after the rise."""
    groups: GroupsSettings | None = None
    """See `training.groups`."""
    sequence_length: Annotated[int, Field(ge=16)] | None = None
    """Token budget of one packed sequence."""
    global_batch_size: Annotated[int, Field(ge=1)] | None = None
    """Packed sequences per optimizer step over all processes."""
    template: Template | None = None
    """See `training.template`."""
    swap_negatives: SwapShare | None = None
    """See `training.swap_negatives`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingSettings:
    """`macaw train`: training shards to a run."""

    datasets: Texts = ()
    """`FOLDER[:WEIGHT]` each: folders of training shards to mix. A weight of 2 takes each conversation twice an epoch,
    0.5 another half of them each epoch. Empty means `dataset.out` alone."""
    objective: Objective = "answers"
    """What a stage learns: the answers of the conversations, or `media-text`, BLIP-2's first stage: which medium and
    text belong together. That trains `q-former` bridges alone and does not run the LLM; another stage must follow."""
    runs: str = "runs"
    """Folder that holds one folder per run."""
    name: RunName = ""
    """Name of the run, a folder in `runs`; empty means the bridge's name, or names, and a number."""
    start_from: str = ""
    """Model to go on with instead of `llm` and new bridges: a model folder, an imported checkpoint, or a run. See
    docs/training.md."""
    epochs: Annotated[float, Field(gt=0)] = 3.0
    """Passes over the training conversations; fractions are allowed."""
    max_steps: Annotated[int, Field(ge=1)] | None = None
    """Stop after this many optimizer steps, counted over all stages of a recipe."""
    train: Groups = GROUPS
    """Parameter groups that are trained, of `bridge`, `begin_end_tokens`, `injection` and `llm`; the others are frozen,
    as encoders always are. With an adapter, `llm` means the adapter's weights."""
    learning_rate: LearningRate | None = None
    """Peak learning rate of every group that has none of its own; `null` takes 1e-3 for `bridge`, `begin_end_tokens`
    and `injection`, which start from nothing, 2e-5 for the LLM, and 2e-4 for an adapter of the LLM."""
    weight_decay: WeightDecay = 0.0
    """AdamW weight decay, on matrices only."""
    warmup_ratio: WarmupRatio = 0.03
    """Share of the steps in which the learning rate rises."""
    schedule: Schedule = "cosine"
    """What the learning rate does after the rise: half a cosine to zero, a line to zero, or nothing."""
    groups: GroupsSettings = GroupsSettings()
    """Learning rates and the like of single groups, where they differ."""
    adapter: Annotated[AdapterSettings, named("kind")] = AdapterSettings()
    """Train a small adapter of the LLM instead of its own weights."""
    stages: tuple[StageSettings, ...] = ()
    """A recipe: stages that run one after the other, each with its own values of the settings above; empty means one
    stage with these."""
    max_gradient_norm: Annotated[float, Field(gt=0)] = 1.0
    """Gradients longer than this are scaled down to it."""
    sequence_length: Annotated[int, Field(ge=16)] = 2048
    """Token budget of one packed sequence: conversations put in a row that never attend to each other."""
    global_batch_size: Annotated[int, Field(ge=1)] = 8
    """Packed sequences per optimizer step over all processes; the number of processes must divide it."""
    max_length: Annotated[int, Field(ge=16)] = 512
    """Longest conversation, soft tokens included; a longer one loses its end, or is left out if that holds a medium."""
    loss_weights: AnyLossWeights = field(default_factory=NoLossWeights)
    """How much the loss of examples with some media counts, beside that of others: `none` weights nothing."""
    planned_soft_tokens: Annotated[dict[str, Annotated[int, Field(ge=1)]], per_modality] = field(default_factory=dict)
    """Modality to positions that each of its media counts as when steps are planned and conversations cut, if its
    bridge takes fewer: trainings of several bridges then have the same conversations in the same steps."""
    swap_negatives: SwapShare = 0.0
    """Share of the examples with media that are trained with the media of another example of their kind, and an answer
    of `swap_answers` instead of their own: a model that ignores its media cannot learn both. 0 swaps nothing."""
    swap_answers: Annotated[Texts, Field(min_length=1)] = ANSWERS
    """Answers of swapped examples; `{medium}` stands for `image`, `audio` or `video`."""
    template: Template | None = None
    """How a conversation becomes text: the Alpaca template, the tokenizer's own chat template, or `plain`, the media
    and then the answer alone, as LLaVA learns captions. `null` is that of the model in `start_from`, else `alpaca`. A
    trained model is asked in the template of the last stage."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Number format of training: `auto` is bf16 on a GPU that computes it itself (NVIDIA Ampere and later), fp16 on
    another GPU, and fp32 on a CPU."""
    zero_stage: Annotated[int, Field(ge=0, le=3)] = 0
    """DeepSpeed ZeRO stage."""
    offload: bool = False
    """Keep optimizer state (ZeRO 2, 3) and parameters (ZeRO 3) in CPU memory."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, slower."""
    compile: bool = False
    """Compile the LLM's layers with torch.compile: slower to start, then faster; needs a C++ compiler."""
    attention: Literal["auto", "sdpa", "flex", "flash"] = "auto"
    """Kernel of the block-diagonal attention between packed conversations: torch's own (`sdpa`), or, on a GPU,
    FlexAttention or the flash-attn package; `auto` takes flash-attn where it is installed and the precision is not
    fp32, else torch's own."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where training runs."""
    checkpoint_every: Annotated[int, Field(ge=1)] = 200
    """Optimizer steps between checkpoints."""
    keep_checkpoints: Annotated[int, Field(ge=1)] = 2
    """How many of the newest checkpoints are kept."""
    keep_best: bool = False
    """Keep the checkpoint with the lowest validation loss as well; each validation then saves one."""
    model_from: Literal["last", "best"] = "last"
    """Which weights the trained model gets; `best` needs `keep_best`. A stage of a recipe always hands its last weights
    on to the next one; `best` is chosen in the last stage."""
    max_skipped_steps: Annotated[int, Field(ge=0)] = 10
    """A step whose loss or gradients are not numbers is skipped and counted; one more than this ends the run."""
    early_stopping: Annotated[int, Field(ge=1)] | None = None
    """End the run, or the stage of a recipe, after this many validations in a row without a lower loss; `null` never
    does."""
    evaluate_every: Annotated[int, Field(ge=1)] | None = 200
    """Optimizer steps between validations (loss and reliance); `null` validates only at the end."""
    evaluate_examples: Annotated[int, Field(ge=1)] = 64
    """Held-out questions per kind in a validation during training."""
    log_every: Annotated[int, Field(ge=1)] = 10
    """Optimizer steps between two rows of metrics.jsonl."""
    trackers: Annotated[tuple[Tracker, ...], one_or_more] = ()
    """Where the figures go besides TensorBoard and metrics.jsonl: `wandb`, `mlflow`."""
    report: bool = True
    """Draw `report.html` and `plots/` at the end; `macaw inspect RUN --html` does so at any time."""
    deterministic: bool = False
    """Use only kernels that repeat to the bit (always so on a CPU); on a GPU they are slower."""
    as_published: bool = False
    """Repeat the published code's own deviations: 256 tokens, its label mask, no end token, null features."""

    def peak_learning_rate(self, group: Group) -> float:
        """Peak learning rate of a group: its own, else the training's, else the default for such a group."""
        own = getattr(self.groups, group).learning_rate
        default = ADAPTER_LEARNING_RATE if group == "llm" and self.adapter.kind != "none" else LEARNING_RATES[group]
        return next(rate for rate in (own, self.learning_rate, default) if rate is not None)

    def __post_init__(self) -> None:
        """Refuse what would be ignored without a word."""
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names):
            raise ValueError(f"two of training.stages have the same name; found {', '.join(names)}")
        if self.model_from == "best" and not self.keep_best:
            raise ValueError("training.model_from=best needs training.keep_best=true")
        if self.as_published and (self.swap_negatives or any(stage.swap_negatives for stage in self.stages)):
            raise ValueError("training.swap_negatives cannot be used with training.as_published")
        if not all(text.strip() for text in self.swap_answers):
            raise ValueError("training.swap_answers has an empty answer")
        for stage in self.stages:
            if stage.objective == "media-text" and (stage.train not in {None, ("bridge",)} or stage.swap_negatives):
                raise ValueError(
                    f"stage {stage.name} has the objective media-text, which trains the bridge alone and swaps "
                    "nothing: leave out its train and swap_negatives"
                )
        if self.early_stopping is not None and self.evaluate_every is None:
            raise ValueError("training.early_stopping counts validations: it needs a number as training.evaluate_every")
