"""Setting a clone up: what is done again, what is not, and what a person reads when a step fails."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cdk.preflight.machine import NEEDED_NODE
from local.setup import NODE_NEEDED, STEPS, main
from local.workshop import Shell, Step, StepFailed, Workshop

pytestmark = pytest.mark.unit


class Bench:
    """A workshop in a folder of its own, with one step that writes its input to its product and counts its runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.screen = io.StringIO()
        self.material = "first"
        self.runs = 0
        self.work: Callable[[Shell], None] = lambda _: None

    @property
    def product(self) -> Path:
        return self.folder / "product"

    def set_up(self) -> None:
        step = Step(
            name="product",
            gives="the product",
            product=self.product,
            inputs=lambda: [self.material],
            make=self._make,
            remedy="Try the other door.",
        )
        Workshop(self.folder / "state", self.screen, terminal=False).carry_out([step])

    def _make(self, shell: Shell) -> None:
        self.runs += 1
        self.work(shell)
        self.product.write_text(self.material)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_second_set_up_does_and_prints_nothing(bench: Bench) -> None:
    """A clone that is ready starts at once."""
    bench.set_up()
    printed = bench.screen.getvalue()

    bench.set_up()

    assert bench.runs == 1
    assert bench.screen.getvalue() == printed


def test_changed_inputs_and_a_lost_product_are_made_again(bench: Bench) -> None:
    """What is on disk always belongs to what is checked out."""
    bench.set_up()
    bench.material = "second"
    bench.set_up()
    made_of = bench.product.read_text()
    bench.product.unlink()

    bench.set_up()

    assert made_of == "second"
    assert bench.product.exists()
    assert bench.runs == 3


@pytest.mark.parametrize("stop", [StepFailed("no network"), KeyboardInterrupt()])
def test_a_step_that_did_not_end_well_is_done_again(bench: Bench, stop: BaseException) -> None:
    """A product that a failed or interrupted step left behind is never taken for a whole one."""

    def work(shell: Shell) -> None:
        bench.product.write_text("half of it")
        raise stop

    bench.work = work
    with pytest.raises(type(stop)):
        bench.set_up()
    bench.work = lambda _: None

    bench.set_up()

    assert bench.product.read_text() == "first"


def test_a_failed_step_says_what_its_program_said_and_what_to_do(bench: Bench) -> None:
    """Whoever set the clone up reads the cause and the way out, without opening a log."""
    bench.work = lambda shell: shell.run(sys.executable, "-c", "print('disk is full'); raise SystemExit(3)")

    with pytest.raises(StepFailed, match=r"disk is full\n.*the product: python.* ended with exit code 3") as failed:
        bench.set_up()

    assert failed.value.remedy == "Try the other door."


def test_long_steps_are_announced_with_their_number(bench: Bench) -> None:
    """Where no terminal redraws a line, each step prints one when it begins and one when it is done."""
    bench.set_up()

    first, last = bench.screen.getvalue().splitlines()

    assert first == "[1/1] the product"
    assert last.startswith("[1/1] the product · ")
    assert last.endswith(" s · done")


def test_what_a_step_has_to_tell_stands_below_it(bench: Bench) -> None:
    """What is missing, but stops nothing, is read where the step ends and not in a log."""
    bench.work = lambda shell: shell.tell("half of it is missing")

    bench.set_up()

    assert bench.screen.getvalue().splitlines()[2] == "      half of it is missing"


def test_a_step_follows_what_an_earlier_one_changed(tmp_path: Path) -> None:
    """A compiler that one step installs is seen by the step that compiles, in the same run."""
    tools, built = tmp_path / "tools", tmp_path / "built"
    built.touch()
    workshop = Workshop(tmp_path / "state", screen := io.StringIO(), terminal=False)
    compiling = Step("compile", "the program", built, lambda: [str(tools.exists())], lambda _: built.touch(), "None.")
    installing = Step("install", "the tools", tools, lambda: [], lambda _: tools.touch(), "None.")
    workshop.carry_out([compiling])

    workshop.carry_out([installing, compiling])

    assert [line for line in screen.getvalue().splitlines() if " · " not in line][1:] == [
        "[1/1] the tools",
        "[2/2] the program",
    ]


def test_an_unknown_step_is_answered_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt name sets nothing up."""
    code = main(["uvv"])

    assert code == 2
    assert f"no such step: uvv; there are {', '.join(step.name for step in STEPS)}" in capsys.readouterr().err


def test_set_up_takes_the_node_that_preflight_wants() -> None:
    """What set-up leaves to the machine is never found too old by a deployment."""
    contributing = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")

    assert NODE_NEEDED == NEEDED_NODE
    assert f"from version {NODE_NEEDED} on" in " ".join(contributing.split())


def test_every_step_tells_what_to_do_when_it_fails() -> None:
    """No step leaves a person alone with an exit code."""
    assert all(step.remedy and step.gives for step in STEPS)
