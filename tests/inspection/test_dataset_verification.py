"""`macaw inspect DATASET --verify`: the dataset's own files, and those that it was made from."""

from macaw_cli.inspection.dataset_verification import CHANGED, GONE, verify_dataset


def problems(folder):
    return {finding.file: (finding.problem, finding.harmless) for finding in verify_dataset(folder) if finding.problem}


def test_an_untouched_workspace_has_no_problem_and_everything_was_looked_at(copy):
    assert problems(copy / "dataset") == {}
    looked = {finding.file for finding in verify_dataset(copy / "dataset")}
    assert {"talk.jsonl", "features/store.json", "features/manifest.jsonl", "README.md", "index.jsonl"} <= looked


def test_changed_and_missing_sources_are_told_but_harm_nothing(copy):
    with (copy / "talk.jsonl").open("a") as source:
        source.write("\n")
    (copy / "features/manifest.jsonl").unlink()
    assert problems(copy / "dataset") == {
        "talk.jsonl": (CHANGED, True), "features/manifest.jsonl": (GONE, True)
    }  # fmt: skip


def test_an_edited_card_is_no_damage(copy):
    card = copy / "dataset/README.md"
    card.write_text(card.read_text().replace("unknown", "mit"))
    ((problem, harmless),) = problems(copy / "dataset").values()
    assert harmless and "changed" in problem
