"""DynamoDB's items in Python's terms: attribute values, times that sort as text, transactions and faults."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.shared.domain.errors import Unreachable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

Result = TypeVar("Result")

TRIES: Final = 8
_FIRST_PAUSE: Final = 0.01
_LONGEST_PAUSE: Final = 0.4
_PASSING: Final = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)
"""Faults of DynamoDB that may be gone a moment later, after boto3's own retries."""
_COLLISIONS: Final = frozenset({"None", "TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError"})
"""Reasons for which a transaction was cancelled although each of its conditions may hold."""


class Conflict(Exception):
    """Somebody else wrote at the same moment: read again and decide anew."""


def stamp(moment: datetime) -> str:
    """A moment as text that sorts by time: always UTC, always with microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def encode(values: Mapping[str, Any]) -> dict[str, AttributeValueTypeDef]:
    """Attributes from text, numbers, booleans, None, lists and mappings of those; raises TypeError for others."""
    return {name: _encoded(value) for name, value in values.items()}


def _encoded(value: Any) -> AttributeValueTypeDef:
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": str(value)}
        case int() | float():
            return {"N": str(value)}
        case Mapping():
            return {"M": {str(name): _encoded(inner) for name, inner in value.items()}}
        case list() | tuple():
            return {"L": [_encoded(inner) for inner in value]}
    raise TypeError(f"{type(value).__name__} cannot be an attribute")


def decode(item: Mapping[str, AttributeValueTypeDef]) -> dict[str, Any]:
    """What `encode` was given; tuples come back as lists."""
    return {name: _decoded(value) for name, value in item.items()}


def _decoded(value: Any) -> Any:
    ((kind, inner),) = value.items()
    match kind:
        case "S" | "BOOL":
            return inner
        case "N":
            return int(inner) if inner.lstrip("-").isdigit() else float(inner)
        case "NULL":
            return None
        case "M":
            return decode(inner)
        case "L":
            return [_decoded(each) for each in inner]
    raise TypeError(f"an attribute of type {kind} is none of ours")


@contextmanager
def reaching(what: str) -> Iterator[None]:
    """Turns faults of the database that may pass into Unreachable; a fault of ours stays what it is."""
    try:
        yield
    except BotoCoreError as error:
        raise Unreachable(f"{what}: {type(error).__name__}") from error
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code not in _PASSING:
            raise
        raise Unreachable(f"{what}: {code}") from error


@dataclass(frozen=True)
class Write:
    """One write of a transaction; `otherwise` is raised when its condition, if it has one, does not hold."""

    action: TransactWriteItemTypeDef
    otherwise: Exception | None = None


def transact(client: DynamoDBClient, writes: Sequence[Write]) -> None:
    """All of the writes or none; raises the first failing write's error, or Conflict when others were writing."""
    try:
        with reaching("a transaction"):
            client.transact_write_items(TransactItems=[write.action for write in writes])
    except client.exceptions.TransactionCanceledException as error:
        codes = [reason.get("Code", "None") for reason in error.response["CancellationReasons"]]
        for write, code in zip(writes, codes, strict=True):
            if code == "ConditionalCheckFailed" and write.otherwise:
                raise write.otherwise from None
        if set(codes) <= _COLLISIONS:
            raise Conflict(", ".join(codes)) from None
        raise


@dataclass(frozen=True)
class Patience:
    """How a write that collides is tried again: eight times in about a second, each pause drawn at random."""

    sleep: Callable[[float], None] = time.sleep
    draw: Callable[[float, float], float] = random.SystemRandom().uniform
    """From the system's entropy: sandboxes that Lambda restores from one snapshot share the state of `random` itself,
    so two that collide would pause for the same times and collide again."""

    def until_done(self, attempt: Callable[[], Result]) -> Result:
        """The attempt's result; raises Unreachable when it met a Conflict every time."""
        for tried in range(TRIES):
            if tried:
                self.sleep(self.draw(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**tried)))
            try:
                return attempt()
            except Conflict:
                continue
        raise Unreachable(f"others wrote the same item at each of {TRIES} tries")
