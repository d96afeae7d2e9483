"""Tests that share something slow run in one process, one after the other."""

from __future__ import annotations

import pytest


@pytest.mark.xdist_group("together")
def test_a_group_is_kept_together(request):
    """pytest-xdist sends tests where their names end alike; without that, classes are graded twice."""
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("not run with --dist loadgroup, as make test does")
    assert request.node.nodeid.endswith("@together")
