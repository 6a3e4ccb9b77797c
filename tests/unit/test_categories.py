"""The rules that every test module follows, tried on small suites of their own."""

import pytest

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.unit


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """A folder whose tests run under the category rules, and under warnings that do not matter there."""
    markers = "\n    ".join(["unit", "contract", "e2e", "smoke"])
    pytester.makeini(f"[pytest]\nasyncio_default_fixture_loop_scope = function\nmarkers =\n    {markers}\n")
    return pytester


def run(suite: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return suite.runpytest_inprocess("-p", "tests.categories", "-p", "no:cacheprovider", *arguments)


def module(mark: str, tests: int = 1) -> str:
    lines = ["import pytest", f"pytestmark = {mark}" if mark else ""]
    return "\n".join(lines + [f"def test_{number}(): pass" for number in range(tests)])


def test_a_run_ends_with_the_number_of_tests_of_each_category(suite: pytest.Pytester) -> None:
    """Whoever reads the end of a run sees what was tested, cheap categories first."""
    suite.makepyfile(test_a=module("pytest.mark.contract", 2), test_b=module("[pytest.mark.unit]", 3))

    result = run(suite)

    result.stdout.fnmatch_lines(["unit 3 · contract 2", "*5 passed*"])


def test_deselected_and_skipped_tests_are_not_counted(suite: pytest.Pytester) -> None:
    """The closing line never claims a test that did not run."""
    skipped = "\n@pytest.mark.skip\ndef test_later(): pass"
    suite.makepyfile(test_a=module("pytest.mark.contract", 2), test_b=module("pytest.mark.unit", 3) + skipped)

    result = run(suite, "-m", "unit")

    result.stdout.fnmatch_lines(["unit 3", "*3 passed, 1 skipped, 2 deselected*"])


@pytest.mark.parametrize(
    ("mark", "complaint"),
    [
        ("", "*test_a.py has no category; write one of them: *<unit|contract|*"),
        ("[pytest.mark.unit, pytest.mark.e2e]", "*test_a.py has the categories unit, e2e; write one of them: *"),
    ],
)
def test_a_module_without_exactly_one_category_stops_the_run(suite: pytest.Pytester, mark: str, complaint: str) -> None:
    """A test that no target of the Makefile would select is found at once, whatever is selected."""
    suite.makepyfile(test_a=module(mark), test_b=module("pytest.mark.unit"))

    result = run(suite, "-m", "unit")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([complaint])


def test_smoke_tests_share_a_budget_of_five_calls(suite: pytest.Pytester) -> None:
    """`make test` plays five calls at most, also when one test plays several at once."""
    smoke = "\n@pytest.mark.smoke({})\ndef test_{}(): pass"
    suite.makepyfile(
        test_a=module("pytest.mark.e2e") + smoke.format("calls=4", "many") + smoke.format("calls=2", "two")
    )

    result = run(suite)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*smoke tests play 6 calls, and 5 are allowed: *test_many*test_two*"])


def test_only_spoken_calls_can_be_smoke_tests(suite: pytest.Pytester) -> None:
    """A cheap test runs always, so marking it smoke is a mistake."""
    suite.makepyfile(test_a=module("pytest.mark.unit") + "\n@pytest.mark.smoke\ndef test_cheap(): pass")

    result = run(suite)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*only tests of e2e or faults can be marked smoke: *test_cheap*"])
