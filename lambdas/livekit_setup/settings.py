"""What the function is told: by its environment whose telephony it looks after, by its resource how that shall be."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_pascal

from lambdas.shared.domain.dispatch import HotelName
from lambdas.shared.domain.hotel import Hotels, PhoneNumber
from lambdas.shared.settings import Settings, SettingsError

_OF_CLOUDFORMATION: Final = frozenset({"ServiceToken", "ServiceTimeout"})
_CREDENTIALS: Final = frozenset({"authorization", "proxy-authorization"})


class LiveKitSetupSettings(Settings):
    """The stage, whether it keeps its telephony when its stack goes, and the names of two secrets.

    `livekit_secret` holds JSON with `api_key` and `api_secret`, `sip_secret` JSON with `username` and `password`, with
    which the telephone company signs in where its addresses are not known.
    """

    stage: Annotated[str, StringConstraints(pattern=r"^[a-z]+$")]
    retain: bool
    livekit_secret: str
    sip_secret: str


class _Properties(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_pascal, populate_by_name=True)


def _no_credentials(header: str) -> str:
    if header.lower() in _CREDENTIALS:
        raise ValueError(f"{header} is a credential, which no attribute may hold")
    return header


Header = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.!%*_+`'~-]{1,255}$"), AfterValidator(_no_credentials)]
"""A header's name, of a token's characters (https://www.rfc-editor.org/rfc/rfc3261#section-25.1)."""


class PhoneLine(_Properties):
    """A hotel's phone: the numbers that guests dial, in E.164."""

    hotel: HotelName
    numbers: tuple[PhoneNumber, ...] = Field(min_length=1)


class Telephony(_Properties):
    """How LiveKit is to answer a stage's phones; the properties of the resource, where every value is text.

    LiveKit's address is one of them, not a part of the environment: an update that is rolled back is rolled back in the
    project where it was made. `revision` means nothing: another one makes CloudFormation ask again.
    """

    livekit_url: Annotated[str, StringConstraints(pattern=r"^(wss|https?)://[^\s/]+$")]
    lines: tuple[PhoneLine, ...] = Field(min_length=1)
    allowed_addresses: tuple[IPv4Network, ...] = ()
    """From where the telephone company calls; empty: from anywhere, after signing in with secret `sip`."""
    ringing_seconds: int = Field(default=20, ge=5, le=60)
    """How long a guest hears ringing when no agent speaks: LiveKit's own three minutes are longer than guests wait."""
    longest_call_seconds: int = Field(ge=60, le=8000)
    """When LiveKit hangs up a call that nobody ended."""
    headers: Mapping[Header, str] = Field(default_factory=dict)
    """Which header of the INVITE becomes which attribute of the caller, one by one: among all of them is the digest."""
    revision: str = ""

    @classmethod
    def of(cls, hotels: Hotels, **others: Any) -> Self:
        lines = tuple(PhoneLine(hotel=hotel.name, numbers=hotel.phone.numbers) for hotel in hotels)
        return cls(lines=lines, **others)

    def to_properties(self) -> dict[str, Any]:
        """These as a template has them."""
        return self.model_dump(mode="json", by_alias=True)

    @classmethod
    def parse(cls, properties: Mapping[str, Any]) -> Self:
        """Raises SettingsError that names each property and says what is allowed."""
        try:
            return cls.model_validate({name: properties[name] for name in properties.keys() - _OF_CLOUDFORMATION})
        except ValidationError as error:
            faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
            raise SettingsError(f"the resource's properties are wrong: {'; '.join(faults)}") from None
