"""What lies in the folder of `--format llm` for people: a client in a few lines, and README.md."""

from typing import Any

from macaw_cli import __version__
from macaw_cli.config.bridges.designs import bridge_in_words
from macaw_cli.export.proving.proof import Proof
from macaw_cli.modalities.table import Modality

CLIENT = "client.py"
_READERS = {
    "image": ("from macaw_cli.media.images import load_image", '    "image": lambda path: load_image(path),'),
    "audio": (
        "from macaw_cli.media.audio import load_audio",
        '    "audio": lambda path: load_audio(path, processor.feature_extractor.sampling_rate),',
    ),
    "video": (
        "from macaw_cli.media.video import load_frames",
        '    "video": lambda path: load_frames(path, embedder.config.video_frames)[0],',
    ),
}
"""Modality to what reads a file: an import, and a row of the table `READ`."""


def client_text(modalities: tuple[Modality, ...]) -> str:
    """The text of client.py.

    Args:
        modalities: of the model; files of those with an encoder are read.
    """
    known = [_READERS[name] for name in modalities if name in _READERS]
    imports = "\n".join(sorted(one for one, _ in known))
    rows = "\n".join(row for _, row in known)
    return f'''"""Asks the LLM of this folder, which vLLM serves: python client.py "What is this?" FILES...

The prompt leaves as embeddings: the media are looked at here. BACKEND_URL and BACKEND_KEY say where vLLM is.
"""

import base64, io, os, pathlib, sys

import torch
from openai import OpenAI

from macaw_cli import MediaEmbedder
{imports}
from macaw_cli.media.kinds import modality_of
from macaw_cli.modalities.table import TABLE

embedder, processor = MediaEmbedder.load(pathlib.Path(__file__).parent)
READ = {{
{rows}
}}
question, *files = sys.argv[1:]
media = {{}}
for file in map(pathlib.Path, files):
    modality = modality_of(file)
    media.setdefault(TABLE[modality].processor_keyword, []).append(READ[modality](file))

embeds = embedder.prompt_embeds(processor(question, **media))  # (tokens, hidden size)
buffer = io.BytesIO()
torch.save(embeds.clone(), buffer)
prompt = {{"prompt_embeds": base64.b64encode(buffer.getvalue()).decode()}}

client = OpenAI(
    base_url=os.environ.get("BACKEND_URL", "http://localhost:8000/v1"), api_key=os.environ.get("BACKEND_KEY", "none")
)
model = client.models.list().data[0].id
options = {{"max_tokens": 256, "temperature": 0, "stream": True}}
for chunk in client.completions.create(model=model, prompt=None, extra_body=prompt, **options):
    print(chunk.choices[0].text, end="", flush=True)
print()
'''


def llm_card(name: str, config: Any, proof: Proof, *, has_chats: bool) -> str:
    """The text of README.md.

    Args:
        name: what to call the model.
        config: of the model.
        proof: of this export.
        has_chats: whether the chat template writes the model's prompts.
    """
    llm = config.text_config
    media = ", ".join(config.modalities) or "text"
    chats = (
        "Text alone needs nothing of macaw: the chat template writes the prompts that the model was taught."
        if has_chats
        else "The model's prompts have no chat template: send embeddings, as `client.py` does."
    )
    return f"""---
library_name: transformers
pipeline_tag: text-generation
tags: [macaw, {media}]
---

# {name}

The LLM of a multi-modal model ({media}) made with [macaw](https://pypi.org/project/macaw-cli/) {__version__}: a stock
`{llm.model_type}` with hidden size {llm.hidden_size}, and in `media/` what turns media into embeddings for it:
encoders, the bridge {bridge_in_words(config.bridge, config.modalities)}, and the LLM's input embeddings.
`media/` may lie on another machine than the LLM.

## Serve it

```bash
vllm serve . --enable-prompt-embeds             # the LLM; where `.` is this folder
macaw serve . --backend http://localhost:8000/v1 --port 8001   # OpenAI's API with media, and a chat page
python client.py "What is this?" photo.png      # or a client of your own
```

{chats}

## Proof

Before this folder was called done, a fresh process loaded the LLM with `AutoModelForCausalLM`, gave it the embeddings
of raw media, and compared it with the model: {proof}.
`macaw inspect . --verify` compares every file with its hash in `export_report.json`.

Licence and intended use are those of the LLM, of the encoders and of the data that it was trained on.
"""
