"""Who is woken at night finds in docs/operations.md what is true of the stage."""

from __future__ import annotations

import re
import subprocess
from typing import Final

import botocore.session
import pytest
from botocore import xform_name

from agent.lifecycle import Failure
from cdk.machine_images import RELEASE
from cdk.preflight.checks import CHECKS
from cdk.stacks.api import renewed_secrets
from cdk.stacks.data import MODELS_KEPT
from cdk.stages import NEEDED, Operator, Stage
from cdk.units.conditions import OLD_SECRET_DAYS, SLOW_TURN_MS
from cdk.units.queries import QUESTIONS
from gpu_fleet.capacity import Demand, plan
from lambdas.shared.domain.hotel import BookingSystem, Hotels
from tests.infrastructure.conftest import ROOT, Deployed

pytestmark = pytest.mark.infrastructure

PAGE: Final = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
ALARMS: Final = PAGE.partition("## What each alarm means")[2].partition("\n## ")[0]
SECTIONS: Final[dict[str, str]] = dict(
    re.findall(r"^### (\w+)\n(.*?)(?=^### |\Z)", ALARMS, re.MULTILINE | re.DOTALL),
)
TEXT: Final = " ".join(PAGE.split())


def families(deployed: Deployed) -> set[str]:
    """The names of the stage's alarms, without the function, secret, queue or log they are about."""
    return {name.partition("-")[0] for name in deployed.cloud.observability.alarms}


def test_every_alarm_has_its_section(dev: Deployed, prod: Deployed) -> None:
    """Each alarm that wakes somebody is explained, and nothing is explained that wakes nobody."""
    assert SECTIONS.keys() == families(prod)
    assert families(dev) == families(prod)


def test_every_alarm_that_tells_somebody_is_one_of_those(prod: Deployed) -> None:
    """Alarms of other stacks only scale services."""
    telling = [name for name, alarm in prod.resources("AWS::CloudWatch::Alarm").items() if "observability/" in name]
    scaling = [
        action
        for name, alarm in prod.resources("AWS::CloudWatch::Alarm").items()
        if "observability/" not in name
        for action in alarm["Properties"]["AlarmActions"]
    ]

    assert len(telling) == len(prod.cloud.observability.alarms)
    assert all("Policy" in action["Ref"] for action in scaling)


@pytest.mark.parametrize("alarm", SECTIONS)
def test_an_alarm_says_what_it_means_and_three_things_to_do(alarm: str) -> None:
    """A sentence or two, then three steps: more is not read at night."""
    meaning, *_ = SECTIONS[alarm].strip().partition("\n1. ")

    assert re.search(r"[\w`]\.$", meaning.strip()), meaning
    assert re.findall(r"^(\d)\. ", SECTIONS[alarm], re.MULTILINE) == ["1", "2", "3"]


def test_every_link_leads_somewhere() -> None:
    """A link inside the page has its heading."""
    headings = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    }

    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) - headings == set()


def test_shell_blocks_are_shell() -> None:
    """Whoever copies a block at night gets no syntax error."""
    blocks = re.findall(r"^ *```bash\n(.*?)^ *```", PAGE, re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        parsed = subprocess.run(
            ["/bin/bash", "-n"], input=block.replace("<", "").replace(">", ""), text=True, check=False
        )
        assert parsed.returncode == 0, block


OF_THE_CLI: Final = {"query", "output", "region", "profile", "max-items"}
"""Options that every command of AWS's command line has; `logs tail` and its options are its own."""
COMMAND: Final = re.compile(r"\baws ([a-z0-9-]+) ([a-z-]+)((?:(?!\baws |`[^`]* `|[|;]).)*)")


def test_commands_of_aws_exist() -> None:
    """Every command of AWS that the page gives is one, with options that it has."""
    commands = COMMAND.findall(TEXT.replace("\\ ", ""))
    assert len(commands) >= 15
    for service, operation, rest in commands:
        if (service, operation) == ("logs", "tail"):
            continue
        model = botocore.session.get_session().get_service_model(service)
        operations = {xform_name(name, "-"): name for name in model.operation_names}
        assert operation in operations, (service, operation)
        shape = model.operation_model(operations[operation]).input_shape
        members = {xform_name(name, "-") for name in shape.members} if shape else set()
        options = set(re.findall(r"(?<= )--([a-z-]+)", rest.partition("`")[0])) - OF_THE_CLI
        assert {option.removeprefix("no-") for option in options} <= members, (service, operation)


def test_names_are_found_as_the_page_says(prod: Deployed) -> None:
    """`of <stack> <type> <beginning>` finds exactly one resource."""
    asked = re.findall(r"\bof\s+(api|gpu-fleet)\s+(AWS::\w+::\w+)\s+(\w+)", TEXT)
    assert len(asked) >= 8
    for stack, kind, beginning in asked:
        template = prod.templates[stack.replace("-", "_")]
        found = [
            name
            for name, resource in template["Resources"].items()
            if resource["Type"] == kind and name.startswith(beginning)
        ]
        assert len(found) == 1, (stack, kind, beginning, found)


def test_saved_questions_are_the_stages() -> None:
    """A question that the page names is saved, and each that is saved is named."""
    named = re.search(r"`bellhop/<stage>/`: (.*?)\. Lines hold", TEXT)
    assert named
    listed = set(re.findall(r"\*\*(.+?)\*\*", named[1]))

    assert listed == QUESTIONS.keys()
    assert set(re.findall(r"question \*\*(.+?)\*\*", TEXT, re.IGNORECASE)) <= QUESTIONS.keys()


def test_rows_of_preflight_are_its_own() -> None:
    """A row that the page sends somebody to is one of preflight's table."""
    named = set(re.findall(r"row `([^`]+)`", TEXT))

    assert named
    assert named <= {check.subject for check in CHECKS}


def test_every_secret_can_be_rotated_by_the_page() -> None:
    """The table of secrets has each that grows old, and the one that must not be changed."""
    rows = set(
        re.findall(
            r"^\| `([a-z/<>-]+)` \|", PAGE.partition("## Rotate a secret")[2].partition("\n## ")[0], re.MULTILINE
        )
    )
    with_all = Stage.of("prod", {"speech_key": True, "azure_speech_region": "germanywestcentral"})

    hotel = next(iter(Hotels.load(ROOT / "hotels")))
    on_a_system = hotel.model_copy(update={"name": "<hotel>", "pms": BookingSystem(connector="mews")})

    assert rows == {*renewed_secrets(with_all, [on_a_system]), "guest-key"}


def test_every_value_of_the_operators_is_explained() -> None:
    """Who fills in a stage finds what each value is."""
    first = PAGE.partition("## First deployment")[2].partition("\n## ")[0]
    optional = {"region", "sip_changed"}

    assert {name for name in Operator.model_fields if f"`{name}`" not in first} <= optional
    assert set(NEEDED) <= set(re.findall(r"`(\w+)`", first))


def test_outputs_are_ones_that_the_stacks_have(prod: Deployed) -> None:
    """An output that the page sends somebody to is there."""
    outputs = {name for template in prod.templates.values() for name in template.get("Outputs", {})}

    assert {"DashboardUrl", "WebhookUrl", "LinesWithoutHotel"} <= outputs
    assert set(re.findall(r"output `(\w+)`", TEXT)) <= outputs


def test_costs_are_those_of_the_fleet() -> None:
    """The table is what gpu_fleet.capacity reckons today."""
    rows = re.findall(r"^\| (\d+) \| (\d+) \| (\d) \| (\d+) \| (\d+) \| ([\d,]+) \| ([\d,]+) \|$", PAGE, re.MULTILINE)

    assert {int(hotels) for hotels, *_ in rows} == {1, 10}
    for hotels, calls, spare, gpu_hosts, cpu_hosts, monthly, each in rows:
        demand = Demand(calls_per_day=int(calls), hotels=int(hotels), spare_gpu_hosts=int(spare))
        fleet = plan(demand)
        assert (int(gpu_hosts), int(cpu_hosts)) == (fleet.gpu_hosts, fleet.cpu_hosts)
        assert monthly == f"{fleet.monthly_eur:,.0f}"
        assert each == f"{fleet.monthly_eur / int(hotels):,.0f}"


def test_figures_are_the_stages(prod: Deployed) -> None:
    """How long things take and how many are kept is what the templates say."""
    (stop,) = {
        container["StopTimeout"]
        for task in prod.resources("AWS::ECS::TaskDefinition").values()
        for container in task["Properties"]["ContainerDefinitions"]
        if container["Name"] == "agent"
    }
    (grace,) = {
        service["Properties"]["HealthCheckGracePeriodSeconds"]
        for service in prod.resources("AWS::ECS::Service").values()
        if "HealthCheckGracePeriodSeconds" in service["Properties"]
    }
    (letters,) = {queue["Properties"]["MessageRetentionPeriod"] for queue in prod.resources("AWS::SQS::Queue").values()}

    assert f"end with their last, {stop // 60} minutes at most" in TEXT
    assert f"up to {grace // 60} where a new driver" in TEXT
    assert f"waits in its queue, for {letters // 86_400} days" in TEXT
    assert f"later than {SLOW_TURN_MS / 1000} seconds" in TEXT
    assert f"value is {OLD_SECRET_DAYS} days old" in TEXT
    assert MODELS_KEPT == 3, "three last images"


def test_reasons_of_failed_calls_are_the_agents() -> None:
    """A reason that the page names is one an agent gives."""
    named = set(re.findall(r"`([a-z]+_[a-z…]+)`", SECTIONS["CallsFailed"]))
    given = {str(failure) for failure in Failure}

    assert named
    for reason in named:
        assert any(re.fullmatch(reason.replace("…", r"\w+"), failure) for failure in given), reason


def test_the_machine_images_release_is_set_where_the_page_says() -> None:
    """Rolling the machine image begins in that file, at that name."""
    assert "`RELEASE` in `cdk/machine_images.py`" in TEXT
    assert re.fullmatch(r"20\d{6}", RELEASE)
