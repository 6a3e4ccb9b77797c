"""A request's body, as JSON with base64 or as a form with a file, becomes a recording and what was said about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from gpu_fleet.asr_proxy.audio import AudioError, decode_base64
from gpu_fleet.asr_proxy.models import DetectRequest, TranscribeRequest

R = TypeVar("R", TranscribeRequest, DetectRequest)

_FORM: Final = "multipart/form-data"
_JSON: Final = "application/json"
_MOST_FIELDS: Final = 8
_LONGEST_FIELD: Final = 16_384
_MOST_MARKS: Final = 10_000
"""Quotes and commas in JSON. Audio has none and the longest text one a character; a field of its own for each few bytes
of a large body would take a hundred times the body's memory."""
_MOST_FAULTS: Final = 8
_LONGEST_NAME: Final = 40
_IN_FILE: Final = "in the file"


class Invalid(Exception):
    """The body is not what it should be; the message names the field and what is allowed, never the value."""


@dataclass(frozen=True)
class Sent(Generic[R]):
    """What a client sent: the fields, of which `audio` is no longer one, and the audio's bytes, b"" if it sent none."""

    fields: R
    audio: bytes


async def read_body(request: Request, model: type[R], *, most_bytes: int) -> Sent[R]:
    """The body as that model.

    Raises Invalid, AudioError when the audio is not base64 or holds more than `most_bytes`, HTTPException 415 when the
    body is neither JSON nor a form, and what reading it raises.
    """
    match request.headers.get("content-type", _JSON).partition(";")[0].strip().lower():
        case "application/json":
            return await _read_json(request, model, most_bytes)
        case "multipart/form-data":
            return await _read_form(request, model, most_bytes)
    raise HTTPException(415, f"Content-Type: send {_JSON} or {_FORM}")


async def _read_json(request: Request, model: type[R], most_bytes: int) -> Sent[R]:
    body = b"".join([chunk async for chunk in request.stream()])
    if body.count(b'"') + body.count(b",") > _MOST_MARKS:
        raise Invalid("body: has more fields than any request")
    try:
        said = model.model_validate_json(body)
    except ValidationError as error:
        raise Invalid(told(error)) from None
    return Sent(said.model_copy(update={"audio": ""}), decode_base64(said.audio, most_bytes=most_bytes))


async def _read_form(request: Request, model: type[R], most_bytes: int) -> Sent[R]:
    parser = MultiPartParser(
        request.headers, request.stream(), max_files=1, max_fields=_MOST_FIELDS, max_part_size=_LONGEST_FIELD
    )
    # The container has no disk to spool to, and how much may come at all is limited before.
    parser.spool_max_size = 1 << 40
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Invalid(f"body: {error.message}") from None
    except ValueError:
        # A charset that is none, or that the fields are not in.
        raise Invalid("body: is no form that can be read") from None
    try:
        return await _read_parts(form, model, most_bytes)
    finally:
        await form.close()


async def _read_parts(form: FormData, model: type[R], most_bytes: int) -> Sent[R]:
    fields: dict[str, str] = {}
    audio = b""
    for name, part in form.multi_items():
        if name in fields:
            raise Invalid("body: a field is there more than once")
        if isinstance(part, str) == (name == "audio"):
            raise Invalid("audio: is a file, with a name, and the only one")
        if isinstance(part, str):
            fields[name] = part
            continue
        fields[name], audio = _IN_FILE, await part.read()
        if not audio:
            raise AudioError("audio: is empty")
    if len(audio) > most_bytes:
        raise AudioError(f"audio: is larger than {most_bytes:,} bytes")
    try:
        # A form has no null: a field that was left empty was not said.
        said = model.model_validate({name: field for name, field in fields.items() if field})
    except ValidationError as error:
        raise Invalid(told(error)) from None
    return Sent(said.model_copy(update={"audio": ""}), audio)


def told(error: ValidationError) -> str:
    """Where and what of the first faults, without the value: it may be what a guest said."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)[:_MOST_FAULTS]
    return "; ".join(f"{_place(fault['loc'])}: {fault['msg']}" for fault in faults)


def _place(path: tuple[int | str, ...]) -> str:
    """The field's name, of which a client may have made anything."""
    return str(path[0])[:_LONGEST_NAME] if path else "body"


def body_of(model: type[TranscribeRequest | DetectRequest]) -> dict[str, Any]:
    """The body in both its forms, for an OpenAPI document."""
    said = model.model_json_schema()
    fields = {name: _as_text(field) for name, field in said["properties"].items() if name != "audio"}
    rules: dict[str, Any] = {key: said[key] for key in ("required", "oneOf", "additionalProperties") if key in said}
    file: dict[str, Any] = {"type": "string", "format": "binary"}
    form: dict[str, Any] = {"type": "object", "properties": {"audio": file, **fields}, **rules}
    return {"required": True, "content": {_JSON: {"schema": said}, _FORM: {"schema": form}}}


def _as_text(field: dict[str, Any]) -> dict[str, Any]:
    """The field as a form has it: there, or not."""
    kinds = [kind for kind in field.get("anyOf", []) if kind.get("type") != "null"]
    rest = {key: value for key, value in field.items() if key not in ("anyOf", "default")}
    return {**rest, **kinds[0]} if kinds else rest
