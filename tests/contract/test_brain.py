"""The stand-in model as its clients meet it: OpenAI's own library and LiveKit's plugin, over loopback."""

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import pytest_asyncio
from livekit.agents import ChatContext, function_tool
from livekit.plugins.openai import LLM
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from local.brain import MODEL, build_app
from local.scenario import load_scenario
from local.script import Script
from tests.serving import served

pytestmark = pytest.mark.contract

KEY = "a-key-for-tests"
SCENARIOS = Path(__file__).parents[1] / "e2e" / "scenarios"
LINE = "Hello, I would like to book a double room for two people for two nights, on the 12th of March."


def tool(name: str, **properties: Any) -> ChatCompletionToolParam:
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"type": "function", "function": {"name": name, "strict": True, "parameters": parameters}}


TEXT = {"type": "string"}
MAYBE_TEXT = {"anyOf": [{"type": "string"}, {"type": "null"}]}
COUNT = {"type": "integer"}
TOOLS = [
    tool("check_availability", arrival=TEXT, departure=TEXT, adults=COUNT, children=COUNT, room=MAYBE_TEXT),
    tool("book_stay", room=TEXT, guest_name=TEXT),
    tool("take_message", message=TEXT, guest_name=MAYBE_TEXT),
    tool("end_call"),
]


@dataclass
class Service:
    url: str

    def client(self, key: str = KEY) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0)


@asynccontextmanager
async def serving(script: Script | None) -> AsyncIterator[Service]:
    async with served(build_app(KEY, script)) as url:
        yield Service(url)


@pytest_asyncio.fixture
async def brain() -> AsyncIterator[Service]:
    async with serving(load_scenario(SCENARIOS / "book.toml").script()) as service:
        yield service


async def streamed(
    client: openai.AsyncOpenAI, messages: list[ChatCompletionMessageParam]
) -> tuple[str, dict[str, str], str]:
    """Text, tool calls by name, and finish reason of a streamed answer."""
    text = name = finish = ""
    calls: dict[str, str] = {}
    stream = await client.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS, stream=True)
    async with stream:
        async for chunk in stream:
            for choice in chunk.choices:
                text += choice.delta.content or ""
                for call in choice.delta.tool_calls or ():
                    assert call.function is not None
                    name = call.function.name or name
                    calls[name] = calls.get(name, "") + (call.function.arguments or "")
                finish = choice.finish_reason or finish
    return text, calls, finish


def heard(*lines: str) -> list[ChatCompletionMessageParam]:
    said: list[ChatCompletionMessageParam] = [{"role": "user", "content": line} for line in lines]
    return [{"role": "system", "content": "You are a receptionist."}, *said]


async def test_a_tool_call_is_streamed_to_openais_client(brain: Service) -> None:
    """OpenAI's own client puts a streamed tool call together, with arguments from the guest's words."""
    async with brain.client() as client:
        _, calls, finish = await streamed(client, heard(LINE))

    stay = json.loads(calls["check_availability"])
    assert finish == "tool_calls"
    assert {name: stay[name] for name in ("adults", "children", "room")} == {
        "adults": 2,
        "children": 0,
        "room": "double room",
    }
    assert (date.fromisoformat(stay["departure"]) - date.fromisoformat(stay["arrival"])).days == 2
    assert stay["arrival"].endswith("-03-12")


async def test_a_tools_answer_is_spoken(brain: Service) -> None:
    """The answer of a tool becomes a sentence, word by word and in one piece alike."""
    offer = {"room": "double room", "arrival": "2027-03-12", "departure": "2027-03-14", "total": "258.00 EUR"}
    call = {"id": "call_1", "type": "function", "function": {"name": "check_availability", "arguments": "{}"}}
    answered: list[Any] = [
        *heard(LINE),
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": json.dumps({"offers": [offer]})},
    ]

    async with brain.client() as client:
        text, _, finish = await streamed(client, answered)
        whole = await client.chat.completions.create(model=MODEL, messages=answered, tools=TOOLS)

    assert "258 euros" in text
    assert (finish, whole.choices[0].finish_reason) == ("stop", "stop")
    assert whole.choices[0].message.content == text


async def test_livekits_plugin_talks_to_it(brain: Service) -> None:
    """The agent's own client sends its strict tools and reads call and usage from the stream."""

    @function_tool
    async def check_availability(arrival: str, departure: str, adults: int, children: int, room: str | None) -> str:
        """Ask the hotel."""
        return ""

    model = LLM(model=MODEL, base_url=f"{brain.url}/v1", api_key=KEY)
    talk = ChatContext.empty()
    talk.add_message(role="system", content="You are a receptionist.")
    talk.add_message(role="assistant", content="Hotel Aurora, an automated assistant speaking.")
    talk.add_message(role="user", content=LINE)

    async with model.chat(chat_ctx=talk, tools=[check_availability]) as stream:
        chunks = [chunk async for chunk in stream]
    await model.aclose()

    calls = [call for chunk in chunks if chunk.delta for call in chunk.delta.tool_calls]
    assert [call.name for call in calls] == ["check_availability"]
    assert json.loads(calls[0].arguments)["room"] == "double room"
    assert any(chunk.usage and chunk.usage.total_tokens > 0 for chunk in chunks)


async def test_many_calls_at_once_do_not_mix(brain: Service) -> None:
    """Conversations that run at the same time get each their own facts back."""
    days = range(1, 25)

    async with brain.client() as client:
        answers = await asyncio.gather(
            *(streamed(client, heard(f"Book a double room for two people, two nights, May {day}.")) for day in days)
        )

    asked = [json.loads(calls["check_availability"])["arrival"] for _, calls, _ in answers]
    assert [int(arrival[-2:]) for arrival in asked] == list(days)


async def test_another_scenario_is_loaded_at_run_time(brain: Service) -> None:
    """A script sent to the brain leads from the next request on."""
    script = load_scenario(SCENARIOS / "human.toml").script()
    headers = {"Authorization": f"Bearer {KEY}"}

    async with httpx.AsyncClient(base_url=brain.url, headers=headers) as http, brain.client() as client:
        loaded = await http.put("/scenario", content=script.model_dump_json())
        health = await http.get("/health")
        text, _, _ = await streamed(client, heard("I would like to speak to a human, please."))

    assert loaded.status_code == 200
    assert health.json()["scenario"] == script.title
    assert text == "Of course. What may I tell my colleague?"


async def test_a_refusal_is_an_error_that_openais_client_knows(brain: Service) -> None:
    """A tool's answer without its call is a BadRequestError that says so."""
    stray: list[ChatCompletionMessageParam] = [
        *heard(LINE),
        {"role": "tool", "tool_call_id": "call_1", "content": "{}"},
    ]

    async with brain.client() as client:
        with pytest.raises(openai.BadRequestError, match="must answer a preceding message") as error:
            await client.chat.completions.create(model=MODEL, messages=stray, tools=TOOLS)

    assert (error.value.type, error.value.param) == ("invalid_request_error", "messages[2]")


async def test_an_argument_that_must_be_given_is_not_made_up(brain: Service) -> None:
    """A tool with an argument that no fact fills is not called; one that may be null is null."""
    needs_budget = tool("end_call", budget=COUNT)
    may_have_budget = tool("end_call", budget={"type": ["integer", "null"]})
    goodbye = heard("Goodbye.")

    async with brain.client() as client:
        with pytest.raises(openai.BadRequestError, match="missing budget"):
            await client.chat.completions.create(model=MODEL, messages=goodbye, tools=[needs_budget])
        called = await client.chat.completions.create(model=MODEL, messages=goodbye, tools=[may_have_budget])

    calls = called.choices[0].message.tool_calls or []
    assert [call.function.arguments for call in calls if call.type == "function"] == ['{"budget": null}']


async def test_a_client_that_allows_no_tool_gets_none(brain: Service) -> None:
    """With tool_choice "none" the guest is told that it does not work; no tool is called."""
    async with brain.client() as client:
        said = await client.chat.completions.create(model=MODEL, messages=heard(LINE), tools=TOOLS, tool_choice="none")

    assert said.choices[0].message.content == "I am sorry, that does not work right now."


async def test_strangers_and_strange_models_are_turned_away(brain: Service) -> None:
    """A wrong key is 401, an unknown model 404, an unknown path 404, everywhere in OpenAI's form."""
    async with brain.client("wrong") as stranger, brain.client() as client, httpx.AsyncClient() as http:
        with pytest.raises(openai.AuthenticationError):
            await stranger.models.list()
        with pytest.raises(openai.NotFoundError) as unknown:
            await client.chat.completions.create(model="gpt-99", messages=heard("Hello"))
        models = await client.models.list()
        without_key = await http.put(f"{brain.url}/scenario", content="{}")
        elsewhere = await http.get(f"{brain.url}/v2")

    assert unknown.value.code == "model_not_found"
    assert [model.id for model in models.data] == [MODEL]
    assert without_key.status_code == 401
    assert elsewhere.json()["error"]["type"] == "invalid_request_error"


async def test_without_a_scenario_it_says_so() -> None:
    """A brain that was given no script is ready to take one, and until then refuses to talk."""
    async with serving(None) as empty, empty.client() as client, httpx.AsyncClient() as http:
        with pytest.raises(openai.InternalServerError, match="No scenario is loaded"):
            await client.chat.completions.create(model=MODEL, messages=heard("Hello"))
        health = await http.get(f"{empty.url}/health")

    assert health.json() == {"status": "ready", "model": MODEL, "scenario": None}


async def test_the_program_starts_from_its_environment_and_ends_when_told() -> None:
    """`python -m local.brain` serves on the port it is given, logs JSON without the guest's words, ends with 0."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environ = {"PORT": str(port), "API_KEY": KEY, "SCENARIO": str(SCENARIOS / "book.toml")}
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "local.brain",
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    service = Service(f"http://127.0.0.1:{port}")

    try:
        await ready(service)
        async with service.client() as client:
            await streamed(client, heard(LINE))
    finally:
        program.send_signal(signal.SIGTERM)
        output, _ = await program.communicate()

    lines = [json.loads(line) for line in output.decode().splitlines()]
    assert program.returncode == 0
    assert [line["tool"] for line in lines if line["event"] == "replied"] == ["check_availability"]
    assert "double" not in output.decode()


async def ready(service: Service) -> None:
    async with asyncio.timeout(20), httpx.AsyncClient() as http:
        while True:
            try:
                await http.get(f"{service.url}/health")
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return
