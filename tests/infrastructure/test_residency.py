"""No template leads out of the European Union, whatever it was that put an address or a region there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from cdk.residency import AWS_REGIONS, AZURE_RESOURCES, LIVEKIT, SPEAKING_NAMES
from tests.infrastructure.conftest import Deployed
from tests.infrastructure.templates import LONG_REFERENCE, text

pytestmark = pytest.mark.infrastructure

REGION: Final = re.compile(r"\b(?:af|ap|ca|cn|eu|il|me|mx|sa|us)-(?:gov-)?(?:north|south|east|west|central)+-\d\b")
HOST: Final = re.compile(r"\b(?:https?|wss?|grpcs?)://([A-Za-z0-9.-]+)")
REGISTRY: Final = re.compile(r"^(?P<host>[a-z0-9-]+(?:\.[a-z0-9-]+)+)/\S+:\S+$")
NO_DATA_GOES_THERE: Final[Mapping[str, str]] = {
    "nvcr.io": "NVIDIA's registry: images come in once, by a build that knows of no guest.",
    "public.ecr.aws": "AWS's registry, served from its edge: the collector's image comes in, nothing goes out.",
    "eu-central-1.console.aws.amazon.com": "AWS's console of the stage's own region, where its dashboard is.",
    "json-schema.org": "The name of a schema's version, which nobody opens.",
    "127.0.0.1": "A container asks itself whether it is well.",
}


def strings(value: Any) -> Iterator[str]:
    """Every text inside a template, with the parts of a joined one together."""
    match value:
        case str():
            yield value
        case {"Fn::Join": _}:
            yield text(value)
        case dict():
            for key, inside in value.items():
                yield key
                yield from strings(inside)
        case list():
            for inside in value:
                yield from strings(inside)


def everything(deployed: Deployed) -> set[str]:
    return {one for template in deployed.templates.values() for one in strings(template)}


def test_every_region_is_in_the_eu(deployed: Deployed) -> None:
    """Every AWS region that a template names is in the list."""
    named = {region for one in everything(deployed) for region in REGION.findall(one)}

    assert deployed.stage.region in named
    assert named - set(AWS_REGIONS) == set()


def test_every_address_is_in_the_eu(deployed: Deployed) -> None:
    """Every host that a template names is in the list, or no guest's data go there."""
    allowed = [one.pattern for one in (*LIVEKIT, *AZURE_RESOURCES, *SPEAKING_NAMES)]
    # What a reference becomes is not known yet; a name that AWS makes of it says its region.
    hosts = {host.replace(LONG_REFERENCE, "x") for one in everything(deployed) for host in HOST.findall(one)}
    abroad = {host for host in hosts - {"x"} if not any(pattern.match(host) for pattern in allowed)}

    assert {
        host for host in abroad if not host.endswith(f".{deployed.stage.region}.x")
    } - NO_DATA_GOES_THERE.keys() == set()


def test_every_image_is_of_ours_or_of_a_registry_with_a_reason(deployed: Deployed) -> None:
    """Images come from the stage's own registry, or from one that is known to be elsewhere."""
    images = {
        text(container["Image"])
        for task in deployed.resources("AWS::ECS::TaskDefinition").values()
        for container in task["Properties"]["ContainerDefinitions"]
    }
    hosts = {found["host"] for image in images if (found := REGISTRY.match(image))}

    assert {host for host in hosts if not host.startswith(LONG_REFERENCE)} - NO_DATA_GOES_THERE.keys() == set()


def test_every_reason_is_needed(prod: Deployed) -> None:
    """A reason for a host that no template names would let it in."""
    told = everything(prod)

    assert {host for host in NO_DATA_GOES_THERE if not any(host in one for one in told)} == set()
