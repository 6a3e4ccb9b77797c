"""The wire of OpenAI's chat completions, as far as a voice agent uses it: requests checked as strictly, answers
whole or as a stream of chunks."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field

from local.dialogue import Action, Answered, CallTool, Event, Heard, Say, Spoken

SPOKEN: Final = {"en": "You speak English", "de": "Sie sprechen Deutsch"}
"""The words by which a receptionist's instructions say which language it speaks."""


class ChatError(Exception):
    """A request that is answered with an error in OpenAI's form."""

    def __init__(self, status: int, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        kind = "server_error" if status >= 500 else "invalid_request_error"
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


class _Wire(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TextPart(_Wire):
    type: Literal["text"]
    text: str


class FunctionCall(_Wire):
    name: str
    arguments: str


class ToolCall(_Wire):
    id: str = Field(min_length=1)
    type: Literal["function"]
    function: FunctionCall


class Message(BaseModel):
    """One message of the history; what a client echoes beyond these fields (`refusal`, `annotations`) is ignored."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[TextPart] | None = None
    tool_calls: list[ToolCall] | None = Field(default=None, min_length=1)
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return " ".join(part.text for part in self.content)
        return self.content or ""


class Function(_Wire):
    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)
    strict: bool | None = None


class Tool(_Wire):
    type: Literal["function"]
    function: Function


class StreamOptions(_Wire):
    include_usage: bool = False


class ChatRequest(_Wire):
    """What a client sends; how a real model would be sampled, billed or cached is accepted and changes nothing."""

    model: str
    messages: list[Message] = Field(min_length=1)
    tools: list[Tool] = Field(default_factory=list)
    tool_choice: Literal["auto", "none"] = "auto"
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    parallel_tool_calls: bool | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    seed: int | None = None
    store: bool | None = None
    metadata: dict[str, str] | None = None
    service_tier: str | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None

    def check(self) -> None:
        """Refuse a history that no model would be given: tool calls and their answers out of order."""
        if self.stream_options is not None and not self.stream:
            raise ChatError(400, "stream_options is only allowed when stream is true.", param="stream_options")
        owed: set[str] = set()
        for index, message in enumerate(self.messages):
            where = f"messages[{index}]"
            if message.role == "tool":
                if message.tool_call_id not in owed:
                    text = "a message with role 'tool' must answer a preceding message with 'tool_calls'"
                    raise ChatError(400, f"{where}: {text}.", param=where)
                owed.remove(message.tool_call_id)
                continue
            _nothing_owed(owed, where)
            if message.tool_calls and message.role != "assistant":
                raise ChatError(400, f"{where}: only an assistant message has 'tool_calls'.", param=where)
            if message.content is None and not message.tool_calls:
                raise ChatError(400, f"{where}: content is missing.", param=where)
            owed = {call.id for call in message.tool_calls or ()}
        _nothing_owed(owed, "messages")

    @property
    def language(self) -> str | None:
        """The language in which the instructions say to speak."""
        told = " ".join(message.text for message in self.messages if message.role in ("system", "developer"))
        return next((language for language, words in SPOKEN.items() if words in told), None)

    def events(self) -> Iterator[Event]:
        """The history as the conversation it tells of; instructions are no part of it."""
        called: dict[str, str] = {}
        for message in self.messages:
            if message.role == "user":
                yield Heard(message.text)
            elif message.role == "assistant":
                if message.text.strip():
                    yield Spoken(message.text)
                called |= {call.id: call.function.name for call in message.tool_calls or ()}
            elif message.role == "tool":
                yield Answered(called[message.tool_call_id or ""], message.text)


def _nothing_owed(owed: set[str], where: str) -> None:
    if owed:
        text = f"'tool_calls' must be followed by an answer to each; missing: {', '.join(sorted(owed))}"
        raise ChatError(400, f"{where}: {text}.", param=where)


def fitted(call: CallTool, tools: Sequence[Tool]) -> CallTool:
    """The call with the arguments its tool declares; what it may leave out is null.

    Raises ChatError when the script and the tools offered do not fit, which no real model could mend either.
    """
    offered = {tool.function.name: tool.function.parameters for tool in tools}
    if call.tool not in offered:
        text = f"the script calls {call.tool!r}; the request offers {', '.join(sorted(offered)) or 'no tools'}"
        raise ChatError(400, text, code="unknown_tool", param="tools")
    schema = offered[call.tool]
    declared: Mapping[str, Any] = schema.get("properties", {})
    arguments = dict(call.arguments)
    unknown = sorted(set(arguments) - set(declared))
    for name in schema.get("required", ()):
        if name not in arguments and _nullable(declared[name]):
            arguments[name] = None
    missing = sorted(set(schema.get("required", ())) - set(arguments))
    if unknown or missing:
        wrong = f"unknown {', '.join(unknown)}" if unknown else f"missing {', '.join(missing)}"
        text = f"the script's arguments for {call.tool!r} do not fit its schema: {wrong}"
        raise ChatError(400, text, code="wrong_arguments", param="tools")
    return CallTool(call.tool, arguments, call.step)


def _nullable(schema: Mapping[str, Any]) -> bool:
    kinds = schema.get("type", ())
    return "null" in ([kinds] if isinstance(kinds, str) else kinds) or any(
        _nullable(option) for option in schema.get("anyOf", ())
    )


def completion(request: ChatRequest, action: Action) -> dict[str, Any]:
    """The answer in one piece."""
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    if isinstance(action, Say):
        message["content"] = action.text
    else:
        message["tool_calls"] = [_tool_call(action)]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _FINISH[type(action)]}
    return {**_head(request, "chat.completion"), "choices": [choice], "usage": _usage(request, action)}


def chunks(request: ChatRequest, action: Action) -> Iterator[dict[str, Any]]:
    """The answer as a stream: words, or a tool call whose arguments come in two pieces, as models send them."""
    head = _head(request, "chat.completion.chunk")
    with_usage = request.stream_options is not None and request.stream_options.include_usage
    if with_usage:
        head["usage"] = None

    def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        return {**head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}]}

    if isinstance(action, Say):
        yield chunk({"role": "assistant", "content": ""})
        for word in re.findall(r"\S+\s*", action.text):
            yield chunk({"content": word})
    else:
        call = _tool_call(action)
        arguments = call["function"]["arguments"]
        half = len(arguments) // 2
        opened = {**call, "index": 0, "function": {**call["function"], "arguments": ""}}
        yield chunk({"role": "assistant", "content": None, "tool_calls": [opened]})
        for piece in (arguments[:half], arguments[half:]):
            yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
    yield chunk({}, _FINISH[type(action)])
    if with_usage:
        yield {**head, "choices": [], "usage": _usage(request, action)}


_FINISH: Final = {Say: "stop", CallTool: "tool_calls"}


def _tool_call(call: CallTool) -> dict[str, Any]:
    function = {"name": call.tool, "arguments": json.dumps(call.arguments, ensure_ascii=False)}
    return {"id": f"call_{uuid4().hex[:24]}", "type": "function", "function": function}


def _head(request: ChatRequest, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{uuid4().hex}", "object": kind, "created": int(time.time()), "model": request.model}


def _usage(request: ChatRequest, action: Action) -> dict[str, int]:
    """Words stand for tokens: a stand-in has no tokeniser."""
    read = sum(len(message.text.split()) for message in request.messages)
    written = len((action.text if isinstance(action, Say) else json.dumps(action.arguments)).split())
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
