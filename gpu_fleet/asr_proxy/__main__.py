"""`python -m gpu_fleet.asr_proxy` runs the proxy."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any, Final

from gpu_fleet.asr_proxy.app import build_app
from gpu_fleet.asr_proxy.settings import ProxySettings
from gpu_fleet.asr_proxy.stream import MOST_MESSAGE
from gpu_fleet.riva.client import Riva
from gpu_fleet.service import answer, start
from lambdas.shared.settings import SettingsError, read_secret
from lambdas.shared.speech.language import DetectorMissing, open_detector

SERVER: Final[dict[str, Any]] = {
    # The faster parser takes a header of any size.
    "http": "h11",
    "h11_max_incomplete_event_size": 16_384,
    "ws": "websockets-sansio",
    "ws_max_size": MOST_MESSAGE,
    # Sound does not become smaller by it, and each connection would hold tables for it.
    "ws_per_message_deflate": False,
}


async def serve(settings: ProxySettings) -> None:
    """Recognise for clients until a signal ends it."""
    try:
        detector = open_detector(settings.language_detector, settings.spoken_languages)
    except DetectorMissing as error:
        raise SettingsError(f"LANGUAGE_DETECTOR: {error}") from None
    async with aclosing(Riva(settings.riva_url)) as riva:
        app = build_app(riva, settings, lambda: read_secret(settings.token_secret), detector)
        await answer(app, host=settings.proxy_host, port=settings.proxy_port, **SERVER)


if __name__ == "__main__":
    start("proxy", ProxySettings, serve)
