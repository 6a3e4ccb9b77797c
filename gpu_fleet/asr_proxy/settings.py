"""What the proxy needs from its environment."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, field_validator

from gpu_fleet.riva.settings import HostAndPort, Port
from lambdas.shared.domain import hotel
from lambdas.shared.settings import Settings
from lambdas.shared.speech.detector import DetectorName

_TAG: Final = r"[a-z]{2}-[A-Z]{2}"
Language = Annotated[str, StringConstraints(pattern=rf"^{_TAG}$")]


def _known(listed: str) -> str:
    for tag in listed.split(","):
        if tag[:2] not in hotel.LANGUAGES:
            raise ValueError(f"{tag} is in none of a hotel's languages: {', '.join(hotel.LANGUAGES)}")
    return listed


class ProxySettings(Settings):
    """Where Riva is, where the proxy listens, who may use it and how much of it."""

    riva_url: HostAndPort
    # Clients are elsewhere in the network, which the security group and the token guard.
    proxy_host: str = "0.0.0.0"  # noqa: S104
    proxy_port: Port = 8000
    token_secret: str
    """The name of the secret that holds the clients' bearer token."""
    languages: Annotated[str, StringConstraints(pattern=rf"^{_TAG}(,{_TAG})*$"), AfterValidator(_known)] = (
        "en-US,en-GB,de-DE,fr-FR,it-IT,es-ES,es-US,nl-NL"
    )
    """Comma-separated: what Riva's model can be asked for, of each language the preferred variant first."""
    default_language: Language = Field(default="en-US", validate_default=True)
    """Of speech whose language the client does not say."""
    unknown_language: str = "multi"
    """What Riva is asked for when it shall find out the language itself
    (https://docs.nvidia.com/nim/speech/latest/asr/deploy-asr-models/parakeet-rnnt.html, read 2026-11-24)."""
    language_detector: DetectorName = "both"
    max_audio_bytes: int = Field(default=10_000_000, ge=1_000, le=100_000_000)
    max_audio_seconds: float = Field(default=300, ge=1, le=3600)
    max_upload_seconds: float = Field(default=30, ge=0.1, le=600)
    """Within which a request's body has to be there."""
    max_streams: int = Field(default=8, ge=1, le=256)
    """Recordings and streams at once; Riva's streams belong to the calls first."""
    max_stream_seconds: float = Field(default=3600, ge=1, le=14_400)
    """Of sound in one stream, and for how long it may be open."""
    max_idle_seconds: float = Field(default=15, ge=0.1, le=300)
    """For how long a client of a stream may send nothing, or take nothing that is sent to it."""

    @field_validator("default_language")
    @classmethod
    def _is_one_of_them(cls, tag: str, info: ValidationInfo) -> str:
        listed = str(info.data.get("languages", tag))
        if tag not in listed.split(","):
            raise ValueError(f"{tag} is none of LANGUAGES, {listed}")
        return tag

    @property
    def known_languages(self) -> tuple[str, ...]:
        return tuple(self.languages.split(","))

    @property
    def spoken_languages(self) -> tuple[str, ...]:
        """The same without variants, as ISO 639-1 codes."""
        return tuple(dict.fromkeys(tag[:2] for tag in self.known_languages))
