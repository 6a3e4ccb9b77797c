"""What a connector reads of `[pms]` in a hotel's file, or the start-up stops and says why."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from lambdas.shared.domain.errors import HotelFileError
from lambdas.shared.domain.hotel import Hotel

Options = TypeVar("Options", bound=BaseModel)


def options_of(hotel: Hotel, model: type[Options]) -> Options:
    """`[pms.options]` as the connector's model; raises HotelFileError that names each wrong field and what it may be.

    A field that the model does not know is wrong too, whatever the model says of extra fields.
    """
    unknown = [name for name in hotel.pms.options if name not in model.model_fields]
    faults = [f"{name} is not one of {', '.join(model.model_fields) or '(none)'}" for name in unknown]
    try:
        options = model.model_validate({**hotel.pms.options})
    except ValidationError as error:
        faults += [_told(fault) for fault in error.errors() if fault["type"] != "extra_forbidden"]
    if faults:
        where = f"hotels/{hotel.name}/hotel.toml: [pms.options]"
        raise HotelFileError("\n".join(f"{where} {fault}" for fault in faults))
    return options


def property_of(hotel: Hotel) -> str:
    """The hotel's id in its system; raises HotelFileError when the file has none."""
    if hotel.pms.property is None:
        raise HotelFileError(
            f"hotels/{hotel.name}/hotel.toml: [pms] property is missing; {hotel.pms.connector} needs the hotel's id"
        )
    return hotel.pms.property


def _told(fault: Any) -> str:
    field = ".".join(map(str, fault["loc"])) or "(all)"
    if fault["type"] == "missing":
        return f"{field} is missing"
    message = fault["msg"].removeprefix("Value error, ")
    return f"{field} {fault['input']!r} is not allowed: {message[0].lower()}{message[1:]}"
