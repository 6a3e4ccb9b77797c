"""Who hears a call: Riva, and where the stage has one, Azure when Riva is gone for good.

Riva's own stream mends what it can (`agent.speech.riva_stt`). When it gives up, the framework's adapter opens the
second recogniser for the rest of the call, which first hears what Riva was told and never answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

import structlog
from livekit.agents import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, APIConnectOptions, NotGivenOr, stt
from livekit.agents.stt.fallback_adapter import FallbackRecognizeStream

from agent.settings import AgentSettings
from agent.speech.riva_channel import riva_credentials
from agent.speech.riva_stream import Metadata
from agent.speech.riva_stt import RivaSTT
from agent.trace import Traces
from lambdas.shared.domain.hotel import Hotel

if TYPE_CHECKING:
    from agent.speech.azure_stt import AzureSTT

RIVA_LANGUAGES: Final = {"en": "en-US", "de": "de-DE", "fr": "fr-FR", "it": "it-IT", "es": "es-ES", "nl": "nl-NL"}
"""What both recognisers call the languages that a hotel may have."""
ATTEMPT: Final = APIConnectOptions(max_retry=0, retry_interval=0.3, timeout=10.0)
"""How one of two recognisers is tried: once, for it tries by itself. Riva's own budget must fit into the seconds."""

logger: structlog.stdlib.BoundLogger = structlog.get_logger()


class Recogniser(Protocol):
    """What a conversation may change at whoever hears it."""

    def update_options(
        self, *, language: str | None = None, phrases: Sequence[str] | None = None, boost: float | None = None
    ) -> None:
        """From now on this language is spoken (a value of RIVA_LANGUAGES) and these phrases are likely; None leaves
        what there is. What was said before is still heard as it was. Raises ValueError for what cannot be asked.
        """


class Recognisers(stt.FallbackAdapter):
    """Riva, and Azure for the rest of the call once Riva has given up. Closing it closes both."""

    def __init__(self, riva: RivaSTT, azure: AzureSTT) -> None:
        super().__init__(
            [riva, azure],
            attempt_timeout=ATTEMPT.timeout,
            max_retry_per_stt=ATTEMPT.max_retry,
            retry_interval=ATTEMPT.retry_interval,
        )
        self._riva = riva
        self._azure = azure
        self.on("stt_availability_changed", _log_change)

    def update_options(
        self, *, language: str | None = None, phrases: Sequence[str] | None = None, boost: float | None = None
    ) -> None:
        """Both are told, whichever of them hears now: the other may have to go on from here."""
        if language is not None:
            # Riva knows more languages, and has to stay in the old one when Azure may not be asked for the new one.
            self._azure.known(language)
        self._riva.update_options(language=language, phrases=phrases, boost=boost)
        self._azure.update_options(language=language, phrases=phrases)

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> stt.RecognizeStream:
        """Recognises frames as they are pushed."""
        return _OneAtATime(stt=self, language=language, conn_options=conn_options)

    async def aclose(self) -> None:
        """Closes both recognisers; the adapter by itself would close neither."""
        await super().aclose()
        await self._riva.aclose()
        await self._azure.aclose()


class _OneAtATime(FallbackRecognizeStream):
    """The adapter's stream, without its trials of a recogniser that has failed.

    They would send it the guest's voice for the rest of the call, only to know whether it answers, and never go back to
    it in the middle of one.
    """

    def _try_recovery(self, stt: stt.STT[Any]) -> None:
        """Leaves it alone."""


def open_recogniser(
    settings: AgentSettings, hotel: Hotel, traces: Traces, *, azure_key: str | None = None
) -> RivaSTT | Recognisers:
    """Who hears a call to this hotel, in its own language at first; with a key for Azure there are two."""
    language = RIVA_LANGUAGES[hotel.language]
    riva = _open_riva(settings, language, traces.recognition_metadata)
    if azure_key is None or settings.azure_speech_region is None:
        return riva
    # Imported here: Microsoft's library takes a fifth of a second, and stages without Azure do without it.
    from agent.speech.azure_stt import AzureSTT

    azure = AzureSTT(
        region=settings.azure_speech_region,
        key=azure_key,
        language=language,
        languages=[RIVA_LANGUAGES[each] for each in hotel.languages],
        unheard=riva.take_unheard,
    )
    return Recognisers(riva, azure)


def open_second_hearing(settings: AgentSettings, hotel: Hotel, traces: Traces) -> RivaSTT:
    """Riva once more, for single turns in other languages; each of them is a part of the turn that is being heard."""
    return _open_riva(settings, RIVA_LANGUAGES[hotel.language], traces.heard_again_metadata)


def _open_riva(settings: AgentSettings, language: str, metadata: Metadata) -> RivaSTT:
    return RivaSTT(
        settings.riva_url,
        language=language,
        credentials=(
            riva_credentials(settings.riva_ca, settings.riva_cert, settings.riva_key) if settings.riva_tls else None
        ),
        metadata=metadata,
    )


def _log_change(event: stt.AvailabilityChangedEvent) -> None:
    logger.warning("recogniser changed", provider=event.stt.provider, available=event.available)
