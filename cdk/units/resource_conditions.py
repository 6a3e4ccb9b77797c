"""When an alarm is due by what AWS counts of our resources: of gateways, API, functions, tables, queues and logs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aws_cdk import aws_apigateway, aws_cloudwatch, aws_dynamodb, aws_ec2, aws_logs, aws_sqs

from cdk.stages import Stage
from cdk.units.alarms import Condition
from cdk.units.conditions import FIVE_MINUTES
from cdk.units.function import PythonFunction


def of_network(vpc: aws_ec2.IVpc) -> Mapping[str, Condition]:
    """Whether the fleet gets out: to LiveKit, the model and the voices."""
    gateways = [part for part in vpc.node.find_all() if isinstance(part, aws_ec2.CfnNatGateway)]
    return {
        f"WayOut-{number}": Condition(
            aws_cloudwatch.Metric(
                namespace="AWS/NATGateway",
                metric_name="ErrorPortAllocation",
                dimensions_map={"NatGatewayId": gateway.ref},
                statistic="Sum",
            ),
            1,
            "A NAT gateway had no port left: connections to LiveKit, the model or the voices failed.",
        )
        for number, gateway in enumerate(gateways, start=1)
    }


def of_api(stage: Stage, *, api: aws_apigateway.RestApi) -> Mapping[str, Condition]:
    """What the API could not answer or did not let in."""
    return {
        "ApiErrors": Condition(
            api.deployment_stage.metric_server_error(statistic="Sum"),
            5,
            "The API answered 5xx five times in five minutes.",
        ),
        "WebhooksBlocked": Condition(
            aws_cloudwatch.Metric(
                namespace="AWS/WAFV2",
                metric_name="BlockedRequests",
                dimensions_map={
                    "WebACL": stage.full_name,
                    "Rule": "WebhookFromElsewhere",
                    "Region": stage.region,
                },
                statistic="Sum",
                period=FIVE_MINUTES,
            ),
            5,
            "Webhooks from addresses that are not LiveKit's were turned away: has LiveKit moved, or is it an attack?",
        ),
    }


def of_functions(functions: Mapping[str, PythonFunction]) -> Mapping[str, Condition]:
    """Functions that ended without an answer, or were not started; under the name of their folder."""
    failed = {
        f"FunctionErrors-{folder}": Condition(
            function.function.metric_errors(statistic="Sum"),
            1,
            f"The function {folder} ended without an answer.",
        )
        for folder, function in functions.items()
    }
    throttled = {
        f"FunctionThrottles-{folder}": Condition(
            function.function.metric_throttles(statistic="Sum"),
            1,
            f"The function {folder} was not started: too many run at once.",
        )
        for folder, function in functions.items()
    }
    return {**failed, **throttled}


def of_tables(tables: Mapping[str, aws_dynamodb.ITable]) -> Mapping[str, Condition]:
    """Reads and writes that DynamoDB turned away."""
    return {
        f"TableThrottles-{name}": Condition(
            aws_cloudwatch.MathExpression(
                expression="FILL(reads, 0) + FILL(writes, 0)",
                using_metrics={
                    part: aws_cloudwatch.Metric(
                        namespace="AWS/DynamoDB",
                        metric_name=metric,
                        dimensions_map={"TableName": table.table_name},
                        statistic="Sum",
                    )
                    for part, metric in (("reads", "ReadThrottleEvents"), ("writes", "WriteThrottleEvents"))
                },
                label=f"Throttled, {name}",
            ),
            1,
            f"DynamoDB turned away reads or writes of the table {name}.",
        )
        for name, table in tables.items()
    }


def of_dead_letters(queues: Mapping[str, aws_sqs.IQueue]) -> Mapping[str, Condition]:
    """Events that the function of that folder failed at each time, and that wait for somebody to look at them."""
    return {
        f"DeadLetters-{folder}": Condition(
            queue.metric_approximate_age_of_oldest_message(statistic="Maximum"),
            60,
            f"The function {folder} could not work on an event, which waits for somebody to look at it.",
        )
        for folder, queue in queues.items()
    }


def of_logs(groups: Iterable[aws_logs.LogGroup]) -> Mapping[str, Condition]:
    """Log groups in which CloudWatch has found something personal; under the path of the group's construct.

    The dimensions are those of a log group's own data-protection policy
    (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html).
    """
    return {
        f"PersonalData-{group.node.path.partition('/')[2].replace('/', '-')}": Condition(
            aws_cloudwatch.Metric(
                namespace="AWS/Logs",
                metric_name="LogEventsWithFindings",
                dimensions_map={"LogGroupName": group.log_group_name, "DataProtectionOperation": "Audit"},
                statistic="Sum",
            ),
            1,
            "A line was written that CloudWatch takes for a person's name, number or address.",
        )
        for group in groups
    }
