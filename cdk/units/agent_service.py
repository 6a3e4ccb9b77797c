"""The receptionists: so many beside the recognisers on the GPU hosts, the rest on hosts without a GPU."""

from __future__ import annotations

from typing import Final

from aws_cdk import Duration, aws_ec2, aws_ecs, aws_kms
from constructs import Construct

from agent.settings import AgentSettings
from cdk.stages import Stage
from cdk.units import collector, scrapes
from cdk.units.built_image import built_image
from cdk.units.collector import add_collector
from cdk.units.containers import answers, lines, without_rights
from cdk.units.day_and_night import scale_by_day
from cdk.units.fleet_service import FleetService
from cdk.units.logs import CallLogs
from cdk.units.nag import acknowledge
from gpu_fleet.capacity import AGENT

HEALTH_PORT: Final = 8081
DRAIN_SECONDS: Final = 120
"""What a worker needs after its longest call: to deliver what is still on its way, and to end."""
LOAD: Final = 0.5
"""The share of its calls that a worker has on average: a wave of guests finds room until the next one has started."""
GROWTH: Final = 3
"""How many times the workers of the busiest hour there may be."""
TEMPORARY: Final = [aws_ecs.TmpfsMountOption.NOSUID, aws_ecs.TmpfsMountOption.NODEV]


class AgentService(Construct):
    """Workers that take calls, as many as the calls need. A deployment starts new ones before the old take no more
    calls, and waits until those have ended their last.

    `settings` are theirs; ports and hosts of the container are added here.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        settings: AgentSettings,
        vpc: aws_ec2.IVpc,
        cluster: aws_ecs.Cluster,
        gpu_provider: aws_ecs.AsgCapacityProvider,
        cpu_provider: aws_ecs.AsgCapacityProvider,
        logs_key: aws_kms.IKey,
    ) -> None:
        super().__init__(scope, id)
        self.security_group = aws_ec2.SecurityGroup(
            self, "SecurityGroup", vpc=vpc, description="Receptionists: they call others, nobody calls them"
        )
        self.logs = CallLogs(self, "Logs", stage=stage, key=logs_key)
        self.task = aws_ecs.Ec2TaskDefinition(self, "Task", network_mode=aws_ecs.NetworkMode.AWS_VPC)
        agent = self._add_agent(settings)
        sidecar = add_collector(self.task, stage=stage, scrapes=[scrapes.AGENT], logs=self.logs)
        # Containers end in the opposite order: a worker that drains is counted until its last call.
        agent.add_container_dependencies(
            aws_ecs.ContainerDependency(container=sidecar, condition=aws_ecs.ContainerDependencyCondition.START)
        )
        acknowledge(
            self.task,
            "AwsSolutions-ECS2",
            "The variables are addresses, sizes and names of secrets; the secrets themselves are read at run time.",
        )
        fleet = stage.fleet
        self.service = FleetService(
            self,
            "Service",
            cluster=cluster,
            task=self.task,
            security_group=self.security_group,
            # A base counts also where the weight is 0 and nothing beyond it is placed, as AWS' own Copilot uses it:
            # https://github.com/aws/copilot-cli/blob/mainline/internal/pkg/deploy/cloudformation/stack/transformers.go.
            strategies=[
                aws_ecs.CapacityProviderStrategy(
                    capacity_provider=gpu_provider.capacity_provider_name, base=fleet.agents_on_gpu_hosts, weight=0
                ),
                aws_ecs.CapacityProviderStrategy(capacity_provider=cpu_provider.capacity_provider_name, weight=1),
            ],
            placed=[aws_ecs.PlacementStrategy.packed_by_memory()],
        )
        self._scale(stage)

    @staticmethod
    def stop_within(settings: AgentSettings) -> Duration:
        """How long a worker that shall end may still have its calls. Hosts must allow it."""
        return Duration.seconds(settings.longest_call_seconds + DRAIN_SECONDS)

    def _add_agent(self, settings: AgentSettings) -> aws_ecs.ContainerDefinition:
        # It may listen on every interface of the task: the security group lets nobody in.
        written = settings.model_copy(
            update={"worker_host": "0.0.0.0", "worker_port": HEALTH_PORT, "metrics_port": scrapes.AGENT.port}  # noqa: S104
        )
        linux = without_rights(self, "Linux")
        # The sockets between a worker and its jobs, which share no folder with anybody else.
        linux.add_tmpfs(aws_ecs.Tmpfs(container_path="/tmp", size=128, mount_options=TEMPORARY))  # noqa: S108
        return self.task.add_container(
            "agent",
            image=built_image("agent/Dockerfile"),
            cpu=int(AGENT.vcpu * 1024) - collector.CPU,
            memory_limit_mib=int(AGENT.gib * 1024) - collector.MEMORY_MIB,
            environment=written.write(),
            port_mappings=[aws_ecs.PortMapping(container_port=HEALTH_PORT)],
            health_check=answers(HEALTH_PORT, "/", every=Duration.seconds(15), start=Duration.seconds(120)),
            stop_timeout=self.stop_within(settings),
            readonly_root_filesystem=True,
            linux_parameters=linux,
            logging=lines(self.logs, "agent"),
        )

    def _scale(self, stage: Stage) -> None:
        by_day = stage.fleet.agent_tasks
        scaling = scale_by_day(self.service, by_day=by_day, most=GROWTH * by_day)
        scaling.scale_to_track_custom_metric(
            "Calls",
            metric=scrapes.AGENT.metric("bellhop_agent_load", stage=stage, statistic="Average"),
            target_value=LOAD,
            scale_out_cooldown=Duration.minutes(1),
            scale_in_cooldown=Duration.minutes(15),
        )
