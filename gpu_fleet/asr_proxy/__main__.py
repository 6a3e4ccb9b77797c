"""`python -m gpu_fleet.asr_proxy` runs the proxy."""

from __future__ import annotations

from contextlib import aclosing

from gpu_fleet.asr_proxy.app import build_app
from gpu_fleet.asr_proxy.settings import ProxySettings
from gpu_fleet.riva.client import Riva
from gpu_fleet.service import answer, start
from lambdas.shared.settings import read_secret


async def serve(settings: ProxySettings) -> None:
    """Recognise for clients until a signal ends it."""
    async with aclosing(Riva(settings.riva_url)) as riva:
        app = build_app(riva, settings, token=lambda: read_secret(settings.token_secret))
        await answer(app, host=settings.proxy_host, port=settings.proxy_port)


if __name__ == "__main__":
    start("proxy", ProxySettings, serve)
