"""A stand-in for the language model: OpenAI's chat completions, led by a scenario's script.

It does not know the answer: what it does with a call depends on the words that were recognised, and what it says after
a tool call on that tool's answer (`local/script.py`). It keeps nothing of a conversation, so one process serves any
number of calls. `PUT /scenario` takes another script at run time.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncIterator
from typing import Final, TypeVar

import structlog
from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from lambdas.shared.observability import trace_of
from local.completions import ChatError, ChatRequest, chunks, completion, fitted
from local.dialogue import Action, CallTool, Say, reply
from local.scenario import load_scenario
from local.script import Script, faults
from local.service import log_json, serve_http
from local.settings import BrainSettings

MODEL: Final = "bellhop-brain"
Body = TypeVar("Body", bound=BaseModel)
logger = structlog.get_logger("brain")


def build_app(api_key: str, script: Script | None = None) -> Starlette:
    """The service, for clients that show this key; without a script it answers 503 until it is given one."""
    brain = _Brain(api_key, script)
    return Starlette(
        routes=[
            Route("/health", brain.health, methods=["GET"]),
            Route("/v1/models", brain.models, methods=["GET"]),
            Route("/v1/chat/completions", brain.complete, methods=["POST"]),
            Route("/scenario", brain.load, methods=["PUT"]),
        ],
        exception_handlers={ChatError: _refuse, HTTPException: _refuse_http},
    )


class _Brain:
    def __init__(self, api_key: str, script: Script | None) -> None:
        self._api_key = api_key
        self._script = script

    async def health(self, _: Request) -> Response:
        title = None if self._script is None else self._script.title
        return JSONResponse({"status": "ready", "model": MODEL, "scenario": title})

    async def models(self, request: Request) -> Response:
        self._admit(request)
        model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "bellhop"}
        return JSONResponse({"object": "list", "data": [model]})

    async def load(self, request: Request) -> Response:
        self._admit(request)
        self._script = await _read(request, Script)
        logger.info("scenario loaded", title=self._script.title)
        return JSONResponse({"title": self._script.title})

    async def complete(self, request: Request) -> Response:
        self._admit(request)
        chat = await _read(request, ChatRequest)
        if chat.model != MODEL:
            text = f"The model {chat.model!r} does not exist; there is {MODEL!r}."
            raise ChatError(404, text, code="model_not_found", param="model")
        chat.check()
        action = self._decide(chat, trace_of(request.headers))
        if not chat.stream:
            return JSONResponse(completion(chat, action))
        headers = {"Cache-Control": "no-cache"}
        return StreamingResponse(_server_sent(chat, action), media_type="text/event-stream", headers=headers)

    def _decide(self, chat: ChatRequest, trace_id: str | None) -> Action:
        script = self._script
        if script is None:
            raise ChatError(503, "No scenario is loaded; send one to PUT /scenario.", code="no_scenario")
        action = reply(script, chat.events(), script.today(), chat.language)
        if isinstance(action, CallTool) and chat.tool_choice == "none":
            action = Say(script.texts.sorry)
        elif isinstance(action, CallTool):
            action = fitted(action, chat.tools)
        # Neither words nor arguments: they are the guest's.
        does = {"tool": action.tool, "step": action.step} if isinstance(action, CallTool) else {"tool": None}
        logger.info("replied", messages=len(chat.messages), trace_id=trace_id, **does)
        return action

    def _admit(self, request: Request) -> None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(key.encode(), self._api_key.encode()):
            raise ChatError(401, "Incorrect API key provided.", code="invalid_api_key")


async def _read(request: Request, body: type[Body]) -> Body:
    try:
        return body.model_validate_json(await request.body())
    except ValidationError as error:
        fault = error.errors()[0]
        param = str(fault["loc"][0]) if fault["loc"] else None
        # The value is left out: in a chat it may be what the guest said.
        text = "; ".join(faults(error)) if body is Script else f"{param or 'body'}: {fault['msg']}"
        raise ChatError(400, text, param=param) from None


async def _server_sent(chat: ChatRequest, action: Action) -> AsyncIterator[str]:
    for chunk in chunks(chat, action):
        yield f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"
    yield "data: [DONE]\n\n"


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, ChatError)  # noqa: S101 - the table of handlers says so
    logger.warning("refused", status=error.status, reason=error.body["error"]["code"])
    return JSONResponse(error.body, status_code=error.status)


async def _refuse_http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    refusal = ChatError(status, f"Invalid URL ({request.method} {request.url.path})")
    return JSONResponse(refusal.body, status_code=status)


def main() -> None:
    settings = BrainSettings.read()
    log_json()
    script = None if settings.scenario is None else load_scenario(settings.scenario).script()
    serve_http(build_app(settings.api_key, script), settings.port)


if __name__ == "__main__":
    main()
