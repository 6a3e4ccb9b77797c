"""The stages of the cloud: what they have in common, what makes `dev` small and `prod` safe, and what only the operator
knows.

The operator's values stand in cdk.json under `context.stages.<stage>`, or are given as `-c name=value`. A stage without
them can be synthesised and looked at; it cannot be deployed.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from gpu_fleet.capacity import CALLS_PER_AGENT, GPU_INSTANCE, Demand, Fleet, plan
from gpu_fleet.riva.models import DEFAULT, require_streaming

StageName = Literal["dev", "prod"]
NAMES: Final[tuple[StageName, ...]] = ("dev", "prod")
MISSING_HOST: Final = "missing.invalid"
"""Stands where the operator has not yet named a host: a name that can never exist (RFC 2606)."""


class StageError(Exception):
    """A stage cannot be made of what was given; the message names each value and says what is allowed."""


def _listed(value: object) -> object:
    """A list as `-c name=a,b` gives it."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


class Operator(BaseModel):
    """What only the operator of a stage knows; None until it is said. Secrets are in Secrets Manager, never here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: Annotated[str, StringConstraints(pattern=r"^\d{12}$")] | None = None
    """The only account this stage may be deployed to; None means whichever the credentials are of."""
    region: str = "eu-central-1"
    livekit_url: Annotated[str, StringConstraints(pattern=r"^wss://[^\s/]+$")] | None = None
    """The LiveKit project's own address, pinned to the EU."""
    llm_url: Annotated[str, StringConstraints(pattern=r"^https://\S+$")] | None = None
    """The model's OpenAI-compatible endpoint, such as an Azure OpenAI resource's `https://…/openai/v1/`."""
    llm_region: str | None = None
    """Where that endpoint computes: an Azure resource's address does not say."""
    llm_model: str | None = None
    speech_url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")] | None = None
    """Where the speech engine `http` is."""
    speech_key: bool = False
    """Whether that engine asks for a key: then it is secret `speech`."""
    azure_speech_region: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+$")] | None = None
    """Where Azure Speech hears the rest of a call when Riva is gone, its key being secret `azure-speech`; without it
    nobody does."""
    sip_addresses: Annotated[tuple[IPv4Network, ...], BeforeValidator(_listed)] | None = None
    """From where the telephone company calls, as CIDR ranges; without them it signs in with secret `sip`."""
    sip_changed: str | None = None
    """The day on which secret `sip` got its present value: LiveKit gets it with the deployment that says so."""
    alarm_email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")] | None = None


NEEDED: Final = ("livekit_url", "llm_url", "llm_region", "llm_model", "speech_url", "alarm_email")
"""The operator's values without which no phone is answered, or nobody is told that none is."""


class Stage(BaseModel):
    """A stage: its name, its sizes, what it keeps, where its partners are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: StageName
    operator: Operator
    retain: bool
    """Whether data, keys and the hotels' SIP trunks outlive their stack."""
    nat_gateways: int
    log_days: int
    monthly_budget_usd: int
    demand: Demand
    most_gpu_hosts: int
    riva_model: str = DEFAULT
    gpu_instance: str = GPU_INSTANCE
    gpu_zones: tuple[str, ...] = ("euc1-az2", "euc1-az3")
    """The zone ids of eu-central-1 that offer G6 instances; a zone's name differs between accounts, its id does not."""
    calls_per_agent: int = Field(default=CALLS_PER_AGENT, ge=1)
    speech_engines: str = "http"

    @property
    def missing(self) -> tuple[str, ...]:
        """The operator's values that are still to be said."""
        return tuple(name for name in NEEDED if getattr(self.operator, name) is None)

    @property
    def full_name(self) -> str:
        """What the stage is called in an account that has others beside it; names of its parts begin with it."""
        return f"bellhop-{self.name}"

    @property
    def region(self) -> str:
        return self.operator.region

    @property
    def livekit_url(self) -> str:
        return self.operator.livekit_url or f"wss://{MISSING_HOST}"

    @property
    def llm_url(self) -> str:
        return self.operator.llm_url or f"https://{MISSING_HOST}/"

    @property
    def llm_model(self) -> str:
        return self.operator.llm_model or "missing"

    @property
    def speech_url(self) -> str:
        return self.operator.speech_url or f"https://{MISSING_HOST}/"

    @property
    def speech_secret(self) -> str | None:
        """The name of the speech engine's key, when it asks for one."""
        return self.secret("speech") if self.operator.speech_key else None

    @property
    def azure_speech_secret(self) -> str | None:
        """The name of Azure Speech's key, where it hears."""
        return self.secret("azure-speech") if self.operator.azure_speech_region else None

    @property
    def fleet(self) -> Fleet:
        """How many hosts, recognisers and agents its calls need."""
        return plan(
            self.demand,
            model=require_streaming(self.riva_model),
            gpu_instance=self.gpu_instance,
            calls_per_agent=self.calls_per_agent,
        )

    def stack(self, part: str) -> str:
        """The name of one of the stage's stacks, such as `data`."""
        return f"{self.full_name}-{part}"

    def secret(self, name: str) -> str:
        """The name under which Secrets Manager keeps one of the stage's secrets."""
        return f"bellhop/{self.name}/{name}"

    @classmethod
    def of(cls, name: object, context: Mapping[str, Any]) -> Self:
        """The stage of that name with the operator's values; raises StageError.

        `context` maps the names of operator's values, of which those that are None or empty count as not said.
        """
        if name not in SIZES:
            raise StageError(
                f"say which stage: -c stage={' or -c stage='.join(NAMES)}" + (f", not {name}" if name else "")
            )
        said = {key: value for key, value in context.items() if value not in (None, "", [])}
        try:
            operator = Operator.model_validate(said)
        except ValidationError as error:
            words = {"extra_forbidden": f"there is no such value; there are {', '.join(Operator.model_fields)}"}
            faults = (f"{fault['loc'][0]}: {words.get(fault['type'], fault['msg'])}" for fault in error.errors())
            raise StageError(f"cdk.json, context.stages.{name}: {'; '.join(faults)}") from None
        return cls(name=name, operator=operator, **SIZES[name])


SIZES: Final[Mapping[object, Mapping[str, Any]]] = {
    "dev": {
        "retain": False,
        "nat_gateways": 1,
        "log_days": 14,
        "monthly_budget_usd": 1500,
        "demand": Demand(calls_per_day=20, hotels=1),
        "most_gpu_hosts": 1,
    },
    "prod": {
        "retain": True,
        "nat_gateways": 2,
        "log_days": 90,
        "monthly_budget_usd": 5000,
        "demand": Demand(calls_per_day=400, hotels=12, spare_gpu_hosts=1),
        "most_gpu_hosts": 4,
    },
}
