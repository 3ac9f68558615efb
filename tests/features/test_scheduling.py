"""Jobs depend on the sources alone, never on where the work was interrupted."""

import hashlib
import tempfile
from itertools import islice
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from macaw_cli.features.items import Item
from macaw_cli.features.journal import Journal
from macaw_cli.features.scheduling import Scheduler
from macaw_cli.features.source import Refused, reject
from macaw_cli.features.store_files import StoreFiles

MODALITIES = ["image", "audio", "video"]
PLACE = {"offset": 0, "bytes": 8, "shape": [2, 2], "dtype": "float16"}


def outputs_of(modality):
    return ("video", "audio") if modality == "video" else (modality,)


def media(contents):
    """Items named after their place; equal content has an equal key."""
    for number, (modality, content) in enumerate(contents):
        sha256 = hashlib.sha256(f"{modality}{content}".encode()).hexdigest()
        yield Item(sha256[:32], modality, sha256, 1, f"/media/{number}", names=[f"{number}"], stamp="1.1.1.1")


def scheduler(folder, **options):
    return Scheduler(Journal(folder), StoreFiles(folder, {}), outputs_of, options.pop("served", MODALITIES), (3, 2),
                     retry_rejects=options.pop("retry_rejects", False))  # fmt: skip


def commit(folder, jobs):
    """As if every job had made all that it should."""
    store = StoreFiles(folder, {})
    for job in jobs:
        rows = [
            {"path": name, "key": item.key, "modality": modality, "shard": shard, **PLACE}
            for modality, shard in job.shards.items() for item in job.items for name in item.names
        ]  # fmt: skip
        end = {"job": job.number, "bytes": 0, "sha256": "", "items": 0}
        ends = [{"shard": shard, **end} for shard in job.shards.values()]
        store.commit(job.number, rows + ends, [])


def run(folder, contents, jobs=None, done=None):
    """Schedule, stop after `jobs` jobs, of which the first `done` were finished; returns the scheduler."""
    found = scheduler(folder)
    begun = list(islice(found.jobs(media(contents), bool), jobs))
    commit(folder, begun if done is None else begun[:done])
    return found


def journal(folder):
    return (Path(folder) / "journal.jsonl").read_text()


contents = st.lists(st.tuples(st.sampled_from(MODALITIES), st.integers(0, 12)), min_size=1, max_size=40)
stops = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=4)


@settings(max_examples=60)
@given(contents, stops)
def test_an_interrupted_schedule_ends_in_the_same_journal(contents, stops):
    with tempfile.TemporaryDirectory() as undisturbed, tempfile.TemporaryDirectory() as disturbed:
        run(Path(undisturbed), contents)
        for jobs, done in stops:
            run(Path(disturbed), contents, jobs, done)
        last = run(Path(disturbed), contents)
        assert journal(disturbed) == journal(undisturbed)
        store = StoreFiles(Path(disturbed), {})
        store.name_copies(last.tally.copies)
        for number, (modality, content) in enumerate(contents):
            (item,) = media([(modality, content)])
            assert store.key_of(str(number), modality) == item.key


@settings(max_examples=30)
@given(contents, contents)
def test_what_comes_later_makes_jobs_of_its_own(first, more):
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), first)
        before = journal(folder)
        run(Path(folder), first + more)
        assert journal(folder).startswith(before)
        keys = [(item.key, job.modality) for job in Journal(Path(folder)).read() for item in job.items]
        assert len(keys) == len(set(keys)), "nothing is computed twice"


def test_a_schedule_that_knows_everything_gives_no_job(tmp_path):
    some = [("image", 1), ("image", 2), ("video", 1)]
    run(tmp_path, some)
    again = scheduler(tmp_path)
    assert list(again.jobs(media(some), bool)) == []
    assert again.tally.known == 3 and again.tally.copies == []


def test_unreadable_sources_are_kept_apart(tmp_path):
    found = scheduler(tmp_path)
    refused = Refused(reject("gone.png", "image", "File not found."))
    jobs = list(found.jobs(iter([refused, *media([("image", 1)])]), bool))
    assert len(jobs) == 1 and found.tally.unreadable == [refused.row]


def test_an_unfinished_job_whose_files_were_moved_is_done_where_they_are_now(tmp_path):
    list(scheduler(tmp_path).jobs(media([("image", 1), ("image", 2)]), bool))

    def gone(item):
        item.stamp = ""
        return False

    moved = [("audio", 9), ("image", 1), ("image", 2)]
    again = scheduler(tmp_path)
    *_, late = again.jobs(media(moved), gone)
    assert [item.file for item in late.items] == ["/media/1", "/media/2"] and late.number == 0


def test_an_unfinished_job_whose_files_are_nowhere_waits_for_the_command_that_names_them(tmp_path):
    list(scheduler(tmp_path).jobs(media([("image", 1)]), bool))

    def gone(item):
        item.stamp = ""
        return False

    again = scheduler(tmp_path)
    assert list(again.jobs(iter(()), gone)) == [] and [job.number for job in again.tally.lost] == [0]
