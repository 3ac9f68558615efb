"""Tables, the plot, and the places of the page that they fill."""

from pathlib import Path

PROJECT = Path(__file__).parents[3]
HAND = {"system": "plain loop", "seed": 0, "steps": 2, "train_s": 2.0, "curve": [[16, 3.0], [32, 1.0]]}


def results_of(*records):
    return {"records": list(records), "transcripts": {}}


def macaw(seed, real, **more):
    kind = {"n": 10, "real": real, "none": 0.1, "swapped": 0.2, "chance": 0.125, "reliance": real - 0.2, **more}
    record = {"system": "macaw, bridge frame-stack", "seed": seed, "kinds": {"word/seen": kind}}
    return {**record, "curve": [[50, 2.0], [100, 0.5 + seed]], "steps": 4, "train_s": 20.0}


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
