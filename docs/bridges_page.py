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

`macaw compare --budget 400steps` in the quickstart's world ([its questions](quickstart-world.md)): the same 3,435.0
conversations in the same steps, one seed, 24 questions per kind. The number of soft tokens is that of an image, an
audio file and a video; `macaw` has the quickstart's settings. `patch-merge` is not in the table, and neither is
`patch`, which is for series.

| design | soft tokens | trained | accuracy | reliance: image | audio | video | all |
|---|---|---|---|---|---|---|---|
| `mlp` | 64, 100, 384 | 0.9 M | 0.93 | 0.90 | 0.93 | 0.90 | 0.91 |
| `linear` | 64, 100, 384 | 0.9 M | 0.89 | 0.96 | 0.89 | 0.67 | 0.84 |
| `avg-pool` | 16, 25, 96 | 0.9 M | 0.88 | 0.92 | 0.85 | 0.71 | 0.82 |
| `affine` | 64, 100, 384 | 0.9 M | 0.84 | 0.90 | 0.82 | 0.68 | 0.80 |
| `align` | 64, 100, 384 | 1.2 M | 0.83 | 0.82 | 0.85 | 0.67 | 0.78 |
| `frame-stack` | 16, 25, 96 | 1.1 M | 0.83 | 0.93 | 0.89 | 0.47 | 0.76 |
| `pixel-shuffle` | 16, 25, 96 | 1.0 M | 0.82 | 0.86 | 0.82 | 0.56 | 0.75 |
| `latent-cross-attention` (`tokens: 16`) | 16, 16, 96 | 1.1 M | 0.81 | 0.85 | 0.75 | 0.64 | 0.75 |
| `pooled` | 2, 2, 2 | 0.9 M | 0.78 | 0.89 | 0.76 | 0.47 | 0.71 |
| `upm` (`layers: 2`, `tokens: 16`) | 16, 16, 16 | 2.7 M | 0.77 | 0.85 | 0.78 | 0.49 | 0.70 |
| `resampler` (`layers: 2`, `tokens: 16`, `per_frame: True`) | 16, 16, 96 | 1.9 M | 0.76 | 0.89 | 0.71 | 0.44 | 0.68 |
| `ldp` | 64, 100, 384 | 0.9 M | 0.74 | 0.75 | 0.71 | 0.46 | 0.64 |
| `visual-vocabulary` | 16, 25, 96 | 2.0 M | 0.69 | 0.78 | 0.65 | 0.36 | 0.60 |
| `ultravox` | 8, 13, 48 | 1.3 M | 0.72 | 0.72 | 0.68 | 0.38 | 0.59 |
| `macaw` | 5, 6, 24 | 1.3 M | 0.66 | 0.75 | 0.61 | 0.36 | 0.57 |
| `token-packer` | 16, 25, 96 | 1.0 M | 0.67 | 0.57 | 0.64 | 0.46 | 0.56 |
| `query-decoder` (`layers: 4`, `tokens: 16`) | 16, 16, 96 | 2.9 M | 0.71 | 0.71 | 0.31 | 0.60 | 0.54 |
| `attention-pool` | 16, 25, 96 | 1.1 M | 0.60 | 0.50 | 0.76 | 0.17 | 0.48 |
| `c-abstractor` (`tokens: 16`) | 16, 16, 96 | 1.1 M | 0.54 | 0.31 | 0.54 | 0.19 | 0.35 |
| `q-former` (`layers: 4`, `tokens: 8`) | 8, 8, 48 | 3.6 M | 0.45 | 0.31 | 0.17 | 0.26 | 0.25 |

All of them go on learning at that point: with 13,000 conversations, three times, `macaw` reaches a reliance of 0.98
(the quickstart). `mlp` has 0.86, 0.89 and 0.46 after 120 steps of about 22 conversations. `q-former`, `query-decoder`,
`c-abstractor`, `attention-pool` and `token-packer` learn slowly from so few conversations. Video is hardest for
all of them: its questions are about movement and about what is heard at the same time. Read differences below 0.1
as noise. What follows from this table and from [experiments](experiments.md) on real features:

- *Few conversations*: `mlp`, with `norm: true` on real encoders. More soft tokens learn from fewer examples, as long
  as they fit.
- *Long audio or video, many media*: `frame-stack` or `pixel-shuffle`, a quarter of the tokens at a small loss;
  `macaw` or a design with a fixed number of `tokens` where that is still too many.
- *Speech*: `frame-stack`, which keeps the order of what is heard.
- *A small LLM with a short context*: a design with few soft tokens, and more training.
'''


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
