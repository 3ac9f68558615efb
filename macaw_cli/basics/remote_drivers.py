"""Which package brings fsspec's driver of each kind of URL: what to install is told where it is missing."""

PACKAGES = {
    "http": "aiohttp", "https": "aiohttp", "hf": "huggingface_hub", "memory": "fsspec", "ftp": "fsspec",
    "s3": "'macaw-cli[s3]'", "s3a": "'macaw-cli[s3]'", "gs": "'macaw-cli[gcs]'", "gcs": "'macaw-cli[gcs]'",
    "abfs": "adlfs", "abfss": "adlfs", "az": "adlfs", "adl": "adlfs", "oss": "ossfs", "oci": "ocifs",
    "ocilake": "ocifs", "tos": "tosfs", "tosfs": "tosfs", "sftp": "paramiko", "ssh": "paramiko",
    "smb": "smbprotocol", "webdav": "'webdav4[fsspec]'", "webdavs": "'webdav4[fsspec]'", "hdfs": "pyarrow",
    "webhdfs": "requests", "github": "requests", "dbfs": "requests", "lakefs": "lakefs-spec", "box": "boxfs",
    "dropbox": "dropboxdrivefs", "gdrive": "gdrive-fsspec",
}  # fmt: skip
"""As pip takes them; those of `http`, `https`, `hf`, `ftp` and `memory` are requirements of macaw."""
