"""One function, invoked once on this machine: `make invoke F=pms E=tests/events/offers.json`.

Its real handler runs in this process, with moto as AWS: both tables with one call that is going on, the secrets,
a project of CodeBuild. Stand-ins on loopback answer what a function asks of LiveKit or tells CloudFormation.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import logging
import os
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO, cast

import boto3
from moto import mock_aws
from rich.console import Console
from rich.markup import escape

from lambdas.calls.settings import CallsSettings
from lambdas.livekit_setup.settings import LiveKitSetupSettings
from lambdas.livekit_webhook.settings import WebhookSettings
from lambdas.pms.settings import PmsSettings
from lambdas.riva_setup.settings import RivaSetupSettings
from lambdas.secret_age.settings import SecretAgeSettings
from lambdas.shared.domain.hotel import Hotels
from lambdas.shared.livekit_key import LiveKitKey
from lambdas.shared.observability import NAMESPACE, open_logger
from lambdas.shared.settings import Settings
from lambdas.shared.tables import create_tables
from lambdas.tts_router.settings import TtsRouterSettings
from lambdas.wish_settler.settings import WishSettlerSettings
from local.example_call import begin_example_call
from local.gateway import LocalContext
from local.outside import outside
from local.processes import ROOT
from local.recorded import EventError, complete, read_event, route_of

REGION: Final = "eu-central-1"
CALLS_TABLE: Final = "calls"
LEASES_TABLE: Final = "leases"
HOTELS: Final = ROOT / "hotels"
EVENTS: Final = ROOT / "tests/events"
# Made up, and known to nothing but the moto of one process.
LIVEKIT: Final = LiveKitKey(api_key="local", api_secret="a-secret-of-one-invocation-on-one-machine")  # noqa: S106
LEGACY_TOKEN: Final = "earlier-client"  # noqa: S105
SECRETS: Final[Mapping[str, str]] = {
    "bellhop/local/livekit": LIVEKIT.model_dump_json(),
    "bellhop/local/guest-key": "a-key-of-one-invocation-on-one-machine",
    "bellhop/local/legacy-token": LEGACY_TOKEN,
    "bellhop/local/sip": json.dumps({"username": "telephone-company", "password": "local"}),
}
PMS_SECRETS: Final = "bellhop/local/pms"
BUILD_PROJECT: Final = "build"
_MADE_UP: Final = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_SESSION_TOKEN": "local"}
_NOT_SHOWN: Final = frozenset({"level", "location", "message", "timestamp", "service", "request_id", "xray_trace_id"})


class InvocationError(Exception):
    """Nothing was invoked; the message says why and what to do."""


@dataclass(frozen=True)
class Invoked:
    """What came of an invocation: the answer or the fault, what was logged, and how long importing and running took."""

    answer: Any
    fault: str | None
    logs: tuple[str, ...]
    told: Mapping[str, Any] | None
    """What CloudFormation was told; None when it was told nothing."""
    import_s: float
    run_s: float


def functions() -> list[str]:
    """The folders that are functions."""
    return sorted(path.parent.name for path in (ROOT / "lambdas").glob("*/handler.py"))


def invoke(function: str, event_file: Path) -> Invoked:
    """Raises InvocationError when there is no such function, or the file is not an event for it."""
    if function not in functions():
        raise InvocationError(f"there is no function {function!r}; there are {', '.join(functions())}")
    if not event_file.exists():
        known = ", ".join(sorted(path.stem for path in EVENTS.glob("*.json")))
        raise InvocationError(f"there is no file {event_file}; in {EVENTS.relative_to(ROOT)} there are {known}")
    try:
        event = read_event(event_file)
    except EventError as error:
        raise InvocationError(str(error)) from None
    route = route_of(event)
    if "httpMethod" in event and (route is None or route.function != function):
        asked = f"{event['httpMethod']} {event['resource']}"
        whose = f"a route of {route.function}" if route else "no route of the API"
        raise InvocationError(f"{event_file} asks {asked}, which is {whose}, not of {function}")
    with mock_aws(), _environment(), outside(LIVEKIT) as around:
        _fill()
        completed = complete(event, livekit=LIVEKIT, legacy_token=LEGACY_TOKEN, around=around)
        return _run(function, completed, around.told)


def _run(function: str, event: dict[str, Any], answers: Sequence[Mapping[str, Any]]) -> Invoked:
    printed, answer, fault = io.StringIO(), None, None
    begun = ready = time.perf_counter()
    # A logger writes to what was the output when it was made, and the same service always gets the same logger.
    cast("logging.StreamHandler[TextIO]", open_logger(function).registered_handler).setStream(printed)
    with redirect_stdout(printed):
        try:
            handler = importlib.import_module(f"lambdas.{function}.handler").lambda_handler
            ready = time.perf_counter()
            answer = json.loads(json.dumps(handler(event, LocalContext(function))))
        except Exception:
            # Whatever a handler raises, as it is imported or run, is what the developer has asked to see.
            fault = traceback.format_exc()
    ended = time.perf_counter()
    logs = tuple(printed.getvalue().splitlines())
    told = answers[-1] if answers else None
    return Invoked(answer, fault, logs, told, import_s=ready - begun, run_s=ended - ready)


def _settings() -> tuple[Settings, ...]:
    livekit, guest_key, legacy_token, sip = SECRETS
    tables = {"calls_table": CALLS_TABLE, "leases_table": LEASES_TABLE}
    return (
        CallsSettings(**tables, hotels=HOTELS, legacy_token_secret=legacy_token),
        PmsSettings(**tables, hotels=HOTELS, pms_secrets=PMS_SECRETS),
        TtsRouterSettings(speech_engines="http", hotels=HOTELS),
        LiveKitSetupSettings(stage="local", retain=False, livekit_secret=livekit, sip_secret=sip),
        RivaSetupSettings(build_project=BUILD_PROJECT),
        SecretAgeSettings(secrets=",".join(SECRETS)),
        WishSettlerSettings(**tables, hotels=HOTELS, pms_secrets=PMS_SECRETS),
        WebhookSettings(calls_table=CALLS_TABLE, hotels=HOTELS, livekit_secret=livekit, guest_key_secret=guest_key),
    )


@contextmanager
def _environment() -> Iterator[None]:
    """What a function finds in its environment, in place of this shell's AWS variables."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {**_MADE_UP, "AWS_DEFAULT_REGION": REGION, "POWERTOOLS_METRICS_NAMESPACE": NAMESPACE}
    for settings in _settings():
        os.environ |= settings.write()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before


def _fill() -> None:
    database, vault = boto3.client("dynamodb"), boto3.client("secretsmanager")
    create_tables(database, CALLS_TABLE, LEASES_TABLE)
    for name, value in SECRETS.items():
        vault.create_secret(Name=name, SecretString=value)
    boto3.client("codebuild").create_project(
        name=BUILD_PROJECT,
        source={"type": "S3", "location": "assets/program.zip"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "made-up", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole="arn:aws:iam::123456789012:role/build",
    )
    begin_example_call(database, calls_table=CALLS_TABLE, leases_table=LEASES_TABLE, hotels=Hotels.load(HOTELS))


def show(invoked: Invoked, console: Console) -> None:
    """Print what came of it: the answer, what CloudFormation was told, the log lines."""
    timing = f"[dim]imported in {invoked.import_s:.2f} s, ran {invoked.run_s * 1000:.0f} ms[/]"
    if invoked.fault:
        console.print(f"[bold red]failed[/]  {timing}")
        console.print(escape(invoked.fault.rstrip()), highlight=False, soft_wrap=True)
    else:
        _show_answer(invoked.answer, timing, console)
    if invoked.told is not None:
        console.print("[bold]CloudFormation is told[/]")
        console.print_json(json.dumps(invoked.told))
    if invoked.logs:
        console.print("[bold]logs[/]")
    for line in invoked.logs:
        console.print(f"  {readable(line)}", highlight=False, soft_wrap=True)


def _show_answer(answer: Any, timing: str, console: Console) -> None:
    if not isinstance(answer, dict) or "statusCode" not in answer:
        console.print(f"[bold]returned[/]  {timing}")
        console.print_json(json.dumps(answer))
        return
    colour = "green" if answer["statusCode"] < 400 else "red"
    console.print(f"[bold {colour}]{answer['statusCode']}[/]  {timing}")
    for name, values in (answer.get("multiValueHeaders") or {}).items():
        console.print(f"[dim]{escape(name)}: {escape(', '.join(values))}[/]", highlight=False, soft_wrap=True)
    body = answer.get("body") or ""
    try:
        console.print_json(body)
    except ValueError:
        console.print(escape(body), highlight=False, soft_wrap=True)


def readable(line: str) -> str:
    """A log line as markup: level, message and fields, or a metric and its value; anything else as it is."""
    try:
        told = json.loads(line)
    except ValueError:
        return escape(line)
    if not isinstance(told, dict):
        return escape(line)
    if "_aws" in told:
        groups = told["_aws"].get("CloudWatchMetrics", [])
        names = [metric["Name"] for group in groups for metric in group["Metrics"]]
        return "[magenta]metric[/]   " + escape("  ".join(f"{name}={told[name]}" for name in names))
    level = str(told.get("level", "")).lower()
    colour = {"warning": "yellow", "error": "red", "critical": "red"}.get(level, "cyan")
    fields = "  ".join(f"{name}={value}" for name, value in told.items() if name not in _NOT_SHOWN)
    return f"[{colour}]{level:<8}[/] {escape(str(told.get('message', '')))}  [dim]{escape(fields)}[/]"


def main(words: Sequence[str] | None = None) -> None:
    """Invoke one function with one event; the exit status is 1 when it failed."""
    parser = argparse.ArgumentParser(
        prog="python -m local.invoke",
        description=main.__doc__,
        epilog="`tests/events` holds an event for everything that can trigger a function. Signatures, tokens and "
        "addresses to answer to are filled in. The events are about a call that is going on: "
        "`local/example_call.py` says what is known of it.",
    )
    parser.add_argument("function", help=f"one of {', '.join(functions())}")
    parser.add_argument("event", type=Path, help="a file with the event, such as tests/events/offers.json")
    options = parser.parse_args(words)
    try:
        invoked = invoke(options.function, options.event)
    except InvocationError as error:
        raise SystemExit(str(error)) from None
    show(invoked, Console())
    raise SystemExit(1 if invoked.fault else 0)


if __name__ == "__main__":
    main()
