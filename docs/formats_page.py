"""The page of formats: prose that is written here, and a table that is read from the registry."""

from collections.abc import Iterator

from macaw_cli.dataset.formats.columns import MAPPING
from macaw_cli.dataset.formats.registry import BUILT_IN

PROSE = '''
`macaw build-dataset --source FORMAT:PATH[?OPTIONS][#N]` reads conversations, and media with captions. Give it as
often as you like. Files of any size are read in a stream.

```console
$ macaw build-dataset --source annotations/captions_train2014.json --media coco/train2014
$ macaw build-dataset --source 'csv:labels.csv?image=file&answer=label&question=What is it?'
$ macaw build-dataset --source hf:saved_dataset:train#10000 --source alpaca:alpaca_data.json#10000
```

Where `FORMAT:` is left out, the format is guessed by the beginning of the file, and one line says which. A file that
could be of several formats is refused with their names.

## Formats
'''
BELOW = '''
A row without `messages` but with `captions` is an *item*. Without generation it becomes one conversation of kind
`description`: a request to describe the medium and one of its captions, both drawn by `seed` and the id of the item.

## Options

Options stand behind a `?` as `key=value`, with `&` between them. An `&` inside a value is written `%26`. A path that
contains a `?` is taken as it is if such a file exists. An unknown option is refused with the nearest names.
'''
TABLES = '''
The tables (`csv`, `parquet`, `hf`) have these options. Each value is the name of a column. `question`, `choices`,
`system` and `kind` can also be the text itself: if no column has that name, it is used for every row.
'''
END = '''
An option that is left out takes the column of its own name. Other columns are not read. A table that has the columns
of a known format (`messages`, `conversations`, or `instruction` and `output`) and no options is read as rows of that
format. Images inside a Parquet file or a Hugging Face dataset are known by their content (the first 32 hex digits of
its SHA-256), as in the feature store; so extract features of the same files.

`hf` needs the extra `macaw-cli[hf]`. It reads folders from `save_to_disk`, folders of Parquet, JSON or CSV files, and
ids of the hub. Code of a dataset is never run.

## Number of conversations

`#N` takes N conversations at random, by `seed`; a larger N keeps those of a smaller one. `#N+` repeats some if there
are fewer than N, each equally often. `#N%` takes that share of what is usable.

More of the mix is set in `macaw.yaml`:

```yaml
dataset:
  sources: [macaw-llm:coco.json, alpaca:alpaca_data.json, macaw-llm:avsd.json]
  kinds: {yes-no: 5000}    # at most so many conversations of a kind
  mix: sqrt                # sizes proportional to the square roots of what there is; or equal, or all (the default)
```

First shares are taken, then quotas of kinds are applied, then `mix`. All choices are random, by `seed`, and
repeatable. What is not taken is no reject. `macaw init --preset paper` writes the mix of the Macaw-LLM paper: `#50000+`
of each of three sources.

## How media are found

A name in a row is looked up in the feature stores: as a path, as the end of a path, or as a content key. If it is not
found, other names of the same file are tried:

- the names of COCO's releases: `000000000009.jpg` is `COCO_val2014_000000000009.jpg`;
- the other extensions of videos: the key of a Charades video is stored as `.mp4`, `.mkv` or `.avi`;
- a file of that name below `--media DIR` (repeatable; `dataset.media`): by its path in the folder, then by its content.

A medium that is not found is a reject with its name. If two different files have the name, the reject names both.

## Rows that cannot be used

`dataset/rejects.jsonl` names every such row with file, row number and reason; a row of broken JSON also with its line.
NaN and Infinity, which JSON does not have, make a row unusable. Byte order marks and CRLF are accepted.

## A format of your own

A package adds one by an entry point in the group `macaw.formats` that names a `Format`:

```python
from macaw_cli.dataset.formats.entry import Format, of_json


def from_otters(row):
    return {"image": [row["photo"]], "messages": [{"role": "user", "content": "What does the otter do?"},
                                                  {"role": "assistant", "content": row["does"]}]}


OTTERS = Format(name="otters", summary="rows of otters", read=of_json(from_otters))
```

```toml
[project.entry-points."macaw.formats"]
otters = "otters_for_macaw:OTTERS"
```

Raise `macaw_cli.basics.errors.InputError` with the reason for a row that cannot be used.
'''


def formats_page(notice: str) -> str:
    """The whole page, below its title the notice that it is generated."""
    formats = ["| format | what it reads |", "|---|---|", *(f"| `{one.name}` | {one.summary} |" for one in BUILT_IN)]
    mapping = ["| option | meaning |", "|---|---|", *(f"| `{name}` | {text} |" for name, text in MAPPING.items())]
    parts = ["# Formats of conversations", notice, PROSE.strip(), "\n".join(formats), BELOW.strip(),
             "\n".join(_own_options()), TABLES.strip(), "\n".join(mapping), END.strip()]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _own_options() -> Iterator[str]:
    yield from ("| format | option | meaning |", "|---|---|---|")
    for one in BUILT_IN:
        for name, text in one.options.items():
            if MAPPING.get(name) != text:
                yield f"| `{one.name}` | `{name}` | {text} |"
