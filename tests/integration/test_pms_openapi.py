"""The pms function does what its own OpenAPI document says, whatever a client makes of that document."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any, Final

import httpx
import pytest
from hypothesis import HealthCheck, given, settings

from lambdas.endpoints import ENDPOINTS, EPOCH_HEADER
from lambdas.shared.domain.stay import Stay
from lambdas.shared.observability import open_logger
from tests.contract.vendors.benches import AURORA, STAY
from tests.integration.estate import Estate, path_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

ROUTES: Final = [(endpoint.method, endpoint.path) for endpoint in ENDPOINTS if endpoint.function == "pms"]
EXAMPLES: Final = 30


class Described:
    """The function over stores in memory, and a call that holds a wish and has verified a reservation."""

    def __init__(self) -> None:
        open_logger("pms").registered_handler.setStream(io.StringIO())  # type: ignore[attr-defined]
        self.estate = Estate.in_memory()
        self.call_id = self.estate.call(AURORA.phone.numbers[0])
        path = path_of("aurora", self.call_id)
        eve = self.estate.eve
        status, _ = self.estate.send("POST", f"{path}/verification", {"surname": eve.last, "code": eve.code}, 1)
        assert status == 200

    @property
    def document(self) -> dict[str, Any]:
        schema = self.estate.app.get_openapi_schema(title="pms", version="1")
        document: dict[str, Any] = json.loads(schema.model_dump_json(by_alias=True, exclude_none=True))
        return document

    def answer(self, case: Any, *, known: bool) -> httpx.Response:
        """What is answered to a generated request; `known` puts the real hotel, call, code and epoch into it."""
        if known:
            real = {"hotel": "aurora", "call_id": self.call_id, "code": self.estate.eve.code}
            case.path_parameters = {name: real[name] for name in case.path_parameters or {}}
            if EPOCH_HEADER.lower() in {name.lower() for name in case.headers or {}}:
                case.headers = {**case.headers, EPOCH_HEADER.lower(): "1"}
        sent = case.as_transport_kwargs(base_url="http://pms")
        request = httpx.Request(
            sent["method"], sent["url"], params=sent.get("params"), json=sent.get("json"), headers=sent.get("headers")
        )
        raw_path, _, query = request.url.raw_path.decode("ascii").partition("?")
        epoch = request.headers.get(EPOCH_HEADER)
        status, body = self.estate.send(request.method, raw_path, request.content or None, epoch, query)
        headers = {"Content-Type": "application/json"}
        answer = httpx.Response(status or 404, json=body, headers=headers, request=request)
        answer.elapsed = timedelta()
        return answer


@pytest.mark.parametrize("known", [True, False], ids=["own-call", "any-call"])
@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize(("method", "path"), ROUTES, ids=lambda part: str(part).replace("/", "."))
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_answer_is_as_documented(method: str, path: str, mode: str, known: bool) -> None:
    """Right and wrong requests alike get a documented status with a body of its shape, and never a fault of ours."""
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    described = Described()
    operation = schemathesis.openapi.from_dict(described.document)[path][method]
    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

    @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode)))
    @settings(max_examples=EXAMPLES, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
    def judge(case: Any) -> None:
        case.validate_response(described.answer(case, known=known), checks=checks)

    judge()


def test_the_document_names_every_route() -> None:
    """What API Gateway sends to the function is what the function's document describes."""
    paths = Described().document["paths"]

    assert {(method.upper(), path) for path, methods in paths.items() for method in methods} == set(ROUTES)


def test_a_real_answer_is_as_documented() -> None:
    """The document is not so lax that anything fits: a stay's offers have their fields."""
    described = Described()
    body = {"stay": Stay.model_validate(STAY).model_dump(mode="json")}
    status, answer = described.estate.send("POST", f"{path_of('aurora', described.call_id)}/offers", body, 1)

    schemas = described.document["components"]["schemas"]
    assert status == 200
    assert set(schemas["HeldOffer"]["required"]) <= set(answer["offers"][0])
