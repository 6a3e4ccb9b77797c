"""What a template sets is what the program reads: every container's and function's environment is its own settings."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Final

import pytest

from agent.settings import AgentSettings
from gpu_fleet.asr_proxy.settings import ProxySettings
from gpu_fleet.riva.prepare import Places
from gpu_fleet.riva.settings import ProbeSettings
from lambdas.shared.settings import Settings, SettingsError
from tests.infrastructure.conftest import Deployed
from tests.infrastructure.templates import found, text

pytestmark = pytest.mark.infrastructure

CONTAINERS: Final[Mapping[str, type[Settings]]] = {
    "agent": AgentSettings,
    "probe": ProbeSettings,
    "proxy": ProxySettings,
}
OTHERS: Final = {"riva", "gpu", "collector"}
"""Containers of NVIDIA and AWS, whose variables are theirs."""
OF_AWS: Final = {"AWS_REGION", "POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE"}
"""Variables that libraries read by themselves."""


def containers(deployed: Deployed) -> dict[str, dict[str, str]]:
    """Every container's variables by its name; a reference is some text."""
    return {
        container["Name"]: {one["Name"]: text(one["Value"]) for one in container.get("Environment", [])}
        for task in deployed.resources("AWS::ECS::TaskDefinition").values()
        for container in task["Properties"]["ContainerDefinitions"]
    }


def settings_of(folder: str) -> type[Settings]:
    """The settings that the function of this folder reads."""
    module = importlib.import_module(f"lambdas.{folder}.settings")
    mine = [
        one
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, Settings) and one.__module__ == module.__name__
    ]
    (settings,) = mine
    return settings


def read_back(settings: type[Settings], environment: Mapping[str, str]) -> dict[str, str]:
    """What the program would read, as it would be written again."""
    return settings.read(environment).write()


def unread(settings: type[Settings], environment: Mapping[str, str]) -> set[str]:
    """Variables that nobody reads."""
    return environment.keys() - {field.upper() for field in settings.model_fields} - OF_AWS


def test_every_container_is_known(deployed: Deployed) -> None:
    """A new container of ours has to be read back here."""
    assert containers(deployed).keys() == CONTAINERS.keys() | OTHERS


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_reads_what_its_task_sets(name: str, deployed: Deployed) -> None:
    """Nothing is missing, wrong, or set for nobody."""
    environment, settings = containers(deployed)[name], CONTAINERS[name]
    written = read_back(settings, environment)

    assert written.items() >= {key: environment[key] for key in written.keys() & environment.keys()}.items()
    assert unread(settings, environment) == set()


def test_a_function_reads_what_its_template_sets(deployed: Deployed) -> None:
    """Nothing is missing, wrong, or set for nobody, in any function of the stage."""
    functions = deployed.resources("AWS::Lambda::Function")
    assert functions
    for name, function in functions.items():
        _, folder, *_ = function["Properties"]["Handler"].split(".")
        variables: Any = function["Properties"]["Environment"]["Variables"]
        environment = {key: text(value) for key, value in variables.items()}
        settings = settings_of(folder)
        written = read_back(settings, environment)

        assert {key: environment[key] for key in written.keys() & environment.keys()}.items() <= written.items(), name
        assert unread(settings, environment) == set(), name


def test_the_build_reads_what_its_project_sets(deployed: Deployed) -> None:
    """The program that prepares a recogniser finds every place it works on."""
    (project,) = deployed.resources("AWS::CodeBuild::Project").values()
    environment = {
        one["Name"]: text(one["Value"])
        for one in found(project, "Properties", "Environment", "EnvironmentVariables", "*")
    }

    assert Places.read(environment).write() == environment


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_variable_that_is_taken_away_is_missed(name: str, prod: Deployed) -> None:
    """The settings are strict enough for the tests above to mean something."""
    settings = CONTAINERS[name]
    needed = [field for field, info in settings.model_fields.items() if info.is_required()]
    environment = containers(prod)[name]
    for field in needed:
        with pytest.raises(SettingsError, match=field.upper()):
            settings.read({key: value for key, value in environment.items() if key != field.upper()})
