"""Nothing of a guest leaves the European Union: every region, address and provider of a stage is held against a list.

The list says where a place is, not who owns it. What has to be outside all the same stands in EXCEPTIONS with its
reason, and the hotels' own booking systems in BOOKING_SYSTEMS. Hosts under `.invalid` are values that the operator has
not filled in yet; nothing can be sent to them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from cdk.stages import Stage
from gpu_fleet.riva.models import MODELS
from lambdas.shared.domain.hotel import Hotels

AWS_REGIONS: Final = ("eu-central-1", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-3")
"""Frankfurt, Stockholm, Milan, Spain, Ireland, Paris. eu-west-2 is London, eu-central-2 is Zurich: not in the EU.

Source: https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
"""
AZURE_REGIONS: Final = (
    "austriaeast",
    "belgiumcentral",
    "denmarkeast",
    "francecentral",
    "francesouth",
    "germanynorth",
    "germanywestcentral",
    "italynorth",
    "northeurope",
    "polandcentral",
    "spaincentral",
    "swedencentral",
    "swedensouth",
    "westeurope",
)
"""`northeurope` is Ireland, `westeurope` the Netherlands.

Source: https://learn.microsoft.com/en-us/azure/reliability/regions-list
"""

ORACLE_REGIONS: Final = (
    "eu-amsterdam-1",
    "eu-frankfurt-1",
    "eu-madrid-1",
    "eu-marseille-1",
    "eu-milan-1",
    "eu-paris-1",
    "eu-stockholm-1",
)
"""`eu-zurich-1` is in Switzerland.

Source: https://docs.oracle.com/en-us/iaas/Content/General/Concepts/regions.htm
"""


@dataclass(frozen=True)
class Hosts:
    """Addresses of one provider that are in the EU; `shown` is how a person would write them."""

    shown: str
    pattern: re.Pattern[str]
    source: str


def _hosts(shown: str, pattern: str, source: str) -> Hosts:
    return Hosts(shown, re.compile(rf"{pattern}\Z"), source)


# Only LiveKit's regional names stay in the EU: `<project>.livekit.cloud` resolves to whichever cluster is nearest.
LIVEKIT: Final = (
    _hosts(
        "<project>.eu.rtc.livekit.cloud",
        r"[a-z0-9-]+\.eu\.rtc\.livekit\.cloud",
        "https://docs.livekit.io/deploy/admin/regions/endpoints.md",
    ),
)
AZURE_RESOURCES: Final = (
    _hosts(
        "<resource>.openai.azure.com",
        r"[a-z0-9-]+\.(openai|cognitiveservices|services\.ai)\.azure\.com",
        "https://learn.microsoft.com/en-us/azure/ai-services/cognitive-services-custom-subdomains",
    ),
)
"""These names do not say where the resource is: they count together with its region."""
SPEAKING_NAMES: Final = (
    _hosts(
        "eu.api.openai.com",
        r"eu\.api\.openai\.com",
        "https://developers.openai.com/api/docs/guides/data-residency.md",
    ),
    _hosts(
        "api.eu.residency.elevenlabs.io",
        r"api\.eu\.residency\.elevenlabs\.io",
        "https://elevenlabs.io/docs/overview/administration/data-residency",
    ),
    _hosts(
        "<EU region>.tts.speech.microsoft.com",
        rf"({'|'.join(AZURE_REGIONS)})\.((tts|stt)\.speech|api\.cognitive)\.microsoft\.com",
        "https://learn.microsoft.com/en-us/azure/ai-services/speech-service/regions",
    ),
    _hosts(
        "*.<EU region>.amazonaws.com",
        rf"([a-z0-9-]+\.)+({'|'.join(AWS_REGIONS)})\.(elb\.)?amazonaws\.com",
        "https://docs.aws.amazon.com/general/latest/gr/rande.html",
    ),
    _hosts(
        "*.internal",
        r"([a-z0-9-]+\.)+internal",
        "https://www.icann.org/en/board-activities-and-meetings/materials/"
        "approved-resolutions-special-meeting-of-the-icann-board-29-07-2024-en",
    ),
    _hosts(
        "a private address",
        r"(10(\.\d{1,3}){3}|172\.(1[6-9]|2\d|3[01])(\.\d{1,3}){2}|192\.168(\.\d{1,3}){2})",
        "https://www.rfc-editor.org/rfc/rfc1918#section-3",
    ),
)
"""Names that say themselves where they are. `.internal` and private addresses are of the stage's own network."""

# A reservation is kept in the system that the hotel has chosen, whoever takes it: where that is, is between the hotel
# and its vendor. So a vendor's address counts although it does not say where it is; only Oracle's does.
BOOKING_SYSTEMS: Final[Mapping[str, tuple[Hosts, ...]]] = {
    "oracle_ohip": (
        _hosts(
            "<tenant>.hospitality-api.<EU region>.ocs.oraclecloud.com",
            rf"([a-z0-9-]+\.)+hospitality-api\.({'|'.join(ORACLE_REGIONS)})\.ocs\.(oraclecloud|oc-test)\.com",
            "https://docs.oracle.com/en/industries/hospitality/integration-platform/ohipu/",
        ),
    ),
    "cloudbeds": (
        _hosts(
            "api.cloudbeds.com",
            r"api\.cloudbeds\.com",
            "https://developers.cloudbeds.com/reference/tech-specs",
        ),
    ),
    "mews": (
        _hosts(
            "api.mews.com",
            r"api\.mews(-demo)?\.com",
            "https://docs.mews.com/connector-api/guidelines/environments",
        ),
    ),
    "apaleo": (
        _hosts(
            "api.apaleo.com, identity.apaleo.com",
            r"(api|identity)\.apaleo\.com",
            "https://apaleo.dev/guides/oauth-connection/simple-client",
        ),
    ),
}
"""Where hotels' booking systems are, by connector; a hotel's file names another address only of its vendor."""

EXCEPTIONS: Final[Mapping[tuple[str, str], str]] = {
    ("riva_model", "nvcr.io"): "NVIDIA publishes its speech images nowhere else; an image comes in, nothing goes out.",
}
"""(setting, region or host) → why it may be outside the EU."""


class ResidencyError(Exception):
    """Something of a stage is or may be outside the EU; the message names each setting, its value, what is allowed."""


def require_eu(stage: Stage, hotels: Hotels) -> None:
    """Raises ResidencyError when a region, an address or a provider of the stage or a hotel is not in the EU."""
    faults = list(_faults(stage, hotels))
    if faults:
        raise ResidencyError("\n".join(f"outside the EU: {fault}" for fault in faults))


def _faults(stage: Stage, hotels: Hotels) -> Iterator[str]:
    operator = stage.operator
    yield from _region("region", stage.region, AWS_REGIONS)
    yield from _address("livekit_url", stage.livekit_url, LIVEKIT)
    yield from _address("llm_url", stage.llm_url, (*AZURE_RESOURCES, *SPEAKING_NAMES))
    if operator.llm_region is not None:
        yield from _region("llm_region", operator.llm_region, (*AZURE_REGIONS, *AWS_REGIONS))
    yield from _address("speech_url", stage.speech_url, SPEAKING_NAMES)
    if operator.azure_speech_region is not None:
        # Its address is `<region>.stt.speech.microsoft.com`: the region is all that is to be known of it.
        yield from _region("azure_speech_region", operator.azure_speech_region, AZURE_REGIONS)
    yield from _address("riva_model", f"https://{MODELS[stage.riva_model].image}", ())
    for hotel in hotels:
        if hotel.pms.url is not None:
            where = f"hotels/{hotel.name}/hotel.toml: [pms] url"
            yield from _address(where, hotel.pms.url, BOOKING_SYSTEMS.get(hotel.pms.connector, ()))
        for language, voices in hotel.voices.items():
            for number, voice in enumerate(voices):
                if voice.region is not None:
                    where = f"hotels/{hotel.name}/hotel.toml: [[voices.{language}]][{number}] region"
                    yield from _region(where, voice.region, (*AZURE_REGIONS, *AWS_REGIONS))


def _region(setting: str, value: str, allowed: tuple[str, ...]) -> Iterator[str]:
    if value not in allowed and (setting, value) not in EXCEPTIONS:
        yield f"{setting} is {value!r}; allowed are {', '.join(allowed)}"


def _address(setting: str, url: str, allowed: tuple[Hosts, ...]) -> Iterator[str]:
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host.endswith(".invalid") or (setting, host) in EXCEPTIONS:
        return
    if not any(hosts.pattern.match(host) for hosts in allowed):
        shown = ", ".join(hosts.shown for hosts in allowed) or "none"
        yield f"{setting} is at {host!r}; allowed are {shown}"
