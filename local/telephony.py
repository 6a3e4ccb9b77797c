"""A stand-in for LiveKit's SIP service: trunks and dispatch rules over Twirp, kept in memory.

    POST /twirp/livekit.SIP/<method>   a protobuf message → a protobuf message, or JSON `{"code", "msg", "meta"}`

It refuses what LiveKit refuses, with LiveKit's codes. What that is was read in its sources:
https://github.com/livekit/livekit/blob/v1.13.5/pkg/service/sip.go (what each method checks, in which order),
https://github.com/livekit/livekit/blob/v1.13.5/pkg/service/auth.go (who may ask),
https://github.com/livekit/protocol/blob/main/sip/sip.go (which trunks and which rules conflict),
https://github.com/livekit/protocol/blob/main/livekit/sip.go (what a trunk and a rule must have),
https://twitchtv.github.io/twirp/docs/spec_v7.html (how a fault is told).
"""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import product
from typing import Any, Final, TypeVar

import jwt
from google.protobuf.message import DecodeError
from livekit.api import (
    CreateSIPDispatchRuleRequest,
    CreateSIPInboundTrunkRequest,
    DeleteSIPDispatchRuleRequest,
    DeleteSIPTrunkRequest,
    ListSIPDispatchRuleRequest,
    ListSIPDispatchRuleResponse,
    ListSIPInboundTrunkRequest,
    ListSIPInboundTrunkResponse,
    SIPDispatchRuleInfo,
    SIPInboundTrunkInfo,
    SIPTrunkInfo,
    TokenVerifier,
)
from livekit.api.access_token import Claims
from livekit.protocol.sip import UpdateSIPDispatchRuleRequest, UpdateSIPInboundTrunkRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

PROTOBUF: Final = "application/protobuf"
STATUS: Final[Mapping[str, HTTPStatus]] = {
    "bad_route": HTTPStatus.NOT_FOUND,
    "invalid_argument": HTTPStatus.BAD_REQUEST,
    "malformed": HTTPStatus.BAD_REQUEST,
    "not_found": HTTPStatus.NOT_FOUND,
    "unauthenticated": HTTPStatus.UNAUTHORIZED,
    "unimplemented": HTTPStatus.NOT_IMPLEMENTED,
}
_HEADER: Final = re.compile(r"[A-Za-z0-9.!%*_+`'~-]{1,255}")
_NUMBER: Final = re.compile(r"\+?[0-9 ()-]+")
_MARKS: Final = re.compile(r"[ ()-]")

Stored = TypeVar("Stored", SIPInboundTrunkInfo, SIPDispatchRuleInfo)


class Fault(Exception):
    """A request that LiveKit does not carry out, as Twirp tells it."""

    def __init__(self, code: str, message: str, meta: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.meta = code, message, dict(meta or {})

    def response(self) -> Response:
        body = {"code": self.code, "msg": self.message, **({"meta": self.meta} if self.meta else {})}
        return JSONResponse(body, STATUS[self.code])


@dataclass(frozen=True)
class Method:
    """A remote procedure: what is asked, who may ask it, and what is answered. `answer` raises Fault."""

    request: type[Any]
    may: Callable[[Claims | None, Any], bool]
    answer: Callable[[Any], Awaitable[Any]]


def is_sip_admin(claims: Claims | None, _: Any) -> bool:
    return bool(claims and claims.sip and claims.sip.admin)


@dataclass
class Trunks:
    """The inbound trunks and dispatch rules of a project, by id; tests look at them and put others' there."""

    trunks: dict[str, SIPInboundTrunkInfo] = field(default_factory=dict)
    rules: dict[str, SIPDispatchRuleInfo] = field(default_factory=dict)

    def methods(self) -> Mapping[str, Method]:
        return {
            "CreateSIPInboundTrunk": Method(CreateSIPInboundTrunkRequest, is_sip_admin, self.create_trunk),
            "UpdateSIPInboundTrunk": Method(UpdateSIPInboundTrunkRequest, is_sip_admin, self.update_trunk),
            "ListSIPInboundTrunk": Method(ListSIPInboundTrunkRequest, is_sip_admin, self.list_trunks),
            "DeleteSIPTrunk": Method(DeleteSIPTrunkRequest, is_sip_admin, self.delete_trunk),
            "CreateSIPDispatchRule": Method(CreateSIPDispatchRuleRequest, is_sip_admin, self.create_rule),
            "UpdateSIPDispatchRule": Method(UpdateSIPDispatchRuleRequest, is_sip_admin, self.update_rule),
            "ListSIPDispatchRule": Method(ListSIPDispatchRuleRequest, is_sip_admin, self.list_rules),
            "DeleteSIPDispatchRule": Method(DeleteSIPDispatchRuleRequest, is_sip_admin, self.delete_rule),
        }

    async def create_trunk(self, request: CreateSIPInboundTrunkRequest) -> SIPInboundTrunkInfo:
        if not request.HasField("trunk"):
            raise Fault("invalid_argument", "missing trunk")
        if request.trunk.sip_trunk_id:
            raise Fault("invalid_argument", "trunk id must not be set")
        _refuse_bad_trunk(request.trunk)
        return self._keep_trunk(request.trunk, _new_id("ST_"))

    async def update_trunk(self, request: UpdateSIPInboundTrunkRequest) -> SIPInboundTrunkInfo:
        if not request.sip_trunk_id:
            raise Fault("invalid_argument", "trunk id must be set")
        _refuse_other_update(request)
        if request.replace.sip_trunk_id not in {"", request.sip_trunk_id}:
            raise Fault("invalid_argument", "trunk id in the info must be empty or match the id in the update")
        _refuse_bad_trunk(request.replace)
        if request.sip_trunk_id not in self.trunks:
            raise Fault("not_found", "requested sip trunk does not exist")
        return self._keep_trunk(request.replace, request.sip_trunk_id)

    async def list_trunks(self, request: ListSIPInboundTrunkRequest) -> ListSIPInboundTrunkResponse:
        """Without filters all of them; with numbers also those that take any number."""
        ids, wanted = set(request.trunk_ids), {normal(number) for number in request.numbers}
        trunks = (trunk for trunk_id, trunk in sorted(self.trunks.items()) if not ids or trunk_id in ids)
        taking = (t for t in trunks if not wanted or not t.numbers or wanted & {normal(n) for n in t.numbers})
        return ListSIPInboundTrunkResponse(items=taking)

    async def delete_trunk(self, request: DeleteSIPTrunkRequest) -> SIPTrunkInfo:
        """An id that is unknown is no fault: LiveKit deletes without looking."""
        if not request.sip_trunk_id:
            raise Fault("invalid_argument", "trunk ID is required")
        self.trunks.pop(request.sip_trunk_id, None)
        return SIPTrunkInfo(sip_trunk_id=request.sip_trunk_id)

    async def create_rule(self, request: CreateSIPDispatchRuleRequest) -> SIPDispatchRuleInfo:
        if not request.HasField("dispatch_rule"):
            raise Fault("unimplemented", "a rule in the request's deprecated fields is not read here")
        if request.dispatch_rule.sip_dispatch_rule_id:
            raise Fault("invalid_argument", "rule id must not be set")
        _refuse_bad_rule(request.dispatch_rule)
        return self._keep_rule(request.dispatch_rule, _new_id("SDR_"))

    async def update_rule(self, request: UpdateSIPDispatchRuleRequest) -> SIPDispatchRuleInfo:
        if not request.sip_dispatch_rule_id:
            raise Fault("invalid_argument", "rule id must be set")
        _refuse_other_update(request)
        if request.replace.sip_dispatch_rule_id not in {"", request.sip_dispatch_rule_id}:
            raise Fault("invalid_argument", "rule id in the info must be empty or match the id in the update")
        _refuse_bad_rule(request.replace)
        if request.sip_dispatch_rule_id not in self.rules:
            raise Fault("not_found", "requested sip dispatch rule does not exist")
        return self._keep_rule(request.replace, request.sip_dispatch_rule_id)

    async def list_rules(self, request: ListSIPDispatchRuleRequest) -> ListSIPDispatchRuleResponse:
        """Without filters all of them; with trunks also those that answer any trunk."""
        ids, wanted = set(request.dispatch_rule_ids), set(request.trunk_ids)
        rules = (rule for rule_id, rule in sorted(self.rules.items()) if not ids or rule_id in ids)
        answering = (rule for rule in rules if not wanted or not rule.trunk_ids or wanted & set(rule.trunk_ids))
        return ListSIPDispatchRuleResponse(items=answering)

    async def delete_rule(self, request: DeleteSIPDispatchRuleRequest) -> SIPDispatchRuleInfo:
        if not request.sip_dispatch_rule_id:
            raise Fault("invalid_argument", "dispatch rule ID is required")
        if request.sip_dispatch_rule_id not in self.rules:
            raise Fault("not_found", "requested sip dispatch rule does not exist")
        return self.rules.pop(request.sip_dispatch_rule_id)

    def _keep_trunk(self, told: SIPInboundTrunkInfo, trunk_id: str) -> SIPInboundTrunkInfo:
        trunk, present = _copy(told), self.trunks.get(trunk_id)
        trunk.sip_trunk_id = trunk_id
        _refuse_trunk_conflicts([*(t for t in self.trunks.values() if t.sip_trunk_id != trunk_id), trunk])
        _date(trunk, present)
        self.trunks[trunk_id] = trunk
        return trunk

    def _keep_rule(self, told: SIPDispatchRuleInfo, rule_id: str) -> SIPDispatchRuleInfo:
        rule, present = _copy(told), self.rules.get(rule_id)
        rule.sip_dispatch_rule_id = rule_id
        _refuse_rule_conflicts([*(r for r in self.rules.values() if r.sip_dispatch_rule_id != rule_id), rule])
        _date(rule, present)
        self.rules[rule_id] = rule
        return rule


def normal(number: str) -> str:
    """A number as LiveKit compares it; what is no number stays as it is."""
    if not _NUMBER.fullmatch(number):
        return number
    bare = _MARKS.sub("", number)
    return bare if bare.startswith("+") else f"+{bare}"


def _refuse_bad_trunk(trunk: SIPInboundTrunkInfo) -> None:
    if not (trunk.auth_username or trunk.auth_password or trunk.allowed_addresses or trunk.numbers):
        one_of = "AuthUsername+AuthPassword, AllowedAddresses or Numbers"
        raise Fault("invalid_argument", f"for security, one of the fields must be set: {one_of}")
    for header in (*trunk.headers, *trunk.headers_to_attributes, *trunk.attributes_to_headers.values()):
        if not _HEADER.fullmatch(header):
            raise Fault("invalid_argument", f"invalid header name: header name {header} contains invalid characters")


def _refuse_bad_rule(rule: SIPDispatchRuleInfo) -> None:
    if rule.rule.WhichOneof("rule") is None:
        raise Fault("invalid_argument", "missing rule")


def _refuse_trunk_conflicts(trunks: Iterable[SIPInboundTrunkInfo]) -> None:
    """Two trunks may have a number in common only if each takes calls of other callers."""
    holders: dict[tuple[str, str], SIPInboundTrunkInfo] = {}
    for trunk in trunks:
        numbers = {normal(number) for number in trunk.numbers} or {""}
        callers = {normal(number) for number in trunk.allowed_numbers} or {""}
        for key in product(numbers, callers):
            holder = holders.setdefault(key, trunk)
            if holder.sip_trunk_id != trunk.sip_trunk_id:
                shared = " ".join(f'"{number}"' for number in trunk.numbers) or "<any>"
                ids = f'"{trunk.sip_trunk_id}" and "{holder.sip_trunk_id}"'
                problem = f"Conflicting inbound SIP Trunks: {ids}, using the same number(s) [{shared}]"
                raise Fault("invalid_argument", problem)


def _refuse_rule_conflicts(rules: Iterable[SIPDispatchRuleInfo]) -> None:
    """Two rules may answer a trunk only if they differ in the PIN or in the numbers that call or are called."""
    holders: dict[tuple[str, str, str, str], SIPDispatchRuleInfo] = {}
    for rule in rules:
        kind = rule.rule.WhichOneof("rule")
        pin = getattr(rule.rule, kind).pin if kind else ""
        callers = {normal(number) for number in rule.inbound_numbers} or {""}
        numbers = {normal(number) for number in rule.numbers} or {""}
        for trunk_id, caller, number in product(set(rule.trunk_ids) or {""}, callers, numbers):
            holder = holders.setdefault((pin, trunk_id, caller, number), rule)
            if holder is not rule:
                known = f'"{holder.sip_dispatch_rule_id}" "{holder.name}"'
                same = "the same trunk, inbound number, number, and PIN combination"
                raise Fault("invalid_argument", f"Dispatch rule for {same} already exists in dispatch rule {known}")


def _refuse_other_update(request: UpdateSIPInboundTrunkRequest | UpdateSIPDispatchRuleRequest) -> None:
    action = request.WhichOneof("action")
    if action is None:
        raise Fault("invalid_argument", "missing or unsupported update action")
    if action == "update":
        raise Fault("unimplemented", "an update of single fields is not made here, only a replacement")


def _date(stored: Stored, present: Stored | None) -> None:
    if present is None:
        stored.created_at.GetCurrentTime()
    else:
        stored.created_at.CopyFrom(present.created_at)
    stored.updated_at.GetCurrentTime()


def _copy(message: Stored) -> Stored:
    copied = type(message)()
    copied.CopyFrom(message)
    return copied


def _new_id(prefix: str) -> str:
    return prefix + "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(12))


def build_app(methods: Mapping[str, Method], *, api_key: str, api_secret: str) -> Starlette:
    """These methods of the service `livekit.SIP` as an ASGI application, for whoever has the key."""
    verifier = TokenVerifier(api_key, api_secret)

    async def call(request: Request) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        claims: Claims | None = None
        if scheme:
            if scheme != "Bearer":
                return PlainTextResponse("the authorization must be a Bearer", HTTPStatus.UNAUTHORIZED)
            try:
                claims = verifier.verify(token)
            except (jwt.InvalidTokenError, ValueError, TypeError) as error:
                return PlainTextResponse(f"invalid token ({type(error).__name__})", HTTPStatus.UNAUTHORIZED)
        try:
            return await answer(request, claims)
        except Fault as fault:
            return fault.response()

    async def answer(request: Request, claims: Claims | None) -> Response:
        method = methods.get(request.path_params["method"])
        if method is None or request.headers.get("content-type") != PROTOBUF:
            raise Fault("bad_route", f"no handler for path {request.url.path!r} and this Content-Type")
        try:
            asked = method.request.FromString(await request.body())
        except DecodeError:
            raise Fault("malformed", "the protobuf request could not be decoded") from None
        if not method.may(claims, asked):
            raise Fault("unauthenticated", "permissions denied")
        answered = await method.answer(asked)
        return Response(answered.SerializeToString(), media_type=PROTOBUF)

    return Starlette(routes=[Route("/twirp/livekit.SIP/{method}", call, methods=["POST"])])
