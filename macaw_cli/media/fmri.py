"""fMRI responses: one number per voxel, of one subject or in one common space."""

from pathlib import Path

import numpy as np

from macaw_cli.basics.counts import counted
from macaw_cli.basics.errors import InputError
from macaw_cli.media.decoding import Decoded, Request
from macaw_cli.media.number_tables import load_npy
from macaw_cli.modalities.table import TABLE


def decode_fmri(request: Request) -> Decoded:
    """The decoder of fMRI vectors: (1, V) fp32, with mean 0 and variance 1 over the voxels.

    One token that holds all voxels: a bridge with a linear layer over it has a weight for each voxel, as the tokeniser
    of OneLLM (arXiv 2312.03700, section 3.2). Scans without a value (NaN) count as average.

    Raises:
        InputError: the file cannot be read, or has another number of voxels.
    """
    path, modality = Path(request["path"]), request["modality"]
    _, voxels = request.get("shape") or TABLE[modality].feature_shape or (0, 0)
    values = load_npy(path).reshape(-1)
    if len(values) != voxels:
        problem = f"{path} has {counted(len(values), 'voxel')}, but features.{modality}.voxels is {voxels}."
        raise InputError(problem, f"Set it with --set features.{modality}.voxels={len(values)}.")
    known = np.isfinite(values)
    if not known.any():
        raise InputError(f"{path} holds only NaN or infinite values.")
    spread = values[known].std() or 1.0
    normed = np.where(known, (values - values[known].mean()) / spread, 0.0)
    return {"voxels": voxels}, {modality: np.clip(normed, -1e4, 1e4).astype(np.float32)[None]}
