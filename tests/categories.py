"""A pytest plugin: every test module is of one category, and each run ends by saying how many tests of which ran.

The `smoke` marker picks, out of the spoken calls, the few that `make test` plays; they share a budget of calls.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import pytest

CATEGORIES = ("unit", "contract", "infrastructure", "integration", "e2e", "faults", "bench")
SPOKEN = ("e2e", "faults")
SMOKE_BUDGET = 5


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Check the categories of all collected tests before any is deselected, and put the cheap ones first."""
    found = {module: categories_of(module) for module in dict.fromkeys(map(_module_of, items))}
    complaints = [complaint for module, marks in found.items() if (complaint := complain_of_module(module, marks))]
    if complaints:
        raise pytest.UsageError("\n".join(complaints))
    for item in items:
        item.user_properties.append(("category", found[_module_of(item)][0]))
    items.sort(key=lambda item: CATEGORIES.index(_category(item.user_properties)))
    smoke = [(item, marker) for item in items if (marker := item.get_closest_marker("smoke"))]
    silent = [item.nodeid for item, _ in smoke if _category(item.user_properties) not in SPOKEN]
    if silent:
        raise pytest.UsageError(f"only tests of {' or '.join(SPOKEN)} can be marked smoke: {', '.join(silent)}")
    calls = sum(marker.kwargs.get("calls", 1) for _, marker in smoke)
    if calls > SMOKE_BUDGET:
        names = ", ".join(item.nodeid for item, _ in smoke)
        raise pytest.UsageError(f"smoke tests play {calls} calls, and {SMOKE_BUDGET} are allowed: {names}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print one line such as `unit 120 · contract 34`; a skipped test has not run."""
    ran = {
        report.nodeid: _category(report.user_properties)
        for outcome in ("passed", "failed", "error", "xfailed", "xpassed")
        for report in terminalreporter.stats.get(outcome, [])
        if isinstance(report, pytest.TestReport)
    }
    if ran:
        terminalreporter.write_line("")
        terminalreporter.write_line(summary(ran.values()))


def categories_of(module: pytest.Module) -> list[str]:
    """The categories that the module's own `pytestmark` names."""
    marks = getattr(module.obj, "pytestmark", [])
    marks = marks if isinstance(marks, list) else [marks]
    return [mark.name for mark in marks if mark.name in CATEGORIES]


def complain_of_module(module: pytest.Module, categories: Sequence[str]) -> str | None:
    """What to change in the module, or None when it has exactly one category."""
    if len(categories) == 1:
        return None
    has = f"has the categories {', '.join(categories)}" if categories else "has no category"
    return f"{module.nodeid} {has}; write one of them: pytestmark = pytest.mark.<{'|'.join(CATEGORIES)}>"


def summary(categories: Iterable[str]) -> str:
    """How many of each, in the order in which they run."""
    counts = Counter(categories)
    return " · ".join(f"{category} {counts[category]}" for category in CATEGORIES if counts[category])


def _module_of(item: pytest.Item) -> pytest.Module:
    module = item.getparent(pytest.Module)
    if module is None:
        raise pytest.UsageError(f"{item.nodeid} is not in a module, so it has no category")
    return module


def _category(properties: Sequence[tuple[str, object]]) -> str:
    return str(dict(properties)["category"])
