"""Weights & Biases. Its own environment variables hold: WANDB_PROJECT, WANDB_ENTITY, WANDB_MODE, WANDB_API_KEY."""

import os
import secrets
from pathlib import Path
from typing import Any

from macaw_cli.basics.console import say
from macaw_cli.training.reporting.tracker_runs import Scalars, remember, remembered

PROJECT = "macaw"


class WandbTracker:
    """One run of W&B; without a login or a network it is kept in the run's folder, for `wandb sync`.

    Args:
        run: our run's folder.
        settings: shown as the run's configuration.
    """

    def __init__(self, run: Path, settings: dict[str, Any]) -> None:
        self._folder, self._settings = run, settings
        self._run: Any = None
        self._known_step = -1

    def open(self) -> None:
        """Begin, or go on with, the W&B run."""
        import wandb

        known = remembered(self._folder, "wandb")
        run_id = known or secrets.token_hex(4)
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=self._folder.name,
            id=run_id,
            resume="allow",
            dir=self._folder,
            config=self._settings,
            mode=self._mode(wandb),
            # what is said in the terminal stays there, and no code is uploaded
            settings=wandb.Settings(silent=True, console="off", save_code=False, disable_git=True),
        )
        if known and self._run.resumed:
            self._known_step = self._run.step - 1
        remember(self._folder, "wandb", run_id)

    def write(self, step: int, scalars: Scalars) -> None:
        """Send figures; W&B takes steps in rising order only."""
        if step > self._known_step:
            self._run.log(scalars, step=step)

    def close(self) -> None:
        """Send the rest."""
        self._run.finish()

    def _mode(self, wandb: Any) -> Any:
        given = os.environ.get("WANDB_MODE")
        if given:
            return given
        if os.environ.get("HF_HUB_OFFLINE") == "1":
            reason = "HF_HUB_OFFLINE=1 is set"
        elif not wandb.login(prompt=False):
            reason = "you are not logged in; run `wandb login`"
        else:
            return "online"
        say(f"wandb: {reason}. Its metrics are kept in {self._folder / 'wandb'}; `wandb sync` sends them.")
        return "offline"
