"""Motion of an inertial measurement unit: acceleration and angular velocity over time."""

from macaw_cli.modalities.entry import ModalityEntry, extensions

IMU = ModalityEntry(
    name="imu",
    plural="IMU recordings",
    extensions=(),
    file_kinds=extensions("csv tsv parquet npy"),
    encoder=None,
    decoder="macaw_cli.media.imu:decode_imu",
    about="the numbers at 100 Hz, (steps, 6): acceleration and angular velocity",
    default_bridge="patch",
    bridge_options=(("channels", "mixed"), ("instance_norm", False)),
    feature_shape=(2048, 6),
)
