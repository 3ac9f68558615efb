"""What the machine refuses is one message; what may be a bug keeps its traceback."""

import errno

import pytest

from macaw_cli.basics.errors import ResourceError
from macaw_cli.basics.system_errors import system_error


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EMFILE, errno.EFBIG, errno.EDQUOT, errno.EIO]
)
def test_a_refusal_of_the_machine_names_the_file_and_what_to_do(number):
    known = system_error(OSError(number, "words of the system", "a/b.tar"))
    assert isinstance(known, ResourceError)
    assert "a/b.tar" in known.problem and "words of the system" in known.problem and known.hint


def test_a_renaming_names_both_files():
    assert "a -> b" in system_error(OSError(errno.EACCES, "no", "a", None, "b")).problem


def test_too_little_memory_is_told():
    assert isinstance(system_error(MemoryError()), ResourceError)


@pytest.mark.parametrize("error", [FileNotFoundError(errno.ENOENT, "x"), OSError("no number"), ValueError("x")])
def test_what_may_be_a_bug_is_not_explained_away(error):
    assert system_error(error) is None
