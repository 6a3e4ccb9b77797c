"""Hotels on somebody's booking system: who may sign in there, and who finds out what became of a booking."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest

from agent.hotel import WRITING as AGENT_WAITS
from cdk.preflight.secrets import BOOKING_SYSTEMS as KEYS
from cdk.residency import BOOKING_SYSTEMS as PLACES
from cdk.stacks.api import PMS_SECONDS
from lambdas.pms.service import WRITING
from lambdas.shared.domain.hotel import DEMO, BookingSystem
from lambdas.shared.pms import CONNECTORS
from lambdas.wish_settler.settings import WishSettlerSettings
from tests.contract.vendors.benches import VENDORS, stand_in_of
from tests.contract.vendors.house import House
from tests.infrastructure.conftest import ROOT, Deployed, deploy
from tests.infrastructure.rights import rights
from tests.systems import hotels_on

pytestmark = pytest.mark.infrastructure

SETTLER: Final = "api/WishSettlerFunctionRole"
ASKING: Final = {"api/PmsRole", SETTLER}


@pytest.fixture(scope="module")
def systems(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    """A stage with a hotel on a vendor's system beside the demo hotel."""
    hotels = hotels_on(boreal=BookingSystem(connector="mews"), aurora=BookingSystem(connector="demo"))
    return deploy("prod", tmp_path_factory.mktemp("systems"), hotels=hotels)


def function(deployed: Deployed, folder: str) -> dict[str, Any]:
    (found,) = (
        resource["Properties"]
        for resource in deployed.resources("AWS::Lambda::Function").values()
        if resource["Properties"]["Handler"] == f"lambdas.{folder}.handler.lambda_handler"
    )
    return dict(found)


def test_a_hotels_key_is_read_by_those_who_ask_its_system(systems: Deployed) -> None:
    """The pms function and the settler read the secret of a hotel that has one; nobody else reads any of them."""
    readers = {
        (right.role, right.resource.partition(":secret:")[2])
        for right in rights(systems)
        if right.action == "secretsmanager:GetSecretValue" and "/pms/" in right.resource
    }

    assert readers == {(role, "bellhop/prod/pms/boreal-??????") for role in ASKING}


def test_a_demo_hotel_opens_no_key(prod: Deployed) -> None:
    """Without a hotel on a vendor's system nobody may read a booking system's secret."""
    assert [right for right in rights(prod) if "/pms/" in right.resource] == []


def test_those_who_ask_hold_no_calls(systems: Deployed) -> None:
    """Breakers and budgets lie beside the leases of calls; of those the two functions change none."""
    changes = {
        (right.role, right.only_if)
        for right in rights(systems)
        if right.role in ASKING
        and right.resource == "data/LeasesTable"
        and right.action not in ("dynamodb:GetItem", "dynamodb:ConditionCheckItem")
    }

    assert changes == {(role, "dynamodb:LeadingKeys ForAllValues:StringLike") for role in ASKING}


def test_a_hotels_key_grows_old_like_the_others(systems: Deployed) -> None:
    """It is looked at every day, and somebody is told."""
    watched = {name for name in systems.cloud.observability.alarms if "pms" in name and name.startswith("Secret")}

    assert "bellhop/prod/pms/boreal" in function(systems, "secret_age")["Environment"]["Variables"]["SECRETS"]
    assert watched == {"SecretAge-pms-boreal", "SecretUnknown-pms-boreal"}


def test_those_who_ask_find_the_keys_by_hotel(systems: Deployed) -> None:
    """Both functions know under which name the hotels' secrets are."""
    for folder in ("pms", "wish_settler"):
        assert function(systems, folder)["Environment"]["Variables"]["PMS_SECRETS"] == "bellhop/prod/pms"


def test_a_booking_has_time(prod: Deployed) -> None:
    """The pms function answers before the API gives up, and is not stopped in the middle of a write."""
    assert function(prod, "pms")["Timeout"] == PMS_SECONDS
    assert WRITING < AGENT_WAITS < PMS_SECONDS < 29


def test_wishes_are_settled_every_five_minutes(prod: Deployed) -> None:
    """The settler is called on a schedule by its alias, and one run ends before the next."""
    (rule,) = (
        resource["Properties"]
        for name, resource in prod.templates["api"]["Resources"].items()
        if resource["Type"] == "AWS::Events::Rule" and name.startswith("WishSettler")
    )
    (target,) = rule["Targets"]

    assert rule["ScheduleExpression"] == "rate(5 minutes)"
    assert prod.templates["api"]["Resources"][target["Arn"]["Ref"]]["Type"] == "AWS::Lambda::Alias"
    assert function(prod, "wish_settler")["Timeout"] < 300
    assert WishSettlerSettings.read(
        {"CALLS_TABLE": "c", "LEASES_TABLE": "l", **_plain(function(prod, "wish_settler"))}
    ).pms_secrets


def test_the_settler_holds_no_call(systems: Deployed, prod: Deployed) -> None:
    """What a system has done is a fact: it is settled without the lease of an agent, and where nobody else's system is
    asked without that table."""

    def of_leases(deployed: Deployed) -> set[str]:
        of_settler = [right for right in rights(deployed) if right.role == SETTLER]
        return {right.action for right in of_settler if "LeasesTable" in right.resource}

    assert of_leases(systems) == {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"}
    assert of_leases(prod) == set()


def test_every_connector_has_its_place_and_its_key() -> None:
    """A connector is known to the check of places and to preflight, or this fails."""
    assert set(PLACES) == set(KEYS) == set(CONNECTORS) - {DEMO}


def test_connectors_speak_to_their_vendors_only() -> None:
    """Every address that a connector has by itself is one of its vendor's places."""
    addresses = {
        (path.stem.partition("_")[0], host)
        for path in (ROOT / "lambdas/shared/pms").glob("*.py")
        for host in re.findall(r'^[A-Z_]+: Final = "https://([^/"]+)', path.read_text(encoding="utf-8"), re.MULTILINE)
    }

    assert {connector for connector, _ in addresses} == {"apaleo", "cloudbeds", "mews"}
    for connector, host in addresses:
        assert any(place.pattern.match(host) for place in PLACES[connector]), host


@pytest.mark.parametrize("connector", VENDORS)
def test_preflight_asks_for_what_the_connector_signs_in_with(connector: str) -> None:
    """The fields of a hotel's secret are those with which the vendor's stand-in lets us in."""
    assert set(stand_in_of(connector)(House()).secret) == set(KEYS[connector])


def _plain(function: dict[str, Any]) -> dict[str, str]:
    variables = function["Environment"]["Variables"]
    return {name: value for name, value in variables.items() if isinstance(value, str)}
