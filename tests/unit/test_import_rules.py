"""The import rules of pyproject.toml hold, and each would notice an arrow in the wrong direction."""

import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import grimp
import pytest
from importlinter import Contract
from importlinter.application.use_cases import read_user_options
from importlinter.configuration import configure
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.layers import LayersContract

from tests.import_rules import HomesContract, OnlyContract, root_of

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
OURS = ("lambdas", "agent", "gpu_fleet", "cdk", "local", "tests")
TYPES: dict[str, type[Contract]] = {
    "only": OnlyContract,
    "homes": HomesContract,
    "layers": LayersContract,
    "forbidden": ForbiddenContract,
}

WRONG_DIRECTIONS = [
    ("domain", "lambdas.shared.domain.call", "boto3"),
    ("domain", "lambdas.shared.domain.wish", "lambdas.shared.settings"),
    ("functions", "lambdas.shared.settings", "lambdas.calls.routes"),
    ("functions", "lambdas.calls.routes", "lambdas.pms.routes"),
    ("functions", "lambdas.endpoints", "lambdas.tts_router.routes"),
    ("functions", "lambdas.endpoints", "lambdas.shared.domain"),
    ("functions", "lambdas.unheard_of.handler", "lambdas.shared"),
    ("agent", "agent.hotel", "lambdas.pms.routes"),
    ("agent", "agent.hotel", "lambdas.shared.call_store"),
    ("agent", "agent.hotel", "local.stack"),
    ("fleet", "gpu_fleet.capacity", "agent.settings"),
    ("fleet", "gpu_fleet.riva.models", "lambdas.calls.models"),
    ("cloud", "cdk.stages", "agent.wiring"),
    ("cloud", "cdk.stages", "lambdas.shared.call_store"),
    ("cloud_alone", "cdk.stages", "local.stack"),
    ("deployed", "agent.wiring", "local.brain"),
    ("deployed", "gpu_fleet.capacity", "cdk.stages"),
    ("deployed", "lambdas.shared.pms.demo", "tests.conftest"),
    ("vendors", "agent.receptionist", "riva"),
    ("vendors", "lambdas.pms.routes", "livekit"),
    ("vendors", "lambdas.shared.tables", "moto"),
    ("vendors", "gpu_fleet.capacity", "aws_cdk"),
]


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Who imports whom when the repository runs."""
    return grimp.build_graph(*OURS, include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None)


@pytest.fixture(scope="module")
def contracts() -> dict[str, Contract]:
    """The rules as import-linter reads them."""
    configure()
    options = read_user_options(str(ROOT / "pyproject.toml"))
    return {
        rule["id"]: TYPES[rule["type"]](rule["name"], options.session_options, rule)
        for rule in options.contracts_options
    }


def is_kept(contract: Contract, graph: grimp.ImportGraph) -> bool:
    return contract.check(graph, verbose=False).kept


def with_one_import(graph: grimp.ImportGraph, importer: str, imported: str) -> grimp.ImportGraph:
    """The repository's modules, and the two named if they do not exist yet, without any import but this one."""
    lone = grimp.ImportGraph()
    for module in graph.modules | {importer, importer.rpartition(".")[0], imported}:
        lone.add_module(module, is_squashed=root_of(module) not in OURS)
    lone.add_import(importer=importer, imported=imported, line_number=1, line_contents=f"import {imported}")
    return lone


@pytest.mark.parametrize(("rule", "importer", "imported"), WRONG_DIRECTIONS)
def test_an_import_in_the_wrong_direction_breaks_its_rule(
    contracts: dict[str, Contract], graph: grimp.ImportGraph, rule: str, importer: str, imported: str
) -> None:
    """A rule that could not be broken would protect nothing."""
    lone = with_one_import(graph, importer, imported)

    assert not is_kept(contracts[rule], lone)


@pytest.mark.parametrize(
    ("rule", "importer", "imported"),
    [
        ("domain", "lambdas.shared.domain.money", "pydantic"),
        ("domain", "lambdas.shared.domain.money", "decimal"),
        ("domain", "lambdas.shared.domain.stay", "lambdas.shared.domain.money"),
        ("functions", "lambdas.calls.routes", "lambdas.endpoints"),
        ("functions", "lambdas.shared.http", "lambdas.endpoints"),
        ("agent", "agent.hotel", "lambdas.pms.models"),
        ("agent", "agent.hotel", "lambdas.shared.speech.clauses"),
        ("agent", "agent.hotel", "httpx"),
        ("vendors", "agent.speech.riva_stt", "riva"),
    ],
)
def test_an_import_in_the_right_direction_breaks_no_rule(
    contracts: dict[str, Contract], graph: grimp.ImportGraph, rule: str, importer: str, imported: str
) -> None:
    """The rules leave room for everything that the design foresees."""
    lone = with_one_import(graph, importer, imported)

    assert is_kept(contracts[rule], lone)


def test_every_rule_is_tried_above(contracts: dict[str, Contract]) -> None:
    """A rule that is added to pyproject.toml is shown to work, too."""
    tried = {rule for rule, _, _ in WRONG_DIRECTIONS}

    assert tried == set(contracts)


@pytest.mark.parametrize(
    ("package", "group"), [("lambdas", "lambdas"), ("agent", "agent"), ("cdk", "cdk"), ("gpu_fleet", "asr")]
)
def test_what_is_deployed_needs_only_its_own_group_of_packages(
    graph: grimp.ImportGraph, package: str, group: str
) -> None:
    """A library that happens to be installed here is not missing where the package really runs."""
    installed = set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / f"requirements/{group}.txt").read_text(), re.MULTILINE))
    imported = {root_of(module) for module in graph.find_upstream_modules(package, as_package=True)}
    distributions = packages_distributions()

    missing = {
        module
        for module in imported - set(sys.stdlib_module_names) - set(OURS)
        if not {name.lower().replace("_", "-") for name in distributions.get(module, [])} & installed
    }

    assert not missing
