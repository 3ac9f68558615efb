"""What `macaw compare` is told to do, as a value, and the settings that follow from it for each run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from macaw_cli.basics.errors import UsageError
from macaw_cli.comparison.budget import Budget, parse_budget
from macaw_cli.comparison.designs import Design, as_override, designs_of
from macaw_cli.config.loading import Workspace, open_workspace
from macaw_cli.config.stages import trained_groups

_ITS_OWN = ("bridge", "injection", "training.name")
"""Settings that the comparison chooses itself."""
_OPTION_OF = {"bridge": "--bridges", "injection": "--injections"}
_UNREAD = {"training.train": ["begin_end_tokens"]}
"""Where the LLM is frozen, a design of texts alone has nothing to train: no conversation has begin and end tokens."""


def request_of(
    bridges: Sequence[str], injections: Sequence[str], budget: str | None, datasets: Sequence[str],
    experts: Sequence[str] = (), **options: Any,
) -> "Request":
    """The request of a command.

    Args:
        bridges: every `--bridges`.
        injections: every `--injections`.
        budget: `--budget`.
        datasets: as `training.datasets` names them; none leaves the workspace's.
        experts: every `--experts`.
        **options: the other attributes of `Request`.

    Raises:
        UsageError: an option is not of its form, or a setting is set that the comparison chooses itself.
    """
    overrides = options.pop("overrides", ())
    if datasets:
        overrides = [*overrides, as_override("training.datasets", list(datasets))]
    designs = designs_of(bridges, injections, experts)
    return Request(designs, budget=parse_budget(budget) if budget else None, overrides=overrides, **options)


@dataclass(frozen=True)
class Request:
    """The command, parsed.

    Attributes:
        designs: what is compared.
        name: what the runs' names begin with.
        seeds: runs of each design, with the workspace's seed and the ones after it.
        budget: how long each is trained; None leaves that to the training's settings.
        config: `--config`.
        overrides: every `--set`, and settings that options stand for.
        gpus: `--gpus` of each training.
        cpu_processes: `--cpu-processes` of each training.
    """

    designs: Sequence[Design]
    name: str = "compare"
    seeds: int = 1
    budget: Budget | None = None
    config: Path | None = None
    overrides: Sequence[str] = ()
    gpus: int | None = None
    cpu_processes: int | None = None

    def __post_init__(self) -> None:
        """Refuse settings that would hold for every design, or be overwritten.

        Raises:
            UsageError: see above.
        """
        for override in self.overrides:
            key = override.partition("=")[0]
            if any(f"{key}.".startswith(f"{own}.") for own in _ITS_OWN):
                raise UsageError(
                    f"macaw compare chooses {key} itself.",
                    "Give a design its options in --bridges '{name: frame-stack, stride: 8}', and runs a name with "
                    "--name.",
                )

    def workspace(self, design: Design, seed: int | None = None, more: Mapping[str, Any] | None = None) -> Workspace:
        """The workspace with one design.

        Args:
            design: one of them.
            seed: of the run; None leaves the workspace's.
            more: dotted key to value of further settings.

        Raises:
            UsageError: an unknown design or option, a wrong type or an impossible value.
        """
        chosen = self._chosen(design)
        given = {as_override(key, value): _OPTION_OF.get(key, "--experts") for key, value in chosen.items()}
        given[as_override("training.name", self.run_name(design, seed or 0))] = "--name"
        given |= {as_override(key, value): "--budget" for key, value in (more or {}).items()}
        if seed is not None:
            given[as_override("seed", seed)] = "--seeds"
        return open_workspace(self.config, self.overrides, options=given)

    def words(self, design: Design | None, seed: int | None, more: Mapping[str, Any] | None = None) -> list[str]:
        """Options of `macaw train` and `macaw evaluate` that make the same settings."""
        chosen = (self._chosen(design) if design else {}) | ({} if seed is None else {"seed": seed}) | dict(more or {})
        overrides = [*self.overrides, *(as_override(key, value) for key, value in chosen.items())]
        config = ["--config", str(self.config)] if self.config else []
        return [*config, *(word for override in overrides for word in ("--set", override))]

    def _chosen(self, design: Design) -> dict[str, Any]:
        """Dotted key to value of the settings that make a design."""
        chosen = design.overrides()
        if not design.experts:
            return chosen
        training = open_workspace(self.config, self.overrides).settings.training
        return chosen if "llm" in trained_groups(training) else chosen | _UNREAD

    @property
    def process_words(self) -> list[str]:
        """Options of `macaw train` that say on what it trains."""
        given = {"--gpus": self.gpus, "--cpu-processes": self.cpu_processes}
        return [word for option, count in given.items() if count is not None for word in (option, str(count))]

    def run_name(self, design: Design, seed: int) -> str:
        """Name of a run, such as `compare-mlp-seed0`."""
        return f"{self.name}-{design.file_name}-seed{seed}"
