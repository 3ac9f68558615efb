"""An S3 server of moto's on this machine, and the environment in which clients find it."""

import os
from contextlib import contextmanager

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}


@contextmanager
def s3_server():
    """Runs the server; AWS_ENDPOINT_URL and test credentials are in the environment meanwhile."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    before = dict(os.environ)
    os.environ.update(CREDENTIALS, AWS_ENDPOINT_URL=f"http://{host}:{port}", AWS_EC2_METADATA_DISABLED="true")
    try:
        yield f"http://{host}:{port}"
    finally:
        os.environ.clear()
        os.environ.update(before)
        server.stop()
