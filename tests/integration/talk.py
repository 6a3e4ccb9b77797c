"""A call as its parties make it: LiveKit's webhooks and an agent's requests, signed, over HTTP."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from livekit.api import AccessToken

from lambdas.endpoints import EPOCH_HEADER
from lambdas.shared.items import decode

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

URL: Final = "http://127.0.0.1:8800"
REGION: Final = "eu-central-1"
NUMBER: Final = "+491713920055"
NAME: Final = "Anna Meier"
KEYS: Final = Credentials("LOCALACCESSKEY", "local-secret-key")
LIVEKIT: Final = {"api_key": "local", "api_secret": "livekit-secret-" * 3}
_numbers = count(1)


@dataclass
class Cloud:
    """The gateway with all functions behind it, and the database they share."""

    http: httpx.AsyncClient
    database: DynamoDBClient
    log: io.StringIO = field(default_factory=io.StringIO)

    async def agent(self, method: str, path: str, body: Any = None, epoch: int | None = None) -> tuple[int, Any]:
        """A signed request, as the agent sends it."""
        content = b"" if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} | ({} if epoch is None else {EPOCH_HEADER: str(epoch)})
        request = AWSRequest(method, URL + path, headers=headers, data=content)
        SigV4Auth(KEYS, "execute-api", REGION).add_auth(request)
        answer = await self.http.request(method, path, content=content, headers=dict(request.headers.items()))
        return answer.status_code, answer.json()

    async def livekit(self, event: str, call_id: str, secret: str = LIVEKIT["api_secret"], **fields: Any) -> int:
        """A signed webhook, as livekit-server sends it."""
        told = {"event": event, "id": f"EV_{event}", "createdAt": str(int(datetime.now(UTC).timestamp()))}
        body = json.dumps({**told, "room": {"name": call_id, "turnPassword": "t0p"}, **fields}).encode()
        token = AccessToken(LIVEKIT["api_key"], secret).with_ttl(timedelta(minutes=5))
        signed = token.with_sha256(base64.b64encode(hashlib.sha256(body).digest()).decode()).to_jwt()
        headers = {"Authorization": signed, "Content-Type": "application/webhook+json"}
        return (await self.http.post("/v1/livekit/webhook", content=body, headers=headers)).status_code

    def items(self) -> list[dict[str, Any]]:
        return [decode(item) for item in self.database.scan(TableName="calls")["Items"]]

    def stays(self) -> list[dict[str, Any]]:
        return [item for item in self.items() if item["sk"].startswith("STAY#")]


@dataclass
class Talk:
    """One call with the agent that holds it."""

    cloud: Cloud
    id: str = field(default_factory=lambda: f"call_+493023125001_talk{next(_numbers)}")
    epoch: int = 1
    _seq: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def path(self) -> str:
        return f"/v1/calls/{self.id.replace('+', '%2B')}"

    @property
    def desk(self) -> str:
        return f"/v1/hotels/aurora/calls/{self.id}"

    async def begin(self) -> Talk:
        participant = {"identity": f"sip_{NUMBER}", "name": f"Phone {NUMBER}", "kind": "SIP"}
        attributes = {"sip.phoneNumber": NUMBER, "sip.trunkPhoneNumber": "+493023125001"}
        assert await self.cloud.livekit("room_started", self.id) == 200
        joined = {**participant, "attributes": attributes}
        assert await self.cloud.livekit("participant_joined", self.id, participant=joined) == 200
        status, lease = await self.cloud.agent("POST", f"{self.path}/lease", {"holder": "w1"})
        assert (status, lease["epoch"]) == (200, 1)
        await self.report("answered")
        return self

    async def report(self, kind: str, **data: str) -> tuple[int, Any]:
        seq = next(self._seq)
        told = {
            "id": f"{self.epoch}.{seq}",
            "kind": kind,
            "seq": seq,
            "at": datetime.now(UTC).isoformat(),
            "data": data,
        }
        return await self.cloud.agent("POST", f"{self.path}/events", told, self.epoch)

    async def offers(self, room_type: str = "double", *, days: int = 10, adults: int = 2) -> tuple[int, Any]:
        arrival = datetime.now(UTC).date() + timedelta(days=days)
        stay = {"arrival": str(arrival), "departure": str(arrival + timedelta(days=2)), "adults": adults, "children": 0}
        asked = {"stay": stay, "room_type": room_type}
        return await self.cloud.agent("POST", f"{self.desk}/offers", asked, self.epoch)

    async def wish(self, room_type: str = "double") -> str:
        status, answer = await self.offers(room_type)
        assert status == 200
        return str(answer["offers"][0]["wish_id"])

    async def cancellation(self, code: str) -> tuple[int, Any]:
        return await self.cloud.agent("POST", f"{self.desk}/offers", {"kind": "cancel", "code": code}, self.epoch)

    async def cancel(self, code: str, wish_id: str) -> tuple[int, Any]:
        path = f"{self.desk}/reservations/{code}?wish_id={wish_id}"
        return await self.cloud.agent("DELETE", path, epoch=self.epoch)

    async def verify(self, **said: str) -> tuple[int, Any]:
        return await self.cloud.agent("POST", f"{self.desk}/verification", said, self.epoch)

    async def reservation(self, code: str) -> tuple[int, Any]:
        return await self.cloud.agent("GET", f"{self.desk}/reservations/{code}", epoch=self.epoch)

    async def reservations(self) -> tuple[int, Any]:
        return await self.cloud.agent("GET", f"{self.desk}/reservations", epoch=self.epoch)

    async def note(self, code: str, note_id: str, text: str) -> tuple[int, Any]:
        path = f"{self.desk}/reservations/{code}/notes"
        return await self.cloud.agent("POST", path, {"id": note_id, "text": text}, self.epoch)

    async def change(self, code: str, **wanted: Any) -> tuple[int, Any]:
        asked = {"kind": "change", "code": code, **wanted}
        status, offered = await self.cloud.agent("POST", f"{self.desk}/offers", asked, self.epoch)
        assert status == 200, offered
        wish = {"wish_id": offered["offers"][0]["wish_id"]}
        return await self.cloud.agent("PUT", f"{self.desk}/reservations/{code}", wish, self.epoch)

    async def book(self, wish_id: str, name: str = NAME) -> tuple[int, Any]:
        asked = {"wish_id": wish_id, "guest": {"name": name}}
        return await self.cloud.agent("POST", f"{self.desk}/reservations", asked, self.epoch)


def code_in(answer: tuple[int, Mapping[str, Any]]) -> str:
    assert answer[0] == 200, answer
    return str(answer[1]["reservation"]["code"])


def refusal_in(answer: tuple[int, Mapping[str, Any]]) -> tuple[int, str]:
    return answer[0], answer[1]["error"]["code"]
