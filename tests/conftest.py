"""Fixtures that several rooms of the tests share."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _notebook_mode(monkeypatch):
    """Checks behave as in a learner's notebook unless a test says otherwise."""
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's program; a test that needs it skips where it is not installed, except in CI."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    if os.environ.get("DLCOURSE_REQUIRE_BROWSER"):
        pytest.fail("no browser: apt-get install chromium")
    pytest.skip("no Chromium on this machine (apt-get install chromium)")
