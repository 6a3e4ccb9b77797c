"""`python -m gpu_fleet.asr_proxy` runs the proxy."""

from __future__ import annotations

import asyncio

import uvicorn

from gpu_fleet.asr_proxy.app import build_app
from gpu_fleet.asr_proxy.settings import ProxySettings
from gpu_fleet.logs import configure_logs
from gpu_fleet.riva.client import Riva
from lambdas.shared.settings import SettingsError, read_secret


async def serve(settings: ProxySettings) -> None:
    """Serve until SIGTERM or SIGINT; what is being recognised then is finished."""
    riva = Riva(settings.riva_url)
    try:
        app = build_app(riva, settings, token=lambda: read_secret(settings.token_secret))
        config = uvicorn.Config(
            app, host=settings.proxy_host, port=settings.proxy_port, log_config=None, access_log=False
        )
        await uvicorn.Server(config).serve()
    finally:
        await riva.aclose()


def main() -> None:
    """Read the environment and serve."""
    configure_logs()
    try:
        settings = ProxySettings.read()
    except SettingsError as error:
        raise SystemExit(f"the proxy did not start: {error}") from None
    asyncio.run(serve(settings))


if __name__ == "__main__":
    main()
