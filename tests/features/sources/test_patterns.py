"""Which paths a glob pattern means."""

import pytest

from macaw_cli.features.sources.patterns import fits


@pytest.mark.parametrize(
    "pattern",
    ["/data/*", "/data/**", "/data/**/*.tar", "/*/features/*.tar", "/data/feat*", "/**/image-*.tar", "/d?ta/*"],
)
def test_a_pattern_that_means_a_file_or_a_folder_above_it(pattern):
    assert fits(pattern, "/data/features/image-000000.tar")


@pytest.mark.parametrize("pattern", ["/data/*.tar", "/data/**/*.png", "/other/**", "/data/features/*.jsonl", "/x*"])
def test_a_pattern_that_means_other_files(pattern):
    assert not fits(pattern, "/data/features/image-000000.tar")
