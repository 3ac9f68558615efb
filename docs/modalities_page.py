"""The page of modalities, written from their table."""

from macaw_cli.modalities.entry import ModalityEntry
from macaw_cli.modalities.table import BUILT_IN

PROSE = """
A modality is a kind of media: what its files are, how they are read, and what a bridge gets of them. All of them go the
same way: `extract-features`, `build-dataset` (a row names its media under the modality's name), `train`, `evaluate`
with reliance, `chat`, `serve`, `export`. Only the three of Macaw-LLM, image, audio and video, have options of their own
in `macaw chat`; others are attached with `--media`.

The bridge of a modality is chosen in [`bridge:`](configuration.md); where nothing is, it is the one of this table.
"""
FILES = """
## Which files

Files of images, audio and videos, and PLY files, say by their names or first bytes what they are. A `.csv`, `.npy` or
`.png` could be anything: a table of labels in a folder of images is no series. So files of these kinds are media of a
modality where something says so:

| where | how |
|---|---|
| the file's name | a second extension: `load.series.csv`, `kitchen.depth.png`, `subject1.fmri.npy` |
| `extract-features` and `features.sources` | the modality before a file, folder or pattern: `series:data/load.csv`, `imu:walks` |
| a row of a manifest | `{"path": "kitchen.png", "modality": "depth"}` |
| a row of a dataset | its key: `{"series": ["load.csv"], "messages": [...]}` joins with the features of the series `load.csv` |
| `macaw chat` | `--media series:load.csv`; at the prompt `/series load.csv`, where the model knows series |

`build-dataset` reads tables as conversations only where they are its own sources (`csv:questions.csv`), whatever they are
called.

## Series

Columns of numbers are channels; columns of dates and other text are left out, which the features' JSON tells. All files of
a store have the same number of columns:

```yaml
features:
  series: {channels: 2, longest: 512}    # columns of numbers, and the most steps of a file
bridge: {series: {name: patch, length: 16, stride: 8}}
```

- Missing values are interpolated; `filled` in the features' JSON tells how many. A file that lacks more than half of a
  column is rejected.
- Features are the numbers themselves, as fp16. A column that fp16 cannot hold (beyond 65504, or 101325 ± 3) is rejected
  with what to do: subtract a constant, or divide it.
- `patch` brings each channel of each file to mean 0 and variance 1, and tells the LLM mean and scale in one more soft
  token ([Bridges](bridges.md)).
- Parquet files need `pip install 'macaw-cli[hf]'`.

Answers may be forecasts: `"The next values are 57, 61, 64"`. Where a question's kind has `forecast` in its name,
`macaw evaluate` scores what the model writes by MAE, CRPS and the rate of answers without enough numbers
([Evaluation](evaluation.md#forecasts)). `macaw_cli/modalities/numbers_as_text.py` writes series as digits, as LLMTIME does.

## IMU

Six columns, three of acceleration and three of angular velocity. A column `time` in seconds is read as the times of the
samples, which are then interpolated at 100 Hz; without one the rows are taken as they are. `patch` puts all six
channels into one patch (`channels: mixed`) and leaves the numbers as they are (`instance_norm: false`): they have units.

## Depth and normal maps

Both are rendered as images for the image encoder of `features.image_encoder`; the rendering is part of the features'
fingerprint. Depth: 8 or 16 bits, or floats, in any unit; linear between the 1st and the 99th percentile of the known
depths (above 0 and finite), three equal channels. Distances in metres are therefore gone; near and far are there.
Normals: images as they are, or `.npy` with (height, width, 3) from -1 to 1.

## Point clouds

PLY (ASCII and binary), lines of `x y z` or `x y z r g b`, or arrays of this shape. More than 4096 points are sampled at
random, always the same ones. The cloud is brought to radius 1 around its mean, so its size in metres is gone. 64 centres are
taken by farthest-point sampling, and of the nearest eighth of all points around each 16, as the tokeniser of Point-BERT
groups them; the small network that is trained on a group there is the bridge here, so a group is wide and has radius 1.

## fMRI

A vector of one number per voxel, of one subject or in one space, so that a voxel always means the same. The features are one
token with all of them; the bridge's first layer then has a weight for each voxel, as OneLLM's tokeniser:

```yaml
features: {fmri: {voxels: 15724}}
bridge: {fmri: {name: affine, variant: objects, tokens_per_object: 8}}
```

## Try one

`macaw quickstart --modalities series` makes a small world of series, trains on it and measures whether the model looks at
them; likewise `imu`, `depth`, `normal`, `points` and `fmri`, or several: `--modalities image,series`. What these worlds
hold and how well they are learned: [The quickstart's world](quickstart-world.md#other-modalities).

## Token ids

A model has ids for image, audio and video, and for the other modalities that its data has; they stand in its
`config.json`. A new modality in macaw or in an installed package changes no model that was made before.

## Add one

In another package: [Modalities](own-parts.md#modalities). In macaw itself:

1. A row, as a file in `macaw_cli/modalities/`, and its place at the end of `BUILT_IN` in `table.py`.
2. Without an encoder, a decoder in `macaw_cli/media/` that returns (tokens, channels) and raises `InputError` with the
   reason for a file of no use. It runs in a process of its own; nothing in it may unpickle, and it looks at sizes
   before it reads.
3. With the image encoder, a decoder that renders an image, (H, W, 3) uint8.
4. A world of the quickstart: a file in `macaw_cli/quickstart/worlds/` and its place in `table.py` there.
5. Tests in `tests/media/`; the tests of the tables run for the new row by themselves.
"""  # noqa: E501 - tables


def modalities_page(notice: str) -> str:
    """The whole page, below its title the notice that it is generated."""
    rows = ["| modality | files | features | bridge |", "|---|---|---|---|", *map(_row, BUILT_IN)]
    return "\n\n".join(["# Modalities", notice, PROSE.strip(), "\n".join(rows), FILES.strip()]) + "\n"


def _row(row: ModalityEntry) -> str:
    own = " ".join(row.extensions)
    kinds = " ".join(f".{row.name}{kind}" for kind in row.file_kinds)
    options = ", ".join(f"`{key}: {str(value).lower()}`" for key, value in row.bridge_options)
    bridge = f"`{row.default_bridge}`{f' with {options}' if options else ''}"
    files = "<br>".join(f"`{names}`" for names in (own, kinds) if names)
    return f"| `{row.name}` | {files} | {row.about} | {bridge} |"
