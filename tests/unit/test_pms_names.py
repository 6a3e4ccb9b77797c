"""A hotel and its system mean the same room, or the start-up says what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from lambdas.shared.domain.errors import HotelFileError
from lambdas.shared.domain.hotel import Hotel, load_hotel
from lambdas.shared.pms.hotel_file import options_of, property_of
from lambdas.shared.pms.names import Names

pytestmark = pytest.mark.unit

AURORA = load_hotel(Path(__file__).parents[2] / "hotels" / "aurora")


class Options(BaseModel):
    model_config = ConfigDict(extra="ignore")

    chain: Annotated[str, Field(pattern=r"^[A-Z]+$")]
    source: Literal["phone", "web"] = "phone"


def mapped(**pms: Any) -> Hotel:
    facts = AURORA.model_dump()
    facts["rates"] = {"flexible": {"title": "flexible rate"}, "saver": {"title": "saver rate"}}
    facts["extras"] = {"breakfast": {"title": "breakfast"}, "parking": {"title": "a parking space"}}
    rooms, rates = {"single": "SGL", "double": "DBL"}, {"flexible": "BAR"}
    facts["pms"] = {"connector": "mews", "rooms": rooms, "rates": rates, **pms}
    return Hotel.model_validate(facts)


def test_a_code_and_a_name_lead_to_each_other() -> None:
    """What the hotel calls a room and a rate is what its system's code stands for, both ways."""
    names = Names(mapped())

    assert (names.room_type("DBL"), names.room_code("double"), names.room_title("double")) == (
        "double",
        "DBL",
        "double room",
    )
    assert (names.rate_plan("BAR"), names.rate_code("flexible"), names.rate_title("flexible")) == (
        "flexible",
        "BAR",
        "flexible rate",
    )
    assert names.mapped_rooms == {"single": "SGL", "double": "DBL"}
    assert names.mapped_rates == {"flexible": "BAR"}


def test_what_is_not_mapped_has_no_name() -> None:
    """A room or rate that the file leaves out is neither offered nor told; a code in other case is another code."""
    names = Names(mapped())

    assert (names.room_type("STE"), names.room_type("dbl"), names.room_code("suite")) == (None, None, None)
    assert (names.rate_plan("CORP"), names.rate_code("saver")) == (None, None)


def test_extras_are_told_in_a_guests_words() -> None:
    """Each mapped extra once, in the system's order; others are left out."""
    names = Names(mapped(extras={"breakfast": "BF", "parking": "PK"}))

    assert names.extras(["PK", "X", "BF", "PK"]) == ("a parking space", "breakfast")


@pytest.mark.parametrize("part", ["rooms", "rates", "extras"])
def test_a_code_has_one_name(part: str) -> None:
    """Two names for one code stop the start-up: what the system answers could be either."""
    names = {"rooms": ("single", "double"), "rates": ("flexible", "saver"), "extras": ("breakfast", "parking")}[part]

    with pytest.raises(HotelFileError) as caught:
        Names(mapped(**{part: dict.fromkeys(names, "X1")}))

    assert str(caught.value) == (
        f'hotels/aurora/hotel.toml: [pms.{part}] {names[1]} "X1" is {names[0]}\'s already; a code has one name'
    )


def test_options_are_the_connectors() -> None:
    """What stands in [pms.options] is read as the connector's model says."""
    assert options_of(mapped(options={"chain": "AUR"}), Options) == Options(chain="AUR")


def test_wrong_options_are_named_with_what_is_allowed() -> None:
    """Every wrong field of [pms.options] is told at once, also one that nobody knows."""
    with pytest.raises(HotelFileError) as caught:
        options_of(mapped(options={"chian": "AUR", "source": "fax"}), Options)

    assert str(caught.value).splitlines() == [
        "hotels/aurora/hotel.toml: [pms.options] chian is not one of chain, source",
        "hotels/aurora/hotel.toml: [pms.options] chain is missing",
        "hotels/aurora/hotel.toml: [pms.options] source 'fax' is not allowed: input should be 'phone' or 'web'",
    ]


def test_a_hotel_without_its_id_is_told_so() -> None:
    """A connector that needs the hotel's id in its system says where to write it."""
    assert property_of(mapped(property="HOTEL1")) == "HOTEL1"
    with pytest.raises(HotelFileError, match=r"\[pms\] property is missing; mews needs the hotel's id"):
        property_of(mapped())
