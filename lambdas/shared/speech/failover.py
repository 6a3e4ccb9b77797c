"""A text is said by the first voice that can."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing

from lambdas.shared.domain.errors import BellhopError, NotFound, Refused, Unreachable
from lambdas.shared.domain.hotel import Voice
from lambdas.shared.speech.engine import Engine

Failed = Callable[[Voice, BellhopError], None]
"""Told of every voice that could not speak, and why."""


async def speak_with(
    engines: Mapping[str, Engine], choices: Sequence[Voice], text: str, language: str, *, failed: Failed
) -> AsyncGenerator[tuple[Voice, bytes], None]:
    """Chunks of the text with the voice that says them; the next choice is tried when one fails before any audio.

    An engine that breaks off later raises its own error. When no choice is left raises Refused if every one refused,
    Unreachable otherwise.
    """
    errors: list[BellhopError] = []
    for voice in choices:
        begun = False
        try:
            async with aclosing(_engine(engines, voice).speak(text, voice.voice, language)) as audio:
                async for chunk in audio:
                    begun = True
                    yield voice, chunk
            if begun:
                return
            raise Unreachable(f"engine {voice.engine} sent no audio")
        except BellhopError as error:
            if begun:
                raise
            failed(voice, error)
            errors.append(error)
    told = "; ".join(map(str, errors)) or "there is no voice to choose from"
    transient = any(isinstance(error, Unreachable) for error in errors)
    raise (Unreachable if transient else Refused)(f"nobody can speak: {told}") from (errors[-1] if errors else None)


def _engine(engines: Mapping[str, Engine], voice: Voice) -> Engine:
    if voice.engine not in engines:
        raise NotFound(f"engine {voice.engine} is not one this program has: {', '.join(engines) or 'none'}")
    return engines[voice.engine]
