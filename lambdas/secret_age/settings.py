"""What the function needs from its environment."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from lambdas.shared.settings import Settings


class SecretAgeSettings(Settings):
    """The names of the secrets that it looks after, separated by commas."""

    secrets: Annotated[str, StringConstraints(pattern=r"^[\w/+=.@-]+(,[\w/+=.@-]+)*$")]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.secrets.split(","))
