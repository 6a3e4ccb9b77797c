"""No template asks AWS for more than it gives: what is found here is otherwise found in the middle of a deployment."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any, Final

import pytest

from cdk.preflight.account import NEEDED_BOOTSTRAP
from tests.infrastructure.conftest import Deployed
from tests.infrastructure.limits import Limit, count, each, length
from tests.infrastructure.templates import found, of_type, text
from tests.infrastructure.test_aws_limits_of_containers import LIMITS as OF_CONTAINERS
from tests.infrastructure.test_aws_limits_of_watching import LIMITS as OF_WATCHING

pytestmark = pytest.mark.infrastructure

CLOUDFORMATION: Final = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"
LAMBDA: Final = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
API_GATEWAY: Final = (
    "https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html"
)
WAF: Final = "https://docs.aws.amazon.com/waf/latest/developerguide/limits.html"
IAM: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
SQS: Final = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html"
EVENTS: Final = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html"
VPC: Final = "https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html"
DYNAMODB: Final = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"
BUDGETS: Final = (
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/"
    "aws-properties-budgets-budget-notificationwithsubscribers.html"
)

FUNCTION: Final = "AWS::Lambda::Function"
LIMITS: Final = (
    Limit("seconds it may run", FUNCTION, each("Timeout"), 900, LAMBDA, least=1),
    Limit("memory in MB", FUNCTION, each("MemorySize"), 10_240, LAMBDA, least=128),
    Limit("layers", FUNCTION, count("Layers"), 5, LAMBDA),
    Limit("bytes of environment", FUNCTION, length("Environment", "Variables"), 4096, LAMBDA),
    Limit("characters of description", FUNCTION, length("Description"), 256, LAMBDA, unset=True),
    Limit(
        "seconds an event waits", "AWS::Lambda::EventInvokeConfig", each("MaximumEventAgeInSeconds"), 21_600, LAMBDA, 60
    ),
    Limit("tries of an event", "AWS::Lambda::EventInvokeConfig", each("MaximumRetryAttempts"), 2, LAMBDA),
    Limit("seconds to answer", "AWS::CloudFormation::CustomResource", each("ServiceTimeout"), 3600, CLOUDFORMATION, 1),
    Limit("seconds to answer", "Custom::Telephony", each("ServiceTimeout"), 3600, CLOUDFORMATION, 1),
    Limit(
        "milliseconds to answer",
        "AWS::ApiGateway::Method",
        each("Integration", "TimeoutInMillis"),
        29_000,
        API_GATEWAY,
        least=50,
        unset=True,
    ),
    Limit(
        "requests a second",
        "AWS::ApiGateway::Stage",
        each("MethodSettings", "*", "ThrottlingRateLimit"),
        10_000,
        API_GATEWAY,
    ),
    Limit(
        "requests at once",
        "AWS::ApiGateway::Stage",
        each("MethodSettings", "*", "ThrottlingBurstLimit"),
        5_000,
        API_GATEWAY,
    ),
    Limit(
        "characters of log format", "AWS::ApiGateway::Stage", length("AccessLogSetting", "Format"), 3072, API_GATEWAY
    ),
    Limit("bytes of model", "AWS::ApiGateway::Model", length("Schema"), 400_000, API_GATEWAY),
    Limit("rules", "AWS::WAFv2::WebACL", count("Rules"), 100, WAF),
    Limit(
        "requests of one address",
        "AWS::WAFv2::WebACL",
        each("Rules", "*", "Statement", "RateBasedStatement", "Limit"),
        2_000_000_000,
        WAF,
        least=10,
    ),
    Limit("addresses", "AWS::WAFv2::IPSet", count("Addresses"), 10_000, WAF),
    Limit("characters of trust", "AWS::IAM::Role", length("AssumeRolePolicyDocument"), 2048, IAM),
    Limit("managed policies", "AWS::IAM::Role", count("ManagedPolicyArns"), 10, IAM),
    Limit("seconds a letter is kept", "AWS::SQS::Queue", each("MessageRetentionPeriod"), 1_209_600, SQS, least=60),
    Limit("seconds a letter is hidden", "AWS::SQS::Queue", each("VisibilityTimeout"), 43_200, SQS, unset=True),
    Limit("targets", "AWS::Events::Rule", count("Targets"), 5, EVENTS),
    Limit("characters of pattern", "AWS::Events::Rule", length("EventPattern"), 2048, EVENTS),
    Limit("rules that let in", "AWS::EC2::SecurityGroup", count("SecurityGroupIngress"), 60, VPC),
    Limit("rules that let out", "AWS::EC2::SecurityGroup", count("SecurityGroupEgress"), 60, VPC),
    Limit("indexes", "AWS::DynamoDB::Table", count("GlobalSecondaryIndexes"), 20, DYNAMODB),
    Limit(
        "projected attributes",
        "AWS::DynamoDB::Table",
        lambda table: [len(found(table, "GlobalSecondaryIndexes", "*", "Projection", "NonKeyAttributes", "*"))],
        100,
        DYNAMODB,
    ),
    Limit("notifications", "AWS::Budgets::Budget", count("NotificationsWithSubscribers"), 10, BUDGETS),
    Limit(
        "subscribers", "AWS::Budgets::Budget", count("NotificationsWithSubscribers", "*", "Subscribers"), 11, BUDGETS, 1
    ),
)
TABLE: Final = (*LIMITS, *OF_CONTAINERS, *OF_WATCHING)


@pytest.mark.parametrize("limit", TABLE, ids=str)
def test_limit_is_kept(limit: Limit, deployed: Deployed) -> None:
    """Every measured value is inside what AWS allows."""
    assert limit.source.startswith("https://docs.aws.amazon.com/")
    assert limit.broken(deployed) == []


@pytest.mark.parametrize("limit", TABLE, ids=str)
def test_limit_measures_something(limit: Limit, prod: Deployed) -> None:
    """A row that no resource is measured by would be kept by mistake, so it has to say of itself that it is unset."""
    assert bool(list(limit.measured(prod))) is not limit.unset


def test_stacks_are_small_enough(deployed: Deployed) -> None:
    """500 resources, 200 outputs, 200 parameters and 1 MB a template: CLOUDFORMATION."""
    for stack, template in deployed.templates.items():
        assert len(template["Resources"]) <= 500, stack
        assert len(template.get("Outputs", {})) <= 200, stack
        assert len(template.get("Parameters", {})) <= 200, stack
        assert len(json.dumps(template).encode()) <= 1_000_000, stack
        assert all(
            len(name) <= 255 for part in ("Resources", "Outputs", "Parameters") for name in template.get(part, {})
        )


def test_stacks_import_what_others_export(deployed: Deployed) -> None:
    """No template has CloudFormation look another stack's outputs up: it does so for each place where one stands, and
    more than one look a second ends the deployment with `Throttling` (https://github.com/aws/aws-cdk/issues/38010)."""
    templates = {stack: json.dumps(template) for stack, template in deployed.templates.items()}

    assert [stack for stack, template in templates.items() if "Fn::GetStackOutput" in template] == []
    assert '"Fn::ImportValue"' in templates["observability"]


def test_stacks_names_become_names_of_capacity_providers(deployed: Deployed) -> None:
    """A capacity provider's name begins with its stack's, and may not begin with `aws`, `ecs` or `fargate`.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCapacityProvider.html
    """
    for stack in (deployed.cloud.network, deployed.cloud.gpu_fleet):
        assert re.fullmatch(r"(?!aws|ecs|fargate)[a-z][a-z0-9-]{0,127}", stack.stack_name)


def test_the_bootstrap_stack_that_templates_ask_for_is_the_one_preflight_looks_for(deployed: Deployed) -> None:
    """The CDK's own rule and preflight agree on the oldest version."""
    for template in deployed.templates.values():
        refused = found(
            template, "Rules", "CheckBootstrapVersion", "Assertions", "*", "Assert", "Fn::Not", "*", "Fn::Contains"
        )
        assert max(map(int, refused[0][0])) == NEEDED_BOOTSTRAP - 1


RESERVED: Final = re.compile(
    r"_HANDLER|_X_AMZN_TRACE_ID|AWS_(DEFAULT_)?REGION|AWS_EXECUTION_ENV|AWS_LAMBDA_\w+|AWS_ACCESS_KEY(_ID)?"
    r"|AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN|LAMBDA_(TASK_ROOT|RUNTIME_DIR)"
)
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime"""


def test_functions_set_no_variable_that_lambda_keeps_for_itself(deployed: Deployed) -> None:
    """A reserved key fails the deployment of its function, and a variable's name begins with a letter."""
    for name, function in deployed.resources(FUNCTION).items():
        for variable in function["Properties"].get("Environment", {}).get("Variables", {}):
            assert not RESERVED.fullmatch(variable), name
            assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]+", variable), name


def test_a_snapshot_is_of_a_function_that_can_have_one(deployed: Deployed) -> None:
    """SnapStart takes Python from 3.12 on, no file system and no more than 512 MB of /tmp.

    https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
    """
    snapped = [
        function["Properties"]
        for function in deployed.resources(FUNCTION).values()
        if "SnapStart" in function["Properties"]
    ]
    assert snapped
    for function in snapped:
        assert function["Runtime"] in ("python3.12", "python3.13", "python3.14")
        assert "FileSystemConfigs" not in function
        assert function.get("EphemeralStorage", {}).get("Size", 512) <= 512


def test_a_functions_answer_comes_before_its_caller_gives_up(deployed: Deployed) -> None:
    """API Gateway waits 29 s, CloudFormation as long as the custom resource says: API_GATEWAY, CLOUDFORMATION."""
    template = deployed.templates["api"]
    aliases = {name: alias["FunctionName"]["Ref"] for name, alias in of_type(template, "AWS::Lambda::Alias").items()}
    functions = of_type(template, FUNCTION)
    for method in of_type(template, "AWS::ApiGateway::Method").values():
        for alias in found(method, "Integration", "Uri", "Fn::Join"):
            assert functions[aliases[alias[1][1]["Ref"]]]["Timeout"] < 29
    for resource in of_type(template, "Custom::Telephony").values():
        assert functions[aliases[resource["ServiceToken"]["Ref"]]]["Timeout"] < int(resource["ServiceTimeout"])


def test_functions_may_be_invoked_by_not_too_many_routes(deployed: Deployed) -> None:
    """A function's resource policy has 20 KB, and each permission is a statement of some 400 bytes: LAMBDA."""
    permissions = Counter(
        json.dumps(permission["Properties"]["FunctionName"])
        for permission in deployed.resources("AWS::Lambda::Permission").values()
    )
    assert max(permissions.values()) * 400 <= 20_480


def test_a_stage_that_logs_waits_for_the_accounts_role(deployed: Deployed) -> None:
    """API Gateway writes access logs with a role of the account, which has to be there before the stage.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
    """
    account = deployed.resources("AWS::ApiGateway::Account")
    for stage in deployed.resources("AWS::ApiGateway::Stage").values():
        assert {f"api/{name}" for name in stage["DependsOn"]} & account.keys()
        assert "$context.requestId" in stage["Properties"]["AccessLogSetting"]["Format"]


def test_policies_of_a_role_are_small_enough(deployed: Deployed) -> None:
    """All inline policies of a role together have 10,240 characters, blanks not counted: IAM."""
    sizes: Counter[str] = Counter()
    for name, policy in deployed.resources("AWS::IAM::Policy").items():
        for role in policy["Properties"]["Roles"]:
            sizes[f"{name.split('/')[0]}/{role['Ref']}"] += len(text(policy["Properties"]["PolicyDocument"]))
    for name, role in deployed.resources("AWS::IAM::Role").items():
        sizes[name] += sum(len(text(policy["PolicyDocument"])) for policy in role["Properties"].get("Policies", []))
    assert {name: size for name, size in sizes.items() if size > 10_240} == {}


def test_keys_and_buckets_have_policies_of_the_size_that_is_allowed(deployed: Deployed) -> None:
    """32 KB a key policy and 20 KB a bucket policy.

    https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html,
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/add-bucket-policy.html
    """
    for kind, field, most in (
        ("AWS::KMS::Key", "KeyPolicy", 32_768),
        ("AWS::S3::BucketPolicy", "PolicyDocument", 20_480),
    ):
        for name, resource in deployed.resources(kind).items():
            assert len(text(resource["Properties"][field])) <= most, name


COSTS: Final = {
    "ByteMatchStatement": 2,
    "SizeConstraintStatement": 1,
    "IPSetReferenceStatement": 1,
    "GeoMatchStatement": 1,
    "RateBasedStatement": 2,
}
"""Units that a statement takes by itself: a text transformation takes 10 more, a match that CONTAINS 8 more.

https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statements-list.html
"""


def capacity(statement: Any) -> int:
    """The web ACL capacity units of a statement with all that is in it."""
    if isinstance(statement, list):
        return sum(map(capacity, statement))
    if not isinstance(statement, dict):
        return 0
    units = 0
    for kind, inside in statement.items():
        units += COSTS.get(kind, 0) + capacity(inside)
        if kind == "ByteMatchStatement":
            units += 8 * (inside["PositionalConstraint"] in ("CONTAINS", "CONTAINS_WORD"))
        if kind == "TextTransformations":
            units += 10 * sum(transformation["Type"] != "NONE" for transformation in inside)
    return units


def test_the_web_acl_is_within_what_its_price_covers(deployed: Deployed) -> None:
    """1,500 units are included, and metrics may not have names that AWS keeps for itself: WAF."""
    for acl in deployed.resources("AWS::WAFv2::WebACL").values():
        rules = acl["Properties"]["Rules"]
        assert 0 < sum(capacity(rule["Statement"]) for rule in rules) <= 1_500
        metrics = [part["VisibilityConfig"]["MetricName"] for part in (acl["Properties"], *rules)]
        assert all(re.fullmatch(r"[\w#:.\-/]{1,255}", name) for name in metrics)
        assert not {"All", "Default_Action"} & set(metrics)
