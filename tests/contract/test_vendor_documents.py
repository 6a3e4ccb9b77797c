"""The judge over vendors' documents finds what is not as a document has it, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.contract.overheard import Exchange
from tests.contract.vendor_documents import FORM, Document

pytestmark = pytest.mark.contract

SWAGGER: Final[Mapping[str, Any]] = {
    "swagger": "2.0",
    "basePath": "/v1",
    "paths": {
        "/rooms/{room}": {
            "put": {
                "operationId": "putRoom",
                "consumes": ["application/json;charset=UTF-8"],
                "parameters": [
                    {"name": "room", "in": "path", "required": True, "type": "string", "maxLength": 4},
                    {"name": "nights", "in": "query", "type": "integer", "required": True},
                    {
                        "name": "rate",
                        "in": "query",
                        "type": "array",
                        "collectionFormat": "multi",
                        "items": {"type": "string", "enum": ["A", "B"]},
                    },
                    {"$ref": "#/parameters/key"},
                    {"name": "body", "in": "body", "required": True, "schema": {"$ref": "#/definitions/room"}},
                ],
                "responses": {"200": {"schema": {"$ref": "#/definitions/room"}}, "204": {"description": "none"}},
            }
        }
    },
    "parameters": {"key": {"name": "X-Key", "in": "header", "required": True, "type": "string", "pattern": "^[a-f]+$"}},
    "definitions": {
        "room": {
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": {"type": "string"},
                "from": {"type": "string", "format": "date"},
                "beds": {"type": "array", "items": {"$ref": "#/definitions/bed"}},
            },
        },
        "bed": {"type": "object", "properties": {"wide": {"type": "boolean", "example": True}}},
    },
}
OPENAPI: Final[Mapping[str, Any]] = {
    "openapi": "3.0.1",
    "servers": [{"url": "https://vendor.example/api/v2/"}],
    "paths": {
        "/book": {
            "post": {
                "operationId": "book",
                "requestBody": {"content": {FORM: {"schema": {"$ref": "#/components/schemas/Booking"}}}},
                "responses": {
                    200: {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}}}
                },
            }
        }
    },
    "components": {
        "schemas": {
            "Booking": {
                "type": "object",
                "required": ["rooms"],
                "properties": {
                    "arrival": {"type": "string", "format": "date"},
                    "rooms": {"type": "array", "items": {"$ref": "#/components/schemas/Room"}},
                },
            },
            "Room": {"type": "object", "properties": {"type": {"type": "string"}, "count": {"type": "integer"}}},
            "Answer": {"type": "object", "properties": {"id": {"type": "string", "nullable": True}}},
        }
    },
}
RIGHT: Final = Exchange(
    method="PUT",
    path="/v1/rooms/12",
    query=[("nights", "2"), ("rate", "A"), ("rate", "B")],
    headers={"content-type": "application/json", "x-key": "abc"},
    body=b'{"name": "twelve", "from": "2026-12-30", "beds": [{"wide": true}]}',
    status=200,
    answered_headers={"content-type": "application/json"},
    answered=b'{"name": "twelve"}',
)
BOOKED: Final = Exchange(
    method="POST",
    path="/api/v2/book",
    query=[],
    headers={"content-type": FORM},
    body=b"arrival=2026-12-30&rooms%5B0%5D%5Btype%5D=DBL&rooms%5B0%5D%5Bcount%5D=1&rooms[1][type]=SGL",
    status=200,
    answered_headers={},
    answered=b'{"id": null}',
)


def test_what_is_as_documented_has_no_fault() -> None:
    """A request and an answer of the document's passes in both kinds of document, a nested form too."""
    assert Document(SWAGGER).faults(RIGHT) == []
    assert Document(OPENAPI).faults(BOOKED) == []
    assert Document(SWAGGER).operation_of(RIGHT) == "putRoom"


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"path": "/v1/beds/12"}, "no such operation"),
        ({"method": "GET"}, "no such operation"),
        ({"path": "/v1/rooms/12345"}, "path room"),
        ({"query": [("nights", "two")]}, "query nights"),
        ({"query": []}, "nights is missing"),
        ({"query": [("nights", "2"), ("nights", "3")]}, "more than once"),
        ({"query": [("nights", "2"), ("rate", "C")]}, "query rate"),
        ({"query": [("nights", "2"), ("wish", "sea")]}, "wish not in the document"),
        ({"headers": {"content-type": "application/json"}}, "X-Key is missing".lower()),
        ({"headers": {"content-type": "application/json", "x-key": "XYZ"}}, "header x-key"),
        ({"headers": {"content-type": "text/plain", "x-key": "abc"}}, "body: text/plain"),
        ({"body": b""}, "body: is missing"),
        ({"body": b"name=twelve"}, "body: is no JSON"),
        ({"body": b"{}"}, "'name' is a required property"),
        ({"body": b'{"name": 12}'}, "body $.name"),
        ({"body": b'{"name": "twelve", "from": "30.12.2026"}'}, "body $.from"),
        ({"body": b'{"name": "twelve", "floor": 1}'}, "body $"),
        ({"body": b'{"name": "twelve", "beds": [{"wide": true, "long": true}]}'}, "body $.beds[0]"),
        ({"status": 418}, "answer: 418"),
        ({"answered": b"<p>"}, "answer: is no JSON"),
        ({"answered": b'{"name": null}'}, "answer $.name"),
        ({"answered": b'{"name": "twelve", "floor": 1}'}, "answer $"),
    ],
)
def test_each_departure_is_a_fault(changed: dict[str, Any], fault: str) -> None:
    """What the document lacks, forbids or requires otherwise is named with where it stands."""
    (found,) = Document(SWAGGER).faults(replace(RIGHT, **changed))

    assert fault in found


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"path": "/api/v1/book"}, "no such operation"),
        ({"body": b"arrival=2026-12-30"}, "'rooms' is a required property"),
        ({"body": b"rooms[0][count]=one"}, "body $.rooms[0].count"),
        ({"body": b"rooms[0][floor]=1"}, "body $.rooms[0]"),
        ({"answered": b'{"id": 1}'}, "answer $.id"),
    ],
)
def test_forms_and_components_are_judged(changed: dict[str, Any], fault: str) -> None:
    """A form's fields are judged by their types, and an answer by the components it refers to."""
    (found,) = Document(OPENAPI).faults(replace(BOOKED, **changed))

    assert fault in found


def test_what_is_wrong_in_a_document_can_be_mended() -> None:
    """A schema's own mistake, and a status that only the vendor's guide tells, are no faults once they are named."""

    def amend(schema: dict[str, Any]) -> None:
        if schema.get("format") == "date":
            schema.pop("maxLength", None)

    facts = json.loads(json.dumps(SWAGGER))
    facts["definitions"]["room"]["properties"]["from"]["maxLength"] = 8

    assert len(Document(facts).faults(RIGHT)) == 1
    assert Document(facts, amend=amend).faults(RIGHT) == []
    assert Document(facts, amend=amend, undocumented=frozenset({429})).faults(replace(RIGHT, status=429)) == []


def test_an_open_document_bears_more_in_answers_only() -> None:
    """Where a vendor answers more than it documents, requests are judged as strictly as ever."""
    document = Document(SWAGGER, closed=False)

    assert document.faults(replace(RIGHT, answered=b'{"name": "twelve", "floor": 1}')) == []
    assert len(document.faults(replace(RIGHT, body=b'{"name": "twelve", "floor": 1}'))) == 1


def test_a_document_that_is_not_there_skips_and_says_so(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the vendor's document the test is skipped with its name and how to give it."""
    monkeypatch.setattr("tests.contract.vendor_documents.SPECS", tmp_path)

    with pytest.raises(pytest.skip.Exception, match="VENDOR_SPECS"):
        Document.load("oracle/rsv.json")
