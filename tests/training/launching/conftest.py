"""Trainings that do not outlive their test."""

import pytest


@pytest.fixture
def started():
    """`started(processes)`: what still runs at the end of the test is ended; returns the processes."""
    kept = []

    def keep(processes):
        kept.extend(processes)
        return processes

    yield keep
    for process in kept:
        process.kill()
        process.communicate()
