"""The recognisers a stage may run, as NVIDIA ships them, which of them can listen to a call, and how one is run.

Each model is one NIM container, which asks for a GPU of compute capability 8.0 or more with at least 16 GB
(https://docs.nvidia.com/nim/speech/26.05.0/reference/support-matrix/asr.html). Every figure of the table names where it
is from and when it was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

REGISTRY: Final = "nvcr.io"
GRPC_PORT: Final = 50051
"""Calls; NVIDIA's default (https://docs.nvidia.com/nim/speech/26.10.0/deployment/docker/runtime-parameters.html)."""
HTTP_PORT: Final = 9000
"""`/v1/health/ready` and `/v1/metrics`; NVIDIA's default, as the other one."""
CACHE_PATH: Final = "/opt/nim/.cache"
"""Where the container keeps what it fetches (https://docs.nvidia.com/nim/riva/asr/1.1.0/configuration.html)."""
SHARED_MEMORY_MIB: Final = 8192
"""What all of NVIDIA's commands give it (`--shm-size=8GB` of the runtime parameters above)."""
FIRST_START_MINUTES: Final = 40
"""How long a model's first start may take, after NVIDIA's own health check of these containers (`start_period`,
https://github.com/NVIDIA-AI-Blueprints/nemotron-voice-agent/blob/06b394f115c9f0fcca258dc50f20942385b50c9c/docker/docker-compose.nemotron-asr.yaml).

NVIDIA sends a GPU of compute capability 8.0 or more a prebuilt model where it has one, and CACHE_PATH keeps it; any
other builds its engines at each start, and nothing keeps those
(https://docs.nvidia.com/nim/speech/latest/deployment/docker/model-caching.html)."""
FIGURES: Final = ("tag", "selector", "languages", "streaming", "gpu_gib", "streams_per_gpu")
"""What has a source of its own in each model."""


class ModelError(Exception):
    """No such model, or one that cannot do what is asked; the message says which can."""


@dataclass(frozen=True)
class RivaModel:
    """One recogniser: where its container is, what it needs and what it can do."""

    name: str
    tag: str
    selector: str
    """`NIM_TAGS_SELECTOR`: which of the container's profiles is loaded."""
    languages: tuple[str, ...]
    """Those of its languages that hotels are configured for; Riva wants one of these codes in every request."""
    streaming: bool
    gpu_gib: float
    """Memory the profile takes on the GPU."""
    streams_per_gpu: int
    """Streams that one L4 recognises at once while its latency stays flat; 0 for a model that does not stream."""
    sources: Mapping[str, str] = field(hash=False)
    """Each of FIGURES → where it is from, with the date it was read."""
    reason: str = ""
    """Why the model cannot listen to a call."""

    @property
    def image(self) -> str:
        """The container's repository at NVIDIA's registry, without the tag."""
        return f"{REGISTRY}/nim/nvidia/{self.name}"

    @property
    def environment(self) -> dict[str, str]:
        """What its container is told, but for NGC_API_KEY, which is a secret."""
        return {
            "NIM_CACHE_PATH": CACHE_PATH,
            "NIM_TAGS_SELECTOR": self.selector,
            "NIM_GRPC_API_PORT": str(GRPC_PORT),
            "NIM_HTTP_API_PORT": str(HTTP_PORT),
        }


_READ: Final = "read 2026-11-24"
_DOCS: Final = "docs.nvidia.com/nim/speech"
_MATRIX: Final = f"{_DOCS}/26.05.0/reference/support-matrix/asr.html, {_READ}"
_BLUEPRINT: Final = (
    "github.com/NVIDIA-AI-Blueprints/nemotron-voice-agent/blob/06b394f115c9f0fcca258dc50f20942385b50c9c/docker"
)
_ASSUMED: Final = (
    "a cautious assumption of 2026-11-24 for an L4, to be replaced by a measurement on the fleet; "
    f"NVIDIA's are at {_DOCS}/latest/reference/performances/"
)
_EUROPE: Final = ("en-US", "en-GB", "de-DE", "fr-FR", "it-IT", "es-ES", "es-US", "nl-NL")

_ALL: Final = (
    RivaModel(
        name="parakeet-1-1b-rnnt-multilingual",
        tag="1.5.0",
        # Low latency, and the profile that is told the language, which hears better than the one that guesses it.
        selector="mode=str,type=prompt",
        languages=_EUROPE,
        streaming=True,
        gpu_gib=15.0,
        streams_per_gpu=32,
        sources={
            "tag": f"{_BLUEPRINT}/docker-compose.parakeet-asr.yaml, {_READ}",
            "selector": _MATRIX,
            "languages": _MATRIX,
            "streaming": f"{_DOCS}/latest/asr/index.html, {_READ}",
            "gpu_gib": "the throughput profile's 14.75 GB, the largest of those that stream: "
            f"{_DOCS}/26.07.0/asr/deploy-asr-models/parakeet-rnnt.html, {_READ}",
            "streams_per_gpu": _ASSUMED,
        },
    ),
    RivaModel(
        name="nemotron-asr-streaming",
        tag="1.4.0",
        # The smallest batch, which takes the least memory: 32 streams are all that one is given.
        selector="name=nemotron-asr-streaming,type=multi,batch_size=32",
        languages=_EUROPE,
        streaming=True,
        gpu_gib=8.0,
        streams_per_gpu=32,
        sources={
            "tag": f"{_DOCS}/26.10.0/about/release-notes.html, {_READ}",
            "selector": f"{_DOCS}/26.05.0/asr/deploy-asr-models/nemotron-asr-streaming.html, {_READ}",
            "languages": _MATRIX,
            "streaming": f"{_DOCS}/26.05.0/asr/deploy-asr-models/nemotron-asr-streaming.html, {_READ}",
            "gpu_gib": "an assumption of 2026-11-24: 6 GiB were seen with the English profile of the same batch, "
            "and the margin is for the multilingual one",
            "streams_per_gpu": _ASSUMED,
        },
    ),
    RivaModel(
        name="canary-1b",
        # No stage runs it, so nothing is pinned.
        tag="latest",
        selector="mode=ofl",
        languages=_EUROPE,
        streaming=False,
        gpu_gib=16.0,
        streams_per_gpu=0,
        sources={
            "tag": f"{_DOCS}/latest/asr/deploy-asr-models/canary.html, {_READ}",
            "selector": f"{_DOCS}/latest/asr/deploy-asr-models/canary.html, {_READ}",
            "languages": f"{_DOCS}/latest/asr/deploy-asr-models/canary.html, {_READ}",
            "streaming": f"{_DOCS}/latest/asr/deploy-asr-models/canary.html, {_READ}",
            "gpu_gib": f"the least that any of these containers asks for: {_MATRIX}",
            "streams_per_gpu": f"it does not stream: {_DOCS}/latest/asr/deploy-asr-models/canary.html, {_READ}",
        },
        reason="it is offline only: it hears a recording as a whole and says nothing while a guest speaks",
    ),
)

MODELS: Final[Mapping[str, RivaModel]] = MappingProxyType({model.name: model for model in _ALL})
DEFAULT: Final = "parakeet-1-1b-rnnt-multilingual"


def require_streaming(name: str) -> RivaModel:
    """The model of that name, if it can listen to a call; raises ModelError, which says which can."""
    live = ", ".join(model.name for model in _ALL if model.streaming)
    model = MODELS.get(name)
    if model is None:
        raise ModelError(f"there is no recogniser {name!r}; those that can listen to a call are {live}")
    if not model.streaming:
        raise ModelError(f"{name} cannot listen to a call: {model.reason}; those that can are {live}")
    return model
