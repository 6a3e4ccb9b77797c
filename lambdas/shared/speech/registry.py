"""The speech engines that exist, by the name a hotel's file and SPEECH_ENGINES use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import AfterValidator

from lambdas.shared.settings import Settings, SettingsError, read_secret
from lambdas.shared.speech.engine import Engine, Headers

SAMPLE_RATE: Final = 24_000
"""What LiveKit publishes an agent's voice with unless told otherwise: so nothing is resampled on its way."""


def engine_names(listed: str) -> tuple[str, ...]:
    """The names in a comma-separated list; raises ValueError that says which ones are known."""
    names = tuple(name.strip() for name in listed.split(",") if name.strip())
    for name in names:
        if name not in ENGINES:
            raise ValueError(f"{name!r} is not a speech engine; known are {', '.join(ENGINES)}")
    if not names:
        raise ValueError(f"names no speech engine; known are {', '.join(ENGINES)}")
    return names


EngineNames = Annotated[str, AfterValidator(lambda listed: ",".join(engine_names(listed)))]
"""A comma-separated list of known engines, as an environment variable holds it."""


class SpeechSettings(Settings):
    """Which engines a stage has, and what each of them needs."""

    speech_engines: EngineNames
    speech_url: str | None = None
    """Where the engine `http` is."""
    speech_secret: str | None = None
    """The name of the secret that holds its API key, when it asks for one."""


@dataclass(frozen=True)
class Vendor:
    """How an engine is opened; without the settings in `needs` it is absent."""

    needs: tuple[str, ...]
    open: Callable[[SpeechSettings, int, Headers], Engine]


def _open_http(settings: SpeechSettings, sample_rate: int, headers: Headers) -> Engine:
    # Imported here: a function that only routes knows the names and needs nobody's library.
    from lambdas.shared.speech.http import HttpEngine

    api_key = read_secret(settings.speech_secret) if settings.speech_secret else None
    return HttpEngine(settings.speech_url or "", sample_rate=sample_rate, api_key=api_key, headers=headers)


ENGINES: Final[Mapping[str, Vendor]] = {"http": Vendor(needs=("speech_url",), open=_open_http)}


def require_engines(settings: SpeechSettings) -> None:
    """Raises SettingsError when an engine of SPEECH_ENGINES lacks its settings, before anybody needs it."""
    for name in engine_names(settings.speech_engines):
        _vendor(name, settings)


def open_engine(
    name: str, settings: SpeechSettings, *, sample_rate: int = SAMPLE_RATE, headers: Headers = dict
) -> Engine:
    """The engine of that name; raises SettingsError when it is unknown or lacks its settings."""
    return _vendor(name, settings).open(settings, sample_rate, headers)


def _vendor(name: str, settings: SpeechSettings) -> Vendor:
    if name not in ENGINES:
        raise SettingsError(f"{name!r} is not a speech engine; known are {', '.join(ENGINES)}")
    vendor = ENGINES[name]
    missing = [field.upper() for field in vendor.needs if not getattr(settings, field)]
    if missing:
        raise SettingsError(f"speech engine {name!r} is absent: it needs {', '.join(missing)}")
    return vendor


def open_engines(
    settings: SpeechSettings, *, sample_rate: int = SAMPLE_RATE, headers: Headers = dict
) -> dict[str, Engine]:
    """Every engine in SPEECH_ENGINES, by name; `headers` are sent with each request."""
    names = engine_names(settings.speech_engines)
    return {name: open_engine(name, settings, sample_rate=sample_rate, headers=headers) for name in names}
