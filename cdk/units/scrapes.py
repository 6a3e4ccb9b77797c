"""The Prometheus endpoints of the fleet's tasks, and which of their metrics are kept.

Services give them to their collector; alarms and scaling take their metrics from here.
"""

from __future__ import annotations

from typing import Final

from cdk.units.collector import Scrape
from gpu_fleet.riva.models import HTTP_PORT

AGENT: Final = Scrape(job="agent", port=8082, metrics=("bellhop_agent_calls", "bellhop_agent_load"))
"""`agent/metrics.py`: the calls that a worker has, and their share of those it may have."""
PROBE: Final = Scrape(job="probe", port=8001, metrics=("bellhop_riva_ready", "bellhop_riva_probe_seconds"))
"""`gpu_fleet/riva/probe.py`: whether Riva has just understood a known sentence, and how long it took."""
RIVA: Final = Scrape(
    job="riva",
    port=HTTP_PORT,
    path="/v1/metrics",
    metrics=("gpu_utilization", "gpu_memory_used_bytes", "gpu_memory_total_bytes", "process_resident_memory_bytes"),
)
"""NVIDIA's container (https://docs.nvidia.com/nim/riva/asr/latest/observability.html)."""
GPU: Final = Scrape(
    job="gpu", port=9400, metrics=("DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_FB_FREE", "DCGM_FI_DEV_GPU_UTIL")
)
"""NVIDIA's exporter: memory in MiB, use in percent
(https://docs.nvidia.com/datacenter/dcgm/latest/dcgm-api/dcgm-api-field-ids.html)."""
PROXY: Final = Scrape(
    job="proxy",
    port=8000,
    metrics=("bellhop_asr_streams", "bellhop_asr_requests_total", "bellhop_asr_audio_seconds_total"),
)
"""`gpu_fleet/asr_proxy/app.py`: recordings being recognised now, requests, and seconds of audio."""
