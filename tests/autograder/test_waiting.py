"""when_written: skips what is not written yet, and only that."""

from __future__ import annotations

import pytest

from autograder import when_written


def stub():
    raise NotImplementedError()


def test_names_the_function_that_is_waited_for(capsys):
    with when_written:
        stub()
    assert "waits for stub" in capsys.readouterr().out


def test_other_errors_are_shown_as_usual():
    with pytest.raises(ZeroDivisionError), when_written:
        _ = 1 / 0


def test_says_nothing_when_all_is_written(capsys):
    with when_written:
        pass
    assert capsys.readouterr().out == ""
