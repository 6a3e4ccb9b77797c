"""The one shape of an error, as the functions answer it too."""

from __future__ import annotations

from starlette.responses import JSONResponse

from gpu_fleet.asr_proxy.models import ErrorBody, Fault


def answer_error(status: int, code: str, message: str) -> JSONResponse:
    """An error that a program and a person can read; one that may pass says when to come again."""
    headers = {"Retry-After": "1"} if status in (429, 503) else {}
    return JSONResponse(ErrorBody(error=Fault(code=code, message=message)).model_dump(), status, headers)
