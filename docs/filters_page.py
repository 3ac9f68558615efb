"""The page of filters: prose that is written here, and a table that is read from the registry."""

from collections.abc import Iterator

from macaw_cli.basics.named_objects import named_object
from macaw_cli.config.filters.table import TABLE, FilterEntry

TITLE = "# Filters: which conversations are good enough"
PROSE = '''
`dataset.filters` lists what conversations have to pass besides being valid. Each filter stands there by its name, or
with options:

```yaml
dataset:
  filters:
    - length
    - refusals
    - {name: near-duplicates, threshold: 0.8}
    - {name: yes-no-balance, no_share: 0.5}
```

What a filter drops is a row of `dataset/rejects.jsonl` with the filter's name and the reason; `macaw build-dataset`
shows how many each one dropped, and `dataset.json` keeps the numbers (`filters`) and the options (`filter_settings`).
Dropped conversations do not count towards `--max-reject-ratio`: they were dropped on purpose. `macaw build-dataset
--plan` shows the same numbers without writing anything, so that a filter can be tried.
'''
BELOW = '''
Every option is in [configuration](configuration.md).

- *Alone*: a conversation is judged by itself, while it is read. `#N` takes N of those that pass.
- *In order*: a conversation is compared with those before it, in the order of sources and rows.
- *All*: conversations are judged together, after all other filters. Each of these filters sees what those before it
  kept.

The same inputs, filters and seed give the same dataset. Filters that compute with a model are as repeatable as the
model is.

## Which filters are on

None, where conversations are only converted: macaw does not drop what you chose to train on.

Examples that an LLM writes (`macaw build-dataset --generate`) pass `generation.filters` before they count as
accepted: by default `length`, `refusals`, `caption-words` without its test for negations, `answer-in-question` and
`duplicates`. They cost nothing, and what they drop is wrong in any dataset: an example that quotes the caption, refuses
to look, or tells its answer in the question. Filters that judge all conversations together stand in
`dataset.filters`. Generated conversations keep `captions`, `transcript` and `boxes` of their media, so that
`grounded` and `blind-answerable` can judge them there as well.

## Words and their limits

`answer-in-question`, `near-duplicates` and `grounded` compare content words: without common words ("the", "is",
"image"), in lower case, without endings, numbers as digits. Lists of common words and endings are English; other
languages are compared by whole words, Japanese, Chinese and Korean by characters.

`near-duplicates` finds the same question in other words, in another order, tense or spelling. A synonym makes another
word, so in a short text it makes another question, and a long description with one word changed is a near-duplicate
even where the word matters. Memory does not grow with the dataset: signatures are in a temporary database on disk,
about 1 kB for each conversation.

`grounded` needs to know something of the media: `captions`, `transcript` or `boxes` in the same row. Conversations
without are kept. An answer is supported as far as the words that it adds to its question are known; a denial, as far
as the question's words are not. It suits examples that were generated from captions. It does not suit answers that
conclude, or that tell more than the captions do. With `model`, the answer must also become likelier by the captions.

`blind-answerable` asks a text-only LLM how likely the answer is with and without the captions. Where they make no
difference, the example teaches to guess from the question. `action: tag` keeps such examples with the tag
`blind-answerable`.

`caption-words` with its defaults is the filter of Macaw-LLM. It drops every answer with "no" or "not", and a model
trained on the rest learns to say yes: switch this off with `negations: false` unless you reproduce the paper
(`as_published: true`).

`judge` asks an LLM for scores from 1 to 5 for correctness, grounding, format and value, and drops a conversation with
a score below `threshold`. It uses the API, the limits and the ledger of `generation`: a verdict that was paid for is
never asked for again, so that another threshold costs nothing. `--plan` tells what it would cost. Where
`generation.max_cost` is reached, the build stops, and the next one continues.

## How good they are

`python benchmarks/near_duplicates.py` and `python benchmarks/groundedness.py`; the figures are in
[benchmarks](benchmarks.md).
'''


def filters_page(notice: str) -> str:
    """The page, with a line under its title that says how it was made."""
    table = "\n".join(["| filter | judges | what it does |", "|---|---|---|", *map("".join, _rows())])
    return "\n\n".join([TITLE, notice, PROSE.strip(), table, BELOW.strip()]) + "\n"


def _rows() -> Iterator[str]:
    for row in TABLE.values():
        yield f"| `{row.name}` | {_judges(row)} | {' '.join((row.settings.__doc__ or '').split())} |"


def _judges(row: FilterEntry) -> str:
    made = named_object(row.place)
    if hasattr(made, "see"):
        return "all"
    return "in order" if hasattr(made, "reason_in_order") else "alone"
