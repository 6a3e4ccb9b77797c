"""What a deployment needs of an AWS account is looked at with the deployer's rights."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from cdk.preflight import account, capacity, images, secrets, webhook
from cdk.preflight.deployment import Deployment
from cdk.preflight.finding import Finding, State
from cdk.stages import Stage
from lambdas.shared.domain.hotel import Hotels
from lambdas.shared.items import encode
from lambdas.shared.tables import create_tables

pytestmark = pytest.mark.unit

HOTELS = Hotels.load(Path("hotels"))
MOTOS_ACCOUNT = "123456789012"
SESSION = boto3.Session("testing", "testing", region_name="eu-central-1")
"""One for all tests: a session reads the descriptions of AWS's services once."""
HIDDEN = "hunter2-hunter2-hunter2"


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # moto would make a thousand machine images before each test.
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    with mock_aws():
        yield


def deployment(name: str = "prod", **said: Any) -> Deployment:
    return Deployment(Stage.of(name, said), HOTELS, SESSION)


class Scripted:
    """A session whose client of one service answers as it is told; all others are moto's."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._client = SESSION.client(service)  # type: ignore[call-overload]
        self.answers = Stubber(self._client)
        self.answers.activate()

    def client(self, service: str, **options: Any) -> Any:
        return self._client if service == self._service else SESSION.client(service, **options)  # type: ignore[call-overload]


def scripted(service: str) -> tuple[Deployment, Stubber]:
    session = Scripted(service)
    return Deployment(Stage.of("prod", {}), HOTELS, session), session.answers  # type: ignore[arg-type]


def keep(name: str, value: str | Mapping[str, str]) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    SESSION.client("secretsmanager").create_secret(Name=f"bellhop/prod/{name}", SecretString=text)


@pytest.mark.parametrize(
    ("said", "state"),
    [({}, State.FINE), ({"account": MOTOS_ACCOUNT}, State.FINE), ({"account": "210987654321"}, State.WRONG)],
)
def test_credentials_are_of_the_stages_account(said: Mapping[str, str], state: State) -> None:
    """A stage that names its account is deployed to no other."""
    finding = account.credentials(deployment(**said))

    assert finding.state is state
    assert MOTOS_ACCOUNT in finding.seen


@pytest.mark.parametrize(("version", "state"), [(None, State.WRONG), ("5", State.WRONG), ("6", State.FINE)])
def test_the_cdk_has_to_be_bootstrapped(version: str | None, state: State) -> None:
    """Without the CDK's own stack, or with one that is too old, nothing can be deployed."""
    if version:
        ssm = SESSION.client("ssm")
        ssm.put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value=version, Type="String")

    finding = account.bootstrap(deployment(account=MOTOS_ACCOUNT))

    assert finding.state is state
    assert state is State.FINE or finding.fix == f"npx cdk bootstrap aws://{MOTOS_ACCOUNT}/eu-central-1"


def test_ecs_has_its_role_before_the_first_cluster() -> None:
    """In a new account the role is made first: ECS takes it too early when it has to make it itself."""
    missing = account.ecs_role(deployment())
    SESSION.client("iam").create_role(RoleName="AWSServiceRoleForECS", AssumeRolePolicyDocument="{}")
    there = account.ecs_role(deployment())

    assert (missing.state, there.state) == (State.WRONG, State.FINE)
    assert missing.fix == "aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com"


def quota(value: float, name: str = "Quota", code: str = "L-1") -> dict[str, Any]:
    return {"QuotaName": name, "QuotaCode": code, "Value": value}


@pytest.mark.parametrize(
    ("look", "code", "instance_vcpus"),
    [(capacity.gpu_quota, capacity.GPU_QUOTA, 8), (capacity.cpu_quota, capacity.STANDARD_QUOTA, 4)],
)
def test_a_quota_has_to_hold_the_most_hosts_and_one_more(
    look: Callable[[Deployment], Finding], code: str, instance_vcpus: int
) -> None:
    """The fix of a quota that is too small is the request to raise it to what is needed."""
    for_prod, answers = scripted("service-quotas")
    asked = {"ServiceCode": "ec2", "QuotaCode": code}
    hosts = {8: for_prod.stage.most_gpu_hosts, 4: for_prod.stage.fleet.cpu_hosts}[instance_vcpus] + 1
    needed = hosts * instance_vcpus
    answers.add_response("get_service_quota", {"Quota": quota(needed - 1)}, asked)
    answers.add_response("get_service_quota", {"Quota": quota(needed)}, asked)

    too_small, enough = look(for_prod), look(for_prod)

    assert too_small.state is State.WRONG
    assert f"--quota-code {code} --desired-value {needed}" in too_small.fix
    assert enough.state is State.FINE


def test_an_untouched_quota_is_awss_default() -> None:
    """A new account has no quota of its own yet: its GPU quota is AWS's default, often 0."""
    for_prod, answers = scripted("service-quotas")
    answers.add_client_error("get_service_quota", "NoSuchResourceException")
    answers.add_response("get_aws_default_service_quota", {"Quota": quota(0)})

    finding = capacity.gpu_quota(for_prod)

    assert finding.state is State.WRONG
    assert finding.seen.endswith("vCPUs of 0")


@pytest.mark.parametrize(("granted", "state"), [(10, State.WRONG), (1000, State.FINE)])
def test_functions_may_run_for_all_calls_at_once(granted: int, state: State) -> None:
    """A new account's ten functions at once are too few for a rush of guests."""
    for_prod, answers = scripted("lambda")
    answers.add_response("get_account_settings", {"AccountLimit": {"ConcurrentExecutions": granted}})

    finding = capacity.functions_quota(for_prod)

    assert finding.state is state
    assert state is State.FINE or "--service-code lambda --quota-code L-B99A9384" in finding.fix


@pytest.mark.parametrize(
    ("quotas", "state"),
    [
        ([quota(9, "Other"), quota(1, capacity.BUILDS_QUOTA)], State.FINE),
        ([quota(9, "Other"), quota(0, capacity.BUILDS_QUOTA, "L-2")], State.WRONG),
        ([quota(9, "Other")], State.UNSEEN),
    ],
)
def test_codebuild_may_build(quotas: list[dict[str, Any]], state: State) -> None:
    """Without a large build the recogniser's image is never copied."""
    for_prod, answers = scripted("service-quotas")
    answers.add_response("list_service_quotas", {"Quotas": quotas}, {"ServiceCode": "codebuild"})

    finding = capacity.builds_quota(for_prod)

    assert finding.state is state
    assert state is not State.WRONG or "--quota-code L-2 --desired-value 1" in finding.fix


@pytest.mark.parametrize(
    ("offering", "state"),
    [(("euc1-az2", "euc1-az3"), State.FINE), (("euc1-az1", "euc1-az2"), State.WRONG), ((), State.WRONG)],
)
def test_the_gpu_instance_is_offered_in_the_stages_zones(offering: tuple[str, ...], state: State) -> None:
    """Zones are compared by their ids, which are the same in every account."""
    for_prod, answers = scripted("ec2")
    offers = [
        {"InstanceType": "g6.2xlarge", "LocationType": "availability-zone-id", "Location": zone} for zone in offering
    ]
    answers.add_response("describe_instance_type_offerings", {"InstanceTypeOfferings": offers})

    finding = capacity.gpu_zones(for_prod)

    assert finding.state is state
    assert state is State.FINE or "euc1-az3" in finding.seen


@pytest.mark.parametrize(("release", "state"), [("recommended", State.FINE), ("20190101", State.WRONG)])
def test_the_hosts_images_are_published(release: str, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release that AWS has withdrawn is found before hosts are to start from it."""
    amis = "/aws/service/ecs/optimized-ami/amazon-linux-2023"
    monkeypatch.setattr(images, "GPU_IMAGE", f"{amis}/gpu/{release}/image_id")
    monkeypatch.setattr(images, "CPU_IMAGE", f"{amis}/recommended/image_id")

    finding = images.machine_images(deployment())

    assert finding.state is state
    assert release in finding.seen


SECRETS = (
    (secrets.livekit, "livekit", {"api_key": "APIx", "api_secret": HIDDEN}),
    (secrets.ngc, "ngc", {"username": "$oauthtoken", "password": HIDDEN}),
    (secrets.sip, "sip", {"username": "trunk", "password": HIDDEN}),
    (secrets.llm, "llm", HIDDEN),
    (secrets.speech, "speech", HIDDEN),
)
Look = Callable[[Deployment], Finding]


@pytest.mark.parametrize(("look", "name", "value"), SECRETS)
def test_a_secret_of_the_right_form_is_fine(look: Look, name: str, value: Any) -> None:
    """Every secret that the operator creates is looked at."""
    keep(name, value)

    assert look(deployment(speech_key=True)).state is State.FINE


@pytest.mark.parametrize(("look", "name", "_"), SECRETS)
def test_a_secret_that_is_missing_can_be_made_with_one_command(look: Look, name: str, _: Any) -> None:
    """The fix names the secret, the region and its form."""
    finding = look(deployment(speech_key=True))

    assert finding.state is State.WRONG
    assert f"create-secret --region eu-central-1 --name bellhop/prod/{name} --secret-string file://" in finding.fix


WRONG_FORMS = (
    (secrets.livekit, "livekit", {"api_key": "APIx"}),
    (secrets.livekit, "livekit", {"key": HIDDEN, "secret": HIDDEN}),
    (secrets.livekit, "livekit", f"APIx:{HIDDEN}"),
    (secrets.livekit, "livekit", f'["{HIDDEN}"]'),
    (secrets.livekit, "livekit", {"api_key": "APIx", "api_secret": " "}),
    (secrets.ngc, "ngc", {"username": "me@example.com", "password": HIDDEN}),
    (secrets.ngc, "ngc", HIDDEN),
    (secrets.sip, "sip", {"username": "trunk"}),
    (secrets.llm, "llm", {"api_key": HIDDEN}),
    (secrets.llm, "llm", f"{HIDDEN}\n"),
    (secrets.llm, "llm", f'"{HIDDEN}"'),
    (secrets.llm, "llm", f"Bearer {HIDDEN}"),
)


@pytest.mark.parametrize(("look", "name", "value"), WRONG_FORMS)
def test_a_secret_of_another_form_is_told_without_its_value(look: Look, name: str, value: Any) -> None:
    """What is wrong with a secret is said without showing any of it."""
    keep(name, value)

    finding = look(deployment())

    assert finding.state is State.WRONG
    assert f"bellhop/prod/{name}" in finding.seen
    assert HIDDEN not in finding.seen + finding.fix
    assert "APIx" not in finding.seen + finding.fix


def test_a_voice_that_asks_for_no_key_needs_none() -> None:
    """A speech engine in the stage's own network may let everybody in."""
    assert secrets.speech(deployment()).state is State.FINE


def test_a_telephone_company_that_is_known_by_its_addresses_needs_no_password() -> None:
    """With addresses nobody signs in."""
    assert secrets.sip(deployment(sip_addresses="192.0.2.0/24")).state is State.FINE


WEBHOOK = "https://abc.execute-api.eu-central-1.amazonaws.com/live/v1/livekit/webhook"
CALL = "call_+493023125001_aB3dE5gH7jK9"


def deploy_stacks(*stacks: str) -> None:
    cloudformation = SESSION.client("cloudformation")
    table = {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        },
    }
    for stack in stacks:
        template = {
            "Resources": {"CallsTable1234": table} if stack == "data" else {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {"WebhookUrl": {"Value": WEBHOOK}} if stack == "api" else {},
        }
        cloudformation.create_stack(StackName=f"bellhop-prod-{stack}", TemplateBody=json.dumps(template))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts a call with events of these sources into the table of a stage that is deployed."""
    deploy_stacks("data", "api")
    database = SESSION.client("dynamodb")
    create_tables(database)
    monkeypatch.setattr(Deployment, "stack_resources", lambda *_: {"CallsTable1234": "calls"})
    monkeypatch.setattr(Deployment, "stack_outputs", lambda *_: {"WebhookUrl": WEBHOOK})
    hotel = next(iter(HOTELS))

    def put(*sources: str, ago: timedelta = timedelta()) -> None:
        at = datetime.now(UTC) - ago
        head = {
            "pk": f"CALL#{CALL}",
            "sk": "CALL",
            "id": CALL,
            "hotel_day": f"HOTEL#{hotel.name}#{hotel.day_of(at)}",
            "started_at": at.isoformat(),
        }
        events = [{"pk": f"CALL#{CALL}", "sk": f"EVENT#{source}#1"} for source in sources]
        for item in (head, *events):
            database.put_item(TableName="calls", Item=encode(item))

    return put


def test_a_stage_that_is_not_deployed_hears_nobody_yet() -> None:
    """Before the first deployment there is nothing that LiveKit could report to."""
    assert webhook.events_arrive(deployment()).state is State.NOT_YET


def test_what_has_no_name_of_its_own_is_found_by_its_stack() -> None:
    """The table and the webhook's address are what the stacks say, once they are deployed."""
    assert deployment().stack_resources("data") is None
    assert deployment().stack_outputs("api") is None

    deploy_stacks("data", "api")

    assert (deployment().stack_resources("data") or {})["CallsTable1234"]
    assert deployment().stack_outputs("api") == {"WebhookUrl": WEBHOOK}


def test_a_call_that_livekit_reported_proves_the_webhook(calls: Callable[..., None]) -> None:
    """The webhook's address is registered when a call has events of LiveKit's."""
    calls("agent", "livekit", ago=timedelta(days=3))

    assert webhook.events_arrive(deployment()).state is State.FINE


def test_a_call_that_only_an_agent_knows_of_accuses_the_webhook(calls: Callable[..., None]) -> None:
    """Agents report as well, so their calls without LiveKit's events show that its address is not registered."""
    calls("agent")

    finding = webhook.events_arrive(deployment())

    assert finding.state is State.WRONG
    assert finding.fix.startswith(f"enter {WEBHOOK} at LiveKit Cloud")


@pytest.mark.parametrize("ago", [None, timedelta(days=8)])
def test_without_a_call_nothing_is_known_of_the_webhook(calls: Callable[..., None], ago: timedelta | None) -> None:
    """Calls of long ago prove nothing of today."""
    if ago:
        calls("livekit", ago=ago)

    assert webhook.events_arrive(deployment()).state is State.NOT_YET
