"""Requests to a vendor, with what a phone call can bear: time-outs, retries of reads, and never a blind second write.

answer                              a read                       a write
2xx, 4xx                            the connector judges         the connector judges
3xx, 408                            Unreachable                  InDoubt: something between has answered
401                                 once more, newly signed      the same: nothing was done
429                                 waits Retry-After, if short  the same: nothing was done
no connection                       tried again                  Unreachable: nothing was sent
5xx, time-out, broken connection    tried again, for 6.5 s       InDoubt: it may have been done
longer than LONGEST_ANSWER          Unreachable                  InDoubt
time left is too short              Unreachable                  Unreachable: nothing was sent
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from lambdas.shared.domain.errors import BellhopError, InDoubt, Unreachable
from lambdas.shared.pms.time_left import seconds_left

READ_SECONDS: Final = 3.0
WRITE_SECONDS: Final = 10.0
READ_TRIES: Final = 3
READS_TOGETHER: Final = 6.5
"""Seconds that the tries of a read may last together: one that is not heard of is tried once more, not twice."""
LONGEST_WAIT: Final = 2.0
"""Seconds that a Retry-After may ask for; a guest on the phone waits no longer."""
LONGEST_ANSWER: Final = 4_000_000
LEAST: Final = 0.3
"""Seconds below which no read is begun, since nobody waits for its answer."""
LEAST_TO_WRITE: Final = 3.0
"""Seconds that must be left for a write, or it would be in doubt as soon as it is sent."""
_FIRST_PAUSE: Final = 0.1
_NOT_SENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.InvalidURL,
    httpx.LocalProtocolError,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    UnicodeEncodeError,
)
"""Faults before the first byte; some are of a header that cannot be sent, such as a key with an umlaut."""

Model = TypeVar("Model", bound=BaseModel)


class Auth(Protocol):
    """Who we are to the vendor."""

    def headers(self) -> Mapping[str, str]:
        """What every request carries. Raises Unreachable when a token is needed and cannot be had."""

    def renew(self) -> None:
        """The vendor did not accept the headers: the next ones are made of what is valid by now."""


class Gate(Protocol):
    """Whether a hotel's system may be asked now; shared by all functions."""

    def enter(self) -> None:
        """Counts one request. Raises Unreachable while the system is known to fail or its budget is spent."""

    def tell(self, *, failed: bool) -> None:
        """What became of the request."""


class OpenGate:
    """Lets every request through."""

    def enter(self) -> None:
        """Never raises."""

    def tell(self, *, failed: bool) -> None:
        """Forgets it."""


@dataclass(frozen=True)
class Answer:
    """What the vendor answered below 500. `body` is the JSON it sent, None when it sent none or something else."""

    what: str
    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    wrote: bool = False

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def read_as(self, model: type[Model]) -> Model:
        """The body as the vendor documents it; raises InDoubt for a write and Unreachable for a read otherwise."""
        try:
            return model.model_validate(self.body)
        except ValidationError:
            raise self.unexpected() from None

    def unexpected(self, vendor_code: str | None = None) -> BellhopError:
        """The error for an answer that the vendor's documentation does not explain.

        Of a write only a 4xx says that nothing was done; 408 is a proxy's time-out, whose request may have gone on.
        """
        refused = 400 <= self.status < 500 and self.status != 408
        kind = InDoubt if self.wrote and not refused else Unreachable
        return kind(f"{self.what}: unexpected answer {self.status}", vendor_code=vendor_code or str(self.status))


@dataclass(frozen=True)
class VendorHttp:
    """One hotel's line to its vendor; `http` is the process's connection pool, shared by all hotels.

    Where nothing is signed (`auth` is None), 401 is an answer that the connector judges.
    """

    http: httpx.Client
    base_url: str
    auth: Auth | None
    gate: Gate
    sleep: Callable[[float], None] = time.sleep
    draw: Callable[[float, float], float] = random.SystemRandom().uniform
    """From the system's entropy: sandboxes restored from one snapshot share the state of `random`."""
    clock: Callable[[], float] = time.monotonic
    left: Callable[[], float] = seconds_left

    def read(self, what: str, method: str, path: str, **request: Any) -> Answer:
        """Ask without changing anything; `what` names it in errors, `request` is httpx's. Raises Unreachable."""
        signed_again, last_begin = False, self.clock() + READS_TOGETHER - READ_SECONDS
        for tried in range(1, READ_TRIES + 1):
            try:
                answer = self._send(what, method, path, LEAST, READ_SECONDS, request)
            except _Fault as fault:
                if tried == READ_TRIES or self.clock() > last_begin:
                    raise Unreachable(f"{what}: {fault.code}", vendor_code=fault.code) from None
                self.sleep(self.draw(0, _FIRST_PAUSE * 2**tried))
                continue
            if answer.status == 401 and self.auth and not signed_again:
                signed_again = True
                self.auth.renew()
            elif answer.status == 429 and tried < READ_TRIES:
                self._wait(answer)
            elif answer.status == 429 or (answer.status == 401 and self.auth):
                break
            else:
                return answer
        raise Unreachable(f"{what}: not let in ({answer.status})", vendor_code=str(answer.status))

    def write(self, what: str, method: str, path: str, **request: Any) -> Answer:
        """Change something, sent so that it happens at most once. Raises Unreachable, and InDoubt."""
        for again in (False, True):
            try:
                answer = self._send(what, method, path, LEAST_TO_WRITE, WRITE_SECONDS, request)
            except _Fault as fault:
                kind = InDoubt if fault.sent else Unreachable
                raise kind(f"{what}: {fault.code}", vendor_code=fault.code) from None
            if answer.status == 401 and self.auth and not again:
                self.auth.renew()
            elif answer.status == 429 and not again:
                self._wait(answer)
            elif answer.status == 429 or (answer.status == 401 and self.auth):
                break
            else:
                return Answer(what, answer.status, answer.body, answer.headers, wrote=True)
        raise Unreachable(f"{what}: not let in ({answer.status})", vendor_code=str(answer.status))

    def _send(self, what: str, method: str, path: str, least: float, most: float, request: Mapping[str, Any]) -> Answer:
        """Raises _Fault, and Unreachable where nothing was sent. It takes `most` seconds, and `least` must be left."""
        if self.left() < least:
            raise Unreachable(f"{what}: no time is left", vendor_code="out_of_time")
        self.gate.enter()
        try:
            # A vendor that gives no token fails like one that gives no answer.
            signed = self.auth.headers() if self.auth else {}
            headers = {**signed, **request.get("headers", {})}
            if self.left() < least:
                raise _Fault("out_of_time", sent=False)
            answer = self._exchange(what, method, path, min(most, self.left()), {**request, "headers": headers})
        except (_Fault, Unreachable):
            self.gate.tell(failed=True)
            raise
        self.gate.tell(failed=False)
        return answer

    def _exchange(self, what: str, method: str, path: str, seconds: float, request: Mapping[str, Any]) -> Answer:
        ends = self.clock() + seconds
        limits = httpx.Timeout(seconds, connect=min(seconds, 1.5))
        try:
            with self.http.stream(method, f"{self.base_url}{path}", timeout=limits, **request) as response:
                if response.status_code >= 500:
                    raise _Fault(str(response.status_code))
                parts, size = [], 0
                for part in response.iter_bytes():
                    size += len(part)
                    if size > LONGEST_ANSWER:
                        raise _Fault("answer_too_long")
                    if self.clock() > ends:
                        raise _Fault("answer_too_slow")
                    parts.append(part)
                return Answer(what, response.status_code, _json(b"".join(parts)), dict(response.headers))
        except _NOT_SENT as error:
            raise _Fault(type(error).__name__, sent=False) from None
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise _Fault(type(error).__name__) from None

    def _wait(self, answer: Answer) -> None:
        """As long as Retry-After says. Raises Unreachable when that is longer than a guest waits."""
        asked = answer.headers.get("retry-after", "")
        seconds = float(asked) if asked.isdecimal() else _FIRST_PAUSE
        if seconds > LONGEST_WAIT:
            raise Unreachable(f"{answer.what}: too many requests, free in {asked} s", vendor_code="429")
        self.sleep(seconds + self.draw(0, _FIRST_PAUSE))


class _Fault(Exception):
    """The vendor failed; `sent` says whether it may have seen the request."""

    def __init__(self, code: str, *, sent: bool = True) -> None:
        super().__init__(code)
        self.code, self.sent = code, sent


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
