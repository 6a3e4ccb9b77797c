"""A recogniser before a scripted Riva."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.contract.riva_stt.listening import Listening
    from tests.contract.scripted_riva import ScriptedRiva


@pytest.fixture
async def riva() -> AsyncIterator[tuple[ScriptedRiva, str]]:
    """A scripted server and its address."""
    # Imported here and below: Lambda's Python reads this file too, and has none of the agent's libraries.
    from tests.contract.scripted_riva import ScriptedRiva, serving

    service = ScriptedRiva()
    async with serving(service) as address:
        yield service, address


@pytest.fixture
async def heard(riva: tuple[ScriptedRiva, str]) -> AsyncIterator[Listening]:
    """A recogniser connected to the scripted server, with one stream."""
    from agent.speech.riva_stt import RivaSTT
    from tests.contract.riva_stt.listening import Listening

    async with aclosing(RivaSTT(riva[1], language="en-US", final_timeout=0.3, overlap=0.0)) as recogniser:
        yield Listening(recogniser)
