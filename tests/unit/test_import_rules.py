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
COMPILED = {"cld3": ["pycld3"]}
"""Of packages that are installed only where they can be compiled: what they are imported as."""

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
    ("vendors", "agent.language", "cld3"),
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
        ("vendors", "lambdas.shared.speech.detectors", "cld3"),
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
    ("programs", "groups"),
    [
        (r"lambdas\.\w+\.handler", ("lambdas",)),
        (r"agent(\..+)?", ("agent", "langid")),
        (r"cdk(\..+)?", ("cdk",)),
        (r"gpu_fleet(\..+)?", ("asr", "langid")),
    ],
)
def test_what_is_deployed_needs_only_its_own_group_of_packages(
    graph: grimp.ImportGraph, programs: str, groups: tuple[str, ...]
) -> None:
    """A library that happens to be installed here is not missing where the program really runs."""
    pins = "".join((ROOT / f"requirements/{group}.txt").read_text() for group in groups)
    installed = set(re.findall(r"^([a-z0-9._-]+)==", pins, re.MULTILINE))
    roots = {module for module in graph.modules if re.fullmatch(programs, module)}
    imported = {root_of(module) for root in roots for module in graph.find_upstream_modules(root)}
    distributions = {**packages_distributions(), **COMPILED}

    missing = {
        module
        for module in imported - set(sys.stdlib_module_names) - set(OURS)
        if not {name.lower().replace("_", "-") for name in distributions.get(module, [])} & installed
    }

    assert not missing


def test_no_function_leads_to_the_language_detectors(graph: grimp.ImportGraph) -> None:
    """The detectors lie beside the speech engines, and what they need has no wheels for Lambda."""
    handlers = {module for module in graph.modules if re.fullmatch(r"lambdas\.\w+\.handler", module)}

    leading = {
        handler for handler in handlers if "lambdas.shared.speech.detectors" in graph.find_upstream_modules(handler)
    }

    assert handlers
    assert not leading
