"""The real lmms-eval on a task of the test's own; skipped where it is not installed, see docs/harnesses.md."""

import json
import subprocess
import sys
import textwrap

import pytest
from installed_packages import environment, write_metadata

from macaw_cli import Engine

lmms_eval = pytest.importorskip("lmms_eval", reason="lmms-eval is not installed")

FUNCTIONS = """\
from PIL import Image
import soundfile


def media(doc):
    if doc["image"]:
        return [Image.open(doc["image"])]
    if doc["audio"]:
        samples, rate = soundfile.read(doc["audio"])
        return [{"array": samples, "sampling_rate": rate}]
    return [doc["video"]]


def question(doc):
    return doc["question"]


def rounds(doc, lmms_eval_specific_kwargs=None, round_idx=None, previous_output=None, previous_round_info=None):
    if not round_idx:
        return doc["question"]
    return media(doc), previous_output[-1], round_idx >= 2, previous_output, previous_round_info


def scored(doc, results):
    found = results[0] if isinstance(results[0], list) else results
    return {"same": float(found[0] == doc["answer"]), "rounds": float(len(found))}


def choices(doc):
    return ["Never.", doc["answer"], "A quite different thing."]


def target(doc):
    return 1
"""
KINDS = {
    "generate_until": "question", "generate_until_multi_round": "rounds", "multiple_choice": "question"
}  # fmt: skip


@pytest.fixture(scope="module")
def run(workspace_folder, tmp_path_factory):
    """`run(kind, *options)`: the results of a task of this kind over an image, an audio file and a video."""
    folder = tmp_path_factory.mktemp("lmms-eval")
    tasks = folder / "tasks"
    tasks.mkdir()
    write_metadata(folder, "macaw-cli", "0", {"lmms_eval.models": {
        "macaw": "macaw_cli.evaluation.harness.manifest:macaw_models"}})  # fmt: skip
    (tasks / "utils.py").write_text(FUNCTIONS)
    (folder / "documents.jsonl").write_text("".join(json.dumps(row) + "\n" for row in documents(workspace_folder)))

    def evaluate(kind, *options):
        (tasks / f"{kind}.yaml").write_text(task(kind, folder / "documents.jsonl"))
        command = [
            sys.executable, "-m", "lmms_eval", "--model", "macaw", "--tasks", f"macaw_{kind}", "--device", "cpu",
            "--model_args", f"pretrained={workspace_folder / 'runs/tiny'},workspace={workspace_folder}",
            "--include_path", tasks, "--batch_size", "2", "--output_path", folder / kind, *options,
        ]  # fmt: skip
        offline = {"HF_HOME": str(folder / "hf"), "HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1"}
        done = subprocess.run(
            list(map(str, command)), env=environment(folder) | offline, cwd=folder, capture_output=True, text=True,
            timeout=240, check=False,
        )  # fmt: skip
        files = list((folder / kind).rglob("*results.json"))
        assert files, done.stdout[-2000:] + done.stderr[-4000:]
        return json.loads(files[0].read_text())["results"][f"macaw_{kind}"]

    return evaluate


def documents(workspace):
    engine = Engine.from_pretrained(workspace / "runs/tiny", workspace=workspace)
    found = {"image": workspace / "media/red.png", "audio": workspace / "media/beep.wav"}
    found["video"] = next((workspace / "media").glob("*.mp4"))
    for name, file in found.items():
        answer = engine.answer("What is it?", max_new_tokens=8, temperature=0, **{name: file})
        yield {"image": "", "audio": "", "video": "", name: str(file), "question": "What is it?", "answer": answer}


def task(kind, file):
    likely = "doc_to_choice: !function utils.choices\n" if kind == "multiple_choice" else ""
    measured = ("acc",) if likely else ("same", "rounds")
    metrics = "".join(f"- {{metric: {name}, aggregation: mean, higher_is_better: true}}\n" for name in measured)
    scored = "" if likely else "process_results: !function utils.scored\n"
    target = "!function utils.target" if likely else "answer"
    return textwrap.dedent(f"""\
        task: macaw_{kind}
        dataset_path: json
        dataset_kwargs: {{data_files: {{test: {file}}}}}
        test_split: test
        output_type: {kind}
        doc_to_visual: !function utils.media
        doc_to_text: !function utils.{KINDS[kind]}
        doc_to_target: {target}
        generation_kwargs: {{max_new_tokens: 8, temperature: 0, do_sample: false}}
        metadata: [{{version: 0.0}}]
        """) + likely + scored + "metric_list:\n" + metrics  # fmt: skip


@pytest.mark.slow
def test_answers_to_image_audio_and_video_are_those_of_the_engine(run):
    results = run("generate_until")
    assert (results["same,none"], results["rounds,none"]) == (1.0, 1.0)


@pytest.mark.slow
def test_rounds_are_answered_one_after_another(run):
    results = run("generate_until_multi_round")
    assert (results["same,none"], results["rounds,none"]) == (1.0, 2.0)


@pytest.mark.slow
def test_choices_are_ranked_by_likelihood(run):
    assert run("multiple_choice", "--force_simple")["acc,none"] == 1.0
