"""How big the fleet must be for the calls that come, and what it costs: `python -m gpu_fleet.capacity --help`.

Calls a day → the busiest hour → Erlangs → calls at once, by Erlang B: a call that finds no agent is not queued, so this
is the formula of lost calls (https://en.wikipedia.org/wiki/Erlang_(unit)#Erlang_B_formula). Each call is one stream at
the recogniser; streams give GPUs, GPUs give hosts. Agents use what a host has beside Riva; those that find no place there
get hosts without a GPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final

from gpu_fleet.riva.models import DEFAULT, MODELS, RivaModel

HEADROOM: Final = 0.25
"""Share of a GPU's streams that stays free: for the probe, the proxy, and hours busier than the busiest."""


@dataclass(frozen=True)
class Share:
    """A part of a host: processors as AWS counts them, and GiB of memory."""

    vcpu: float
    gib: float


GPU_HOST: Final = Share(8, 30)
"""g6.2xlarge: 32 GiB, of which the kernel and the ECS agent keep about two."""
CPU_HOST: Final = Share(4, 7)
"""c7i.xlarge: 8 GiB, of which about one is not for tasks."""
RIVA: Final = Share(4, 18)
"""Riva's task without its sidecars; of its memory 8 GiB are shared between its processes."""
SIDECARS: Final = Share(1, 3)
"""Probe, proxy, GPU metrics and collector."""
AGENT: Final = Share(1, 3)
"""An agent with four calls: each has a process of some 300 MB and takes a tenth of a core."""
CALLS_PER_AGENT: Final = 4


@dataclass(frozen=True)
class Demand:
    """The calls of all hotels of a stage together, which share the fleet."""

    calls_per_day: int
    hotels: int
    mean_seconds: float = 180
    busiest_hour_share: float = 0.15
    """Share of a day's calls that comes in its busiest hour."""
    blocking: float = 0.001
    """Share of the busiest hour's calls that may find no agent."""
    spare_gpu_hosts: int = 0
    """GPU hosts beyond the need, so that one that dies takes no call with it that could not be taken elsewhere."""

    def __post_init__(self) -> None:
        for fault, wrong in {
            f"calls_per_day is {self.calls_per_day}; say at least 1": self.calls_per_day < 1,
            f"hotels is {self.hotels}; say at least 1": self.hotels < 1,
            f"mean_seconds is {self.mean_seconds}; say 1 to 7200": not 1 <= self.mean_seconds <= 7200,
            f"busiest_hour_share is {self.busiest_hour_share}; say 1/24 (an even day) to 1": not (
                1 / 24 <= self.busiest_hour_share <= 1
            ),
            f"blocking is {self.blocking}; say more than 0 and less than 1": not 0 < self.blocking < 1,
            f"spare_gpu_hosts is {self.spare_gpu_hosts}; say at least 0": self.spare_gpu_hosts < 0,
        }.items():
            if wrong:
                raise ValueError(fault)

    @property
    def erlangs(self) -> float:
        """Calls in progress in the busiest hour, on average."""
        return self.calls_per_day * self.busiest_hour_share * self.mean_seconds / 3600


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
    """The share of calls that find all lines taken."""
    blocked = 1.0
    for line in range(1, lines + 1):
        blocked = erlangs * blocked / (line + erlangs * blocked)
    return blocked


def lines_for(erlangs: float, blocking: float) -> int:
    """The fewest lines, at least one, at which no larger share of calls than `blocking` finds all taken."""
    blocked, lines = 1.0, 0
    while blocked > blocking or lines < 1:
        lines += 1
        blocked = erlangs * blocked / (lines + erlangs * blocked)
    return lines


def fitting(part: Share, host: Share) -> int:
    """How many such parts fit on a host."""
    return max(0, int(min(host.vcpu / part.vcpu, host.gib / part.gib)))


def agents_beside_riva() -> int:
    """How many agents fit on a GPU host on which Riva and its sidecars run."""
    return fitting(AGENT, Share(GPU_HOST.vcpu - RIVA.vcpu - SIDECARS.vcpu, GPU_HOST.gib - RIVA.gib - SIDECARS.gib))


def plan(demand: Demand, *, model: RivaModel = MODELS[DEFAULT], calls_per_agent: int = CALLS_PER_AGENT) -> Fleet:
    """The smallest fleet that takes the demand with this recogniser; never without a recogniser or an agent."""
    calls = lines_for(demand.erlangs, demand.blocking)
    riva = ceil(calls / (model.streams_per_gpu * (1 - HEADROOM))) + demand.spare_gpu_hosts
    agents = ceil(calls / calls_per_agent)
    beside = min(agents, riva * agents_beside_riva())
    cpu_hosts = ceil((agents - beside) / fitting(AGENT, CPU_HOST))
    return Fleet(
        calls_at_once=calls,
        blocking=erlang_b(demand.erlangs, calls),
        streams=calls,
        riva_tasks=riva,
        gpu_hosts=riva,
        agent_tasks=agents,
        agents_on_gpu_hosts=beside,
        agents_on_cpu=agents - beside,
        cpu_hosts=cpu_hosts,
        monthly_eur=round((riva * 1.22 + cpu_hosts * 0.21) * 730 / 1.16, 2),
    )
