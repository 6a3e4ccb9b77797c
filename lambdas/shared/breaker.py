"""Whether a system that may be failing is asked at all: one circuit for all processes, kept in the table of leases.

    closed     every request passes                           5 failures within 30 s → open
    open       none does, for 15 s                            then → half-open
    half-open  one request at a time tries whether it is well it fails → open; it succeeds → closed

A request that has been let through to try and tells nothing (its process died) gives way after 20 s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from lambdas.shared.domain.errors import Unreachable
from lambdas.shared.items import decode, encode, reaching, stamp
from lambdas.shared.tables import EXPIRES

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FAILURES: Final = 5
WITHIN: Final = timedelta(seconds=30)
OPEN_FOR: Final = timedelta(seconds=15)
TRIAL: Final = timedelta(seconds=20)
"""Longer than the longest request, or a second one would try beside the first."""
SEEN_FOR: Final = timedelta(seconds=2)
"""How long a process believes what it read, so that a healthy system's requests read nothing."""
_FORGOTTEN: Final = timedelta(hours=1)
_TRIES: Final = 8
"""How often a change is decided anew because another process has changed the circuit meanwhile."""


@dataclass(frozen=True)
class Circuit:
    """What is known of a system's failures; without an `open_until` it is closed."""

    failed_at: tuple[datetime, ...] = ()
    open_until: datetime | None = None
    trial_until: datetime | None = None

    @property
    def is_closed(self) -> bool:
        return self.open_until is None

    def may_try(self, now: datetime) -> bool:
        """Is it half-open, with nobody trying?"""
        if self.open_until is None or now < self.open_until:
            return False
        return self.trial_until is None or now >= self.trial_until

    def on_trial(self, now: datetime) -> Circuit:
        """Half-open with one request let through."""
        return Circuit(open_until=self.open_until, trial_until=now + TRIAL)

    def failed(self, now: datetime) -> Circuit:
        """After one failure more; that a request of before fails while it is open is no news."""
        if self.open_until is not None:
            return self if now < self.open_until else Circuit(open_until=now + OPEN_FOR)
        recent = (*(moment for moment in self.failed_at if now - moment < WITHIN), now)
        return Circuit(open_until=now + OPEN_FOR) if len(recent) >= FAILURES else Circuit(failed_at=recent)


CLOSED: Final = Circuit()


class Breaker:
    """The circuit of one system, such as `pms#aurora`; safe to share between threads and processes.

    `opened` is called in the process whose failure has opened it, each time that happens.
    """

    def __init__(
        self,
        system: str,
        *,
        client: DynamoDBClient,
        leases_table: str,
        now: Callable[[], datetime],
        opened: Callable[[], None] = lambda: None,
    ) -> None:
        self._system = system
        self._client = client
        self._table = leases_table
        self._now = now
        self._opened = opened
        self._pk = f"BREAKER#{system}"
        self._seen: _Seen | None = None

    def enter(self) -> None:
        """Raises Unreachable unless the system may be asked now."""
        seen = self._seen
        if seen is None or self._now() - seen.at >= SEEN_FOR:
            seen = self._read()
        for _ in range(_TRIES):
            if seen.circuit.is_closed:
                return
            now = self._now()
            if not seen.circuit.may_try(now):
                break
            if self._replaced(seen, seen.circuit.on_trial(now)):
                return
            seen = self._read()
        raise Unreachable(f"{self._system} is known to fail and is given time", vendor_code="breaker")

    def tell(self, *, failed: bool) -> None:
        """What became of a request that was let through. Never raises: the request's own result weighs more."""
        seen = self._seen
        if not failed and (seen is None or seen.circuit.is_closed):
            return
        with suppress(Unreachable):
            for _ in range(_TRIES):
                seen = self._read()
                after = seen.circuit.failed(self._now()) if failed else CLOSED
                if after == seen.circuit or (not failed and seen.circuit.is_closed):
                    return
                if self._replaced(seen, after):
                    if not after.is_closed:
                        self._opened()
                    return

    def _read(self) -> _Seen:
        with reaching("a breaker"):
            found = self._client.get_item(TableName=self._table, Key=encode({"pk": self._pk}), ConsistentRead=True)
        self._seen = _Seen.of(decode(found.get("Item", {})), self._now())
        return self._seen

    def _replaced(self, before: _Seen, after: Circuit) -> bool:
        """Has the circuit become so? Not when another process has changed it since it was read."""
        now = self._now()
        item = {
            "pk": self._pk,
            "version": before.version + 1,
            "failed_at": [stamp(moment) for moment in after.failed_at],
            "open_until": stamp(after.open_until) if after.open_until else None,
            "trial_until": stamp(after.trial_until) if after.trial_until else None,
            EXPIRES: int((now + _FORGOTTEN).timestamp()),
        }
        with reaching("a breaker"):
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item=encode(item),
                    ConditionExpression="attribute_not_exists(pk) OR version = :version",
                    ExpressionAttributeValues=encode({":version": before.version}),
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        self._seen = _Seen(after, before.version + 1, now)
        return True


@dataclass(frozen=True)
class _Seen:
    circuit: Circuit
    version: int
    at: datetime

    @classmethod
    def of(cls, item: Mapping[str, Any], at: datetime) -> _Seen:
        circuit = Circuit(
            failed_at=tuple(map(datetime.fromisoformat, item.get("failed_at", ()))),
            open_until=_moment(item.get("open_until")),
            trial_until=_moment(item.get("trial_until")),
        )
        return cls(circuit, item.get("version", 0), at)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
