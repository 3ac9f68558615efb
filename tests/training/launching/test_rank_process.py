"""What a rank tells of an error between processes: nothing of a peer that is lost, all of a failure of its own."""

import pytest

from macaw_cli.training.launching.rank_process import _tell_of_peers


@pytest.mark.parametrize(
    "text",
    [
        "[../third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:2000",
        "[../third_party/gloo/gloo/transport/tcp/pair.cc:553] Read error [127.0.0.1]:2000: Connection reset by peer",
        "NCCL error in: x.cpp:1, remote process exited or there was a network error, NCCL version 2.27\n"
        "ncclRemoteError: A call failed possibly due to a network error or a remote process exiting prematurely.",
        "Failed to recv, got 0 bytes. Connection was likely closed. Did the remote server shutdown or crash?",
    ],
)
def test_a_lost_peer_is_left_to_the_launcher(tmp_path, capfd, text):
    _tell_of_peers(tmp_path, RuntimeError(text))
    assert capfd.readouterr().err == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "text",
    [
        "NCCL error in: x.cpp:1, unhandled cuda error, NCCL version 2.27\n"
        "ncclUnhandledCudaError: Call to CUDA function failed.\nLast error:\nCuda failure 2 'out of memory'",
        "ncclInvalidUsage: Duplicate GPU detected : rank 1 and rank 0 both on CUDA device 1000",
        "Gloo: unable to find address for: eth9",
        "[enforce fail at gloo/transport/tcp/device.cc:84] ifa != nullptr. Unable to find interface for: eth9",
    ],
)
def test_an_error_of_its_own_is_shown_whole(tmp_path, capfd, text):
    _tell_of_peers(tmp_path, RuntimeError(text))
    assert text.splitlines()[-1] in capfd.readouterr().err


def test_a_silent_peer_is_noted_for_the_launcher(tmp_path, capfd):
    text = "[../third_party/gloo/gloo/transport/tcp/unbound_buffer.cc:84] Timed out waiting 20000ms for recv operation"
    _tell_of_peers(tmp_path, RuntimeError(text))
    assert "Timed out waiting 20000ms" in (tmp_path / "silence-0.json").read_text()
    assert capfd.readouterr().err == ""
