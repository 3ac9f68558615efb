"""What the encoder is said to wait for."""

import time

import pytest

from macaw_cli.features.clock import Clock, bottleneck, shares
from macaw_cli.features.extract import extract
from macaw_cli.features.source import Source


def slow(items, seconds=0.05):
    for item in items:
        time.sleep(seconds)
        yield item


def test_the_time_until_the_next_job_is_known_is_waiting_for_the_sources():
    clock = Clock(lambda: 0.0)
    for _ in clock.reading(slow(["job", "job", None, "job"])):
        time.sleep(0.02)  # not counted
    assert clock.seconds["waiting"] == clock.seconds["reading"] == pytest.approx(0.2, abs=0.04)


def test_the_end_of_other_workers_is_not_reading():
    def jobs():
        yield None
        time.sleep(0.1)

    clock = Clock(lambda: 0.0)
    list(clock.reading(jobs()))
    assert clock.seconds["reading"] < 0.05


@pytest.mark.parametrize(
    ("percent", "expected"),
    [
        ({"waiting": 20.0, "reading": 20.0}, ""),
        ({"waiting": 60.0, "reading": 50.0, "decode": 90.0}, ": reading the sources is the bottleneck"),
        ({"waiting": 60.0, "reading": 5.0, "decode": 90.0}, ": decoding is the bottleneck"),
        ({"waiting": 60.0, "write": 90.0}, ": writing is the bottleneck"),
    ],
)
def test_the_bottleneck_is_what_the_encoder_waits_for_most(percent, expected):
    assert bottleneck(percent) == expected


def test_the_line_shows_four_stages():
    told = shares({"decode": 0.1, "encode": 0.1, "write": 0.0, "waiting": 0.8, "reading": 0.7}, 1.0)
    assert told == "decode 10 %, encode 10 %, write 0 %, waiting 80 %: reading the sources is the bottleneck"


def test_slow_hashing_is_told_as_the_bottleneck(workspace, media, monkeypatch):
    from macaw_cli.features import items

    hashed = items._sha256

    def slowly(source: Source) -> str:
        time.sleep(0.5)
        return hashed(source)

    monkeypatch.setattr(items, "_sha256", slowly)
    stages = extract(workspace(), ["media/pictures"]).stages
    assert stages["reading"] >= 0.5 and stages["waiting"] >= stages["reading"]
