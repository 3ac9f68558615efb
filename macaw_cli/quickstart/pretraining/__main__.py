"""`python -m macaw_cli.quickstart.pretraining [clip] [whisper] [llama]`: make the shipped checkpoints again."""

import argparse
import time
from pathlib import Path

import torch

from macaw_cli.basics.console import say
from macaw_cli.quickstart.checkpoints import NAMES, SHIPPED
from macaw_cli.quickstart.pretraining.clip import pretrain_clip
from macaw_cli.quickstart.pretraining.llama import pretrain_llama
from macaw_cli.quickstart.pretraining.whisper import pretrain_whisper

PRETRAINING = {"clip": pretrain_clip, "whisper": pretrain_whisper, "llama": pretrain_llama}


def main() -> None:
    """Pretrain what is named, or all three."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], default=[], help="which checkpoints; none means all")
    parser.add_argument("--out", type=Path, default=SHIPPED, help="folder that gets one folder per checkpoint")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads; other numbers give slightly other weights")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    for name in chosen.names or NAMES:
        started = time.monotonic()
        PRETRAINING[name](chosen.out / name)
        say(f"{name}: written to {chosen.out / name} after {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
