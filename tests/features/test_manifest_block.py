from macaw_cli.features.manifest_block import with_block


def medium(path, key, shard, offset=0):
    return {"path": path, "key": key, "modality": "image", "shard": shard, "offset": offset}


def end(shard, job):
    return {"shard": shard, "job": job, "sha256": "x"}


FIRST = [medium("a", "A", "0.tar"), medium("b", "B", "0.tar", 9), end("0.tar", 0)]
SECOND = [medium("c", "C", "1.tar"), end("1.tar", 1)]
COPIES = [medium("copy", "A", "0.tar"), medium("other", "B", "0.tar", 9)]
JOBS = {"0.tar": 0, "1.tar": 1}


def test_a_job_done_again_stands_where_it_stood():
    assert list(with_block([*FIRST, *SECOND, *COPIES], 0, FIRST, JOBS)) == [*FIRST, *SECOND, *COPIES]


def test_copies_follow_their_medium_and_go_with_it():
    again = [medium("b", "B", "0.tar", 4), end("0.tar", 0)]
    assert list(with_block([*FIRST, *SECOND, *COPIES], 0, again, JOBS)) == [
        *again, *SECOND, medium("other", "B", "0.tar", 4)
    ]  # fmt: skip


def test_a_job_done_later_than_its_successors_comes_before_them():
    assert list(with_block([*SECOND, *COPIES], 0, FIRST, {"1.tar": 1}))[:5] == [*FIRST, *SECOND]


def test_rows_that_a_kill_tore_give_way():
    assert list(with_block([*SECOND, *FIRST[:1]], 2, [*FIRST[:2], end("0.tar", 2)], {"1.tar": 1})) == [
        *SECOND, *FIRST[:2], end("0.tar", 2)
    ]  # fmt: skip


def test_a_job_of_no_rows_before_is_added_at_the_end():
    assert list(with_block(FIRST, 1, SECOND, {"0.tar": 0})) == [*FIRST, *SECOND]
