"""Where the reports of the measurements go."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--lambda-report", type=Path, help="write how fast the functions start to a Markdown file")
