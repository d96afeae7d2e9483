"""Tests that share something slow run in one process, one after the other."""

from __future__ import annotations

import os

import pytest


@pytest.mark.xdist_group("together")
@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="a single process")
def test_a_group_is_kept_together(request):
    """pytest-xdist sends tests where their names end alike; without that, classes are graded twice."""
    assert request.node.nodeid.endswith("@together")
