"""The page of tasks: prose that is written here, and a table that is read from the classes of the tasks."""

from dataclasses import fields

from macaw_cli.config.tasks.base import TaskSettings
from macaw_cli.config.tasks.table import BUILT_IN
from macaw_cli.evaluation.tasks.running.registry import task_class

PROSE = """
`macaw evaluate --task NAME:PATH[?OPTIONS][#N]` asks a model the questions of a public benchmark, and asks them again
without media and with another example's media. So it measures both how good the answers are and whether the model looks
at all.

```console
$ macaw evaluate --task 'pope:annotations/pope?media=coco/val2014'
$ macaw evaluate runs/mlp --task vqav2:vqa?media=coco/val2014 --task 'pope:pope?answer=likeliest' --limit 500 --json
```

macaw reads the files as they were published, and downloads none: the table names their places. `--task` may be given
several times; in `macaw.yaml` tasks stand under `evaluation.tasks`, as text or as sections:

```yaml
evaluation:
  tasks:
    - pope:annotations/pope?media=coco/val2014
    - {name: vqav2, path: annotations/vqa, media: coco/val2014, limit: 1000}
```

Figures and answers are written to `runs/<name>/evaluation/tasks/<title>/`: `figures.json`, `answers.jsonl` with every
question, its answers and their scores, and `rejects.jsonl`. What answers other questions there, or under other
conditions, is moved to `earlier-1/` below it. A model outside a run is only read. Each table is printed when its task
is finished. A task whose files cannot be used stops none of those behind it: the command ends with exit code 1 and
names it, in the JSON under `failed`.

## Tasks

What stands here of licences is for orientation: the source decides, and may have changed.
"""
OPTIONS = """
## Options

Every task has these options; they are typed behind a `?` as `key=value`, with `&` between them. An `&` inside a value
is written `%26`. What else a task has is in [configuration.md](configuration.md#evaluation), under its name.
"""
END = """
`#N` behind a task is its `limit`, and `--limit N` is that of all tasks. Questions that are judged together (the four
of a NaturalBench group, the rotations of an MMBench question) count as one and are never split.

## How a question is answered

- `generated`: greedy decoding, up to `max_new_tokens`. The answer is read as the official script reads it.
- `likeliest`: of the possible answers the one with the highest log-likelihood. It suits models that were not trained to
  answer in the form that a benchmark wants. Questions without choices are still generated.

Media are decoded in processes of their own, some ahead of the questions that need them, and encoded with the encoders
of the model, once for all conditions. Images whose features are in a feature store of the workspace (`features.out`,
`dataset.features`, `dataset.benchmarks`) are read from there, if the encoder is the model's.

## What is reported

Each figure of the task is given under `real`, `none` and `swapped` (see [Conditions](evaluation.md#conditions));
`told` is added by `conditions=real,none,told,swapped`. *Reliance* is the task's score with the right media minus that
with another example's, over the questions that have both, with its paired 95 % interval, in which questions about the
same file [count as dependent](evaluation.md#questions-about-one-medium); for an error rate it is the other way round,
so that it is positive where media help. *Retention* is the score without media divided by the score with them.

`--fail-under pope.real.accuracy=0.8`, or `pope.reliance=0.3`, ends the command with exit code 1 where a figure is
lower; an error rate, as in `librispeech.real.wer=0.1`, where it is higher.

The partner of a swap has the same number of media and another answer, and comes from the same part of the benchmark;
one that is asked with the same words comes first. A question without media has the same answer under every condition
and does not count in reliance.

## Questions that cannot be asked

A row that is not of the published form, an image that is missing or cannot be decoded, or a question that is too long
for the model, is a reject with its reason. If more than `evaluation.max_reject_ratio` (0.05) are, the command ends
with exit code 1 after everything else is written. `--limit` counts only questions that can be asked.

## When it is interrupted

The answers so far are kept in `evaluation/tasks/<task>/unfinished.jsonl` of the run, and the same command goes on where
it stopped. An answer is found again by a hash of the model's files (names, sizes, times), the messages, the media and
how they are answered: with another model, other options or changed files, the question is asked anew. A model outside a
run keeps nothing.

## A task of your own

It is one file, its settings and one line: see [own-parts.md](own-parts.md#benchmark-tasks).
"""


def tasks_page(notice: str) -> str:
    """The whole page, below its title the notice that it is generated."""
    parts = ["# Benchmark tasks", notice, PROSE.strip()]
    for row in BUILT_IN:
        about = task_class(row.name).about
        lines = [
            ("asks", about.what), ("source", about.paper), ("data", about.data), ("licence of the data", about.licence),
            ("files", about.files), ("figures", about.figures),
        ]  # fmt: skip
        table = "\n".join(f"| {label} | {text} |" for label, text in lines)
        parts.append(f"### `{row.name}`\n\n| | |\n|---|---|\n{table}")
    options = ["| option | meaning |", "|---|---|"]
    for field in fields(TaskSettings):
        if field.name != "name":
            options.append(f"| `{field.name}` | {_described(field.name)} |")
    return "\n\n".join([*parts, OPTIONS.strip(), "\n".join(options), END.strip()]) + "\n"


def _described(name: str) -> str:
    hints = TaskSettings.__annotations__[name].__metadata__
    return next(hint.description for hint in hints if getattr(hint, "description", None))
