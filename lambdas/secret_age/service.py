"""How long ago each secret of a stage got its value, as metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.shared import observability

AGE: Final = "SecretAgeDays"
UNKNOWN: Final = "SecretAgeUnknown"
_CURRENT: Final = "AWSCURRENT"


class Secrets(Protocol):
    """The action of Secrets Manager's client that is used here, with its own name and shape."""

    def list_secret_version_ids(self, *, SecretId: str) -> Mapping[str, Any]: ...  # noqa: N803


class Measure(Protocol):
    """Writes a metric about a secret."""

    def __call__(self, metric: str, value: float, secret: str) -> None: ...


def measure(metric: str, value: float, secret: str) -> None:
    """One CloudWatch metric, whose dimensions are the function's name and `secret`."""
    observability.measure(metric, value, MetricUnit.NoUnit, secret=secret)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class SecretAges:
    """Tells the age of secrets, in days.

    The age is that of the value. `DescribeSecret` has no such date: its LastChangedDate is also that of a tag or a
    policy (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DescribeSecret.html), so a deployment
    would make every old secret look new.
    """

    secrets: Secrets
    measure: Measure
    logger: Logger
    now: Callable[[], datetime] = _now

    def tell(self, names: Iterable[str]) -> None:
        """Measure each one's age and whether it is known; one that is missing hides no other."""
        for name in names:
            age = self._age(name)
            self.measure(UNKNOWN, 0 if age is not None else 1, name)
            if age is not None:
                self.measure(AGE, round(age, 2), name)

    def _age(self, name: str) -> float | None:
        try:
            versions = self.secrets.list_secret_version_ids(SecretId=name).get("Versions", [])
        except (BotoCoreError, ClientError) as error:
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
            self.logger.error("secret cannot be seen", secret=name, fault=code)
            return None
        for version in versions:
            if _CURRENT in version.get("VersionStages", ()):
                since: datetime = version["CreatedDate"]
                return (self.now() - since) / timedelta(days=1)
        self.logger.error("secret has no value", secret=name)
        return None
