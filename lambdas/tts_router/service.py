"""Which voice speaks."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Final

from lambdas.shared.domain.errors import NotFound, Refused
from lambdas.shared.domain.hotel import Hotels
from lambdas.tts_router.models import SpeechPlan

LIFETIME: Final = timedelta(seconds=60)
"""How long an agent speaks by one plan."""


class Router:
    """The hotels' voices, as far as this stage has their engines."""

    def __init__(
        self, hotels: Hotels, engines: Collection[str], *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._hotels, self._engines, self._now = hotels, engines, now

    def plan(self, hotel: str, language: str) -> SpeechPlan:
        """The voices to try in the hotel's order; raises NotFound for a hotel or a language of it that is not there,
        Refused when this stage has no engine for any of them."""
        found = self._hotels.by_name.get(hotel)
        if found is None:
            raise NotFound(f"there is no hotel {hotel!r}")
        voices = found.voices.get(language, ())
        if language not in found.languages or not voices:
            raise NotFound(f"hotel {hotel} does not speak {language!r}; it speaks {', '.join(found.languages)}")
        choices = tuple(voice for voice in voices if voice.engine in self._engines)
        if not choices:
            wanted = ", ".join(sorted({voice.engine for voice in voices}))
            has = ", ".join(sorted(self._engines))
            raise Refused(
                f"no voice of {hotel} for {language!r} can speak here: it wants {wanted}, this stage has {has}"
            )
        return SpeechPlan(hotel=hotel, language=language, choices=choices, expires_at=self._now() + LIFETIME)
