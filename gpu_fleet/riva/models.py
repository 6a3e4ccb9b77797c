"""The recognisers a stage may run, as NVIDIA ships them, and which of them can listen to a call.

Each model is one NIM container. Languages, modes and memory are from NVIDIA's support matrix
(https://docs.nvidia.com/nim/speech/26.05.0/reference/support-matrix/asr.html), which asks for a GPU of compute
capability 8.0 or more with at least 16 GB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

REGISTRY: Final = "nvcr.io"
GRPC_PORT: Final = 50051
HTTP_PORT: Final = 9000
"""`/v1/health/ready` and `/v1/metrics`."""
CACHE_PATH: Final = "/opt/nim/.cache"
SHARED_MEMORY_MIB: Final = 8192
FIRST_START_MINUTES: Final = 40
"""How long a model's first start may take.

NVIDIA sends a GPU of compute capability 8.0 or more a prebuilt model where it has one, and CACHE_PATH keeps it; any
other builds its engines at each start, and nothing keeps those
(https://docs.nvidia.com/nim/speech/latest/deployment/docker/model-caching.html)."""


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
    streaming: bool
    gpu_gib: float
    """Memory the profile takes on the GPU."""
    streams_per_gpu: int
    """Streams that one L4 recognises at once while its latency stays flat; 0 for a model that does not stream."""
    streams_source: str
    source: str
    """Where the other figures are from, with the date they were read."""
    reason: str = ""
    """Why the model cannot listen to a call."""

    @property
    def image(self) -> str:
        """The container's repository at NVIDIA's registry, without the tag."""
        return f"{REGISTRY}/nim/nvidia/{self.name}"


_MATRIX: Final = "docs.nvidia.com/nim/speech/26.05.0/reference/support-matrix/asr.html, read 2026-11-24"
_STREAMS: Final = (
    "a cautious assumption of 2026-11-24 for an L4, to be replaced by a measurement on the fleet; "
    "NVIDIA's are at docs.nvidia.com/nim/speech/latest/reference/performances/"
)
# Those of the model's languages that hotels are configured for; Riva wants one of these codes in every request.
_EUROPE: Final = ("en-US", "en-GB", "de-DE", "fr-FR", "it-IT", "es-ES", "es-US", "nl-NL")

_ALL: Final = (
    RivaModel(
        name="parakeet-1-1b-rnnt-multilingual",
        tag="1.5.0",
        # Low latency, and the profile that is told the language, which hears better than the one that guesses it.
        selector="mode=str,type=prompt",
        languages=_EUROPE,
        streaming=True,
        # The throughput profile's, the largest of the model's profiles.
        gpu_gib=15.0,
        streams_per_gpu=32,
        streams_source=_STREAMS,
        source=_MATRIX,
    ),
    RivaModel(
        name="nemotron-asr-streaming",
        tag="1.4.0",
        selector="type=multi",
        languages=_EUROPE,
        streaming=True,
        # 6 GiB were seen with the English profile for 32 streams; the margin is for the multilingual one.
        gpu_gib=8.0,
        streams_per_gpu=32,
        streams_source=_STREAMS,
        source=_MATRIX,
    ),
    RivaModel(
        name="canary-1b",
        # No stage runs it, so nothing is pinned; of its memory NVIDIA asks for a GPU of 16 GB.
        tag="latest",
        selector="mode=ofl",
        languages=_EUROPE,
        streaming=False,
        gpu_gib=16.0,
        streams_per_gpu=0,
        streams_source="it does not stream",
        source=_MATRIX,
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
