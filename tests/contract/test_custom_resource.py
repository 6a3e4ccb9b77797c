"""CloudFormation is always answered, in time and in a form that it reads."""

from __future__ import annotations

import io
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lambdas.shared.custom_resource import LONGEST_ANSWER, Data, ResourceError, custom_resource, respond
from lambdas.shared.settings import SettingsError
from tests.cloudformation import STACK
from tests.function_log import log_of
from tests.serving import served

pytestmark = pytest.mark.contract


def request_of(kind: str = "Create", **fields: Any) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "ResponseURL": "https://cloudformation.example/answer?Signature=s3cret",
        "StackId": STACK,
        "RequestId": "8b5f7a1e",
        "LogicalResourceId": "Telephony",
        "ResourceProperties": {},
        **fields,
    }


@dataclass
class Answers:
    """What CloudFormation was told, after so many tries that did not reach it, and the seconds waited between them."""

    unreachable: int = 0
    told: list[dict[str, Any]] = field(default_factory=list)
    longest: int = 0
    waited: list[float] = field(default_factory=list)

    def __call__(self, url: str, body: bytes) -> None:
        if self.unreachable:
            self.unreachable -= 1
            raise ConnectionResetError
        self.longest = max(self.longest, len(body))
        self.told.append(json.loads(body))


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    answers = Answers()
    monkeypatch.setattr(time, "sleep", answers.waited.append)
    return answers


@pytest.fixture
def log() -> io.StringIO:
    """The function's log."""
    return log_of("livekit_setup")


def asked(answers: Answers, event: dict[str, Any], *, data: Data | None = None, fault: Exception | None = None) -> None:
    """Ask a function that gives these data or fails so."""

    def handle(_: Mapping[str, Any]) -> Data | None:
        if fault:
            raise fault
        return data

    handler = custom_resource(handle, service="livekit_setup", physical_id="telephony", put=answers)
    handler(event, SimpleNamespace(aws_request_id="r1"))  # type: ignore[arg-type]


def test_what_was_done_is_told_with_its_data(answers: Answers) -> None:
    """A success names the request and the resource and carries what the template may read."""
    asked(answers, request_of(), data={"Lines": "2"})

    assert answers.told == [
        {
            "Status": "SUCCESS",
            "Reason": "done",
            "PhysicalResourceId": "telephony",
            "StackId": STACK,
            "RequestId": "8b5f7a1e",
            "LogicalResourceId": "Telephony",
            "Data": {"Lines": "2"},
        }
    ]


@pytest.mark.parametrize("fault", [None, ResourceError("no"), KeyError("Line")])
@pytest.mark.parametrize("kind", ["Update", "Delete"])
def test_a_resource_keeps_its_id_whatever_happens(answers: Answers, kind: str, fault: Exception | None) -> None:
    """Another id would be a replacement, and CloudFormation would delete what is live."""
    asked(answers, request_of(kind, PhysicalResourceId="made-long-ago"), data={}, fault=fault)

    assert answers.told[0]["PhysicalResourceId"] == "made-long-ago"


@pytest.mark.parametrize("fault", [ResourceError("the line is taken"), SettingsError("the line is taken")])
def test_a_refusal_is_told_in_its_own_words(answers: Answers, fault: Exception) -> None:
    """What whoever deploys can do something about is the reason in the console."""
    asked(answers, request_of(), fault=fault)

    assert (answers.told[0]["Status"], answers.told[0]["Reason"]) == ("FAILED", "the line is taken")


def test_an_unforeseen_fault_is_told_without_its_words(answers: Answers, log: io.StringIO) -> None:
    """Its kind is told and its place logged; its message, which may hold a secret, and the address, are in neither."""
    asked(answers, request_of(), fault=ValueError("password hunter2"))

    logged = log.getvalue()
    assert answers.told[0]["Reason"] == "livekit_setup failed with ValueError; its log says where"
    assert "test_custom_resource.py:" in logged
    assert "hunter2" not in logged + json.dumps(answers.told)
    assert "s3cret" not in logged


def test_somebody_else_may_answer_later(answers: Answers) -> None:
    """A function that began something long leaves the answer to it."""
    asked(answers, request_of(), data=None)

    assert answers.told == []


def test_an_answer_that_does_not_arrive_is_sent_again(answers: Answers) -> None:
    """A broken connection costs a second, not the deployment; one that is often broken gets more time."""
    answers.unreachable = 3

    asked(answers, request_of(), data={})

    assert [told["Status"] for told in answers.told] == ["SUCCESS"]
    assert answers.waited == [1, 2, 4]


def test_an_answer_that_never_arrives_is_a_failure_of_the_function(answers: Answers) -> None:
    """Then the request is kept in the dead-letter queue."""
    answers.unreachable = 100

    with pytest.raises(OSError):  # noqa: PT011
        asked(answers, request_of(), data={})


def test_an_answer_is_never_longer_than_is_read(answers: Answers) -> None:
    """A long reason is cut and keeps its beginning; too many data are a failure, for a template would wait for what it
    does not get.
    """
    asked(answers, request_of(), fault=ResourceError("no: " + "ü" * 5000))
    asked(answers, request_of(), data={"Lines": "x" * 5000})

    assert [told["Status"] for told in answers.told] == ["FAILED", "FAILED"]
    assert answers.told[0]["Reason"].startswith("no: ü")
    assert "bytes" in answers.told[1]["Reason"]
    assert answers.longest <= LONGEST_ANSWER


@pytest.fixture
async def bucket() -> AsyncIterator[tuple[str, list[tuple[str | None, Any]]]]:
    """An address to which an answer is put, and what was put there with which Content-Type."""
    stored: list[tuple[str | None, Any]] = []

    async def keep(request: Request) -> Response:
        stored.append((request.headers.get("content-type"), await request.json()))
        return Response()

    async with served(Starlette(routes=[Route("/answer", keep, methods=["PUT"])])) as url:
        yield f"{url}/answer?Signature=x", stored


async def test_the_answer_is_put_where_the_request_says(bucket: tuple[str, list[tuple[str | None, Any]]]) -> None:
    """A presigned address of S3 takes a PUT without a Content-Type and no other."""
    url, stored = bucket

    await run_in_threadpool(respond, request_of(ResponseURL=url), physical_id="telephony", error="no")

    ((kind, answer),) = stored
    assert not kind
    assert (answer["Status"], answer["Reason"]) == ("FAILED", "no")
