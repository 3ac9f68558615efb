"""Series of numbers over time, such as measurements; their features are the numbers themselves."""

from macaw_cli.modalities.entry import ModalityEntry, extensions

SERIES = ModalityEntry(
    name="series",
    plural="series",
    extensions=(),
    file_kinds=extensions("csv tsv parquet npy"),
    encoder=None,
    decoder="macaw_cli.media.series:decode_series",
    about="the numbers, (steps, channels); missing ones are interpolated",
    default_bridge="patch",
    feature_shape=(1024, 1),
    sized=True,
)
