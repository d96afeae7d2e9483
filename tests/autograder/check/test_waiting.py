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


def run(cell, scope):
    exec(compile(cell, "<cell>", "exec"), scope)


def test_what_a_waiting_block_would_have_set_is_waited_for_too(capsys):
    scope = {"when_written": when_written, "stub": stub}
    run("with when_written:\n    first, second = stub()", scope)
    run("with when_written:\n    third = second + 1", scope)
    run("with when_written:\n    print(third)", scope)
    assert capsys.readouterr().out.count("waits for stub") == 3
    with pytest.raises(NameError):
        run("with when_written:\n    print(forth)", scope)
    scope["stub"] = lambda: (1, 2)
    run("with when_written:\n    first, second = stub()\n    print(first + second)", scope)
    assert capsys.readouterr().out == "3\n"
