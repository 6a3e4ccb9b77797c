"""What is seen of a stage from outside: alarms, a dashboard, saved questions to the logs, a budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import CfnOutput, Stack, aws_cloudwatch
from constructs import Construct

from cdk.stacks.api import ApiStack
from cdk.stacks.data import DataStack
from cdk.stacks.gpu_fleet import GpuFleetStack
from cdk.stacks.network import NetworkStack
from cdk.stages import Stage
from cdk.units import conditions, resource_conditions
from cdk.units.alarms import Alarms, AlarmTopic
from cdk.units.budget import Budget
from cdk.units.dashboard import Dashboard
from cdk.units.logs import CallLogs
from cdk.units.queries import Queries


class ObservabilityStack(Stack):
    """It only looks: nothing here can change a call, and nothing else waits for it."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        network: NetworkStack,
        data: DataStack,
        api: ApiStack,
        gpu_fleet: GpuFleetStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, id, **kwargs)
        functions = {**api.functions, **gpu_fleet.functions}
        log_groups = [
            part for stack in (api, gpu_fleet) for part in stack.node.find_all() if isinstance(part, CallLogs)
        ]
        dead_letters = {name: one.dead_letters for name, one in functions.items() if one.dead_letters}

        topic = AlarmTopic(self, "Tell", stage=stage, key=data.log_key).topic
        self.alarms: Mapping[str, aws_cloudwatch.Alarm] = Alarms(
            self,
            "Alarms",
            topic=topic,
            conditions={
                **conditions.of_guests(stage, functions),
                **conditions.of_wishes(stage),
                **conditions.of_secrets(stage, api.renewed_secrets),
                **conditions.of_fleet(
                    stage, agents=gpu_fleet.agent_service, riva=gpu_fleet.riva_service, cluster=gpu_fleet.cluster
                ),
                **resource_conditions.of_network(network.vpc),
                **resource_conditions.of_api(stage, api=api.rest_api),
                **resource_conditions.of_functions(functions),
                **resource_conditions.of_tables({"calls": data.calls, "leases": data.leases}),
                **resource_conditions.of_dead_letters(dead_letters),
                **resource_conditions.of_logs(log_groups),
            },
        ).by_name
        dashboard = Dashboard(
            self,
            "Dashboard",
            stage=stage,
            alarms=list(self.alarms.values()),
            api=api.rest_api,
            functions=functions,
            services={"Agents": gpu_fleet.agent_service, "Riva": gpu_fleet.riva_service},
        )
        Queries(self, "Queries", stage=stage, log_groups=log_groups)
        Budget(self, "Budget", stage=stage, topic=topic)

        CfnOutput(self, "DashboardUrl", value=dashboard.url, description="What is going on")
        CfnOutput(self, "AlarmTopic", value=topic.topic_arn, description="Where alarms are told")
