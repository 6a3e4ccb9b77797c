"""`python -m agent` runs the receptionist's worker."""

from __future__ import annotations

import asyncio

from agent.logs import configure_logs
from agent.prompts import PromptError
from agent.server import serve
from agent.settings import AgentSettings
from agent.wiring import load_detectors, load_hotels
from lambdas.shared.domain.errors import HotelFileError
from lambdas.shared.settings import SettingsError
from lambdas.shared.speech.registry import require_engines


def main() -> None:
    """Read the environment, then work until a signal ends it."""
    try:
        settings = AgentSettings.read()
        configure_logs(settings.log_level)
        hotels, _ = load_hotels(settings)
        load_detectors(settings, hotels)
        require_engines(settings)
        asyncio.run(serve(settings))
    except (SettingsError, HotelFileError, PromptError) as error:
        raise SystemExit(f"the agent did not start: {error}") from None


if __name__ == "__main__":
    main()
