"""Lines are encrypted, let go in time, and searched for what is personal."""

from __future__ import annotations

import re

import pytest

from cdk.units.logs import PHONE_NUMBERS
from tests.infrastructure.conftest import Deployed
from tests.infrastructure.references import find

pytestmark = pytest.mark.infrastructure


def test_log_groups_are_encrypted_and_let_lines_go(deployed: Deployed) -> None:
    """No line outlives the stage's days, and none is readable on a disk."""
    groups = deployed.resources("AWS::Logs::LogGroup")

    assert groups
    for name, group in groups.items():
        properties = group["Properties"]
        assert properties["RetentionInDays"] == deployed.stage.log_days, name
        assert find(deployed, name.partition("/")[0], properties["KmsKeyId"]).type == "AWS::KMS::Key", name


def test_lines_about_calls_are_searched_and_masked(deployed: Deployed) -> None:
    """Whatever writes about calls has its lines audited and masked for the same kinds of data, as AWS demands."""
    groups = {
        name: group["Properties"]
        for name, group in deployed.resources("AWS::Logs::LogGroup").items()
        if not name.startswith("network/")
    }

    for name, properties in groups.items():
        policy = properties["DataProtectionPolicy"]
        audit, mask = policy["Statement"]
        assert "Audit" in audit["Operation"], name
        assert mask["Operation"] == {"Deidentify": {"MaskConfig": {}}}, name
        assert audit["DataIdentifier"] == mask["DataIdentifier"], name
        assert {custom["Name"] for custom in policy["Configuration"]["CustomDataIdentifier"]} == set(PHONE_NUMBERS)


def test_expressions_are_such_that_cloudwatch_takes_them() -> None:
    """A policy has ten expressions of 200 characters at most, of a few characters only
    (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL-custom-data-identifiers.html)."""
    assert len(PHONE_NUMBERS) <= 10
    for name, expression in PHONE_NUMBERS.items():
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,128}", name)
        assert re.fullmatch(r"[A-Za-z0-9_#=@/;, ^$?\[\]{}|\\*+.-]{1,200}", expression)


@pytest.mark.parametrize(
    "text",
    [
        '"identity": "sip_+491713920055"',
        "RoomIO linked to participant sip_491713920055",
        '"fault": "call +49 171 3920055 back"',
        "number +491713920055",
        '"guest": "+33 6 12 34 56 78"',
        '"said": "0171 3920055"',
        '"said": "0171/392 00 55"',
        '"said": "01713920055"',
    ],
)
def test_a_guests_number_is_found_however_it_is_written(text: str) -> None:
    """A number that slipped into a line is masked and counted."""
    assert any(re.search(expression, text) for expression in PHONE_NUMBERS.values())


@pytest.mark.parametrize(
    "text",
    [
        '"call_id": "call_+493023125001_aB3dE5gH7jK9"',
        "/v1/calls/call_%2B493023125001_aB3dE5gH7jK9/turns",
        '"trace_id": "01234567890123456789012345678901"',
        '"trace_id": "0123456789abcdef0123456789abcdef"',
        "RequestId: 01234567-8901-4234-8567-012345678901 Version: 12",
        '"timestamp": "2026-11-24T09:08:07.065+00:00"',
        '"requestTime": "24/Nov/2026:09:08:07 +0000"',
        '{"_aws":{"Timestamp":1795518315059},"TurnLatency":[1090.0]}',
        "Root=1-01234567-890123456789012345678901",
    ],
)
def test_what_lines_are_found_by_is_no_guests_number(text: str) -> None:
    """A call's id, a trace and a time stay readable, or nobody could follow a call."""
    assert not any(re.search(expression, text) for expression in PHONE_NUMBERS.values())
