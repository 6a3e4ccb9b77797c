"""What the tts_router function needs from its environment."""

from __future__ import annotations

from pathlib import Path

from lambdas.shared.settings import Settings
from lambdas.shared.speech.registry import EngineNames


class TtsRouterSettings(Settings):
    """The engines of this stage, and the folder of the hotels."""

    speech_engines: EngineNames
    hotels: Path = Path("hotels")
