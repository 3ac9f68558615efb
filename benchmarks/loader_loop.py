"""A clip-retrieval-style loop: DataLoader workers decode, batched CLIP encodes, one file is saved at the end.

    python benchmarks/loader_loop.py WORKERS BATCH auto|cpu|cuda    # called by extraction.py, beside images/

Keeps one pooled, normalised fp16 embedding per image, as clip-retrieval does; macaw keeps all 196 patch tokens.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from transformers import CLIPImageProcessorPil, CLIPVisionModelWithProjection


class Images(Dataset):
    """Decoded and preprocessed images by number."""

    def __init__(self) -> None:
        self.files = sorted(Path("images").iterdir())
        self.processor = CLIPImageProcessorPil.from_pretrained("clip")

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, number: int) -> torch.Tensor:
        with Image.open(self.files[number]) as image:
            return self.processor(images=image.convert("RGB"), return_tensors="pt")["pixel_values"][0]


@torch.inference_mode()
def main() -> None:
    """Encode everything, then save it."""
    workers, batch, wanted = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    device = torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")
    model = CLIPVisionModelWithProjection.from_pretrained("clip", dtype=torch.float32).to(device).eval()
    loader = DataLoader(Images(), batch_size=batch, num_workers=workers, prefetch_factor=2)
    collected = []
    for pixels in loader:
        embedded = model(pixels.to(device)).image_embeds
        collected.append((embedded / embedded.norm(dim=-1, keepdim=True)).half().cpu().numpy())
    np.save("embeddings.npy", np.concatenate(collected))


if __name__ == "__main__":
    main()
