"""Where calls are heard and answered: the recognisers on hosts with GPUs, the receptionists beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import Stack, aws_ecs, aws_secretsmanager, aws_servicediscovery
from constructs import Construct

from agent.settings import AgentSettings
from cdk.stacks.api import ApiStack
from cdk.stacks.data import DataStack
from cdk.stacks.network import NetworkStack
from cdk.stages import Stage
from cdk.units.agent_service import GROWTH, AgentService
from cdk.units.function import PythonFunction
from cdk.units.function_code import FunctionCode
from cdk.units.hosts import WITH_GPU, WITHOUT_GPU, Hosts
from cdk.units.mirror import mirrored
from cdk.units.model_cache import ModelCache
from cdk.units.riva_preparation import RivaPreparation
from cdk.units.riva_service import RivaService, address
from cdk.units.wildcards import acknowledge_wildcards
from gpu_fleet.capacity import CPU_INSTANCE
from gpu_fleet.riva.models import require_streaming
from gpu_fleet.riva.prepare import KEY


class GpuFleetStack(Stack):
    """One cluster with two capacity providers and two services, of which a deployment of one never moves the other."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        network: NetworkStack,
        data: DataStack,
        api: ApiStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, id, **kwargs)
        model = require_streaming(stage.riva_model)
        secrets = {
            name: aws_secretsmanager.Secret.from_secret_name_v2(self, part, stage.secret(name))
            for part, name in (
                ("Livekit", "livekit"),
                ("Llm", "llm"),
                ("Speech", "speech"),
                ("AzureSpeech", "azure-speech"),
                ("Ngc", "ngc"),
            )
        }
        self.cluster = aws_ecs.Cluster(
            self, "Cluster", vpc=network.vpc, container_insights_v2=aws_ecs.ContainerInsights.ENABLED
        )
        namespace = aws_servicediscovery.PrivateDnsNamespace(
            self, "Names", vpc=network.vpc, name=f"{stage.name}.bellhop.internal"
        )
        self.riva_address = address(namespace)
        self.settings = AgentSettings(
            livekit_url=stage.livekit_url,
            livekit_secret=stage.secret("livekit"),
            api_url=api.url,
            aws_region=stage.region,
            riva_url=self.riva_address,
            azure_speech_region=stage.operator.azure_speech_region,
            azure_speech_secret=stage.azure_speech_secret,
            llm_url=stage.llm_url,
            llm_model=stage.llm_model,
            llm_secret=stage.secret("llm"),
            max_calls=stage.calls_per_agent,
            speech_engines=stage.speech_engines,
            speech_url=stage.speech_url,
            speech_secret=stage.speech_secret,
        )
        hosts: dict[str, Any] = {
            "cluster": self.cluster,
            "vpc": network.vpc,
            "stop_within": AgentService.stop_within(self.settings),
            "protected": stage.retain,
        }
        # One host more than recognisers, on which a new one starts before the old goes.
        most_gpu, most_cpu = stage.most_gpu_hosts + 1, GROWTH * stage.fleet.agent_tasks
        gpu = Hosts(self, "GpuHosts", kind=WITH_GPU, instance=stage.gpu_instance, most=most_gpu, **hosts)
        cpu = Hosts(self, "CpuHosts", kind=WITHOUT_GPU, instance=CPU_INSTANCE, most=most_cpu, **hosts)
        self.gpu_hosts = gpu.group

        cache = ModelCache(self, "Models", vpc=network.vpc)
        cache.let_in(gpu.security_group)
        riva = RivaService(
            self,
            "Riva",
            stage=stage,
            model=model,
            vpc=network.vpc,
            cluster=self.cluster,
            provider=gpu.provider,
            namespace=namespace,
            images=data.riva_images,
            cache=cache,
            proxy_token=stage.secret("legacy-token"),
            logs_key=data.log_key,
        )
        data.legacy_token.grant_read(riva.task.task_role)
        self.riva_service = riva.service

        preparation = RivaPreparation(
            self,
            "Preparation",
            stage=stage,
            code=FunctionCode(self, "Code"),
            key=data.log_key,
            images=data.riva_images,
            ngc=secrets["ngc"],
            cluster=self.cluster,
            provider=gpu.provider,
            task=riva.task,
            security_group=riva.security_group,
            subnets=network.vpc.private_subnets,
        )
        mirror = preparation.mirror(mirrored(model))
        riva.open_registry(
            aws_secretsmanager.Secret.from_secret_complete_arn(self, "NgcKey", mirror.get_att_string(KEY))
        )
        warm = preparation.warm_up(
            {"Model": model.image, "Tag": model.tag, "Selector": model.selector, "Instance": stage.gpu_instance},
            after=[mirror, gpu, self.cluster, cache, riva.task, riva.security_group, riva.logs],
        )
        riva.service.node.add_dependency(warm)
        self.functions: Mapping[str, PythonFunction] = {"riva_setup": preparation.function}

        agents = AgentService(
            self,
            "Agents",
            stage=stage,
            settings=self.settings,
            vpc=network.vpc,
            cluster=self.cluster,
            gpu_provider=gpu.provider,
            cpu_provider=cpu.provider,
            logs_key=data.log_key,
        )
        self.agent_service = agents.service
        # Who answers must be able to hear.
        agents.service.node.add_dependency(riva.service)
        riva.let_in(agents.security_group)
        by_choice = {"speech": stage.speech_secret, "azure-speech": stage.azure_speech_secret}
        for key in ("livekit", "llm", *(name for name, secret in by_choice.items() if secret)):
            secrets[key].grant_read(agents.task.task_role)
        api.grant_agent(agents.task.task_role)
        acknowledge_wildcards(
            agents.task.task_role,
            service="execute-api",
            reason="The routes are the agents' own, and a call's or hotel's name in them is known when a guest phones.",
        )
