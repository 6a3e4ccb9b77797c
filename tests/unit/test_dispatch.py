"""What an agent is told is read strictly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.shared.domain.dispatch import Dispatch, UnreadableDispatch

pytestmark = pytest.mark.unit


@given(hotel=st.from_regex(r"[a-z][a-z0-9-]{0,39}", fullmatch=True))
def test_a_dispatch_survives_its_metadata(hotel: str) -> None:
    """What is written is what is read."""
    assert Dispatch.parse(Dispatch(hotel=hotel).to_json()) == Dispatch(hotel=hotel)


def test_the_metadata_is_what_dispatch_rules_carry() -> None:
    """The written form is fixed: rules made by an earlier version are still read."""
    assert Dispatch(hotel="aurora").to_json() == '{"v":1,"hotel":"aurora"}'


@pytest.mark.parametrize(
    ("metadata", "where"),
    [
        ("", "metadata"),
        ("aurora", "metadata"),
        ("null", "metadata"),
        ('{"v":1}', "hotel"),
        ('{"v":2,"hotel":"aurora"}', "v"),
        ('{"v":1,"hotel":"../aurora"}', "hotel"),
        ('{"v":1,"hotel":"Aurora"}', "hotel"),
        ('{"v":1,"hotel":"aurora","guest":"x"}', "guest"),
    ],
)
def test_anything_else_is_unreadable(metadata: str, where: str) -> None:
    """A dispatch that is not ours is refused, and the error names the field."""
    with pytest.raises(UnreadableDispatch, match=f"^dispatch {where}: "):
        Dispatch.parse(metadata)
