"""`python -m gpu_fleet.asr_proxy` runs the proxy."""

from __future__ import annotations

from contextlib import aclosing

from gpu_fleet.asr_proxy.app import build_app
from gpu_fleet.asr_proxy.server import SERVER
from gpu_fleet.asr_proxy.settings import ProxySettings
from gpu_fleet.riva.client import Riva
from gpu_fleet.service import UNREAD, answer, start
from lambdas.shared.settings import SettingsError, read_secret
from lambdas.shared.speech.language import DetectorMissing, open_detector


async def serve(settings: ProxySettings) -> None:
    """Recognise for clients until a signal ends it."""
    try:
        detector = open_detector(settings.language_detector, settings.spoken_languages)
    except DetectorMissing as error:
        raise SettingsError(f"LANGUAGE_DETECTOR: {error}") from None
    async with aclosing(Riva(settings.riva_url)) as riva:
        app = build_app(riva, settings, lambda: read_secret(settings.token_secret), detector)
        # A stream's client that takes nothing is told so before its connection is cut.
        unread = max(UNREAD, 2 * settings.max_idle_seconds)
        await answer(app, host=settings.proxy_host, port=settings.proxy_port, unread=unread, **SERVER)


if __name__ == "__main__":
    start("proxy", ProxySettings, serve)
