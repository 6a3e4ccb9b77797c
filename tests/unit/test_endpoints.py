"""The table of routes and the functions say the same."""

from __future__ import annotations

import re
from unittest.mock import Mock

import pytest

from lambdas.calls.routes import build_app as calls
from lambdas.endpoints import ENDPOINTS
from lambdas.livekit_webhook.routes import build_app as livekit_webhook
from lambdas.pms.routes import build_app as pms
from lambdas.shared.http import Api
from lambdas.tts_router.routes import build_app as tts_router

pytestmark = pytest.mark.unit

APPS = {
    "calls": calls(Mock(), Mock(), Mock()),
    "livekit_webhook": livekit_webhook(Mock(), Mock()),
    "pms": pms(Mock()),
    "tts_router": tts_router(Mock()),
}


@pytest.mark.parametrize("function", APPS)
def test_a_function_answers_exactly_its_routes(function: str) -> None:
    """A route that is in the table is in its function, and the other way round."""
    app: Api = APPS[function]
    listed = {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS if endpoint.function == function}
    answered = {
        (method.upper(), re.sub(r"<(\w+)>", r"{\1}", path))
        for path, operations in (app.get_openapi_schema().paths or {}).items()
        for method, operation in operations.model_dump(exclude_none=True).items()
        if operation
    }

    assert answered == listed
