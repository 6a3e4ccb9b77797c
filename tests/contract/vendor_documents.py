"""A vendor's own OpenAPI document as the judge over what a connector sends and what its stand-in answers.

The documents are not part of this repository. They are looked for in the folder that VENDOR_SPECS names, else in
`shared/specs` beside the repository; where they are not, the judging tests are skipped.

    overheard = Overheard(stand_in.app)
    ...  # the connector speaks to overheard, served somewhere
    document = Document.load("oracle/rsv.json")
    faults = [fault for exchange in overheard.exchanges for fault in document.faults(exchange)]

Swagger 2.0 and OpenAPI 3.0 are read. They are judged more strictly than they ask: a field or a parameter that the
document does not name is a fault, since vendors' documents hardly ever forbid one.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker

from tests.contract.overheard import Exchange

REPOSITORY: Final = Path(__file__).parents[2]
SPECS: Final = Path(os.environ.get("VENDOR_SPECS") or REPOSITORY.parent / "shared" / "specs")
FORM: Final = "application/x-www-form-urlencoded"
_METHODS: Final = ("get", "put", "post", "delete", "patch")
_FORMATS: Final = FormatChecker(formats=("date",))
"""Of a moment vendors have their own ideas, with blanks and without offsets; of a day they do not."""
_TRUTH: Final = {"true": True, "false": False}


@dataclass(frozen=True)
class _Operation:
    id: str
    facts: Mapping[str, Any]
    parameters: Sequence[Mapping[str, Any]]
    values: Mapping[str, str]
    """What stands in the path, by the parameter's name."""


def _as_it_is(schema: dict[str, Any]) -> None:
    """Mends nothing."""


@dataclass(frozen=True)
class Document:
    """A vendor's document. `undocumented` are statuses that it leaves out and something else says; `amend` mends what
    is wrong in a schema of the document's, such as a limit that its own examples break.

    `closed` says whether an answer's field that the document does not name is a fault; a request's always is.
    """

    facts: Mapping[str, Any] = field(repr=False)
    undocumented: frozenset[int] = frozenset()
    amend: Callable[[dict[str, Any]], None] = _as_it_is
    closed: bool = True
    _cache: dict[bool, Mapping[str, Any]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def load(cls, name: str, **judging: Any) -> Self:
        """The document at that path below SPECS; skips the test where it is not there."""
        file = SPECS / name
        if not file.is_file():
            pytest.skip(f"the vendor's document {name} is not at {SPECS}; VENDOR_SPECS says where the documents are")
        if file.suffix == ".json":
            return cls(json.loads(file.read_bytes()), **judging)
        return cls(yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader), **judging)

    @property
    def base(self) -> str:
        """Where the document's paths begin."""
        if "swagger" in self.facts:
            return str(self.facts.get("basePath", "")).rstrip("/")
        return urlsplit(self.facts["servers"][0]["url"]).path.rstrip("/") if self.facts.get("servers") else ""

    def concerns(self, exchange: Exchange) -> bool:
        """Is the exchange about this document's part of the vendor's paths?"""
        return exchange.path.startswith(f"{self.base}/")

    def operation_of(self, exchange: Exchange) -> str | None:
        """The id of the operation that was asked for."""
        found = self._operation(exchange)
        return found.id if found else None

    def faults(self, exchange: Exchange) -> list[str]:
        """What is not as the document has it, each with where it stands; values of the exchange are shown."""
        operation = self._operation(exchange)
        if operation is None:
            return [f"{exchange}: the document has no such operation"]
        faults = [*self._asked_wrongly(operation, exchange), *self._answered_wrongly(operation, exchange)]
        return [f"{exchange} ({operation.id}): {fault}" for fault in faults]

    def _operation(self, exchange: Exchange) -> _Operation | None:
        if not self.concerns(exchange):
            return None
        path = exchange.path.removeprefix(self.base)
        # A path without parameters goes before one with them.
        for template, item in sorted(self.facts["paths"].items(), key=lambda entry: entry[0].count("{")):
            names = re.findall(r"{(\w+)}", template)
            match = re.fullmatch(re.sub(r"\\{\w+\\}", "([^/]+)", re.escape(template)), path)
            method = exchange.method.lower()
            if match is None or method not in item or method not in _METHODS:
                continue
            facts = item[method]
            parameters = [
                self._followed(found) for found in (*item.get("parameters", ()), *facts.get("parameters", ()))
            ]
            id = facts.get("operationId") or template.strip("/")
            return _Operation(id, facts, parameters, dict(zip(names, match.groups(), strict=True)))
        return None

    def _asked_wrongly(self, operation: _Operation, exchange: Exchange) -> Iterator[str]:
        places: Mapping[str, Mapping[str, list[str]]] = {
            "path": {name: [value] for name, value in operation.values.items()},
            "query": _gathered(exchange.query),
            "header": {name: [value] for name, value in exchange.headers.items()},
        }
        for place, values in places.items():
            known = {found["name"]: found for found in operation.parameters if found["in"] == place}
            if place == "header":
                known = {name.lower(): found for name, found in known.items()}
            elif unknown := [name for name in values if name.removesuffix("[]") not in known and name not in known]:
                yield f"{place}: {', '.join(unknown)} not in the document"
            for name, parameter in known.items():
                given = values.get(name, values.get(f"{name}[]"))
                if given is None:
                    if parameter.get("required"):
                        yield f"{place}: {name} is missing"
                    continue
                yield from (f"{place} {name}: {fault}" for fault in self._parameter_faults(parameter, given))
        yield from self._body_faults(operation, exchange)

    def _parameter_faults(self, parameter: Mapping[str, Any], given: Sequence[str]) -> Iterator[str]:
        # Swagger 2.0 has a parameter's schema in the parameter itself.
        schema = parameter.get("schema") or {
            name: value for name, value in parameter.items() if name not in ("name", "in", "required", "description")
        }
        schema = self._followed(schema)
        if schema.get("type") == "array":
            many = parameter.get("collectionFormat") == "multi" or parameter.get("explode", "schema" in parameter)
            values = list(given) if many else given[0].split(",")
            yield from self._judged(schema, [_read(value, self._followed(schema.get("items", {}))) for value in values])
        elif len(given) > 1:
            yield "is given more than once"
        else:
            yield from self._judged(schema, _read(given[0], schema))

    def _body_faults(self, operation: _Operation, exchange: Exchange) -> Iterator[str]:
        media = exchange.headers.get("content-type", "").partition(";")[0].strip().lower()
        accepted, required = self._bodies(operation)
        if not accepted:
            if exchange.body:
                yield "body: none is expected"
            return
        if not exchange.body:
            if required:
                yield "body: is missing"
            return
        if media not in accepted:
            yield f"body: {media or 'no type'} is not one of {', '.join(accepted)}"
            return
        schema = self._followed(accepted[media])
        if media == FORM:
            pairs = parse_qsl(exchange.body.decode(), keep_blank_values=True)
            yield from (f"body {fault}" for fault in self._judged(schema, self._read_form(pairs, schema)))
            return
        try:
            body = json.loads(exchange.body)
        except ValueError:
            yield "body: is no JSON"
            return
        yield from (f"body {fault}" for fault in self._judged(schema, body))

    def _bodies(self, operation: _Operation) -> tuple[Mapping[str, Mapping[str, Any]], bool]:
        """The schema of a body by its type, and whether there must be one."""
        if "requestBody" in operation.facts:
            asked = self._followed(operation.facts["requestBody"])
            return {media: told.get("schema", {}) for media, told in asked["content"].items()}, asked.get(
                "required", False
            )
        consumes = operation.facts.get("consumes") or self.facts.get("consumes") or ["application/json"]
        media = [str(entry).partition(";")[0].strip().lower() for entry in consumes]
        for parameter in operation.parameters:
            if parameter["in"] == "body":
                return dict.fromkeys(media, parameter["schema"]), parameter.get("required", False)
        form = [parameter for parameter in operation.parameters if parameter["in"] == "formData"]
        if not form:
            return {}, False
        required = [parameter["name"] for parameter in form if parameter.get("required")]
        fields = {
            parameter["name"]: {
                name: value
                for name, value in parameter.items()
                if name not in ("name", "in", "required", "description")
            }
            for parameter in form
        }
        schema = {"type": "object", "properties": fields, "required": required}
        return {entry: schema for entry in media}, bool(required)  # noqa: C420

    def _answered_wrongly(self, operation: _Operation, exchange: Exchange) -> Iterator[str]:
        answers: Mapping[Any, Any] = operation.facts["responses"]
        if exchange.status in self.undocumented:
            return
        answer = answers.get(str(exchange.status), answers.get(exchange.status, answers.get("default")))
        if answer is None:
            yield f"answer: {exchange.status} is not in the document"
            return
        answer = self._followed(answer)
        schema = answer.get("schema")
        if "content" in answer:
            schema = next((told.get("schema") for told in answer["content"].values()), None)
        if schema is None or (exchange.status == 204 and not exchange.answered):
            return
        try:
            body = json.loads(exchange.answered)
        except ValueError:
            yield "answer: is no JSON"
            return
        yield from (f"answer {fault}" for fault in self._judged(schema, body, closed=self.closed))

    def _judged(self, schema: Mapping[str, Any], value: Any, *, closed: bool = True) -> Iterator[str]:
        judged = {**self._schema(schema, closed=closed), **self._definitions(closed=closed)}
        for fault in Draft202012Validator(judged, format_checker=_FORMATS).iter_errors(value):
            yield f"{fault.json_path}: {fault.message}"[:400]

    def _definitions(self, *, closed: bool) -> Mapping[str, Any]:
        """The document's own schemas, where its references look for them."""
        if closed not in self._cache:
            parts = self.facts.get("definitions", {})
            components = self.facts.get("components", {}).get("schemas", {})
            made = {
                "definitions": {name: self._schema(part, closed=closed) for name, part in parts.items()},
                "components": {
                    "schemas": {name: self._schema(part, closed=closed) for name, part in components.items()}
                },
            }
            self._cache[closed] = made
        return self._cache[closed]

    def _schema(self, schema: Any, *, closed: bool) -> Any:
        """A schema of the document's as JSON Schema has it, closed against unknown fields where that is asked for."""
        if isinstance(schema, list):
            return [self._schema(part, closed=closed) for part in schema]
        if not isinstance(schema, Mapping):
            return schema
        made: dict[str, Any] = {}
        for name, part in schema.items():
            if name in ("example", "examples", "xml", "externalDocs", "discriminator", "description", "default"):
                continue
            if name == "properties":
                made[name] = {key: self._schema(value, closed=closed) for key, value in part.items()}
            elif name == "enum" or str(name).startswith("x-"):
                made[name] = part
            else:
                made[name] = self._schema(part, closed=closed)
        if closed and "properties" in made and "additionalProperties" not in made:
            made["additionalProperties"] = False
        self.amend(made)
        # OpenAPI 3.0's way to say that null is a value too; Swagger 2.0 has none.
        if made.pop("nullable", False):
            return {"anyOf": [made, {"type": "null"}]}
        return made

    def _followed(self, part: Mapping[str, Any]) -> Mapping[str, Any]:
        """A part of the document, or what it refers to."""
        while "$ref" in part:
            found: Any = self.facts
            for name in part["$ref"].removeprefix("#/").split("/"):
                found = found[name.replace("~1", "/").replace("~0", "~")]
            part = found
        return part

    def _read_form(self, pairs: Iterable[tuple[str, str]], schema: Mapping[str, Any]) -> Any:
        """A form's fields as JSON, nested where names are written as PHP writes them: `rooms[0][quantity]`."""
        root: dict[str, Any] = {}
        for name, value in pairs:
            first, *rest = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", name)
            at: dict[str, Any] = root
            for key, following in zip([first, *rest], [*rest, None], strict=True):
                if following is None:
                    at[key or str(len(at))] = value
                else:
                    at = at.setdefault(key or str(len(at)), {})
        return self._typed(root, schema)

    def _typed(self, value: Any, schema: Mapping[str, Any]) -> Any:
        schema = self._followed(schema)
        if isinstance(value, str):
            return _read(value, schema)
        if schema.get("type") == "array":
            items = schema.get("items", {})
            return [self._typed(part, items) for _, part in sorted(value.items(), key=lambda entry: int(entry[0]))]
        fields = schema.get("properties", {})
        return {name: self._typed(part, fields.get(name, {})) for name, part in value.items()}


def _read(value: str, schema: Mapping[str, Any]) -> Any:
    """A text as the type that it is said to be; the text itself where it is none."""
    kind = schema.get("type")
    if kind == "boolean":
        return _TRUTH.get(value, value)
    if kind == "integer" and re.fullmatch(r"-?\d+", value):
        return int(value)
    if kind == "number" and re.fullmatch(r"-?\d+(\.\d+)?", value):
        return float(value)
    return value


def _gathered(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    gathered: dict[str, list[str]] = {}
    for name, value in pairs:
        gathered.setdefault(name, []).append(value)
    return gathered
