"""A pytest plugin: what tests want said at the end of a run, each sentence once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

NAME = "remark"
Remark = Callable[[str], None]


@pytest.fixture
def remark(record_property: Callable[[str, object], None]) -> Remark:
    """Has a sentence said below the results, such as the interpreter that something ran under."""
    return lambda sentence: record_property(NAME, sentence)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print each remark of the tests that ran once."""
    reports = (report for outcome in terminalreporter.stats.values() for report in outcome)
    remarks = {
        value: None
        for report in reports
        if isinstance(report, pytest.TestReport)
        for name, value in report.user_properties
        if name == NAME
    }
    for sentence in remarks:
        terminalreporter.write_line(str(sentence))
