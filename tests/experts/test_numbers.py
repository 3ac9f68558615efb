"""Series of numbers as sentences and digits."""

import numpy as np
import pytest

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.config.experts.numbers import NumbersSettings
from macaw_cli.config.loading import parse_settings
from macaw_cli.experts.expert import Medium, StoredFeatures, Surroundings
from macaw_cli.experts.numbers import NumbersExpert
from macaw_cli.modalities.numbers_as_text import DigitStyle, scaling_of, values_of


def expert(**options):
    return NumbersExpert(NumbersSettings(**options), Surroundings())


def of_file(path):
    return Medium("series", "", lambda: path)


@pytest.fixture
def file(tmp_path):
    (tmp_path / "load.csv").write_text("load\n1.5\n2.25\n-3\n")
    return tmp_path / "load.csv"


def test_a_sentence_tells_every_step(file):
    assert expert().text(of_file(file)) == "From step 1 to step 3, the value was 1.50, 2.25, -3.00 on each step."
    assert expert(decimals=0).text(of_file(file)).count(",") == 3


@pytest.mark.parametrize("base", [10, 100, 1000])
def test_digits_can_be_read_back_with_the_scale_that_stands_before_them(file, base):
    text = expert(style="digits", base=base, precision=2).text(of_file(file))
    known = [1.5, 2.25, -3.0]
    scaling = scaling_of(known)
    assert text.startswith(f"Digits of (value - {scaling.offset:.6g}) / {scaling.unit:.6g}: ")
    digits = text.partition(": ")[2]
    found = scaling.restored(values_of(digits, DigitStyle(base=base, precision=2)))
    assert np.allclose(found, known, atol=scaling.unit * base**-2)


def test_a_stored_series_and_its_file_give_the_same_text(tmp_path):
    values = np.random.default_rng(0).normal(10, 3, (40, 2))
    np.save(tmp_path / "walk.npy", values)
    stored = StoredFeatures((40, 2), {}, lambda: values.astype(np.float16), dict)
    for style in ("sentence", "digits"):
        one = expert(style=style, decimals=4)
        text = one.text(of_file(tmp_path / "walk.npy"))
        assert text == one.text(Medium("series", "", None, stored=stored))
        assert [line.partition(":")[0] for line in text.splitlines()] == ["Column 1", "Column 2"]


def test_what_cannot_be_written_is_refused(file):
    with pytest.raises(UsageError, match="separator"):
        expert(digit_separator=",")
    with pytest.raises(UsageError, match="base"):
        parse_settings({"dataset": {"experts": [{"name": "numbers", "base": 7}]}}, "test")
    file.write_text("load\nhigh\n")
    with pytest.raises(InputError):
        expert().text(of_file(file))
