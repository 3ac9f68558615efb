"""The plain loop that macaw is compared with."""

import json
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import torch

PROJECT = Path(__file__).parents[3]
SCRIPTS = PROJECT / "benchmarks" / "realmodels"


def test_a_swap_partner_answers_with_one_of_the_choices_where_there_is_one():
    from hand_loop import swap_partner

    def row(answer, *choices, kind="word"):
        return {"kind": kind, "choices": choices, "messages": [{"content": "?"}, {"content": answer}]}

    asked = row("cat", "cat", "dog")
    rows = [asked, row("cow"), row("sheep"), row("dog"), row("dog", kind="other")]
    assert {id(swap_partner(asked, rows, seed)) for seed in range(20)} == {id(rows[3])}
    assert {id(swap_partner(asked, rows[:3], seed)) for seed in range(20)} == {id(rows[1]), id(rows[2])}
    assert swap_partner(asked, [asked, row("cat")], 0) is None


def spoken(split, number, answer):
    """A row about an audio file; its features in the store are random, but its own."""
    return {
        "audio": [f"wav/{split}/{number:05d}.wav"], "kind": "word/seen",
        "split": "train" if split == "train" else "val",
        "choices": ["a", "b"],
        "messages": [{"role": "user", "content": "Which?"}, {"role": "assistant", "content": answer}],
    }  # fmt: skip


def test_the_plain_loop_learns_from_audio_files_and_leaves_out_swaps_that_have_no_partner(monkeypatch, tmp_path):
    for folder in ("dataset", "training"):
        monkeypatch.syspath_prepend(str(PROJECT / "tests" / folder))
    from fake_store import make_store
    from tiny_world import make_llm
    from transformers import LlamaForCausalLM

    rows = [spoken("train", number, "ab"[number % 2]) for number in range(4)] + [spoken("heldout", 0, "a")]
    paths = [row["audio"][0] for row in rows]
    make_store(tmp_path / "features", audio=paths)
    make_llm(tmp_path / "llm")
    llm = LlamaForCausalLM.from_pretrained(tmp_path / "llm")
    with torch.no_grad():
        llm.lm_head.weight *= 20  # a frozen head of small random weights could only say that all bytes are as likely
    llm.save_pretrained(tmp_path / "llm")
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(tmp_path / path), "wb") as sound:
            sound.setparams((1, 2, 16000, 0, "NONE", ""))
            sound.writeframes(bytes(2 * 16000 // 10))  # 0.1 s: 5 features of the 6 in the store
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = ["--llm", "llm", "--features", "features", "--world", ".", "--rows", "rows.jsonl", "--max-steps", "40"]
    command = [sys.executable, str(SCRIPTS / "hand_loop.py"), *options, "--batch", "4", "--learning-rate", "0.03"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [examples for examples, _ in found["curve"]] == list(range(4, 164, 4))
    # every batch holds all rows, so that the loss says only what was learnt; the LLM is random and frozen
    assert found["curve"][-1][1] < found["curve"][0][1] - 0.1
    assert set(found["kinds"]["word/seen"]) == {"n", "real", "none"}


def test_padding_changes_no_likelihood_in_the_plain_loop(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(PROJECT / "tests" / "training"))
    from hand_loop import HandLoop
    from tiny_world import make_llm

    make_llm(tmp_path)
    torch.manual_seed(0)
    loop = HandLoop(str(tmp_path), channels=8, plain=False)
    row = spoken("train", 0, "a")
    sequences = [loop.sequence(row, "a", None), loop.sequence(row, "longer", torch.randn(7, 8))]
    together, _ = loop.log_likelihoods(sequences)
    alone = torch.cat([loop.log_likelihoods([sequence])[0] for sequence in sequences])
    assert len(alone) == len("a") + len("longer") + 2 * len("<|im_end|>")
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


def test_features_beyond_an_audio_file_are_not_read(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(PROJECT / "tests" / "dataset"))
    from fake_store import features_of, make_store
    from hand_loop import read_features

    row = spoken("train", 0, "a")
    name = row["audio"][0]
    make_store(tmp_path / "features", audio=[name])
    (tmp_path / name).parent.mkdir(parents=True)
    with wave.open(str(tmp_path / name), "wb") as sound:
        sound.setparams((1, 2, 16000, 0, "NONE", ""))
        sound.writeframes(bytes(2 * 16000 // 20))  # 0.05 s: 3 features
    found = read_features(tmp_path / "features", tmp_path, [row], stack=2)[name].numpy()
    stored = features_of("audio", name).astype(np.float32)
    assert found.shape == (2, 2 * 8)
    assert np.array_equal(found.reshape(4, 8), [*stored[:3], np.zeros(8)])
