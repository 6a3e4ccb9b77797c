"""What a dispatched agent is told about its call."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

AGENT_NAME: Final = "receptionist"
"""The name under which the agent's workers register and by which a dispatch rule asks for one of them."""

HotelName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class UnreadableDispatch(ValueError):
    """The metadata of a dispatch is not one of ours."""


class Dispatch(BaseModel):
    """The metadata of an explicit dispatch: written where dispatch rules are made, read by the agent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    v: Literal[1] = 1
    hotel: HotelName

    def to_json(self) -> str:
        return self.model_dump_json()

    @classmethod
    def parse(cls, metadata: str) -> Self:
        """Raises UnreadableDispatch when the metadata is not JSON of this shape."""
        try:
            return cls.model_validate_json(metadata)
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(map(str, fault["loc"])) or "metadata"
            raise UnreadableDispatch(f"dispatch {where}: {fault['msg']}") from None
