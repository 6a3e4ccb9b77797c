"""What the stand-in model refuses, in OpenAI's words."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from local.brain import MODEL, build_app
from local.scenario import load_scenario

pytestmark = pytest.mark.unit

KEY = "a-key-for-tests"
BOOK = load_scenario(Path(__file__).parents[1] / "e2e" / "scenarios" / "book.toml").script()
LINE = "Hello, I would like to book a double room for two people for two nights, on the 12th of March."


def brain() -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {KEY}"}
    transport = httpx.ASGITransport(app=build_app(KEY, BOOK))
    return httpx.AsyncClient(base_url="http://brain", headers=headers, transport=transport)


def tool(name: str, *properties: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {name: {} for name in properties}, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "parameters": schema}}


TOOLS = [
    tool("check_availability", "arrival", "departure", "adults", "children", "room"),
    tool("book_stay", "room", "guest_name"),
]


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ('{"title": "x"', "Invalid JSON"),
        ('{"title": "x", "language": "en"}', "steps: is missing"),
        ('{"title": "x", "language": "en", "steps": [], "expected": {}}', "unknown field expected"),
    ],
)
async def test_a_scenario_that_is_wrong_or_tells_the_answer_is_refused(body: str, complaint: str) -> None:
    """A script with a mistake, or with what is expected in it, is refused and changes nothing."""
    async with brain() as http:
        refused = await http.put("/scenario", content=body)
        health = await http.get("/health")

    assert refused.status_code == 400
    assert complaint in refused.json()["error"]["message"]
    assert health.json()["scenario"] == "A guest books a double room for two nights"


CALL = {"id": "call_1", "type": "function", "function": {"name": "end_call", "arguments": "{}"}}
USER = {"role": "user", "content": LINE}
ANSWER = {"role": "tool", "tool_call_id": "call_1", "content": "{}"}
CALLING = {"role": "assistant", "tool_calls": [CALL]}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"messages": [USER, ANSWER]}, "must answer a preceding message with 'tool_calls'"),
        ({"messages": [USER, CALLING, ANSWER, ANSWER]}, "must answer a preceding message with 'tool_calls'"),
        ({"messages": [USER, CALLING]}, "missing: call_1"),
        ({"messages": [USER, CALLING, USER]}, "missing: call_1"),
        ({"messages": [{**USER, "tool_calls": [CALL]}]}, "only an assistant message"),
        ({"messages": [{"role": "user"}]}, "content is missing"),
        ({"messages": [{"role": "guest", "content": "Hello"}]}, "messages: Input should be 'system'"),
        ({"messages": []}, "messages: List should have at least 1 item"),
        ({"stream_options": {"include_usage": True}}, "stream_options is only allowed"),
        ({"temperature": 9}, "temperature: Input should be less than or equal to 2"),
        ({"top_k": 3}, "top_k: Extra inputs are not permitted"),
        ({"tools": TOOLS[1:]}, "the script calls 'check_availability'; the request offers book_stay"),
        ({"tools": [tool("check_availability", "arrival")]}, "unknown adults, children, departure, room"),
        ({"tools": []}, "the request offers no tools"),
    ],
)
async def test_a_wrong_request_is_refused_as_openai_refuses_it(change: Any, complaint: str) -> None:
    """What OpenAI's API would refuse is refused here, with what is wrong and without what the guest said."""
    request = {"model": MODEL, "messages": [USER], "tools": TOOLS, **change}

    async with brain() as http:
        refused = await http.post("/v1/chat/completions", json=request)

    error = refused.json()["error"]
    assert refused.status_code == 400
    assert complaint in error["message"]
    assert error["type"] == "invalid_request_error"
    assert LINE not in error["message"]


async def test_a_request_that_is_no_json_is_refused() -> None:
    """A body that cannot be read is told so, without repeating it."""
    async with brain() as http:
        refused = await http.post("/v1/chat/completions", content="Peter Miller")

    assert (refused.status_code, "Peter" in refused.text) == (400, False)
