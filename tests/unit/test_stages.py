"""What a stage is made of, and what an operator reads who has said too little or something wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cdk.stages import NAMES, NEEDED, Operator, Stage, StageError

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
SAID = {
    "livekit_url": "wss://example.eu.rtc.livekit.cloud",
    "llm_url": "https://example.openai.azure.com/openai/v1/",
    "llm_region": "swedencentral",
    "llm_model": "receptionist",
    "speech_url": "https://voices.example.eu/",
    "alarm_email": "on-call@example.com",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_stage_with_all_values_lacks_nothing(name: str) -> None:
    """What the operator has said is what the stage uses."""
    stage = Stage.of(name, SAID)

    assert stage.missing == ()
    assert stage.livekit_url == SAID["livekit_url"]
    assert stage.secret("livekit") == f"bellhop/{name}/livekit"


@pytest.mark.parametrize("name", SAID)
def test_each_value_that_calls_need_is_missed(name: str) -> None:
    """Whoever forgets one of them is told so, before anything is deployed that answers no phone."""
    assert Stage.of("prod", {**SAID, name: None}).missing == (name,)


def test_a_stage_nobody_has_filled_in_can_be_looked_at() -> None:
    """Without the operator's values there is a stage all the same, whose addresses can never exist."""
    stage = Stage.of("dev", {"livekit_url": None, "sip_addresses": ""})

    assert stage.missing == NEEDED
    assert {stage.livekit_url, stage.llm_url, stage.speech_url} == {"wss://missing.invalid", "https://missing.invalid/"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (None, "say which stage: -c stage=dev or -c stage=prod"),
        ("staging", "say which stage: -c stage=dev or -c stage=prod, not staging"),
    ],
)
def test_a_stage_must_be_named(name: str | None, said: str) -> None:
    """Who forgets the stage reads how to say it, and nothing is deployed by accident."""
    with pytest.raises(StageError) as error:
        Stage.of(name, {})

    assert str(error.value) == said


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("livekit_url", "https://example.livekit.cloud"),
        ("llm_url", "http://example.openai.azure.com"),
        ("speech_url", "voices"),
        ("sip_addresses", "192.0.2.1/24"),
        ("sip_addresses", "everywhere"),
        ("alarm_email", "on-call"),
        ("account", "12345"),
        ("livekit", "wss://example"),
    ],
)
def test_a_wrong_value_is_named(field: str, value: str) -> None:
    """A slip in cdk.json is found at once, with its place."""
    with pytest.raises(StageError, match=rf"^cdk.json, context.stages.dev: {field}"):
        Stage.of("dev", {field: value})


def test_an_unknown_value_is_answered_with_the_known_ones() -> None:
    """Who misspells a name reads the right one."""
    with pytest.raises(StageError, match=r": livekit: there is no such value; there are account, .*livekit_url"):
        Stage.of("dev", {"livekit": "wss://example"})


def test_addresses_are_listed_on_the_command_line_too() -> None:
    """`-c sip_addresses=…` takes a comma-separated list where cdk.json has an array."""
    said: list[Any] = ["192.0.2.0/25, 198.51.100.7/32", ["192.0.2.0/25", "198.51.100.7/32"]]

    stages = [Stage.of("dev", {"sip_addresses": addresses}) for addresses in said]

    assert stages[0].operator == stages[1].operator
    assert [str(network) for network in stages[0].operator.sip_addresses or ()] == ["192.0.2.0/25", "198.51.100.7/32"]


def test_cdk_json_has_a_place_for_every_value_of_every_stage() -> None:
    """An operator fills in what stands there and needs to look nothing up."""
    stages = json.loads((ROOT / "cdk.json").read_text())["context"]["stages"]

    assert set(stages) == set(NAMES)
    for values in stages.values():
        assert set(values) == set(Operator.model_fields) - {"region"}
        assert set(values.values()) == {None}


def test_prod_keeps_and_dev_does_not() -> None:
    """What is made to be tried is gone without a trace; what serves guests outlives its stack."""
    assert Stage.of("prod", {}).retain
    assert not Stage.of("dev", {}).retain
