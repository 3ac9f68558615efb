"""What `macaw build-dataset` tells: the table of sources and kinds, the plan, the last line."""

from pathlib import Path
from typing import Any

from macaw_cli.basics.command_line import same_config, typed_option, typed_setting
from macaw_cli.basics.console import print_table, result, say
from macaw_cli.basics.counts import counted
from macaw_cli.basics.disk import human_bytes
from macaw_cli.basics.shell_words import near, to_type
from macaw_cli.dataset.leaks import LEAK
from macaw_cli.dataset.lock_file import source_counts
from macaw_cli.dataset.preparing import Prepared
from macaw_cli.dataset.rejects_log import SHOWN

BYTES_PER_SECOND = 150e6
"""What two processor cores and an ordinary SSD manage: read, hash, write, read back."""


def show_plan(prepared: Prepared, out: Path) -> None:
    """What a build would do, as tables on stdout."""
    show_counts(prepared)
    show_rejects(prepared)
    show_leaks(prepared)
    result(
        f"Would write {counted(prepared.conversations, 'conversation')} in {counted(len(prepared.shards), 'shard')},"
        f" about {human_bytes(prepared.nbytes)}, to {out}; about {max(1, round(prepared.nbytes / BYTES_PER_SECOND))} s."
    )


def show_rejects(prepared: Prepared, listed: Path | None = None) -> None:
    """The first rejected rows with their reasons, and in which file all of them are listed."""
    for reject in prepared.rejects.first:
        say(f"rejected: {reject.origin.file}, row {reject.origin.row}: {reject.reason}")
    more = len(prepared.rejects) - len(prepared.rejects.first)
    if more > 0:
        say(f"... and {more} more" + (f", all listed in {listed}" if listed else ""))


def show_leaks(prepared: Prepared, listed: Path | None = None) -> None:
    """How many training media are nearly the same as held-out ones, with the most similar of them; nothing for none."""
    if prepared.leaks is None or not prepared.leaks.leaks:
        return
    counts = prepared.leaks.counts.items()
    found = ", ".join(f"{one['near']:,} of {one['compared']:,} {name}" for name, one in counts if one["near"])
    dropped = LEAK in prepared.filters
    way_out = "" if dropped else " --leak-check drop leaves out their conversations."
    done = "; their conversations are left out" if dropped else ""
    say(f"Training media that are nearly the same as held-out ones: {found}{done}.{way_out}")
    leaks = sorted(prepared.leaks.leaks.values(), key=lambda leak: -leak.cosine)
    for leak in leaks[:SHOWN]:
        say(f"{leak.modality} {leak.reason}")
    if len(leaks) > SHOWN and listed:
        say(f"... and {len(leaks) - SHOWN:,} more, all listed in {listed}")


def show_counts(prepared: Prepared) -> None:
    """One row per source, per filter and per kind."""
    rows = [
        [source.name, *(f"{counts[column]}" for column in ("train", "val", "rejected"))]
        for source, counts in zip(prepared.sources, source_counts(prepared), strict=True)
    ]
    print_table("Conversations by source", ["source", "train", "val", "rejected"], rows)
    if prepared.filters:
        dropped = prepared.rejects.by_filter
        rows = [[name, f"{dropped[name]:,}"] for name in prepared.filters]
        print_table("Dropped by filters", ["filter", "conversations"], rows)
    kinds = prepared.decided.by_kind
    if set(kinds) - {""}:
        rows = [[kind or "(no kind)", f"{counts['train']}", f"{counts['val']}"] for kind, counts in kinds.items()]
        print_table("Conversations by kind", ["kind", "train", "val"], rows)


def show_result(info: dict[str, Any], out: Path, *, up_to_date: bool) -> None:
    """The last line: what there is now and what to type next."""
    train, val = (info["counts"][split]["conversations"] for split in ("train", "val"))
    if not val:
        say("No conversation is held out, so nothing can be evaluated. Raise dataset.val_fraction or add media.")
    size = human_bytes(sum(shard["bytes"] for shard in info["shards"]))
    made = "is up to date" if up_to_date else "is ready"
    has = f"{counted(train, 'conversation')} to train on, {val:,} held out, {size}"
    following = f"Next: {_next_command(out)}" if train else "There is nothing to train on yet."
    result(f"The dataset {out} {made}: {has}. {following}")


def _next_command(made: Path) -> str:
    """Naming the dataset and the configuration where the user did."""
    typed = typed_option("build-dataset", "--out")
    out = Path(typed) if typed else near(made) if typed_setting("build-dataset", "dataset.out") else None
    return "macaw train" + (f" {to_type(out)}" if out else "") + same_config("build-dataset")
