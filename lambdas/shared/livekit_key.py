"""The key of a LiveKit project, as secret `livekit` holds it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class LiveKitKey(BaseModel):
    """LiveKit signs its webhooks with it, and lets in whoever signs with it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    api_key: str = Field(min_length=1)
    api_secret: str = Field(min_length=1, repr=False)
