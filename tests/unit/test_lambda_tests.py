"""Which tests run under Lambda's own Python, and what is said where there is none."""

from pathlib import Path

import pytest

from cdk import packaging
from local import lambda_python
from tests.lambda_tests import ROOT, imported, is_lambda_test

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("module", "runs"),
    [
        ("unit/test_call.py", True),
        ("unit/test_bookings.py", True),
        ("contract/test_livekit_webhook.py", True),
        ("contract/test_gateway.py", True),
        ("unit/test_agent_call.py", False),
        ("contract/riva_stt/test_turns.py", False),
        ("unit/test_phone_line.py", False),
    ],
)
def test_tests_of_the_functions_are_told_from_others(module: str, runs: bool) -> None:
    """What leads to a function, and to no other part that is deployed, is a test of the functions."""
    assert is_lambda_test(ROOT / "tests" / module) is runs


def test_what_is_not_installed_is_not_run(tmp_path: Path) -> None:
    """A module that needs a library the functions do not have is left out before it is imported."""
    module = tmp_path / "test_more.py"
    module.write_text("import lambdas.shared.domain.call\nimport a_library_that_nobody_has\n")

    assert not is_lambda_test(module)


def test_imports_for_type_checkers_do_not_count(tmp_path: Path) -> None:
    """What is imported only to check types need not be installed; an import inside of a function must."""
    module = tmp_path / "test_more.py"
    module.write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import only_types\n"
        "def late():\n    from somewhere import anything\n"
    )

    assert imported(module) == ("typing", "typing.TYPE_CHECKING", "somewhere", "somewhere.anything")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the environment is to be made, on a machine that has no Python of Lambda's version."""
    monkeypatch.setattr(lambda_python, "FOLDER", tmp_path / "lambda-python")
    monkeypatch.setattr(packaging, "find_python", lambda _: None)
    return tmp_path / "lambda-python"


def test_a_machine_without_that_python_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing fails; a person reads which Python is missing and what to run once it is there."""
    lambda_python.make(None, uv=Path("uv"))  # type: ignore[arg-type]

    assert lambda_python.main([]) == 0
    assert "Python 3.13 is neither on PATH nor one of pyenv's or uv's: install it, then run" in capsys.readouterr().out


def test_a_clone_that_was_not_set_up_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the environment the answer is `make ready`."""
    assert lambda_python.main([]) == 0
    assert "run `make ready`" in capsys.readouterr().out
