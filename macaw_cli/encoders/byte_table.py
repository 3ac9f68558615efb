"""Normalising images by table: a byte becomes what the image processor makes of it, exactly, wherever it is done."""

from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def byte_table(processor: Any) -> np.ndarray:
    """(3, 256) fp32: what the processor makes of every byte of red, green and blue; a byte has no other way to go."""
    ramp = Image.merge("RGB", [Image.frombytes("L", (256, 1), bytes(range(256)))] * 3)
    made = processor(images=[ramp], do_resize=False, do_center_crop=False, return_tensors="np")
    table: np.ndarray = np.ascontiguousarray(made["pixel_values"][0, :, 0], dtype=np.float32)
    return table


def look_up(table: np.ndarray, images: np.ndarray) -> np.ndarray:
    """uint8 (n, H, W, 3) as fp32 (n, 3, H, W), on the CPU.

    By image and channel: the plane being written stays in the cache, and `clip` needs no copy to be safe.
    """
    count, height, width, _ = images.shape
    made = np.empty((count, 3, height, width), np.float32)
    for image, planes in zip(images, made, strict=True):
        for channel in range(3):
            np.take(table[channel], image[..., channel], out=planes[channel], mode="clip")
    return made


def look_up_on_device(table: Tensor, images: Tensor) -> Tensor:
    """`look_up` for tensors on one device."""
    places = images.permute(0, 3, 1, 2).long()
    return torch.stack([table[channel][places[:, channel]] for channel in range(3)], dim=1)
