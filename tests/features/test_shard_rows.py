"""The shards of one job, without encoders: what is left when something fails, and what is continued."""

import json
import shutil

import numpy as np
import pytest

from macaw_cli.features.items import Item
from macaw_cli.features.journal import Job
from macaw_cli.features.partial_shards import kept_keys, partial_job, remove_partial_without_job, retry_partial
from macaw_cli.features.shard_rows import ShardsOfJob

DIGESTS = {"image": "0" * 16}


def item(number):
    return Item(f"{number:032x}", "image", "0" * 64, 10, f"{number}.png", names=[f"{number}.png"], stamp="stamp")


def job_of(count, number=0, shard="image-000000.tar"):
    return Job(number, "image", 2, {"image": shard}, [item(number) for number in range(count)])


def fill(shards, items):
    """Deal with items as the pipeline does, in batches of 2; one that is 5 is a reject."""
    for number in range(shards.kept, items):
        if number == 5:
            shards.refuse(shards.job.items[number], "image", "It is broken.")
        else:
            shards.add("image", shards.job.items[number], {}, np.full((4, 8), number, np.float16))
        if number % 2:
            shards.batch_done(number + 1)
    return shards


def finished(folder, job):
    return fill(ShardsOfJob(job, folder, DIGESTS), len(job.items)).finish()


def test_what_fails_after_the_shards_are_closed_is_not_hidden_by_the_tidying_up(tmp_path):
    shards = fill(ShardsOfJob(job_of(5), tmp_path, DIGESTS), 5)
    shards.finish()
    shards.abandon()  # what the pipeline does when the manifest cannot take the rows
    assert not list(tmp_path.glob("*.partial*"))


@pytest.mark.parametrize(("count", "kept"), [(9, 8), (8, 6), (7, 6), (5, 4), (2, 0)])
def test_a_job_that_ends_before_what_is_kept_goes_on_at_the_batch_before_its_last(tmp_path, count, kept):
    fill(ShardsOfJob(job_of(20), tmp_path, DIGESTS), 9).abandon()
    shards = ShardsOfJob(job_of(count), tmp_path, DIGESTS)
    assert shards.kept == kept
    result = fill(shards, count).finish()
    again = finished(tmp_path / "undisturbed", job_of(count))
    assert result.rows == again.rows and result.rejects == again.rejects
    image = "image-000000.tar"
    assert (tmp_path / image).read_bytes() == (tmp_path / "undisturbed" / image).read_bytes()


def test_what_was_cut_back_can_be_cut_back_again_after_a_kill(tmp_path):
    fill(ShardsOfJob(job_of(20), tmp_path, DIGESTS), 9).abandon()
    shards = ShardsOfJob(job_of(5), tmp_path, DIGESTS)
    shutil.copytree(tmp_path, tmp_path / "killed")
    again = ShardsOfJob(job_of(5), tmp_path / "killed", DIGESTS)
    assert again.kept == shards.kept == 4
    shards.abandon()
    again.abandon()


def test_a_shard_of_other_samples_than_its_state_names_is_not_continued(tmp_path):
    fill(ShardsOfJob(job_of(20), tmp_path, DIGESTS), 8).abandon()
    path = tmp_path / "image-000000.partial.json"
    path.write_text(path.read_text().replace(item(1).key, item(19).key))
    job = job_of(20)
    assert partial_job(tmp_path, job, DIGESTS).items == 8
    assert ShardsOfJob(job, tmp_path, DIGESTS).kept == 0


def test_a_state_of_another_jobs_shards_is_not_used(tmp_path):
    fill(ShardsOfJob(job_of(20), tmp_path, DIGESTS), 8).abandon()
    path = tmp_path / "image-000000.partial.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "shards": {"image": "image-000007.tar"}}))
    assert partial_job(tmp_path, job_of(20), DIGESTS) is None


def test_retrying_rejects_keeps_the_batches_before_the_first(tmp_path):
    fill(ShardsOfJob(job_of(20), tmp_path, DIGESTS), 10).abandon()
    assert len(kept_keys(tmp_path)) == 9
    assert retry_partial(tmp_path) == 5
    assert partial_job(tmp_path, job_of(20), DIGESTS).items == 4
    assert retry_partial(tmp_path) == 0


def test_what_is_kept_of_jobs_that_are_gone_is_removed_and_no_other_file(tmp_path):
    for number in range(3):
        job = job_of(20, number, f"image-{number:06d}.tar")
        fill(ShardsOfJob(job, tmp_path, DIGESTS), 8).abandon()
    (tmp_path / "image-000009.tar.partial").write_bytes(b"not named by a state")
    remove_partial_without_job(tmp_path, [job_of(20, 1, "image-000001.tar")])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "image-000001.partial.json", "image-000001.tar.partial", "image-000009.tar.partial",
    ]  # fmt: skip


def test_a_state_grows_with_the_batches_and_not_with_their_square(tmp_path):
    shards = fill(ShardsOfJob(job_of(400), tmp_path, DIGESTS), 399)
    shards.abandon()
    state = json.loads((tmp_path / "image-000000.partial.json").read_text())
    assert len(state["ends"]) == 199 and len(state["rows"]["image"]) == 397 and len(state["rejects"]) == 1
