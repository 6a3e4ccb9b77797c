"""Every function of the templates starts as it is packaged and configured, and answers an event of its trigger right.

Its code is the asset that would be uploaded, its environment is the template's, and the process is AWS's own runtime
client. So a module that is not packaged, a variable that is not set or a file that is not there cannot survive.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from local.outside import Outside, outside
from local.recorded import complete, read_event
from tests.deployed_functions import LEGACY_TOKEN, LIVEKIT, DeployedFunctions
from tests.infrastructure.conftest import FILLED_IN, Deployed
from tests.infrastructure.test_settings_read_back import settings_of
from tests.packaged import Unpacked, libraries_in
from tests.remarks import Remark
from tests.runtime_api import FunctionFailed, Sandbox
from tests.triggers import TRIGGERS, Trigger

# The first test waits for a whole stage to be synthesised and packed.
pytestmark = [pytest.mark.infrastructure, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedFunctions]:
    """The stage `dev` with its assets."""
    with DeployedFunctions.of("dev", FILLED_IN, tmp_path_factory.mktemp("assembly")) as deployed:
        yield deployed


@pytest.fixture(scope="module")
def unpacked(cloud: DeployedFunctions, tmp_path_factory: pytest.TempPathFactory) -> Unpacked:
    """The functions' code, and their libraries for this machine."""
    return Unpacked.at(tmp_path_factory.mktemp("unpacked"), code=cloud.code)


@pytest.fixture(scope="module")
def around() -> Iterator[Outside]:
    """LiveKit and CloudFormation."""
    with outside(LIVEKIT) as world:
        yield world


@pytest.fixture(scope="module")
def sandboxes(cloud: DeployedFunctions, unpacked: Unpacked) -> Iterator[Callable[[str], Sandbox]]:
    """A running execution environment of each function that is asked for, by its folder."""
    running: dict[str, Sandbox] = {}
    with ExitStack() as ending:

        def of(folder: str) -> Sandbox:
            if folder not in running:
                running[folder] = ending.enter_context(cloud.sandbox(unpacked, folder))
            return running[folder]

        yield of


@pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda trigger: f"{trigger.function}-{trigger.name}")
def test_every_function_boots_and_answers(
    sandboxes: Callable[[str], Sandbox],
    unpacked: Unpacked,
    around: Outside,
    trigger: Trigger,
    remark: Remark,
) -> None:
    """From the asset, with the template's variables, under AWS's runtime client: the right answer to each trigger."""
    remark(f"functions boot under {unpacked.told}")
    sandbox = sandboxes(trigger.function)
    already, told = len(sandbox.logged()), len(around.told)
    event = complete(read_event(trigger.file), livekit=LIVEKIT, legacy_token=LEGACY_TOKEN, around=around)

    answer = sandbox.invoke(event).result

    lines = sandbox.logged()[already:].splitlines()
    assert trigger.faults(answer, around.told[told] if len(around.told) > told else None, lines) == []


def test_every_function_has_a_trigger(cloud: DeployedFunctions) -> None:
    """A function that is added to a stack is booted, or this fails."""
    assert {trigger.function for trigger in TRIGGERS} == set(cloud.functions)


def test_functions_are_what_lambda_runs(cloud: DeployedFunctions) -> None:
    """All of them are ours, of one asset and one layer, for Python 3.13 on arm64."""
    found = [
        (function.properties["Runtime"], function.properties["Architectures"], len(function.properties["Layers"]))
        for function in cloud.functions.values()
    ]

    assert found == [("python3.13", ["arm64"], 1)] * len(cloud.functions)


def test_the_other_stage_has_the_same_functions(cloud: DeployedFunctions, prod: Deployed) -> None:
    """What boots in one stage boots in the other: the same handlers with the same variables."""
    ours = [function.properties for function in cloud.functions.values()]
    theirs = [resource["Properties"] for resource in prod.resources("AWS::Lambda::Function").values()]

    found = [
        {function["Handler"]: sorted(function["Environment"]["Variables"]) for function in functions}
        for functions in (ours, theirs)
    ]

    assert found[0] == found[1]
    assert len(theirs) == len(ours)


def test_the_layer_that_is_booted_is_the_one_that_is_deployed(cloud: DeployedFunctions, unpacked: Unpacked) -> None:
    """Built for another processor, and otherwise the same libraries in the same versions."""
    layers = [
        cloud.asset(resource["Properties"]["Content"])
        for template in cloud.stacks.values()
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::LayerVersion"
    ]

    assert layers
    assert all(libraries_in(layer) == unpacked.libraries() for layer in layers)


def test_events_of_custom_resources_have_the_templates_properties(cloud: DeployedFunctions) -> None:
    """CloudFormation would send the recorded events for these stacks: the same properties, no more and no less."""
    described = {
        frozenset(resource["Properties"])
        for template in cloud.stacks.values()
        for resource in template["Resources"].values()
        if "ServiceToken" in resource.get("Properties", {})
    }
    recorded = {
        frozenset(event["ResourceProperties"])
        for trigger in TRIGGERS
        if "ResourceProperties" in (event := read_event(trigger.file))
    }

    assert recorded == described


@pytest.mark.parametrize("folder", sorted({trigger.function for trigger in TRIGGERS}))
def test_a_variable_that_is_not_set_is_found(cloud: DeployedFunctions, unpacked: Unpacked, folder: str) -> None:
    """Without those of its settings that have no default a function does not start, and names each that is missing."""
    fields = settings_of(folder).model_fields
    needed = sorted(name.upper() for name, field in fields.items() if field.is_required())

    with pytest.raises(FunctionFailed) as failed, cloud.sandbox(unpacked, folder, without=needed):
        pass

    assert needed
    assert [name for name in needed if f"{name}: Field required" in str(failed.value)] == needed


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("lambdas/pms/routes.py", "No module named 'lambdas.pms.routes'"),
        ("lambdas/shared/wish_store.py", "No module named 'lambdas.shared.wish_store'"),
        ("hotels/aurora/hotel.toml", "hotel.toml"),
    ],
)
def test_a_file_that_is_not_packaged_is_found(
    cloud: DeployedFunctions, unpacked: Unpacked, tmp_path: Path, lost: str, said: str
) -> None:
    """A module or a hotel's file that is missing from the asset keeps the function from starting."""
    code = tmp_path / "code"
    shutil.copytree(unpacked.code, code)
    (code / lost).unlink()

    with pytest.raises(FunctionFailed, match=said), cloud.sandbox(replace(unpacked, code=code), "pms"):
        pass


def test_a_library_that_is_not_in_the_layer_is_found(
    cloud: DeployedFunctions, unpacked: Unpacked, tmp_path: Path
) -> None:
    """What the tests' own Python has installed does not stand in for it."""
    layer = tmp_path / "layer"
    shutil.copytree(unpacked.layer, layer)
    shutil.rmtree(layer / "python/phonenumbers")

    with (
        pytest.raises(FunctionFailed, match="No module named 'phonenumbers'"),
        cloud.sandbox(replace(unpacked, layer=layer), "livekit_webhook"),
    ):
        pass
