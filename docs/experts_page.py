"""The page of experts: prose that is written here, and a table that is read from the registry."""

from collections.abc import Iterator

from macaw_cli.config.experts.table import TABLE

TITLE = "# Experts: media as text"
PROSE = '''
An expert turns a medium into text before the LLM reads it: a transcript, tags, a caption, numbers as words. Nothing
has to be trained for it. VideoChat-Text, PromptCast and SeamlessM4T's transcripts work so. macaw keeps such texts
beside the features of a dataset, so that a model can read them instead of soft tokens or together with them, and so
that you can measure which of the two a bridge has to beat.

```console
$ macaw build-dataset --experts transcript
$ macaw build-dataset --experts 'transcript,{name: tags, labels: labels.txt, top: 3}'
```

or in `macaw.yaml`:

```yaml
dataset:
  experts:
    - transcript
    - {name: tags, labels: labels.txt, threshold: 0.25}
expert_texts:
  media: replace          # text in the place of the medium; `keep` is text beside it
  system: Answer from the descriptions of the media, and do not invent anything.
```
'''
BELOW = '''
Every option is in [configuration](configuration.md).

## What the conversation says

The texts stand in front of the first question, each on lines of its own, behind the media themselves; where a message
gives a medium a place, they stand there. Of a video with a soundtrack that `tags` and `transcript` describe:

```text
Second 1: dog | grass
Second 4: dog | ball
Transcript: Come here, good boy.
What does the dog bring?
```

`form` changes the words around a text. A text is cut after `expert_texts.max_words` words (200) and then ends in
`...`. If an expert finds nothing, that is said: `Transcript: (no speech)`. `expert_texts.system` is a system text of
all conversations with described media.

`expert_texts` belongs to the training, not to the dataset. One dataset serves models that read all texts (`names:
null`, the default), some (`names: [tags]`) or none (`names: []`), beside soft tokens (`media: keep`) or instead of
them (`media: replace`, where the model has no bridge for what its experts describe). The dataset's conversations,
their order and their split are the same with and without experts.

## Where the texts come from

- `transcript` is written by the decoder of the Whisper whose encoder makes the features
  (`features.audio_encoder.model`), or of another one (`model`). Decoding is greedy, in windows of 30 s side by side. A
  word at the border of two windows may be lost. Whisper writes words for noise and music too.
- `tags` compares an image with a list of labels by CLIP: the cosine of their embeddings, with several `templates` of
  the mean of the normalised text vectors. `top` and `threshold` choose among them. It needs a CLIP with both towers
  and its tokenizer. The quickstart's `models/clip` has the vision tower alone: there `tags` needs another CLIP
  (`model`), while `transcript` and, with `--modalities series`, `numbers` run as they are.
- `nearest-caption` gives a medium the caption of the training medium with the most similar mean features. Neither the
  medium itself nor one that conversations connect with it lends its caption, and held-out media lend none, whatever a
  row of captions says.
- `numbers` writes a series as a sentence, or as the digits of scaled values with the scale before them, in base 10, 100
  or 1000. A sentence of many numbers is cut at `expert_texts.max_words`: raise that for long series.

Features that are stored already are used where they are exactly what the expert reads: of Whisper the last layer
without pooling, with whole windows (`features.audio_padding: keep`) for all of the audio; of CLIP the class token
behind post layer norm and projection (`{cls: keep, post_layernorm: true}`). In all other cases the file is decoded
again: by default a store drops the padding of short audio, without which the decoder writes other words. The files are
found by the names in the conversations, below the workspace, and in `dataset.media`; the content key proves that a
file is the one whose features were extracted.

## Nothing is computed twice

What an expert says of a medium is kept in `.experts.jsonl` of the dataset's folder, by the content key of the file and
the fingerprint of the expert (weights and options). A build that was killed goes on there, and another build in the
same folder describes new media alone. `experts.jsonl` has the texts of the dataset, and `dataset.json` names the
experts with options and fingerprints (`experts`).

## Where such a model can be used

- `macaw evaluate` reads the texts of the dataset, which must be of the same experts. A question with another example's
  media is asked with that example's texts, and one without media without texts, so that reliance measures what it
  says.
- `macaw chat`, `macaw serve`, `macaw evaluate --task`, lmms-eval and `Engine` in Python compute the texts of every file
  with the same experts, proved by their fingerprints. `config.json` of the model names them; their models are looked
  for where the model's encoders are. The prompt is the same in all of them.
- The server loads the experts before it listens. Files for them are decoded as all others: in a process that can be
  ended, within the limits of `serve`. Texts are kept with the features of a file (`serve.cached_media_megabytes`), and
  a reply tells them in `macaw.attachments`. One file is encoded and described at a time: Whisper on a CPU makes others
  wait.
- A task's `swapped` medium brings its own texts; under `none` and `told` there are none.
- `macaw export --format hf` copies the folders of the experts' models to `experts/` of the export, and names those that
  are on the hub. Its proof has media whose texts the fresh process makes by itself. An encoder that an expert shares
  (Whisper's) is in the folder twice. Other formats refuse the model, as nothing makes the texts there;
  `MacawProcessor` alone makes none either, so that such an export is used through `Engine`, chat or serve.

`nearest-caption` describes the media of a dataset and no others: a model that was trained with it can be used in
`macaw evaluate` on a dataset alone. `training.swap_negatives` cannot be combined with experts: the texts would stay
when media are swapped.

A model with a frozen LLM that reads texts alone has nothing to train. This makes one of the LLM as it is:

```console
$ macaw train --set expert_texts.media=replace --set training.train=[begin_end_tokens] --set training.max_steps=1
```

`macaw evaluate` then judges the experts. [Compare](compare.md) puts them beside
bridges.

## Limits

Media are described one after another in one process. On a CPU, Whisper tiny takes about as long as the audio lasts:
see [experiments](experiments.md#experts-as-text). All texts of a dataset are in memory while it is read.
'''


def experts_page(notice: str) -> str:
    """The page, with a line under its title that says how it was made."""
    table = "\n".join(["| expert | describes | what it says |", "|---|---|---|", *_rows()])
    return "\n\n".join([TITLE, notice, PROSE.strip(), table, BELOW.strip()]) + "\n"


def _rows() -> Iterator[str]:
    for row in TABLE.values():
        yield f"| `{row.name}` | {', '.join(row.modalities)} | {' '.join((row.settings.__doc__ or '').split())} |"
