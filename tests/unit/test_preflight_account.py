"""What a deployment needs of an AWS account is looked at with the deployer's rights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from botocore.stub import Stubber
from moto import mock_aws

from cdk.preflight import account, capacity, images
from cdk.preflight.deployment import Deployment
from cdk.preflight.finding import Finding, State
from cdk.stages import Stage
from tests.unit.stage_account import HOTELS, SESSION, deployment

pytestmark = pytest.mark.unit

MOTOS_ACCOUNT = "123456789012"
make_client: Callable[..., Any] = SESSION.client
"""The stubs know boto3 service by service; here it is whichever a test asks for."""


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # moto would make a thousand machine images before each test.
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    with mock_aws():
        yield


class Scripted:
    """A session whose client of one service answers as it is told; all others are moto's."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._client = make_client(service)
        self.answers = Stubber(self._client)
        self.answers.activate()

    def client(self, service: str, **options: Any) -> Any:
        return self._client if service == self._service else make_client(service, **options)


def scripted(service: str) -> tuple[Deployment, Stubber]:
    session = Scripted(service)
    return Deployment(Stage.of("prod", {}), HOTELS, session), session.answers  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "state"),
    [({}, State.FINE), ({"account": MOTOS_ACCOUNT}, State.FINE), ({"account": "210987654321"}, State.WRONG)],
)
def test_credentials_are_of_the_stages_account(said: Mapping[str, Any], state: State) -> None:
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
    assert state is State.FINE or finding.fix == f"npx cdk bootstrap aws://{MOTOS_ACCOUNT}/eu-central-1 -c stage=prod"


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
