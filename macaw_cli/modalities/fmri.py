"""Activity of a brain's voxels, as one vector per image or moment."""

from macaw_cli.modalities.entry import ModalityEntry, extensions

FMRI = ModalityEntry(
    name="fmri",
    plural="fMRI vectors",
    extensions=(),
    file_kinds=extensions("npy"),
    encoder=None,
    decoder="macaw_cli.media.fmri:decode_fmri",
    about="one token of all voxels, normalised",
    default_bridge="affine",
    bridge_options=(("variant", "objects"), ("tokens_per_object", 8)),
    feature_shape=(1, 15724),
    sized=True,
)
