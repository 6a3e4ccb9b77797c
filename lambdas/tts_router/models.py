"""What travels to and from the tts_router function."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from lambdas.shared.domain.dispatch import HotelName
from lambdas.shared.domain.hotel import Voice


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlanRequest(_Wire):
    """Which voice speaks for this hotel in this language?"""

    hotel: HotelName
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]


class SpeechPlan(_Wire):
    """The voices to try, in this order; never a key. It is asked for again after `expires_at`."""

    hotel: HotelName
    language: str
    choices: tuple[Voice, ...] = Field(min_length=1)
    expires_at: AwareDatetime
