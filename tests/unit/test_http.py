"""Every function answers errors in one way, and never with what a guest said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import ClientError, EndpointConnectionError
from pydantic import BaseModel

from lambdas.shared.domain.errors import BellhopError, LeaseHeld, NotFound, SoldOut, StaleEpoch, Unreachable, Unrecorded
from lambdas.shared.domain.hotel import PhoneNumber
from lambdas.shared.domain.stay import Guest
from lambdas.shared.http import (
    Api,
    CallInPath,
    Epoch,
    HotelInPath,
    InvalidRequest,
    Unauthenticated,
    parse_body,
    raw_body,
)
from lambdas.shared.observability import count, measure
from tests.events import ask, request_event

pytestmark = pytest.mark.unit

CALL = "call_+493023125001_aB3dE5gH7jK9"


class Form(BaseModel):
    """A body with something personal in it."""

    guest: Guest
    callback: str = ""
    number: PhoneNumber | None = None


def app_raising(error: Exception, service: str = "test") -> Api:
    """A logger writes to the output of the test that first named its service."""
    app = Api(service)

    @app.get("/thing")
    def thing() -> dict[str, str]:
        raise error

    return app


def echo() -> Api:
    app = Api("test")

    @app.post("/v1/hotels/<hotel>/calls/<call_id>/things")
    def things(hotel: HotelInPath, call_id: CallInPath, request: Form, epoch: Epoch) -> dict[str, Any]:
        return {"hotel": hotel, "call_id": call_id, "name": request.guest.name, "epoch": epoch}

    return app


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (NotFound("no such call"), 404, "not_found"),
        (SoldOut("nothing left"), 409, "sold_out"),
        (StaleEpoch("old"), 409, "stale_epoch"),
        (LeaseHeld("held"), 409, "lease_held"),
        (Unreachable("busy"), 503, "unreachable"),
        (Unrecorded("a transaction"), 503, "unrecorded"),
        (EndpointConnectionError(endpoint_url="http://db"), 503, "unreachable"),
        (ClientError({"Error": {"Code": "Throttled"}}, "Query"), 503, "unreachable"),
        (Unauthenticated("who?"), 401, "unauthenticated"),
        (InvalidRequest("body.name", "is empty"), 400, "invalid"),
        (ValueError("Anna Meier"), 500, "internal"),
    ],
)
def test_each_family_has_its_status(error: Exception, status: int, code: str) -> None:
    """What went wrong decides the status; its own code and message are in the body."""
    answered, body = ask(app_raising(error), request_event("GET", "/thing"))

    assert (answered, body["error"]["code"]) == (status, code)
    assert body["error"]["message"]


def test_what_may_pass_is_to_be_tried_again() -> None:
    """An answer that says "later" says when."""
    answer = app_raising(Unreachable("busy")).resolve(
        request_event("GET", "/thing"),
        type("Context", (), {"aws_request_id": "r1"})(),
    )

    assert answer["multiValueHeaders"]["Retry-After"] == ["1"]


@pytest.mark.parametrize("error", [SoldOut, Unreachable])
def test_what_a_vendor_calls_it_is_logged_and_not_told(
    error: type[BellhopError], capsys: pytest.CaptureFixture[str]
) -> None:
    """The vendor's own code is for whoever reads the log."""
    app = app_raising(error("not now", vendor_code="RSV-20017"), f"vendor_{error.code}")
    _, answer = ask(app, request_event("GET", "/thing"))

    assert answer["error"].keys() == {"code", "message"}
    assert "RSV-20017" not in json.dumps(answer)
    assert "RSV-20017" in capsys.readouterr().out


def test_what_aws_says_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A database may quote what it was given, so only its code is logged and nothing of it answered."""
    error = ClientError({"Error": {"Code": "ValidationException", "Message": "not for Anna Meier"}}, "PutItem")
    _, body = ask(app_raising(error, "quoting"), request_event("GET", "/thing"))
    logged = capsys.readouterr().out

    assert "Anna" not in json.dumps(body) + logged
    assert "ValidationException" in logged


def test_what_nobody_expected_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    """An unexpected error's words reach neither the caller nor the log; where it happened does reach the log."""
    _, body = ask(app_raising(ValueError("Anna Meier said so"), "unexpected"), request_event("GET", "/thing"))
    logged = capsys.readouterr().out

    assert "Anna" not in json.dumps(body) + logged
    assert "ValueError" in logged
    assert "test_http.py" in logged


@pytest.mark.parametrize("path_id", [CALL, CALL.replace("+", "%2B"), CALL.replace("+", "%2b")])
def test_a_call_in_a_path_is_found_however_it_is_encoded(path_id: str) -> None:
    """A call's id arrives the same whether the client encoded its plus sign or not."""
    event = request_event(
        "POST", f"/v1/hotels/aurora/calls/{path_id}/things", {"guest": {"name": "Anna"}}, {"x-call-epoch": "3"}
    )

    assert ask(echo(), event) == (200, {"hotel": "aurora", "call_id": CALL, "name": "Anna", "epoch": 3})


@pytest.mark.parametrize(
    ("body", "headers", "field"),
    [
        ({"guest": {"name": "X"}}, {"X-Call-Epoch": "1"}, "body.guest.name"),
        ({"guest": {"name": "Anna\x00"}}, {"X-Call-Epoch": "1"}, "body.guest.name"),
        ({}, {"X-Call-Epoch": "1"}, "body.guest"),
        ("[", {"X-Call-Epoch": "1"}, "body"),
        (None, {"X-Call-Epoch": "1"}, "body"),
        ({"guest": {"name": "Anna"}}, {}, "header.x-call-epoch"),
        ({"guest": {"name": "Anna"}}, {"X-Call-Epoch": "first"}, "header.x-call-epoch"),
        ({"guest": {"name": "Anna"}}, {"X-Call-Epoch": "-1"}, "header.x-call-epoch"),
    ],
)
def test_a_request_of_the_wrong_shape_is_named_by_its_field(body: Any, headers: dict[str, str], field: str) -> None:
    """Whoever sends a wrong request learns which field is wrong."""
    status, answer = ask(echo(), request_event("POST", f"/v1/hotels/aurora/calls/{CALL}/things", body, headers))

    assert status == 400
    assert answer["error"]["message"].startswith(field)


def test_half_a_character_is_a_wrong_request() -> None:
    """JSON can spell what no text holds; a validator that quotes it cannot be told."""
    body = '{"guest": {"name": "Anna Meier"}, "number": "\\ud800"}'

    status, answer = ask(
        echo(), request_event("POST", f"/v1/hotels/aurora/calls/{CALL}/things", body, {"X-Call-Epoch": "1"})
    )

    assert (status, answer["error"]["message"]) == (400, "body: is not UTF-8")


def test_a_name_used_as_a_field_is_not_told_back() -> None:
    """A field nobody knows may itself be personal, so it is not repeated."""
    with pytest.raises(InvalidRequest) as caught:
        parse_body(_Strict, b'{"+491713920055": 1}')

    assert str(caught.value) == "body.…: Extra inputs are not permitted"


class _Strict(BaseModel, extra="forbid"):
    pass


def test_raw_bodies_are_the_bytes_that_were_sent() -> None:
    """A hash over a body is made of the same bytes whether API Gateway passed them as text or as base64."""
    text = '{"name": "Zoë"}'

    assert raw_body(request_event("POST", "/x", text)) == text.encode()
    assert raw_body(request_event("POST", "/x", text, as_base64=True)) == text.encode()
    assert raw_body(request_event("POST", "/x")) == b""


def test_a_broken_base64_body_is_a_wrong_request() -> None:
    """A body that says it is base64 and is not is refused."""
    with pytest.raises(InvalidRequest, match="base64"):
        raw_body({"body": "%%%", "isBase64Encoded": True})


def test_a_line_carries_the_trace_it_belongs_to(capsys: pytest.CaptureFixture[str]) -> None:
    """The trace id of the request's traceparent is on the lines it causes, and not on the next request's."""
    app = app_raising(SoldOut("nothing left"), "traced")
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"

    ask(app, request_event("GET", "/thing", headers={"Traceparent": f"00-{trace}-00f067aa0ba902b7-01"}))
    ask(app, request_event("GET", "/thing", headers={"traceparent": "00-not-a-trace-01"}))

    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["trace_id"], first["code"]) == (trace, "sold_out")
    assert "trace_id" not in second


def test_a_count_is_a_metric_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    """What is counted is one line in the embedded metric format, which CloudWatch reads from the log."""
    count("UnknownHotel", 2)

    line = json.loads(capsys.readouterr().out)
    assert line["UnknownHotel"] == [2.0]
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Bellhop"


def test_a_measure_belongs_to_its_stage(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where a stage names the namespace of its metrics, what a function of it measures is there, by its name."""
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Bellhop/dev")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "calls")

    measure("TurnLatency", 1090, MetricUnit.Milliseconds)

    line = json.loads(capsys.readouterr().out)
    (metrics,) = line["_aws"]["CloudWatchMetrics"]
    assert (metrics["Namespace"], metrics["Dimensions"]) == ("Bellhop/dev", [["service"]])
    assert metrics["Metrics"] == [{"Name": "TurnLatency", "Unit": "Milliseconds"}]
    assert (line["service"], line["TurnLatency"]) == ("calls", [1090.0])
