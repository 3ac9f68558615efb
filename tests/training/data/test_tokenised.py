"""Conversations as token ids: encoded once, cached as plain arrays, the useless ones left out and counted."""

import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from macaw_cli.basics.errors import InputError
from macaw_cli.basics.locks import folder_lock
from macaw_cli.training.data.token_cache import cached
from macaw_cli.training.data.tokenising import encode_rows, tokenise
from macaw_cli.training.training_inputs import prepare


@pytest.fixture
def inputs(workspace):
    space = workspace()
    return prepare(space)


def test_every_training_conversation_is_there_with_its_lengths(inputs):
    tokens = inputs.tokens
    assert len(tokens) == len(inputs.dataset.conversations("train"))
    assert tokens.lengths.sum() == len(tokens.input_ids)
    ids, labels = tokens.conversation(3)
    encoded = inputs.encoder.encode(
        inputs.dataset.messages(inputs.rows[3]), [(ref.modality, ref.shape) for ref in inputs.rows[3].media]
    )
    assert ids.tolist() == encoded.input_ids
    assert labels.tolist() == encoded.labels


def test_supervised_counts_are_those_of_the_labels(inputs):
    counted = [int((inputs.tokens.conversation(n)[1] != -100).sum()) for n in range(len(inputs.tokens))]
    assert inputs.tokens.supervised_counts.tolist() == counted


def test_the_cache_gives_the_same_back(inputs, tmp_path):
    fresh = tokenise(inputs.dataset, "train", inputs.encoder, tmp_path / "cache", "key")
    again = cached(tmp_path / "cache", "key", "train")
    assert np.array_equal(fresh.input_ids, again.input_ids)
    assert np.array_equal(fresh.ends, again.ends)
    assert cached(tmp_path / "cache", "other", "train") is None


@pytest.mark.parametrize("damage", ["short", "cut", "empty", "missing", "no json"])
def test_a_damaged_cache_is_told_and_made_again(inputs, tmp_path, capfd, damage):
    fresh = tokenise(inputs.dataset, "train", inputs.encoder, tmp_path, "key")
    ids = np.array(fresh.input_ids)
    del fresh  # it maps the file that is cut
    file = tmp_path / "key-train" / "input_ids.npy"
    if damage == "short":
        np.save(file, np.zeros(3, np.int32))
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:-5])
    elif damage == "empty":
        file.write_bytes(b"")
        file.with_name("numbers.npy").write_bytes(b"")
    elif damage == "missing":
        file.unlink()
    else:
        file.with_name("tokens.json").write_text("{")
    assert cached(tmp_path, "key", "train") is None
    assert re.search(r"The token cache .*key-train is damaged", capfd.readouterr().err)
    again = tokenise(inputs.dataset, "train", inputs.encoder, tmp_path, "key")
    assert np.array_equal(cached(tmp_path, "key", "train").input_ids, ids)
    assert again.ends[-1] == len(ids)


def test_the_key_follows_whatever_changes_the_ids(workspace):
    keys = []
    for number, settings in enumerate(({}, {"max_length": 200}, {"template": "chat"}, {"bridge": "frame-stack"}, {})):
        space = workspace(str(number), **settings)
        keys.append(prepare(space).key)
    assert len(set(keys)) == 4
    assert keys[0] == keys[4]


def test_conversations_that_lose_their_response_are_left_out_and_counted(inputs):
    prompts = inputs.tokens.lengths - inputs.tokens.supervised_counts
    inputs.encoder.max_length = int(np.median(prompts))
    tokens = encode_rows(inputs.dataset, inputs.dataset.conversations("train"), inputs.encoder)
    assert tokens.skipped > 0
    assert len(tokens) + tokens.skipped == len(inputs.dataset.conversations("train"))


def test_a_limit_that_leaves_nothing_is_told(workspace):
    space = workspace(max_length=20)
    with pytest.raises(InputError, match=r"60.*max_length=20"):
        prepare(space)


def test_while_another_training_writes_the_same_cache_the_tokens_stay_in_memory(inputs, tmp_path, capfd):
    with folder_lock(tmp_path / ".locks" / "key-train"):
        tokens = tokenise(inputs.dataset, "train", inputs.encoder, tmp_path, "key")
        tokenise(inputs.dataset, "train", inputs.encoder, tmp_path, "other")
    assert np.array_equal(tokens.input_ids, inputs.tokens.input_ids)
    assert "are kept in memory" in capfd.readouterr().err
    assert cached(tmp_path, "key", "train") is None
    assert cached(tmp_path, "other", "train") is not None


@pytest.mark.slow
def test_many_processes_make_the_same_as_one(inputs, tmp_path, monkeypatch):
    monkeypatch.setattr("macaw_cli.training.data.tokenising.WORTH_PROCESSES", 10)
    monkeypatch.setattr("macaw_cli.training.data.tokenising.CHUNK", 7)
    monkeypatch.setattr("macaw_cli.training.data.tokenising.usable_cores", lambda: 2)
    made = tokenise(inputs.dataset, "train", inputs.encoder, tmp_path, "key")
    for name in ("numbers", "ends", "supervised_counts", "input_ids", "supervised"):
        assert np.array_equal(getattr(made, name), getattr(inputs.tokens, name))


def test_workers_end_with_a_tokenising_that_is_killed(tmp_path):
    """A pool whose parent gets SIGKILL: without the kernel's help its workers would wait for ever."""
    code = (
        "import os, signal, time\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "from multiprocessing import get_context\n"
        "from macaw_cli.training.data.tokenising import _begin_worker\n"
        "if __name__ == '__main__':\n"
        "    mine = {'initializer': _begin_worker, 'initargs': (None, os.getpid())}\n"
        "    pool = ProcessPoolExecutor(1, get_context('spawn'), **mine)\n"
        "    print(pool.submit(os.getpid).result(), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    script = tmp_path / "pool.py"
    script.write_text(code)
    done = subprocess.run([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, timeout=60, check=False)
    worker = Path(f"/proc/{int(done.stdout)}")
    deadline = time.monotonic() + 10
    while worker.exists() and "(zombie)" not in (worker / "status").read_text():
        assert time.monotonic() < deadline, "the worker is left behind"
        time.sleep(0.05)
