"""How a request becomes values and an error becomes an answer, the same in every function.

    NotFound                 404
    Refused and below        409, with the error's own code
    Unreachable and below    503, Retry-After, with the error's own code (so do faults of AWS)
    Unauthenticated          401
    InvalidRequest           400 (so does a body or header of the wrong shape), naming the field and never its value
    anything else            500, without details

Every error's body is `{"error": {"code": …, "message": …}}`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response, content_types
from aws_lambda_powertools.event_handler.openapi.exceptions import (
    RequestUnsupportedContentType,
    RequestValidationError,
)
from aws_lambda_powertools.event_handler.openapi.params import Header, Path
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, BeforeValidator, StringConstraints, ValidationError

from lambdas.endpoints import EPOCH_HEADER
from lambdas.shared.domain.call import CALL_ID
from lambdas.shared.domain.errors import BellhopError, NotFound, Refused, Unreachable
from lambdas.shared.observability import open_logger, request_fields
from lambdas.shared.redaction.faults import where

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler.openapi.models import OpenAPI

RETRY_AFTER: Final = "1"
ERRORS: Final[Mapping[int, str]] = {
    400: "The request has not the shape it must have",
    404: "It is not there, or not for this caller",
    409: "It will not be done; `code` says why",
    415: "The body is not JSON",
    503: "A system that is needed does not answer; ask again after Retry-After",
}
"""What any route may answer instead of its result."""
_FIELD: Final = re.compile(r"^[A-Za-z][A-Za-z0-9_-]{0,39}$")

Model = TypeVar("Model", bound=BaseModel)

# REST APIs pass a path as it was sent, HTTP APIs and some clients decode it: both meet here. A `+` is a plus sign.
CallInPath = Annotated[str, BeforeValidator(unquote), StringConstraints(pattern=CALL_ID), Path(description="Its room")]
HotelInPath = Annotated[str, BeforeValidator(unquote), StringConstraints(max_length=40), Path(description="Its folder")]
Epoch = Annotated[int, Header(alias=EPOCH_HEADER, ge=0, le=1_000_000_000, description="The epoch of the agent's lease")]


class InvalidRequest(Exception):
    """A request of the wrong shape: `field` is where, `fault` what is wrong; neither holds the value."""

    def __init__(self, field: str, fault: str) -> None:
        super().__init__(f"{field}: {fault}")


class Unauthenticated(Exception):
    """Whoever calls did not prove who they are; `challenge` becomes WWW-Authenticate."""

    def __init__(self, message: str, *, challenge: str | None = None) -> None:
        super().__init__(message)
        self.challenge = challenge


class Api(APIGatewayRestResolver):
    """The routes of one function; what they raise is answered as the module's docstring says."""

    def __init__(self, service: str) -> None:
        super().__init__(enable_validation=True, json_body_deserializer=_json)
        self.logger = open_logger(service)
        handle = self.exception_handler
        handle(NotFound)(lambda error: answer_error(404, error.code, str(error)))
        handle(Refused)(self._refused)
        handle(Unreachable)(self._unreachable)
        handle([BotoCoreError, ClientError])(self._unreachable)
        handle(Unauthenticated)(self._unauthenticated)
        handle(InvalidRequest)(lambda error: answer_error(400, "invalid", str(error)))
        handle(RequestValidationError)(lambda error: answer_error(400, "invalid", _told(error.errors())))
        # JSON can spell half of a character, which no UTF-8 has; a validator's message that quotes one cannot be told.
        handle(UnicodeError)(lambda _: answer_error(400, "invalid", "body: is not UTF-8"))
        handle(RequestUnsupportedContentType)(
            lambda _: answer_error(415, "invalid", "Content-Type: send application/json")
        )
        handle(Exception)(self._failed)
        self.not_found(lambda _: answer_error(404, NotFound.code, "there is no such route"))

    def resolve(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        self.logger.append_keys(**request_fields(event, context))
        return super().resolve(event, context)

    def get_openapi_schema(self, **about: Any) -> OpenAPI:
        """The document of the routes, with the errors that each of them may answer in place of Powertools' 422."""
        from aws_lambda_powertools.event_handler.openapi.models import Response as Described

        schema = super().get_openapi_schema(**about)
        for path in (schema.paths or {}).values():
            for operation in (path.get, path.post, path.put, path.delete):
                if operation is not None:
                    known = {status: told for status, told in (operation.responses or {}).items() if status != 422}
                    errors = {status: Described.model_validate(_described(told)) for status, told in ERRORS.items()}
                    operation.responses = {**errors, **known}
        return schema

    def _refused(self, error: Refused) -> Response[Any]:
        self.logger.info("request refused", code=error.code, vendor_code=error.vendor_code)
        return answer_error(409, error.code, str(error))

    def _unreachable(self, error: Exception) -> Response[Any]:
        message, fault, code, vendor_code = str(error), str(error), Unreachable.code, None
        if isinstance(error, BellhopError):
            code, vendor_code = error.code, error.vendor_code
        else:
            # What AWS says may quote the item that was to be written.
            message = "a system that is needed does not answer"
            fault = error.response["Error"].get("Code", "") if isinstance(error, ClientError) else ""
        self.logger.warning(
            "part unreachable",
            code=code,
            error=type(error).__name__,
            fault=fault,
            vendor_code=vendor_code,
        )
        return answer_error(503, code, message, {"Retry-After": RETRY_AFTER})

    def _unauthenticated(self, error: Unauthenticated) -> Response[Any]:
        self.logger.warning("caller unknown", fault=str(error))
        headers = {"WWW-Authenticate": error.challenge} if error.challenge else {}
        return answer_error(401, "unauthenticated", str(error), headers)

    def _failed(self, error: Exception) -> Response[Any]:
        # An exception's message may quote a guest (pydantic's do); where it happened never does.
        self.logger.error("request failed", error=type(error).__name__, at=where(error))
        return answer_error(500, "internal", "something went wrong here")


def answer_error(
    status: int, code: str, message: str, headers: Mapping[str, str | list[str]] | None = None, **more: Any
) -> Response[Any]:
    """The one shape of an error; `more` stands beside code and message."""
    body = {"error": {"code": code, "message": message, **more}}
    return Response(status, content_type=content_types.APPLICATION_JSON, body=body, headers=dict(headers or {}))


def _described(told: str) -> dict[str, Any]:
    """An error's answer, as OpenAPI describes one."""
    text = {"type": "string"}
    error = {"type": "object", "required": ["code", "message"], "properties": {"code": text, "message": text}}
    body = {"type": "object", "required": ["error"], "properties": {"error": error}}
    return {"description": told, "content": {content_types.APPLICATION_JSON: {"schema": body}}}


def _json(body: str) -> Any:
    """The body's JSON. What Python's parser gives up on, endless numbers and nesting, is refused like what is none."""
    try:
        return json.loads(body)
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError):
        raise json.JSONDecodeError("is more than can be read", "", 0) from None


def raw_body(event: Mapping[str, Any]) -> bytes:
    """The bytes the client sent, which signatures and hashes are made of; raises InvalidRequest."""
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(body).encode("utf-8")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequest("body", "is not base64") from None


def parse_body(model: type[Model], body: bytes) -> Model:
    """A body that must not be read before its sender is known; raises InvalidRequest."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        field, fault = _fault({**faults[0], "loc": ("body", *faults[0]["loc"])})
        raise InvalidRequest(field, fault) from None


def _told(faults: Iterable[Mapping[str, Any]]) -> str:
    return "; ".join(": ".join(_fault(fault)) for fault in faults)


def _fault(fault: Mapping[str, Any]) -> tuple[str, str]:
    """Where and what, without the value: a name that is none of ours may be one, as may a validator's own words."""
    parts = [str(part) if isinstance(part, int) or _FIELD.match(part) else "…" for part in fault["loc"]]
    message = "is not allowed" if fault["type"] in ("value_error", "assertion_error") else str(fault["msg"])
    return ".".join(parts), message


Handler = Callable[[Mapping[str, Any], LambdaContext], dict[str, Any]]
"""What Lambda, and a stand-in for it, calls."""
