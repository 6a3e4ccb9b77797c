"""The worker: takes the calls it is dispatched to, one process each, and is full when it has as many as it may.

A job's process imports this module, so nothing here may run at import.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import structlog
from aiohttp import web
from livekit.agents import AgentServer, JobContext, JobProcess

from agent.logs import configure_logs
from agent.metrics import WorkerMetrics
from agent.service import Service
from agent.settings import AgentSettings
from agent.wiring import Parts
from lambdas.shared.domain.dispatch import AGENT_NAME
from lambdas.shared.settings import read_secret

TARGET_LOAD: Final = 0.7
"""livekit-server gives no job to a worker whose load is above its `agents.target_load`, which is this by default."""
SESSION_END_WITHIN: Final = 50.0
DRAIN_EXTRA: Final = 60
PRELOADED: Final = ("agent.server", "anyio._backends._asyncio", "boto3", "openai.resources")
"""Imported once and shared by the jobs' processes; left to the first use each would block a call's event loop."""

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]

logger = structlog.get_logger()


def prewarm(process: JobProcess) -> None:
    """Prepare a process for its call: whatever blocks is loaded here."""
    settings = AgentSettings.read()
    configure_logs(settings.log_level)
    process.userdata["parts"] = Parts.prepare(settings)


async def answer(job: JobContext) -> None:
    """Serve one call, from its dispatch to its end."""
    service = Service(job, job.proc.userdata["parts"])
    job.proc.userdata["service"] = service
    await service.run()


async def finish(job: JobContext) -> None:
    """After the session has ended: deliver what is still on its way."""
    service: Service | None = job.proc.userdata.get("service")
    if service:
        await service.close()


def build_server(settings: AgentSettings) -> AgentServer:
    """The worker of these settings, not yet running. Its load is the share of its calls that it has."""

    def load(server: AgentServer) -> float:
        return TARGET_LOAD * len(server.active_jobs) / settings.max_calls

    keys = json.loads(read_secret(settings.livekit_secret))
    server = AgentServer(
        host=settings.worker_host,
        port=0,
        ws_url=settings.livekit_url,
        api_key=keys["api_key"],
        api_secret=keys["api_secret"],
        load_fnc=load,
        # A hair below the load of a full worker; with it the framework counts a call that is about to begin as one.
        load_threshold=TARGET_LOAD - 0.001,
        num_idle_processes=settings.max_calls,
        drain_timeout=settings.longest_call_seconds + DRAIN_EXTRA,
        session_end_timeout=SESSION_END_WITHIN,
        initialize_process_timeout=30.0,
        setup_fnc=prewarm,
        preload_modules=[*PRELOADED],
        log_level=settings.log_level,
    )
    server.rtc_session(answer, agent_name=AGENT_NAME, on_session_end=finish)
    return server


async def serve(settings: AgentSettings) -> None:
    """Run until SIGTERM or SIGINT, then take no more calls and end with the last one; a second signal cuts them."""
    server = build_server(settings)
    first, second = asyncio.Event(), asyncio.Event()

    def stop() -> None:
        (second if first.is_set() else first).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    async with AsyncExitStack() as ending:
        running = asyncio.create_task(server.run(), name="worker")
        ending.push_async_callback(server.aclose)
        await ending.enter_async_context(endpoints(server, settings))
        stopping = asyncio.create_task(first.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
            return
        logger.info("worker drains", calls=len(server.active_jobs))
        draining = asyncio.create_task(server.drain())
        cutting = asyncio.create_task(second.wait())
        await asyncio.wait({draining, cutting}, return_when=asyncio.FIRST_COMPLETED)
        draining.cancel()
        with contextlib.suppress(asyncio.CancelledError, TimeoutError):
            await draining
        cutting.cancel()
    logger.info("worker ended")


@asynccontextmanager
async def endpoints(server: AgentServer, settings: AgentSettings) -> AsyncIterator[None]:
    """What a worker answers over HTTP: its health at `/` of one port, its metrics at `/metrics` of another, if any.

    Both are 503 until the worker can be given calls, and answer while it drains: the framework's own health is 200
    earlier.
    """
    registered = asyncio.Event()
    server.on("worker_registered", lambda *_: registered.set())
    metrics = WorkerMetrics(lambda: len(server.active_jobs), settings.max_calls)

    @web.middleware
    async def from_then_on(request: web.Request, handler: Respond) -> web.StreamResponse:
        return await handler(request) if registered.is_set() else web.Response(status=503, text="starting")

    async def health(_: web.Request) -> web.StreamResponse:
        return web.Response(text="ready")

    async def scrape(_: web.Request) -> web.StreamResponse:
        return web.Response(body=metrics.render(), headers={"Content-Type": metrics.content_type})

    routes = [(settings.worker_port, web.get("/", health))]
    if settings.metrics_port:
        routes.append((settings.metrics_port, web.get("/metrics", scrape)))
    async with AsyncExitStack() as listening:
        for port, route in routes:
            app = web.Application(middlewares=[from_then_on])
            app.add_routes([route])
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            listening.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, settings.worker_host, port).start()
        yield
