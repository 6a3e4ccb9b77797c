"""What a program needs to know from its environment, and the secrets it may read.

A field `llm_url` is the variable `LLM_URL`: the class is the only place where a variable is named. Entry points call
`.read()`; the program that starts them (the cloud's stacks, the local stack) calls `.write()`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Final, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

Model = TypeVar("Model", bound=BaseModel)


class SettingsError(Exception):
    """A variable or a secret is missing or wrong; the message names each one and says what is allowed."""


class Settings(BaseModel):
    """The base of every program's settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None) -> Self:
        """These settings as the environment has them; an empty variable counts as absent.

        Raises SettingsError that names every variable that is missing or wrong.
        """
        source = os.environ if environ is None else environ
        given = {field: source[field.upper()] for field in cls.model_fields if source.get(field.upper())}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            lines = [f"{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in error.errors()]
            raise SettingsError(f"{cls.__name__}: " + "; ".join(lines)) from None

    def write(self) -> dict[str, str]:
        """The variables from which `.read()` makes these settings again."""
        values = self.model_dump(mode="json", exclude_none=True)
        return {field.upper(): str(value) for field, value in values.items() if str(value)}


SECRET_LIFETIME: Final = 300.0
_secrets: dict[str, tuple[float, str]] = {}


def read_secret(name: str, *, fresh: bool = False) -> str:
    """The secret of that name in Secrets Manager; kept for five minutes, so a rotated one is used without a deploy.

    A `fresh` one is asked for now. Raises SettingsError when there is none or it may not be read; the message never
    holds the value.
    """
    read_at, value = _secrets.get(name, (float("-inf"), ""))
    if not fresh and time.monotonic() - read_at < SECRET_LIFETIME:
        return value
    # Imported here: boto3 costs half a second, and programs without secrets start without it.
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        value = str(boto3.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])
    except (BotoCoreError, ClientError) as error:
        fault = type(error).__name__
        raise SettingsError(
            f"secret {name!r} cannot be read ({fault}): does it exist, may this role read it?"
        ) from None
    _secrets[name] = (time.monotonic(), value)
    return value


def parse_secret(model: type[Model], name: str, text: str) -> Model:
    """The secret of that name, whose text is JSON; raises SettingsError that says what belongs into it."""
    try:
        return model.model_validate_json(text)
    except ValidationError:
        # Its message would quote the secret.
        fields = " and ".join(model.model_fields)
        raise SettingsError(f"secret {name!r} is not JSON with {fields}") from None
