"""What the fleet's parts are and cost in eu-central-1, before tax; prices on demand, without a savings plan.

Instances: AWS's on-demand list (https://aws.amazon.com/ec2/pricing/on-demand/), read second-hand from price tables that
were published with their region; their sizes and network interfaces:
https://docs.aws.amazon.com/ec2/latest/instancetypes/. Volumes: https://aws.amazon.com/ebs/pricing/. NVIDIA's licence
for NIM in production is per GPU, $4,500 a year; members of NVIDIA's developer program develop and test
for nothing: https://docs.nvidia.com/ai-enterprise/planning-resource/licensing-guide/latest/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

READ_ON: Final = "2026-11-24"
SOURCE: Final = "AWS's on-demand list for eu-central-1 as published tables repeat it, and NVIDIA's licensing guide"
USD_PER_EUR: Final = 1.16
"""A planning rate, rounded; that of the day is at https://www.ecb.europa.eu/stats/eurofxref/."""
HOURS_A_MONTH: Final = 730
NOT_INCLUDED: Final = (
    "telephone lines, LiveKit, the language model and the voices, which are paid by use; "
    "logs, keys and network of the stage"
)
_MEMORY_FOR_TASKS: Final = 0.92
"""The kernel and the ECS agent keep the rest."""
VOLUME_USD_A_GIB_MONTH: Final = 0.0952
"""gp3."""
GPU_HOST_VOLUME_GIB: Final = 200
"""For a recogniser's image of some 15 GB packed, more than twice that unpacked, and a new one beside it."""
CPU_HOST_VOLUME_GIB: Final = 60
LICENCE_USD_A_GPU_MONTH: Final = 4500 / 12


@dataclass(frozen=True)
class Share:
    """A part of a host: processors as AWS counts them, and GiB of memory."""

    vcpu: float
    gib: float

    def times(self, part: Share) -> int:
        """How often that part fits into this one."""
        return max(0, int(min(self.vcpu / part.vcpu, self.gib / part.gib)))

    def without(self, *parts: Share) -> Share:
        """What is left beside those parts."""
        return Share(self.vcpu - sum(part.vcpu for part in parts), self.gib - sum(part.gib for part in parts))


@dataclass(frozen=True)
class Host:
    """An instance type."""

    vcpu: int
    gib: int
    gpus: int
    interfaces: int
    """Network interfaces, of which the host has one and each task another
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-networking-awsvpc.html)."""
    usd_per_hour: float

    @property
    def usable(self) -> Share:
        """What tasks may have of it."""
        return Share(self.vcpu, self.gib * _MEMORY_FOR_TASKS)

    def tasks(self, each: Share, *, beside: Sequence[Share] = ()) -> int:
        """How many tasks of that size it has room for beside those that are one task together."""
        places = self.interfaces - 1 - bool(beside)
        return max(0, min(places, self.usable.without(*beside).times(each)))


HOSTS: Final[Mapping[str, Host]] = MappingProxyType(
    {
        "g6.xlarge": Host(4, 16, 1, 4, 1.0064),
        "g6.2xlarge": Host(8, 32, 1, 4, 1.2225),
        "g6.4xlarge": Host(16, 64, 1, 8, 1.6547),
        "g5.2xlarge": Host(8, 32, 1, 4, 1.5156),
        "g5.4xlarge": Host(16, 64, 1, 8, 2.0308),
        "c7i.xlarge": Host(4, 8, 0, 4, 0.2037),
    }
)


def monthly_usd(hosts: Mapping[str, int]) -> dict[str, float]:
    """What so many hosts of each type cost a month, by what is paid for; types of which there are none are left out."""
    bill: dict[str, float] = {}
    gib = gpus = 0
    for name, count in hosts.items():
        if count:
            host = HOSTS[name]
            bill[f"{count} × {name}"] = count * host.usd_per_hour * HOURS_A_MONTH
            gib += count * (GPU_HOST_VOLUME_GIB if host.gpus else CPU_HOST_VOLUME_GIB)
            gpus += count * host.gpus
    bill[f"{gib} GiB of volumes"] = gib * VOLUME_USD_A_GIB_MONTH
    bill[f"NVIDIA's licence, {gpus} × GPU"] = gpus * LICENCE_USD_A_GPU_MONTH
    return bill
