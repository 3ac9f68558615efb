"""Where somebody looked over time, from files of two columns, as a modality of macaw."""

from macaw_cli.modalities.entry import ModalityEntry

LONGEST = 512
COLUMNS = 2

GAZE = ModalityEntry(
    name="gaze",
    plural="gaze traces",
    extensions=(".csv", ".npy"),
    encoder=None,
    decoder="macaw_gaze:decode",
    feature_shape=(LONGEST, COLUMNS),
)


def decode(request):
    """What is known of a file, and its numbers as (rows, COLUMNS)."""
    import numpy as np  # not above: macaw reads this module for every command

    path = request["path"]
    csv = path.endswith(".csv")
    numbers = np.loadtxt(path, delimiter=",", ndmin=2) if csv else np.load(path, allow_pickle=False)
    return {"rows": len(numbers)}, {"gaze": numbers.astype(np.float32)}
