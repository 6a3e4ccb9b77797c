"""Speech recognition on the GPU hosts: NVIDIA's container and what watches over it, found by agents under one name."""

from __future__ import annotations

from typing import Final

from aws_cdk import (
    Duration,
    aws_cloudwatch,
    aws_ec2,
    aws_ecr,
    aws_ecs,
    aws_kms,
    aws_secretsmanager,
    aws_servicediscovery,
)
from aws_cdk.aws_applicationautoscaling import AdjustmentType, ScalingInterval
from constructs import Construct

from cdk.stages import Stage
from cdk.units import scrapes
from cdk.units.built_image import built_image
from cdk.units.collector import add_collector
from cdk.units.containers import answers, lines, without_rights
from cdk.units.day_and_night import scale_by_day
from cdk.units.fleet_service import FleetService
from cdk.units.logs import CallLogs
from cdk.units.mirror import EXPORTER_TAG, mirrored_image, model_tag
from cdk.units.model_cache import ModelCache
from cdk.units.nag import acknowledge
from gpu_fleet.asr_proxy.settings import ProxySettings
from gpu_fleet.capacity import HEADROOM, RIVA
from gpu_fleet.riva.models import (
    CACHE_PATH,
    FIRST_START_MINUTES,
    GRPC_PORT,
    HTTP_PORT,
    SHARED_MEMORY_MIB,
    RivaModel,
)
from gpu_fleet.riva.settings import ProbeSettings

HOST: Final = "riva"
EARLY: Final = 0.8
"""The share of the recognisers' streams at which one more is started, for that takes minutes."""
COUNTED_FOR: Final = 5
"""Minutes over which calls are averaged."""


def address(namespace: aws_servicediscovery.PrivateDnsNamespace) -> str:
    """Under which name and port agents find whichever recognisers hear."""
    return f"{HOST}.{namespace.namespace_name}:{GRPC_PORT}"


class RivaService(Construct):
    """Recognisers, one GPU each. Only one that has just understood a spoken sentence is found under `address()`, and a
    deployment ends none before its successor does. While there is no such one, the name has all there are: Route 53
    answers so (https://docs.aws.amazon.com/Route53/latest/APIReference/API_ResourceRecordSet.html), also for the half
    minute in which Cloud Map has not yet heard of a successor (https://github.com/aws/containers-roadmap/issues/830).

    `proxy_token` is the name of the secret that clients of the recognition proxy show.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        model: RivaModel,
        vpc: aws_ec2.IVpc,
        cluster: aws_ecs.Cluster,
        provider: aws_ecs.AsgCapacityProvider,
        namespace: aws_servicediscovery.PrivateDnsNamespace,
        images: aws_ecr.IRepository,
        cache: ModelCache,
        proxy_token: str,
        logs_key: aws_kms.IKey,
    ) -> None:
        super().__init__(scope, id)
        self.security_group = aws_ec2.SecurityGroup(
            self, "SecurityGroup", vpc=vpc, description="Recognisers: agents call them", allow_all_outbound=False
        )
        self.security_group.add_egress_rule(
            aws_ec2.Peer.any_ipv4(), aws_ec2.Port.tcp(443), "models of NVIDIA's registry, and AWS"
        )
        self.logs = CallLogs(self, "Logs", stage=stage, key=logs_key)
        # Revisions of one family are found, and allowed to be run, by its name.
        family = f"{stage.full_name}-riva"
        self.task = aws_ecs.Ec2TaskDefinition(self, "Task", family=family, network_mode=aws_ecs.NetworkMode.AWS_VPC)
        self._riva = self._add_riva(model, images, cache)
        self._add_probe()
        self._add_proxy(model, proxy_token)
        self._add_exporter(images)
        asked = [scrapes.PROBE, scrapes.RIVA, scrapes.GPU, scrapes.PROXY]
        add_collector(self.task, stage=stage, scrapes=asked, logs=self.logs)
        acknowledge(
            self.task,
            "AwsSolutions-ECS2",
            "The variables are ports, paths and the model's profile; NVIDIA's key comes from Secrets Manager.",
        )
        # A successor needs a GPU of its own, so one host more than the recognisers is allowed.
        self.service = FleetService(
            self,
            "Service",
            cluster=cluster,
            task=self.task,
            security_group=self.security_group,
            strategies=[aws_ecs.CapacityProviderStrategy(capacity_provider=provider.capacity_provider_name, weight=1)],
            name=aws_ecs.CloudMapOptions(
                name=HOST,
                cloud_map_namespace=namespace,
                dns_record_type=aws_servicediscovery.DnsRecordType.A,
                dns_ttl=Duration.seconds(10),
            ),
            # A container may be unhealthy for 300 s at its start at most; this is for one that builds its engines.
            # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
            health_grace=Duration.minutes(FIRST_START_MINUTES + 5),
        )
        self._scale(stage, model)

    def let_in(self, agents: aws_ec2.ISecurityGroup) -> None:
        """Whoever has this security group may have speech recognised."""
        self.security_group.add_ingress_rule(agents, aws_ec2.Port.tcp(GRPC_PORT), "calls")
        self.security_group.add_ingress_rule(agents, aws_ec2.Port.tcp(scrapes.PROXY.port), "recordings")

    def open_registry(self, ngc: aws_secretsmanager.ISecret) -> None:
        """Give recognisers the key in that secret, by which they fetch their model; its whole ARN has to be known."""
        self._riva.add_secret("NGC_API_KEY", aws_ecs.Secret.from_secrets_manager(ngc, "password"))

    def _add_riva(
        self, model: RivaModel, images: aws_ecr.IRepository, cache: ModelCache
    ) -> aws_ecs.ContainerDefinition:
        container = self.task.add_container(
            "riva",
            image=mirrored_image(self.task, images, model_tag(model)),
            cpu=int(RIVA.vcpu * 1024),
            memory_limit_mib=int(RIVA.gib * 1024),
            gpu_count=1,
            environment=model.environment,
            port_mappings=[aws_ecs.PortMapping(container_port=port) for port in (GRPC_PORT, HTTP_PORT)],
            linux_parameters=aws_ecs.LinuxParameters(
                self, "Linux", init_process_enabled=True, shared_memory_size=SHARED_MEMORY_MIB
            ),
            # Its root is not read-only: NVIDIA's container unpacks and links models outside its cache.
            # It says nothing, for the probe says it all. ECS takes an essential container without a check for one whose
            # health it does not know, and its task likewise, whatever its other containers answer:
            # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html.
            health_check=aws_ecs.HealthCheck(command=["CMD-SHELL", "exit 0"]),
            # An agent that loses its recogniser says the last words again to another.
            stop_timeout=Duration.seconds(60),
            logging=lines(self.logs, "riva"),
        )
        cache.mount(self.task, container, path=CACHE_PATH)
        return container

    def _add_probe(self) -> None:
        settings = ProbeSettings(riva_url=f"127.0.0.1:{GRPC_PORT}", probe_port=scrapes.PROBE.port)
        self.task.add_container(
            "probe",
            image=built_image("gpu_fleet/riva/Dockerfile"),
            cpu=256,
            memory_limit_mib=512,
            environment=settings.write(),
            # This is how ECS, and through it the name, knows whether the recogniser hears.
            health_check=answers(
                settings.probe_port, "/health", every=Duration.seconds(10), start=Duration.seconds(300)
            ),
            readonly_root_filesystem=True,
            linux_parameters=without_rights(self, "ProbeLinux"),
            stop_timeout=Duration.seconds(30),
            logging=lines(self.logs, "probe"),
        )

    def _add_proxy(self, model: RivaModel, token: str) -> None:
        settings = ProxySettings(
            riva_url=f"127.0.0.1:{GRPC_PORT}",
            languages=",".join(model.languages),
            proxy_port=scrapes.PROXY.port,
            token_secret=token,
        )
        self.task.add_container(
            "proxy",
            image=built_image("gpu_fleet/asr_proxy/Dockerfile"),
            # Calls do not need it.
            essential=False,
            enable_restart_policy=True,
            cpu=256,
            memory_limit_mib=1024,
            environment=settings.write(),
            port_mappings=[aws_ecs.PortMapping(container_port=settings.proxy_port)],
            readonly_root_filesystem=True,
            linux_parameters=without_rights(self, "ProxyLinux"),
            stop_timeout=Duration.seconds(30),
            logging=lines(self.logs, "proxy"),
        )

    def _add_exporter(self, images: aws_ecr.IRepository) -> None:
        self.task.add_container(
            "gpu",
            image=mirrored_image(self.task, images, EXPORTER_TAG),
            essential=False,
            enable_restart_policy=True,
            cpu=128,
            memory_limit_mib=512,
            # The GPU is Riva's; this container only looks at it, by the hosts' default runtime.
            environment={
                "NVIDIA_VISIBLE_DEVICES": "all",
                "NVIDIA_DRIVER_CAPABILITIES": "utility",
                "DCGM_EXPORTER_LISTEN": f":{scrapes.GPU.port}",
            },
            stop_timeout=Duration.seconds(10),
            logging=lines(self.logs, "gpu"),
        )

    def _scale(self, stage: Stage, model: RivaModel) -> None:
        most = max(stage.most_gpu_hosts, stage.fleet.riva_tasks)
        scaling = scale_by_day(self.service, by_day=stage.fleet.riva_tasks, most=most)
        if most == 1:
            return
        period = Duration.minutes(COUNTED_FOR)
        # Each agent is scraped once a minute, so the sum over minutes is that many times the calls in progress.
        calls = aws_cloudwatch.MathExpression(
            expression=f"calls / {COUNTED_FOR}",
            using_metrics={
                "calls": scrapes.AGENT.metric("bellhop_agent_calls", stage=stage, statistic="Sum").with_(period=period)
            },
            period=period,
            label="Calls in progress",
        )
        each = model.streams_per_gpu * (1 - HEADROOM) * EARLY
        scaling.scale_on_metric(
            "Calls",
            metric=calls,
            adjustment_type=AdjustmentType.EXACT_CAPACITY,
            scaling_steps=[
                ScalingInterval(lower=each * (count - 1), upper=each * count if count < most else None, change=count)
                for count in range(1, most + 1)
            ],
            evaluation_periods=1,
            cooldown=Duration.minutes(15),
        )
