"""Every metric that is watched is really emitted: same namespace, same name, same dimensions.

For our own metrics the code that emits them is run, with the environment and the collector's configuration of the
template. For those of AWS the dimensions lead to a resource of the stage.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final, cast

import httpx
import pytest

from agent.server import build_server, endpoints
from agent.settings import AgentSettings
from gpu_fleet.asr_proxy.app import build_app as build_proxy
from gpu_fleet.asr_proxy.settings import ProxySettings
from gpu_fleet.riva.client import Riva
from gpu_fleet.riva.probe import Probe
from gpu_fleet.riva.probe import build_app as build_probe
from gpu_fleet.riva.settings import ProbeSettings
from lambdas.calls.models import AgentEvent, Turn
from lambdas.calls.service import Told
from lambdas.livekit_webhook.service import Reports
from lambdas.secret_age.service import SecretAges
from lambdas.secret_age.service import measure as measure_secret
from lambdas.secret_age.settings import SecretAgeSettings
from lambdas.shared.bookings.carrying_out import CarryingOut
from lambdas.shared.domain.call import Kind
from lambdas.shared.domain.hotel import Hotels
from lambdas.shared.observability import count, measure, open_logger
from lambdas.wish_settler.service import Settling
from local.processes import free_port
from tests.contract.proxy_bench import WordDetector
from tests.infrastructure.conftest import ROOT, Deployed
from tests.infrastructure.emitting import Measured, Running
from tests.infrastructure.references import find
from tests.infrastructure.templates import widgets
from tests.memory import MemoryCalls, MemoryDue

pytestmark = pytest.mark.infrastructure

HOTELS: Final = Hotels.load(ROOT / "hotels")
CALL: Final = "call_+493023125001_aB3dE5gH7jK9"
NO_HOTELS_CALL: Final = "call_+493023125099_aB3dE5gH7jK9"
GPU_COUNTERS: Final = {"DCGM_FI_DEV_FB_FREE", "DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_GPU_UTIL"}
"""Of the counters that NVIDIA's exporter tells unless it is configured otherwise, those that are watched
(https://github.com/NVIDIA/dcgm-exporter/blob/main/etc/default-counters.csv)."""


def report(event: str, kind: str | None = None, *, room: str = CALL, **more: Any) -> bytes:
    """A webhook of LiveKit."""
    participant = {"participant": {"kind": kind, "attributes": {}}} if kind else {}
    told = {"event": event, "id": f"EV_{event}", "createdAt": "1795545000", "room": {"name": room}, **participant}
    return json.dumps({**told, **more}).encode()


async def livekit_webhook(running: Running) -> set[Measured]:
    """`lambdas.livekit_webhook.service.Reports.accept`, with whatever LiveKit can report that is odd."""
    running.function("livekit_webhook")
    reports = Reports(MemoryCalls(HOTELS), guest_secret=lambda: b"key", count=count)
    for body in (
        report("participant_joined", "SIP"),
        report("room_finished", numDropped=3),
        report("room_started", room=NO_HOTELS_CALL),
        report("room_started", room="playground"),
        b"not json",
    ):
        reports.accept(body)
    return running.written()


async def calls(running: Running) -> set[Measured]:
    """`lambdas.calls.service.Told`, with a turn that answered a guest and a call that failed."""
    running.function("calls")
    turn = Turn(
        number=2, at=datetime.now(UTC), language="en", guest="Hello.", latency_ms={"answer": 900}, trace_id="1" * 32
    )
    told = Told(MemoryCalls(HOTELS), measure)
    told.turn(CALL, 1, turn)
    told.agent_event(CALL, 1, AgentEvent(id="e1", kind=Kind.FAILED, seq=1, at=datetime.now(UTC)))
    return running.written()


async def secret_age(running: Running) -> set[Measured]:
    """`lambdas.secret_age.service.SecretAges.tell`, of the secrets that the template names."""
    variables = running.function("secret_age")
    created = datetime.now(UTC) - timedelta(days=100)
    versions = {"Versions": [{"VersionStages": ["AWSCURRENT"], "CreatedDate": created}]}
    secrets = SimpleNamespace(list_secret_version_ids=lambda **_: versions)
    settings = SecretAgeSettings.read(variables)
    SecretAges(secrets, measure_secret, open_logger("secret_age")).tell(settings.names)
    return running.written()


async def wish_settler(running: Running) -> set[Measured]:
    """`lambdas.wish_settler.service.Settling.run`, of hotels without a wish."""
    running.function("wish_settler")
    wishes = SimpleNamespace(unsettled=lambda _: [])
    carrying_out = cast("CarryingOut", SimpleNamespace(wishes=wishes, now=lambda: datetime.now(UTC)))
    due = MemoryDue(MemoryCalls(HOTELS))
    Settling(HOTELS, carrying_out, due, count, open_logger("wish_settler")).run()
    return running.written()


async def agent(running: Running) -> set[Measured]:
    """`agent.server.endpoints`, asked over HTTP as the collector does."""
    variables = {
        entry["Name"]: entry["Value"] if isinstance(entry["Value"], str) else "http://filled.in:1"
        for entry in running.container("agent")["Environment"]
    }
    settings = AgentSettings.read(variables | {"RIVA_URL": "riva:50051"})
    assert settings.metrics_port == running.port("agent", "agent")
    port = free_port(settings.metrics_port)
    running.monkeypatch.setattr("agent.server.read_secret", lambda _: '{"api_key": "key", "api_secret": "secret"}')
    here = settings.model_copy(update={"worker_host": "127.0.0.1", "worker_port": 0, "metrics_port": port})
    server = build_server(here)
    running.monkeypatch.setattr(type(server), "active_jobs", [object()])
    async with endpoints(server, here), httpx.AsyncClient() as http:
        server.emit("worker_registered", "AW_1", None)
        answer = await http.get(f"http://127.0.0.1:{port}/metrics")
    return running.scraped("agent", "agent", answer.text)


async def probe(running: Running) -> set[Measured]:
    """`gpu_fleet.riva.probe.build_app`, asked over HTTP as the collector does."""
    variables = {entry["Name"]: entry["Value"] for entry in running.container("probe")["Environment"]}
    settings = ProbeSettings.read(variables)
    assert settings.probe_port == running.port("probe", "probe")
    async with aclosing(Riva(settings.riva_url)) as riva:
        app = build_probe(Probe(riva, every=settings.probe_seconds, timeout=settings.probe_timeout))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://probe") as http:
            answer = await http.get("/metrics")
    return running.scraped("probe", "probe", answer.text)


async def proxy(running: Running) -> set[Measured]:
    """`gpu_fleet.asr_proxy.app.build_app`, asked over HTTP as the collector does: without a token, after a request."""
    variables = {
        entry["Name"]: entry["Value"] if isinstance(entry["Value"], str) else "filled-in"
        for entry in running.container("proxy")["Environment"]
    }
    settings = ProxySettings.read(variables)
    assert settings.proxy_port == running.port("proxy", "proxy")
    async with aclosing(Riva(settings.riva_url)) as riva:
        app = build_proxy(riva, settings, lambda: "token", WordDetector())
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://proxy") as http:
            await http.get("/metrics")
            answer = await http.get("/metrics")
    return running.scraped("proxy", "proxy", answer.text)


async def gpu(running: Running) -> set[Measured]:
    """NVIDIA's exporter, which cannot run without a GPU: that it is there, listens, and is known for these names."""
    exporter = running.container("gpu")
    listening = {entry["Name"]: entry["Value"] for entry in exporter["Environment"]}["DCGM_EXPORTER_LISTEN"]
    assert "dcgm-exporter" in json.dumps(exporter["Image"])
    assert listening == f":{running.port('gpu', 'gpu')}"
    labels = 'gpu="0",UUID="GPU-1",device="nvidia0",modelName="NVIDIA L4",Hostname="x"'
    return running.scraped("gpu", "gpu", "".join(f"{name}{{{labels}}} 1\n" for name in GPU_COUNTERS))


EMITTERS: Final[Mapping[str, Callable[[Running], Awaitable[set[Measured]]]]] = {
    "GuestWithoutAgent": livekit_webhook,
    "RoomIsNoCall": livekit_webhook,
    "UnknownHotel": livekit_webhook,
    "WebhookUnreadable": livekit_webhook,
    "WebhooksDropped": livekit_webhook,
    "CallFailed": calls,
    "TurnLatency": calls,
    "SecretAgeDays": secret_age,
    "SecretAgeUnknown": secret_age,
    "WishesInDoubt": wish_settler,
    "WishesSettled": wish_settler,
    "bellhop_agent_calls": agent,
    "bellhop_agent_load": agent,
    "bellhop_riva_ready": probe,
    "bellhop_riva_probe_seconds": probe,
    "bellhop_asr_streams": proxy,
    "bellhop_asr_requests_total": proxy,
    "DCGM_FI_DEV_FB_FREE": gpu,
    "DCGM_FI_DEV_FB_USED": gpu,
    "DCGM_FI_DEV_GPU_UTIL": gpu,
}
"""Who emits a metric of ours."""

DIMENSIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "AWS/ApiGateway": {"Stage": "AWS::ApiGateway::Stage"},
    "AWS/DynamoDB": {"TableName": "AWS::DynamoDB::Table"},
    "AWS/ECS": {"ClusterName": "AWS::ECS::Cluster", "ServiceName": "AWS::ECS::Service"},
    "AWS/Lambda": {"FunctionName": "AWS::Lambda::Function"},
    "AWS/Logs": {"LogGroupName": "AWS::Logs::LogGroup"},
    "AWS/NATGateway": {"NatGatewayId": "AWS::EC2::NatGateway"},
    "AWS/SQS": {"QueueName": "AWS::SQS::Queue"},
    "AWS/WAFV2": {},
    "ECS/ContainerInsights": {"ClusterName": "AWS::ECS::Cluster", "ServiceName": "AWS::ECS::Service"},
}
"""The dimensions of AWS's metrics that name a resource, and its type."""


@pytest.fixture
def running(dev: Deployed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Running:
    return Running(dev, monkeypatch, capsys)


@dataclass(frozen=True)
class Watched:
    """A metric that an alarm looks at, as its template has it; values may be references."""

    alarm: str
    namespace: str
    name: str
    dimensions: Mapping[str, Any]


def watched(stage: Deployed) -> list[Watched]:
    """The metrics of all alarms, also those in their expressions."""
    found = []
    for alarm, resource in stage.resources("AWS::CloudWatch::Alarm").items():
        properties = resource["Properties"]
        parts = [part["MetricStat"]["Metric"] for part in properties.get("Metrics", ()) if "MetricStat" in part]
        for metric in parts or [properties]:
            dimensions = {dimension["Name"]: dimension["Value"] for dimension in metric.get("Dimensions", ())}
            found.append(Watched(alarm, metric["Namespace"], metric["MetricName"], dimensions))
    return [metric for metric in found if metric.alarm.startswith("observability/")]


def shown(stage: Deployed) -> list[Measured]:
    """Our own metrics on the dashboard."""
    rows = [row for widget in widgets(stage) for row in widget["properties"].get("metrics", ())]
    ours = [[part for part in row if isinstance(part, str)] for row in rows]
    return [
        Measured(row[0], row[1], frozenset(zip(row[2::2], row[3::2], strict=True)))
        for row in ours
        if row and row[0].startswith("Bellhop")
    ]


def ours(stage: Deployed) -> set[Measured]:
    """Our own metrics that are watched or shown."""
    by_alarms = {
        Measured(metric.namespace, metric.name, frozenset(metric.dimensions.items()))
        for metric in watched(stage)
        if metric.namespace.startswith("Bellhop")
    }
    return by_alarms | set(shown(stage))


@pytest.mark.parametrize("metric", sorted(EMITTERS))
async def test_a_metric_of_ours_is_what_its_emitter_emits(metric: str, running: Running) -> None:
    """The code that emits a metric does so in the namespace and with the dimensions in which it is watched."""
    wanted = {measured for measured in ours(running.stage) if measured.name == metric}

    emitted = await EMITTERS[metric](running)

    assert wanted
    assert wanted <= emitted


def test_every_metric_of_ours_has_an_emitter(dev: Deployed, prod: Deployed) -> None:
    """Nothing is watched that nobody tells, and the stages' metrics have no namespace in common."""
    for stage in (dev, prod):
        assert {measured.name for measured in ours(stage)} == set(EMITTERS)
        assert {measured.namespace for measured in ours(stage)} == {f"Bellhop/{stage.stage.name}"}


def test_metrics_of_aws_are_those_of_our_resources(dev: Deployed, prod: Deployed) -> None:
    """An alarm on a metric of AWS names a function, table, queue, service or gateway that the stage really has."""
    for stage in (dev, prod):
        for metric in watched(stage):
            if metric.namespace.startswith("Bellhop"):
                continue
            kinds = DIMENSIONS[metric.namespace]
            named = {name: find(stage, "observability", metric.dimensions[name]).type for name in kinds}
            assert named == kinds, metric
            plain = {name: value for name, value in metric.dimensions.items() if name not in kinds}
            assert plain.items() <= literals(stage, metric.namespace).items(), metric


def literals(stage: Deployed, namespace: str) -> dict[str, str]:
    """The dimensions of AWS's metrics that are names in the templates, as the resource that emits them has them."""
    match namespace:
        case "AWS/ApiGateway":
            (api,) = stage.resources("AWS::ApiGateway::RestApi").values()
            return {"ApiName": api["Properties"]["Name"]}
        case "AWS/Logs":
            return {"DataProtectionOperation": "Audit"}
        case "AWS/WAFV2":
            (acl,) = stage.resources("AWS::WAFv2::WebACL").values()
            properties = acl["Properties"]
            rule = next(rule for rule in properties["Rules"] if rule["Name"] == "WebhookFromElsewhere")
            assert rule["VisibilityConfig"]["CloudWatchMetricsEnabled"]
            assert properties["Name"] == properties["VisibilityConfig"]["MetricName"]
            return {
                "Region": "eu-central-1",
                "Rule": rule["VisibilityConfig"]["MetricName"],
                "WebACL": properties["Name"],
            }
    return {}


def test_the_cluster_counts_its_tasks(dev: Deployed) -> None:
    """Alarms on missing tasks need Container Insights, which is off unless it is asked for."""
    (cluster,) = dev.resources("AWS::ECS::Cluster").values()

    assert {"Name": "containerInsights", "Value": "enabled"} in cluster["Properties"]["ClusterSettings"]


def test_metrics_name_nobody(dev: Deployed) -> None:
    """No name or dimension of ours has room for a person, a call or a number."""
    dimensions = {name for measured in ours(dev) for name, _ in measured.dimensions}

    assert dimensions == {"part", "secret", "service"}
