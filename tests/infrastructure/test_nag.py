"""cdk-nag's AwsSolutions rules find nothing that is not accepted with a reason, on the resource it is about."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.infrastructure.conftest import Deployed

pytestmark = pytest.mark.infrastructure

SENTENCE = re.compile(r"[A-Z](?:[^.!?]|\.(?=\d)){15,150}\.")


def reports(deployed: Deployed) -> list[Mapping[str, Any]]:
    """What the plug-ins that judged the stage have to say, cdk-nag among them."""
    told: list[Mapping[str, Any]] = json.loads((deployed.assembly / "validation-report.json").read_text())[
        "pluginReports"
    ]
    return told


def accepted(deployed: Deployed) -> Iterator[tuple[str, str, str]]:
    """Every acknowledgment in the stage: construct, rule, reason."""
    for file in sorted(deployed.assembly.glob("*.metadata.json")):
        for construct, entries in json.loads(file.read_text()).items():
            for entry in entries:
                if entry["type"] == "aws:cdk:acknowledged-rules":
                    for rule, reason in entry["data"].items():
                        if rule.startswith("AwsSolutions::"):  # The CDK has a few of its own.
                            yield construct.lstrip("/"), rule, reason


def used(deployed: Deployed) -> dict[tuple[str, str], set[str]]:
    """The resources whose finding an acknowledgment accepts, by the construct and the rule it names."""
    resources: dict[tuple[str, str], set[str]] = {}
    for report in reports(deployed):
        for finding in report.get("suppressedViolations", []):
            found = {construct["constructPath"] for construct in finding["violatingConstructs"]}
            resources.setdefault((finding["acknowledgedAt"], finding["acknowledgedId"]), set()).update(found)
    return resources


def test_cdk_nag_has_judged_the_stage(deployed: Deployed) -> None:
    """A rule set that was not asked finds nothing."""
    assert "AwsSolutions" in {report["pluginName"] for report in reports(deployed)}
    assert used(deployed)


def test_nothing_is_found_that_is_not_accepted(deployed: Deployed) -> None:
    """Neither an error nor a warning is left, of cdk-nag or of the CDK itself."""
    left = [
        (finding["ruleName"], construct["constructPath"])
        for report in reports(deployed)
        for finding in report["violations"]
        for construct in finding["violatingConstructs"]
    ]

    assert left == []


def test_every_reason_is_one_sentence(deployed: Deployed) -> None:
    """Who reads an acknowledgment learns why, and no more."""
    unclear = [(construct, reason) for construct, _, reason in accepted(deployed) if not SENTENCE.fullmatch(reason)]

    assert unclear == []


def test_an_acknowledgment_is_of_one_resource(deployed: Deployed) -> None:
    """A reason that is true of one resource does not hide another's finding."""
    wide = {place: resources for place, resources in used(deployed).items() if len(resources) > 1}

    assert wide == {}


def test_no_acknowledgment_is_left_over(prod: Deployed) -> None:
    """An acknowledgment of what is no longer found would hide it when it comes back for another reason."""
    rules = {(construct, rule) for construct, rule, _ in accepted(prod)}

    assert rules - used(prod).keys() == set()
