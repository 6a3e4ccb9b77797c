"""How big the fleet must be for the calls that come, and what it costs: `python -m gpu_fleet.capacity --help`.

Calls a day → the busiest hour → Erlangs → calls at once, by Erlang B: a call that finds no agent is not queued, so this
is the formula of lost calls (https://en.wikipedia.org/wiki/Erlang_(unit)#Erlang_B_formula). Each call is one stream at
the recogniser; streams give GPUs, GPUs give hosts. Agents use what a host has beside Riva; those that find no place
there get hosts without a GPU.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from gpu_fleet.prices import HOSTS, NOT_INCLUDED, READ_ON, SOURCE, USD_PER_EUR, Share, monthly_usd
from gpu_fleet.riva.models import DEFAULT, MODELS, ModelError, RivaModel, require_streaming

HEADROOM: Final = 0.25
"""Share of a GPU's streams that stays free: for the probe, the proxy, and hours busier than the busiest."""
GPU_INSTANCE: Final = "g6.2xlarge"
CPU_INSTANCE: Final = "c7i.xlarge"
RIVA: Final = Share(4, 20)
"""Riva's task without its sidecars; of its memory 8 GiB are shared between its processes. All that a host of 32 GiB has
beside its agents: NVIDIA says no figure for a model that builds its engines, and one that takes more is ended."""
SIDECARS: Final = Share(1, 3)
"""Probe, proxy, GPU metrics and collector."""
AGENT: Final = Share(1, 3)
"""An agent with four calls: each has a process of some 300 MB, most of it its own, and takes a tenth of a core."""
CALLS_PER_AGENT: Final = 4


class CapacityError(Exception):
    """A fleet cannot be made of what was given; the message says what is allowed."""


@dataclass(frozen=True)
class Demand:
    """The calls of all hotels of a stage together, which share the fleet. Raises CapacityError when it is nonsense."""

    calls_per_day: int
    hotels: int
    mean_seconds: float = 180
    busiest_hour_share: float = 0.15
    """Share of a day's calls that comes in its busiest hour; 1/24 is a day that is even."""
    blocking: float = 0.001
    """Share of the busiest hour's calls that may find no agent."""
    spare_gpu_hosts: int = 0
    """GPU hosts beyond the need, so that the fleet hears on when one dies."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("calls_per_day", 1, 1_000_000),
            ("hotels", 1, 10_000),
            ("mean_seconds", 1, 7200),
            ("busiest_hour_share", 1 / 24, 1),
            ("blocking", 1e-6, 0.5),
            ("spare_gpu_hosts", 0, 100),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise CapacityError(f"{name} is {value}; it may be {low:,.7g} to {high:,.7g}")

    @property
    def busiest_hour(self) -> float:
        """Calls in the busiest hour."""
        return self.calls_per_day * self.busiest_hour_share

    @property
    def erlangs(self) -> float:
        """Calls in progress in the busiest hour, on average."""
        return self.busiest_hour * self.mean_seconds / 3600


@dataclass(frozen=True)
class Fleet:
    """What a demand needs."""

    calls_at_once: int
    blocking: float
    """Share of the busiest hour's calls that finds all lines taken."""
    streams: int
    riva_tasks: int
    gpu_hosts: int
    agent_tasks: int
    agents_on_gpu_hosts: int
    agents_on_cpu: int
    cpu_hosts: int
    monthly_eur: float


def erlang_b(erlangs: float, lines: int) -> float:
    """The share of calls that find all lines taken; 1 when there is no line."""
    blocked = 1.0
    for line in range(1, lines + 1):
        blocked = erlangs * blocked / (line + erlangs * blocked)
    return blocked


def lines_for(erlangs: float, blocking: float) -> int:
    """The fewest lines, at least one, at which no larger share of calls than `blocking` finds all taken."""
    blocked, lines = 1.0, 0
    while blocked > blocking:
        lines += 1
        blocked = erlangs * blocked / (lines + erlangs * blocked)
    return lines


def agents_beside_riva(instance: str = GPU_INSTANCE) -> int:
    """How many agents are placed on a GPU host of that type beside Riva and its sidecars; raises CapacityError.

    It is one less than there is room for: a deployment starts the new agent before the old one has drained, and would
    otherwise start a GPU host for it.
    """
    room = {name: host.tasks(AGENT, beside=(RIVA, SIDECARS)) for name, host in HOSTS.items() if host.gpus}
    if not room.get(instance):
        raise CapacityError(f"Riva cannot run on {instance}; it has room on {', '.join(filter(room.get, room))}")
    return room[instance] - 1


def plan(
    demand: Demand,
    *,
    model: RivaModel = MODELS[DEFAULT],
    gpu_instance: str = GPU_INSTANCE,
    calls_per_agent: int = CALLS_PER_AGENT,
) -> Fleet:
    """The smallest fleet that takes the demand; it always has a recogniser and an agent.

    Raises CapacityError for a host or a number of calls that cannot be, ModelError for a model that does not stream.
    """
    if not 1 <= calls_per_agent <= 100:
        raise CapacityError(f"calls_per_agent is {calls_per_agent}; it may be 1 to 100")
    per_gpu = require_streaming(model.name).streams_per_gpu * (1 - HEADROOM)
    calls = lines_for(demand.erlangs, demand.blocking)
    gpu_hosts = ceil(calls / per_gpu) + demand.spare_gpu_hosts
    agents = ceil(calls / calls_per_agent)
    beside = min(agents, gpu_hosts * agents_beside_riva(gpu_instance))
    cpu_hosts = ceil((agents - beside) / HOSTS[CPU_INSTANCE].tasks(AGENT))
    return Fleet(
        calls_at_once=calls,
        blocking=erlang_b(demand.erlangs, calls),
        streams=calls,
        riva_tasks=gpu_hosts,
        gpu_hosts=gpu_hosts,
        agent_tasks=agents,
        agents_on_gpu_hosts=beside,
        agents_on_cpu=agents - beside,
        cpu_hosts=cpu_hosts,
        monthly_eur=sum(monthly_usd({gpu_instance: gpu_hosts, CPU_INSTANCE: cpu_hosts}).values()) / USD_PER_EUR,
    )


def report(demand: Demand, fleet: Fleet, *, model: RivaModel, gpu_instance: str, calls_per_agent: int) -> str:
    """The plan step by step, with its bill and where the prices are from."""
    beside = agents_beside_riva(gpu_instance)
    steps = {
        "busiest hour": f"{demand.busiest_hour:,.4g} calls ({demand.busiest_hour_share:.0%} of the day) of "
        f"{demand.mean_seconds:g} s: {demand.erlangs:.2f} Erlang",
        "calls at once": f"{fleet.calls_at_once}; then {fleet.blocking:.3%} find no line, {demand.blocking:.3%} may",
        "recogniser": f"{fleet.streams} streams of {model.name}, which takes {model.streams_per_gpu} a GPU; "
        f"{HEADROOM:.0%} of them stay free: {fleet.riva_tasks} task{_s(fleet.riva_tasks)}"
        + (f", {demand.spare_gpu_hosts} of them spare" if demand.spare_gpu_hosts else ""),
        "GPU hosts": f"{fleet.gpu_hosts} × {gpu_instance}; beside Riva, each takes {beside} agent{_s(beside)} "
        "and has room for its successor",
        "agents": f"{fleet.agent_tasks} of {calls_per_agent} calls each: {fleet.agents_on_gpu_hosts} on GPU hosts, "
        f"{fleet.agents_on_cpu} on hosts without",
        "CPU hosts": f"{fleet.cpu_hosts} × {CPU_INSTANCE}" if fleet.cpu_hosts else "none",
    }
    bill = monthly_usd({gpu_instance: fleet.gpu_hosts, CPU_INSTANCE: fleet.cpu_hosts})
    lines = [f"{demand.calls_per_day:,} calls a day, {demand.hotels:,} hotel{_s(demand.hotels)}", ""]
    lines += [f"  {step:<14} {what}" for step, what in steps.items()]
    lines += ["", f"  {'a month':<34} {'USD':>10} {'EUR':>10}"]
    lines += [f"  {part:<34} {usd:>10,.2f} {usd / USD_PER_EUR:>10,.2f}" for part, usd in bill.items()]
    lines += [f"  {'in all':<34} {sum(bill.values()):>10,.2f} {fleet.monthly_eur:>10,.2f}"]
    lines += [f"  {'for each hotel':<34} {'':>10} {fleet.monthly_eur / demand.hotels:>10,.2f}", ""]
    lines += [f"Prices: {SOURCE}, read on {READ_ON}; 1 EUR = {USD_PER_EUR} USD.", f"Not in it: {NOT_INCLUDED}."]
    lines += [f"Streams a GPU: {model.sources['streams_per_gpu']}."]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the plan for what the command line says; exit status 2 and one sentence when that is nonsense."""
    parser = argparse.ArgumentParser(prog="python -m gpu_fleet.capacity", description="Size the fleet and price it.")
    parser.add_argument("--calls-per-day", type=int, required=True, help="calls a day of all hotels together")
    parser.add_argument("--hotels", type=int, required=True, help="hotels that share the fleet")
    parser.add_argument("--mean-seconds", type=float, default=Demand.mean_seconds, help="a call's length (%(default)s)")
    parser.add_argument(
        "--busiest-hour-share",
        type=float,
        default=Demand.busiest_hour_share,
        help="share of a day's calls in its busiest hour (%(default)s)",
    )
    parser.add_argument(
        "--blocking", type=float, default=Demand.blocking, help="share of calls that may find no line (%(default)s)"
    )
    parser.add_argument("--spare-gpu-hosts", type=int, default=0, help="GPU hosts beyond the need (%(default)s)")
    parser.add_argument("--model", default=DEFAULT, help="recogniser (%(default)s)")
    parser.add_argument("--gpu-instance", default=GPU_INSTANCE, help="type of GPU host (%(default)s)")
    parser.add_argument(
        "--calls-per-agent", type=int, default=CALLS_PER_AGENT, help="calls an agent takes at once (%(default)s)"
    )
    said = vars(parser.parse_args(arguments))
    how = {name: said.pop(name) for name in ("gpu_instance", "calls_per_agent")}
    try:
        how["model"] = require_streaming(said.pop("model"))
        demand = Demand(**said)
        fleet = plan(demand, **how)
    except (CapacityError, ModelError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    sys.stdout.write(report(demand, fleet, **how) + "\n")


def _s(count: int) -> str:
    return "" if count == 1 else "s"


if __name__ == "__main__":
    main()
