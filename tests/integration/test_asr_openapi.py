"""The recognition proxy does what its own OpenAPI document says, whatever a client makes of that document."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any, Final

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings

from tests.contract.proxy_bench import BEARER, Bench, proxy_bench
from tests.contract.scripted_riva import says

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

ROUTES: Final = [("POST", "/transcribe"), ("POST", "/detect-language"), ("GET", "/health"), ("GET", "/metrics")]
EXAMPLES: Final = 40
REQUEST: Final = {"method", "url", "headers", "files", "data", "params", "cookies", "json"}
"""What `requests` makes a request of."""


class Described:
    """The proxy before a Riva that answers everything, on an event loop of its own."""

    def __init__(self, runner: asyncio.Runner, bench: Bench) -> None:
        self._runner = runner
        self._bench = bench

    @property
    def document(self) -> dict[str, Any]:
        app: FastAPI = self._bench.app
        return app.openapi()

    def answer(self, request: httpx.Request) -> httpx.Response:
        """What is answered to a request, once it has been read."""
        self._bench.service.scripts.append(says("ein Zimmer"))
        return self._runner.run(self._bench.http.send(request))


@contextmanager
def described() -> Iterator[Described]:
    """The proxy and its document, for the block."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        bench = runner.run(stack.enter_async_context(proxy_bench(max_streams=8)))
        try:
            yield Described(runner, bench)
        finally:
            runner.run(stack.aclose())


@pytest.mark.parametrize(
    ("method", "path", "mode"),
    [
        *((method, path, "positive") for method, path in ROUTES),
        # What takes nothing cannot be sent anything wrong.
        *((method, path, "negative") for method, path in ROUTES if method == "POST"),
    ],
    ids=lambda part: str(part).replace("/", "."),
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_answer_is_as_documented(method: str, path: str, mode: str) -> None:
    """Right and wrong requests alike get a documented status with a body of its shape, and never a fault of ours."""
    import requests
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
    with described() as proxy:
        operation = schemathesis.openapi.from_dict(proxy.document)[path][method]

        @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode)))
        @settings(max_examples=EXAMPLES, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
        def judge(case: Any) -> None:
            sent = case.as_transport_kwargs(base_url="http://proxy", headers=BEARER)
            made: Any = requests.Request(**{key: sent[key] for key in REQUEST & sent.keys()}).prepare()
            request = httpx.Request(made.method, made.url, headers=dict(made.headers), content=made.body)
            case.validate_response(proxy.answer(request), checks=checks)

        judge()


def test_the_document_names_every_route_and_both_kinds_of_body() -> None:
    """A client that reads the document finds the forms as well."""
    with described() as proxy:
        paths = proxy.document["paths"]

    assert {(method.upper(), path) for path, methods in paths.items() for method in methods} == set(ROUTES)
    for path in ("/transcribe", "/detect-language"):
        kinds = paths[path]["post"]["requestBody"]["content"]
        assert kinds.keys() == {"application/json", "multipart/form-data"}
