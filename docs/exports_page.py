"""The page of exports: prose that is written here, and a table that is read from the registry."""

from macaw_cli.config.exports.table import BUILT_IN
from macaw_cli.export.formats.registry import every_format

PROSE = '''
`macaw export` writes a model as a folder that others can load. It proves the folder before the folder gets its name.

```console
$ macaw export                                     # the newest model, for transformers with macaw
$ macaw export runs/linear-1 --format llava --out my-llava
$ macaw export --set export.format=llava --json
```

## Formats
'''
BELOW = '''
`macaw train --plan` tells before a training which of them will take the model, and what keeps the others from it. It
asks the same code that `macaw export` asks. A model that a format does not take is refused before any weights are
read, and the message names the settings.

## The proof

1. The source model answers a few examples: all of its modalities together, each alone, and text alone. Its own
   encoders make the features.
2. The folder is written under a working name.
3. A fresh process loads the folder with the loader that the format is for, and gets the same examples as raw media.
   For a class of transformers this process uses the class, `AutoProcessor` and the folder's chat template; macaw's
   own model code is not used.
4. Logits must agree within rounding (1e-5 of the largest logit in fp32), and greedy answers must be the same tokens.
5. `export_report.json` gets the figures, and the hash of every file. Only now the folder gets its name.

If anything differs, the command fails with the figures, and nothing is left behind. An existing folder is never
overwritten. `macaw inspect FOLDER --verify` compares every file with its hash.

The examples are noise, and two media files of each modality where the feature stores of the workspace name files that
are still there.

## Options

- `--dtype float32`, `bfloat16` or `float16` casts the LLM and the bridges. The proof then compares with the cast
  model.
- `--keep-adapters` (`hf`) puts the adapter of a LoRA training into `adapter/`, as PEFT loads it onto the LLM that it
  was trained on; its README names that LLM. The weights of the model have it merged in either way: on them the adapter
  would count twice.
- A model that reads [experts' texts](experts.md#where-such-a-model-can-be-used) is exported by `hf` alone, with the
  experts' models in `experts/`.
- `--push-to-hub OWNER/NAME` sends the proved folder to the hub, with the token of `hf auth login` or `HF_TOKEN`.
  `--private` makes a new repository private. A repository that holds something else than an export of macaw is
  refused before any work.

The model's page (`README.md`) has the table of `macaw evaluate` where the run has one.

## Classes of transformers

A stock class has one embedding matrix and a fixed layout, so a model is changed in form, not in what it computes:

- **Begin and end tokens** have embeddings of their own in a model of macaw. They become further tokens of the
  tokenizer and rows of the embedding matrix. `generation_config.json` keeps these tokens from being written
  (`suppress_tokens`).
- **The template** of the training becomes the folder's chat template, with these tokens around the medium. Media at
  the beginning of the first question stand where macaw puts media without a position of their own.
- **Adapters** are merged: a model of macaw is saved so.
- **Encoders** are inside, in the number format of the LLM. In bf16 they are rounded, which the limits of the proof
  allow for.

What a stock class cannot have is refused: other modalities beside its own, injections, views, norms of macaw's
bridges, layers or tokens of the encoder that it does not read, LLMs that change their logits behind the head (Gemma
2, Cohere), and tokenizers that make other tokens of a whole prompt than of its parts.

`macaw import-checkpoint FOLDER` makes a model of macaw of such a folder again, with the same ids, logits and answers.

### Voxtral

A training that ends as a checkpoint of `VoxtralForConditionalGeneration`:

```yaml
llm: SmolLM2-135M                       # its hidden size is 576
features: {audio_encoder: openai/whisper-small, audio_padding: keep}
bridge: {name: frame-stack, stride: 4, hidden: 576, bias: false, norm: false}
```

- The class's encoder computes what Whisper's does, on a whole window of 30 s: `audio_padding: keep`, and 375 soft
  tokens for audio of any length. Longer audio is cut, as in the training.
- The class stacks as many frames as fit into the width of the encoder's feed-forward layers. In every published Whisper
  these are four times as wide as its layers: `stride: 4`. Between the two matrices it has the LLM's hidden size.
- Voxtral's own processor takes Mistral's tokenizers (`mistral-common`) alone. The folder has a `ClapProcessor`, which
  is a feature extractor and a tokenizer; the chat template is the tokenizer's, and writes the placeholders. Programs
  that expect Mistral's tokenizer in a Voxtral folder do not take it.

### InternVL

A training that ends as a checkpoint of `InternVLForConditionalGeneration`:

```yaml
features: {image_encoder: OpenGVLab/InternVL3-1B-hf}
bridge: {name: pixel-shuffle, variant: mlp, scale: 2, norm: false}
```

- The class has the tower of InternVL alone: CLIP and SigLIP have other layers. Any of its layers will do.
- The scale is a power of two, and divides the grid of patches.
- Each image is one square. InternVL's own processor would split it into tiles, and needs torchvision: the folder has
  `LlavaProcessor`, with as many placeholders as there are windows.

### Gemma 3

A training that ends as a checkpoint of `Gemma3ForConditionalGeneration`:

```yaml
llm: google/gemma-3-1b-it
features: {image_encoder: {model: google/siglip-so400m-patch14-384, post_layernorm: true}}
bridge: {name: avg-pool, variant: gemma3, scale: 3, norm: false}
```

- The class has Gemma 3's LLM alone (`gemma3_text`), and drops patches that the windows leave over: the scale divides
  the grid, 27 by 27 patches here.
- **Attention is causal**, as in macaw's training. Gemma's own processor asks the class to let the tokens of an image
  see each other in both directions, which changes the logits. The folder has `LlavaProcessor`, which does not ask for
  it. Programs with an image handling of their own for Gemma 3 give other answers; the export says so. For the same
  reason `macaw import-checkpoint` refuses Gemma's published checkpoints.

### GLM-ASR

A training that ends as a checkpoint of `GlmAsrForConditionalGeneration`:

```yaml
features: {audio_encoder: zai-org/GLM-ASR-Nano-2512}
bridge: {name: frame-stack, stride: 4, remainder: drop, norm: false}
```

- The class has the tower of GLM-ASR alone, whose positions are rotary. Whisper's are learned.
- Frames that do not fill a row are left out, and between the matrices is twice the LLM's hidden size, the default.
- Audio above 30 s goes on in further windows, up to `features.audio_windows`. The processor takes one audio file per
  conversation.

### InstructBLIP

A checkpoint of `InstructBlipForConditionalGeneration` that was imported becomes one again, also after a training:

```yaml
training: {start_from: instructblip}    # what macaw import-checkpoint wrote
```

- The Q-Former reads the question with BERT's tokenizer, which an imported model has and the class's processor needs. A
  `q-former` with `instruction: true` that started from new weights reads the LLM's tokens: it is refused.
- The folder has InstructBLIP's own processor. It puts the image before everything and gives one text to both
  tokenizers, so the template may write nothing but the question: that of the import, which a training keeps (leave
  `training.template` out). `processor(images=image, text=question)` makes the same prompt as the chat template.
- The model's Q-Former reads the user's text beside the image, the class's the whole prompt. Both are the same for one
  question about one image; longer conversations differ.
- The class's last layer has weights for the question whose result nothing reads. They are those of its queries.

BLIP-2 and InstructBLIP let their LLM generate by itself, and it does not read `generation_config.json`. What ends an
answer stands in `text_config` of `config.json`; tokens that were added for an image (`suppress_tokens`) are not kept
from being written.

### What equals no class

- **LLaVA-OneVision, LLaVA-NeXT**: an image comes twice, as a whole and in tiles, with a learned token at the end of
  each row of patches. macaw shows an image once.
- **InternVL, Gemma 3, GLM-ASR, Idefics 3, Qwen2-Audio, BLIP-2, InstructBLIP on other encoders**: their classes build
  one kind of tower.
- **Gemma 3 with attention in both directions**: the LLM's attention in macaw is causal.
- **Bridges with `norm: true`**, the default of most designs: no class has the norms that bring soft tokens to the
  scale of the LLM's embeddings. `macaw`, `resampler`, `attention-pool` and other designs have no class at all.
  `--format hf` and `--format llm` take them.
'''


def exports_page(notice: str) -> str:
    """The page.

    Args:
        notice: that it is written by a program.
    """
    kinds = every_format()
    own = [kinds[row.name] for row in BUILT_IN]
    rows = ["| `--format` | takes | loaded by |", "|---|---|---|"]
    rows += [f"| `{kind.settings.format}` | {kind.takes} | {kind.loader} |" for kind in own]
    return "\n\n".join(["# Export a model", notice, PROSE.strip(), "\n".join(rows), BELOW.strip()]) + "\n"
