"""What the fleet's services have in common: where their tasks stand, and how a deployment replaces them."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration, aws_ec2, aws_ecs
from constructs import Construct

from cdk.units.nag import acknowledge


class FleetService(aws_ecs.Ec2Service):
    """Tasks in the private subnets, spread over their zones and then as `placed` says.

    A deployment starts a task's successor before it ends the task, and goes back by itself to the version before when
    the new one does not become healthy. `health_grace` is how long a task may take to. `name` is where healthy tasks
    are found.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster: aws_ecs.Cluster,
        task: aws_ecs.TaskDefinition,
        security_group: aws_ec2.ISecurityGroup,
        strategies: Sequence[aws_ecs.CapacityProviderStrategy],
        placed: Sequence[aws_ecs.PlacementStrategy] = (),
        health_grace: Duration | None = None,
        name: aws_ecs.CloudMapOptions | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            cluster=cluster,
            task_definition=task,
            capacity_provider_strategies=list(strategies),
            placement_strategies=[
                aws_ecs.PlacementStrategy.spread_across("attribute:ecs.availability-zone"),
                *placed,
            ],
            security_groups=[security_group],
            vpc_subnets=aws_ec2.SubnetSelection(subnet_type=aws_ec2.SubnetType.PRIVATE_WITH_EGRESS),
            cloud_map_options=name,
            health_check_grace_period=health_grace,
            min_healthy_percent=100,
            max_healthy_percent=200,
            circuit_breaker=aws_ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            # Evening out the zones would end tasks that have calls.
            availability_zone_rebalancing=aws_ecs.AvailabilityZoneRebalancing.DISABLED,
            propagate_tags=aws_ecs.PropagatedTagSource.SERVICE,
            enable_ecs_managed_tags=True,
        )
        acknowledge(
            task.obtain_execution_role(),
            "AwsSolutions-IAM5[Resource::*]",
            "Signing in to ECR, whose images the tasks are made of, knows no resource.",
        )
