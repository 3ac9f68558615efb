"""The README.md of a GGUF export: what it is, how it was proved, and how it is run."""

from collections.abc import Sequence
from typing import Any

from macaw_cli import __version__
from macaw_cli.export.gguf.proof import GgufProof
from macaw_cli.export.gguf.proving import Written

OPTIONS = {"image": "--image cat.png", "audio": "--audio speech.wav"}


def gguf_card(config: Any, name: str, written: Written, proof: GgufProof, notes: Sequence[str]) -> str:
    """The text of README.md.

    Args:
        config: of the model.
        name: of the folder.
        written: what is in it.
        proof: of this export.
        notes: what a user should know, one sentence each.
    """
    files = f"-m {written.llm}" + (f" --mmproj {written.projector}" if written.projector else "")
    asked = f"{OPTIONS.get(written.modality)} -p 'What is this?'"
    media = f"llama-mtmd-cli {files} --jinja {asked}\n" if written.modality else ""
    told = "\n".join(f"- {note}" for note in notes)
    return f"""---
library_name: gguf
tags: [macaw, gguf]
---

# {name}

A `{config.text_config.model_type}` LLM that was tuned with [macaw](https://pypi.org/project/macaw-cli/) {__version__},
as GGUF ({written.weights}){f', and its {written.modality} encoder with the bridge' if written.modality else ''}.

## Use

```sh
llama-server {files} --jinja
{media}ollama create {name} -f Modelfile
```

In LM Studio, put the folder into its models folder.

{told}

## Proof

Before this folder was called done, fresh processes loaded it. {str(proof)[:1].upper()}{str(proof)[1:]}.

Licence and intended use are those of the LLM, of the encoders and of the data that it was trained on.
"""
