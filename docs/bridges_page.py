"""The page of bridges: prose and measurements that are written here, and tables of the designs."""

from collections.abc import Iterable

from macaw_cli.config.bridges.table import BUILT_IN as BRIDGES
from macaw_cli.config.injections.table import BUILT_IN as INJECTIONS

PROSE = '''
A bridge is the trained connector (elsewhere also called projector) from features to the LLM. `bridge:` chooses a
design by its name, or with options, and either one for all modalities or one for each:

```yaml
bridge: mlp
```

```yaml
bridge:
  image: {name: mlp, norm: true}
  audio: {name: frame-stack, stride: 8}
```

Every design computes what the published one does: tests compare its output and all its gradients with the class of
transformers, the original's recorded numbers or the paper's equations. Each reads the same features, so changing the
design never means extracting them again. [Compare bridges and injections](compare.md) trains several side by side.
[Your own bridge](own-parts.md#bridge) is one file.

## Designs
'''
NOTES = '''
The options of each are in [configuration.md](configuration.md).

- A modality that is not named takes the default design. `{name: mlp, audio: linear}` is `linear` for audio and `mlp`
  for the others; so `--set bridge.audio=linear` works whatever `macaw.yaml` says.
- `--bridge NAME` and `--set bridge=NAME` choose another design with its own defaults; the same design keeps its
  options.
- `norm: true` reads features around their mean, and puts a LayerNorm behind the design whose weight starts with the
  RMS of the LLM's word embeddings, so that soft tokens enter the LLM as large as words. The mean is that of up to 256
  training media per modality, which a new model measures and keeps: without it, what all media share moves every soft
  token alike, and a bridge learns slowly ([experiments](experiments.md)). `norm: false` is the published form. It is
  the default of `align`, `linear` and `mlp` only; `macaw` has no such option.
- `frame-stack` fills the last window of a medium up with zeros. Of a video every frame is filled up on its own, so
  that no window holds tokens of two frames; only frames with fewer tokens than `stride` are stacked over time.
  `norm: false, bias: false` with `hidden` the LLM's hidden size is Voxtral's projector, `norm: false` alone is
  GLM-ASR's. `norm: false, stride: 5, hidden: 2048, activation: relu, remainder: drop` is SLAM-LLM's, which leaves the
  last tokens out.
- `attention-pool`, `avg-pool`, `c-abstractor`, `ldp`, `pixel-shuffle`, `token-packer` and `visual-vocabulary` read an
  image, and each frame of a video, as a square grid of tokens; a window is `scale` by `scale` of them. Features that
  are no grid, because they hold the class token, are refused: extract them with
  `features: {image_encoder: {cls: drop}}`. At the right and the lower border of a grid that `scale` does not divide,
  `pixel-shuffle` and `visual-vocabulary` fill up with zeros; the others take the tokens that are there. Audio is one
  row: windows are `scale` x `scale` consecutive tokens, and convolutions are 3 wide instead of 3 x 3.
- *Per image or frame* means: a video makes so many soft tokens for each frame, and an audio file as many as an image.
  `per_frame: false` makes as many of a whole video, where a design has that option.

## Injections

A bridge puts soft tokens into the LLM's input. An *injection* changes the LLM's layers, by what media there are:

```yaml
bridge: {name: frame-stack, stride: 4}          # makes the soft tokens, as before
injection: {name: gated-cross-attention, every: 4}
training:
  train: [bridge, begin_end_tokens, injection]  # the LLM stays as it is
```
'''

MEASURED = '''
## Measured

`macaw compare --seeds 3 --budget 240steps` in the quickstart's world ([its questions](quickstart-world.md)): every
design reads the same 4,543 conversations in the same steps (`training.sequence_length=640`,
`training.global_batch_size=8`), with three seeds and 24 questions per kind. Figures are means over the seeds; behind ±
stands their standard deviation. The number of soft tokens is that of an image, an audio file and a video; `macaw` has
the quickstart's settings. `patch` is for series and has figures of its own on [the page of modalities](modalities.md).

| design | soft tokens | trained | accuracy | reliance: image | audio | video | all |
|---|---|---|---|---|---|---|---|
| `mlp` | 64, 100, 384 | 0.9 M | 0.88 | 0.90 ± 0.05 | 0.97 ± 0.01 | 0.66 ± 0.06 | 0.84 ± 0.03 |
| `linear` | 64, 100, 384 | 0.9 M | 0.86 | 0.94 ± 0.01 | 0.92 ± 0.01 | 0.61 ± 0.08 | 0.82 ± 0.03 |
| `avg-pool` | 16, 25, 96 | 0.9 M | 0.86 | 0.92 ± 0.02 | 0.93 ± 0.06 | 0.62 ± 0.07 | 0.82 ± 0.01 |
| `frame-stack` | 16, 25, 96 | 1.1 M | 0.86 | 0.94 ± 0.04 | 0.88 ± 0.04 | 0.63 ± 0.10 | 0.82 ± 0.03 |
| `patch-merge` | 16, 25, 96 | 0.9 M | 0.86 | 0.96 ± 0.03 | 0.91 ± 0.05 | 0.60 ± 0.01 | 0.82 ± 0.03 |
| `resampler` (`layers: 2`, `tokens: 16`, `per_frame: true`) | 16, 16, 96 | 1.9 M | 0.83 | 0.86 ± 0.04 | 0.86 ± 0.05 | 0.69 ± 0.08 | 0.80 ± 0.04 |
| `latent-cross-attention` (`tokens: 16`) | 16, 16, 96 | 1.1 M | 0.84 | 0.90 ± 0.01 | 0.82 ± 0.08 | 0.66 ± 0.12 | 0.79 ± 0.06 |
| `affine` | 64, 100, 384 | 0.9 M | 0.82 | 0.88 ± 0.03 | 0.91 ± 0.04 | 0.56 ± 0.05 | 0.78 ± 0.02 |
| `pixel-shuffle` | 16, 25, 96 | 1.0 M | 0.82 | 0.88 ± 0.04 | 0.93 ± 0.02 | 0.51 ± 0.07 | 0.77 ± 0.02 |
| `align` | 64, 100, 384 | 1.2 M | 0.81 | 0.81 ± 0.01 | 0.92 ± 0.04 | 0.51 ± 0.09 | 0.75 ± 0.02 |
| `ldp` | 64, 100, 384 | 0.9 M | 0.81 | 0.91 ± 0.05 | 0.77 ± 0.06 | 0.57 ± 0.05 | 0.75 ± 0.04 |
| `ultravox` | 8, 13, 48 | 1.3 M | 0.79 | 0.88 ± 0.04 | 0.88 ± 0.07 | 0.44 ± 0.09 | 0.74 ± 0.05 |
| `macaw` | 5, 6, 24 | 1.3 M | 0.79 | 0.88 ± 0.03 | 0.84 ± 0.03 | 0.45 ± 0.06 | 0.73 ± 0.03 |
| `attention-pool` | 16, 25, 96 | 1.1 M | 0.76 | 0.75 ± 0.04 | 0.87 ± 0.08 | 0.48 ± 0.08 | 0.70 ± 0.06 |
| `pooled` | 2, 2, 2 | 0.9 M | 0.75 | 0.86 ± 0.06 | 0.79 ± 0.02 | 0.42 ± 0.08 | 0.69 ± 0.04 |
| `upm` (`layers: 2`, `tokens: 16`) | 16, 16, 16 | 2.7 M | 0.77 | 0.81 ± 0.04 | 0.84 ± 0.11 | 0.44 ± 0.10 | 0.69 ± 0.08 |
| `query-decoder` (`layers: 4`, `tokens: 16`) | 16, 16, 96 | 2.9 M | 0.75 | 0.77 ± 0.04 | 0.66 ± 0.10 | 0.58 ± 0.07 | 0.67 ± 0.04 |
| `visual-vocabulary` | 16, 25, 96 | 2.0 M | 0.75 | 0.79 ± 0.07 | 0.78 ± 0.10 | 0.43 ± 0.10 | 0.67 ± 0.09 |
| `token-packer` | 16, 25, 96 | 1.0 M | 0.73 | 0.70 ± 0.07 | 0.74 ± 0.09 | 0.51 ± 0.06 | 0.65 ± 0.07 |
| `c-abstractor` (`tokens: 16`) | 16, 16, 96 | 1.1 M | 0.65 | 0.63 ± 0.14 | 0.58 ± 0.18 | 0.39 ± 0.07 | 0.53 ± 0.08 |
| `q-former` (`layers: 4`, `tokens: 8`) | 8, 8, 48 | 3.6 M | 0.56 | 0.55 ± 0.19 | 0.32 ± 0.01 | 0.31 ± 0.07 | 0.40 ± 0.08 |

All of them go on learning at that point: with 13,000 conversations, three times, `macaw` reaches a reliance of 0.98
(the quickstart). `mlp` needs about these 240 steps for 0.6 in every modality, and `linear`, `avg-pool`, `frame-stack`,
`patch-merge`, `resampler` and `latent-cross-attention` need no more. The others lack video, whose questions are
about movement and about what is heard at the same time; `c-abstractor` and `q-former` learn slowly from so few
conversations in all modalities. [With 480 steps](experiments.md#bridges-that-need-more-steps-than-mlp) every design has
0.6 in every modality too, though `pooled`, `c-abstractor`, `visual-vocabulary` and `q-former` not with their defaults:
`q-former` needs few layers that each read the features (`layers: 2, cross_attention_every: 1`) and a learning rate
of 3e-4. Seeds differ by 0.05 to 0.1 on video: read smaller differences as noise. What follows from this table and
from [experiments](experiments.md) on real features:

- *Few conversations*: `mlp`, with `norm: true` on real encoders, or `avg-pool`, `frame-stack` and `patch-merge`, which
  learn as much with a quarter of the tokens.
- *Long video, many media*: a `resampler` per frame or `latent-cross-attention`, which lead on video; `macaw` or another
  design with few `tokens` where these are still too many.
- *Speech*: `frame-stack`, which keeps the order of what is heard.
- *A small LLM with a short context*: a design with few soft tokens, and more training.

Injections, likewise with three seeds and 240 steps, on `frame-stack` (`deepstack` on `mlp`). Only designs of up to 96
soft tokens stand in this comparison, so that four times as many conversations as above fit into the same steps
(17,812; `deepstack` reads 4,543): compare these figures with each other, not with those of the bridges.

| injection | trained | accuracy | reliance: image | audio | video | all |
|---|---|---|---|---|---|---|
| none | 1.1 M | 0.98 | 1.00 ± 0.01 | 0.96 ± 0.03 | 0.97 ± 0.01 | 0.98 ± 0.01 |
| `plora` | 3.0 M | 0.99 | 1.00 ± 0.00 | 1.00 ± 0.01 | 0.97 ± 0.02 | 0.99 ± 0.01 |
| `lavin` | 1.2 M | 0.99 | 1.00 ± 0.00 | 0.97 ± 0.01 | 0.98 ± 0.01 | 0.98 ± 0.01 |
| `llama-adapter` | 1.1 M | 0.98 | 0.99 ± 0.01 | 0.96 ± 0.00 | 0.97 ± 0.02 | 0.97 ± 0.01 |
| `mllama-cross-attention` | 1.3 M | 0.82 | 0.86 ± 0.03 | 0.79 ± 0.11 | 0.57 ± 0.09 | 0.74 ± 0.04 |
| `gated-cross-attention` | 1.5 M | 0.74 | 0.99 ± 0.01 | 0.48 ± 0.17 | 0.38 ± 0.08 | 0.62 ± 0.07 |
| `llama-adapter-v2` (`width: 128`, `blocks: 2`, `heads: 4`) | 1.6 M | 0.58 | 0.56 ± 0.07 | 0.39 ± 0.10 | 0.10 ± 0.17 | 0.35 ± 0.00 |
| `deepstack` (on 4,543 conversations) | 1.0 M | 0.85 | 0.91 ± 0.06 | 0.89 ± 0.07 | 0.59 ± 0.16 | 0.80 ± 0.07 |

The LLM is trained in all rows. `plora`, `lavin`, `llama-adapter` and `deepstack` add to soft tokens in the input. The
three others are all that the LLM sees of the media and begin with closed gates;
[with 480 steps](experiments.md#injections-on-the-same-features) they have 0.6 in every modality too. Where the LLM may
be trained, soft tokens in the input learn faster. An injection is for an LLM that must stay as it is, and for media
that take too many positions.
'''  # noqa: E501 - rows of a table


def bridges_page(notice: str) -> str:
    """The whole page, below its title the notice that it is generated."""
    parts = [
        "# Bridges and injections", notice, PROSE.strip(), _table("bridge", BRIDGES), NOTES.strip(),
        _table("injection", INJECTIONS), "[How they work, and how to add one](own-parts.md#injections).",
        MEASURED.strip(),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _table(key: str, rows: Iterable[object]) -> str:
    lines = [f"| `{key}` | what it does |", "|---|---|"]
    for row in sorted(rows, key=lambda row: row.name):  # type: ignore[attr-defined]
        about = " ".join((row.settings.__doc__ or "").partition("\n\n")[0].split())  # type: ignore[attr-defined]
        lines.append(f"| `{row.name}` | {about} |")  # type: ignore[attr-defined]
    return "\n".join(lines)
