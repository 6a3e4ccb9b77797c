"""A stage is made of places in the EU, or is not made at all."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cdk import residency
from cdk.residency import ResidencyError, require_eu
from cdk.stages import Stage
from lambdas.shared.domain.hotel import BookingSystem, Hotel, Hotels, Voice
from tests.systems import hotels_on

pytestmark = pytest.mark.unit

HOTELS = Hotels.load(Path("hotels"))
AT_HOME = {
    "livekit_url": "wss://aurora-x1.eu.rtc.livekit.cloud",
    "llm_url": "https://aurora.openai.azure.com/openai/v1/",
    "llm_region": "swedencentral",
    "llm_model": "gpt-4.1-mini",
    "speech_url": "https://germanywestcentral.tts.speech.microsoft.com",
    "alarm_email": "night@example.com",
}


def stage(**said: Any) -> Stage:
    return Stage.of("prod", {**AT_HOME, **said})


def hotels_with(voice: Voice) -> Hotels:
    hotel: Hotel = next(iter(HOTELS)).model_copy(update={"voices": {"en": (voice,)}})
    return Hotels(by_name={hotel.name: hotel}, by_number={})


def test_a_stage_in_the_eu_is_accepted() -> None:
    """Regions and addresses of the list need no word."""
    require_eu(stage(), HOTELS)


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_a_stage_that_is_not_filled_in_is_accepted(name: str) -> None:
    """Values that are still missing lead nowhere, so a fresh clone can be synthesised."""
    require_eu(Stage.of(name, {}), HOTELS)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"region": "us-east-1"}, "region is 'us-east-1'"),
        ({"region": "eu-west-2"}, "region is 'eu-west-2'"),
        ({"region": "eu-central-2"}, "region is 'eu-central-2'"),
        ({"livekit_url": "wss://aurora-x1.livekit.cloud"}, "livekit_url is at 'aurora-x1.livekit.cloud'"),
        ({"livekit_url": "wss://aurora-x1.us.rtc.livekit.cloud"}, "livekit_url is at 'aurora-x1.us.rtc"),
        ({"livekit_url": "wss://eu.rtc.livekit.cloud.example.com"}, "livekit_url is at"),
        ({"livekit_url": "wss://10.0.0.1"}, "livekit_url is at '10.0.0.1'"),
        ({"llm_url": "https://api.openai.com/v1/"}, "llm_url is at 'api.openai.com'"),
        ({"llm_url": "https://us.api.openai.com/v1/"}, "llm_url is at 'us.api.openai.com'"),
        ({"llm_url": "https://aurora.openai.azure.com.example.com/"}, "llm_url is at"),
        ({"llm_url": "https://aurora.openai.azure.com@example.com/"}, "llm_url is at 'example.com'"),
        ({"llm_region": "eastus2"}, "llm_region is 'eastus2'"),
        ({"llm_region": "uksouth"}, "llm_region is 'uksouth'"),
        ({"llm_region": "switzerlandnorth"}, "llm_region is 'switzerlandnorth'"),
        ({"azure_speech_region": "eastus"}, "azure_speech_region is 'eastus'"),
        ({"azure_speech_region": "uksouth"}, "azure_speech_region is 'uksouth'"),
        ({"speech_url": "https://api.elevenlabs.io"}, "speech_url is at 'api.elevenlabs.io'"),
        ({"speech_url": "https://eastus.tts.speech.microsoft.com"}, "speech_url is at 'eastus."),
        ({"speech_url": "https://speech.example.com"}, "speech_url is at 'speech.example.com'"),
        ({"speech_url": "http://172.32.0.1"}, "speech_url is at '172.32.0.1'"),
        ({"speech_url": "https://a.execute-api.us-east-1.amazonaws.com"}, "speech_url is at"),
    ],
)
def test_what_is_outside_the_eu_stops_the_stage(said: Mapping[str, str], told: str) -> None:
    """Every setting that names a place is checked, and the error says which one, its value and what is allowed."""
    with pytest.raises(ResidencyError, match=f"outside the EU: {re.escape(told)}.*; allowed are .+"):
        require_eu(stage(**said), HOTELS)


@pytest.mark.parametrize(
    "said",
    [
        {"region": "eu-west-1"},
        {"llm_url": "https://eu.api.openai.com/v1/"},
        {"llm_url": "https://aurora.services.ai.azure.com/openai/v1/"},
        {"llm_url": "https://bedrock-runtime.eu-central-1.amazonaws.com/openai/v1", "llm_region": "eu-central-1"},
        {"azure_speech_region": "germanywestcentral"},
        {"speech_url": "https://api.eu.residency.elevenlabs.io"},
        {"speech_url": "https://speech-1.eu-central-1.elb.amazonaws.com"},
        {"speech_url": "https://speech-1.elb.eu-central-1.amazonaws.com"},
        {"speech_url": "http://speech.bellhop.internal:8000"},
        {"speech_url": "http://10.0.3.4:8000"},
        {"speech_url": "https://Germanywestcentral.TTS.speech.microsoft.com."},
    ],
)
def test_other_places_in_the_eu_are_accepted(said: Mapping[str, str]) -> None:
    """Every kind of address in the list is recognised."""
    require_eu(stage(**said), HOTELS)


def test_everything_that_is_outside_is_told_at_once() -> None:
    """Whoever deploys repairs all settings in one go."""
    with pytest.raises(ResidencyError) as caught:
        require_eu(
            stage(region="us-east-1", llm_region="eastus"), hotels_with(Voice(engine="x", voice="v", region="us"))
        )

    assert [line.split(" is ")[0] for line in str(caught.value).splitlines()] == [
        "outside the EU: region",
        "outside the EU: llm_region",
        "outside the EU: hotels/aurora/hotel.toml: [[voices.en]][0] region",
    ]


def test_a_voice_may_be_in_any_region_of_the_eu() -> None:
    """A hotel's voices name their engine's region."""
    require_eu(stage(), hotels_with(Voice(engine="azure", voice="v", region="germanywestcentral")))


@pytest.mark.parametrize(
    ("connector", "url"),
    [
        ("oracle_ohip", "https://tenant1.hospitality-api.eu-frankfurt-1.ocs.oraclecloud.com"),
        ("oracle_ohip", "https://tenant1ua.hospitality-api.eu-frankfurt-1.ocs.oc-test.com"),
        ("cloudbeds", "https://api.cloudbeds.com/api/v1.3"),
        ("mews", "https://api.mews.com"),
        ("mews", "https://api.mews-demo.com"),
        ("apaleo", "https://api.apaleo.com"),
        ("apaleo", None),
    ],
)
def test_a_hotel_may_be_on_its_vendors_system(connector: str, url: str | None) -> None:
    """A vendor's own address counts; where the address says a region, it is one of the EU's."""
    require_eu(stage(), hotels_on(boreal=BookingSystem(connector=connector, url=url)))


@pytest.mark.parametrize(
    ("connector", "url"),
    [
        ("oracle_ohip", "https://tenant1.hospitality-api.us-ashburn-1.ocs.oraclecloud.com"),
        ("oracle_ohip", "https://tenant1.hospitality-api.eu-zurich-1.ocs.oraclecloud.com"),
        ("oracle_ohip", "https://tenant1.hospitality-api.eu-frankfurt-1.ocs.oraclecloud.com.example.com"),
        ("mews", "https://api.mews.com.example.com"),
        ("mews", "https://api.apaleo.com"),
        ("apaleo", "http://127.0.0.1:8080"),
        ("demo", "https://api.mews.com"),
    ],
)
def test_a_hotel_sends_its_guests_to_nobody_else(connector: str, url: str) -> None:
    """Another vendor's address, or anybody's, stops the stage; the error names the hotel's file."""
    with pytest.raises(ResidencyError, match=re.escape("outside the EU: hotels/boreal/hotel.toml: [pms] url is at")):
        require_eu(stage(), hotels_on(boreal=BookingSystem(connector=connector, url=url)))


def test_an_exception_counts_for_one_setting_and_one_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception for one address opens no other."""
    excepted = {**residency.EXCEPTIONS, ("speech_url", "speech.example.com"): "The hotel's own, in a cellar in Berlin."}
    monkeypatch.setattr(residency, "EXCEPTIONS", excepted)

    require_eu(stage(speech_url="https://speech.example.com"), HOTELS)
    with pytest.raises(ResidencyError):
        require_eu(stage(llm_url="https://speech.example.com"), HOTELS)


def test_a_recogniser_comes_from_the_registry_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """NVIDIA's registry is outside the EU, so without its exception no stage could be made."""
    monkeypatch.setattr(residency, "EXCEPTIONS", {})

    with pytest.raises(ResidencyError, match=r"riva_model is at 'nvcr\.io'; allowed are none"):
        require_eu(stage(), HOTELS)


def test_every_exception_has_a_reason_in_a_sentence() -> None:
    """Nobody has to guess why something may be outside."""
    for reason in residency.EXCEPTIONS.values():
        assert re.fullmatch(r"[A-Z].{30,}\.", reason)
