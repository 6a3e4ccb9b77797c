"""The table of checks, in the order in which an operator puts things right."""

from __future__ import annotations

from typing import Final

from cdk.preflight import account, capacity, images, livekit, machine, registry, secrets, telephony, values, webhook
from cdk.preflight.look import Check

CHECKS: Final = (
    Check("operator's values", values.operators_values),
    Check("residency", values.residency),
    Check("Node.js", machine.node),
    Check("container builder", machine.docker),
    Check("AWS credentials", account.credentials),
    Check("CDK bootstrap", account.bootstrap),
    Check("role of ECS", account.ecs_role),
    Check("quota of GPU hosts", capacity.gpu_quota),
    Check("quota of agents' hosts", capacity.cpu_quota),
    Check("quota of functions", capacity.functions_quota),
    Check("quota of builds", capacity.builds_quota),
    Check("GPU zones", capacity.gpu_zones),
    Check("machine images", images.machine_images),
    Check("secret livekit", secrets.livekit),
    Check("secret llm", secrets.llm),
    Check("secret speech", secrets.speech),
    Check("secret azure-speech", secrets.azure_speech),
    Check("secret ngc", secrets.ngc),
    Check("secret sip", secrets.sip),
    Check("booking systems' secrets", secrets.booking_systems),
    Check("recogniser's image", registry.ngc_access),
    Check("LiveKit key", livekit.key_counts),
    Check("LiveKit region", livekit.region),
    Check("hotels' numbers", telephony.numbers),
    Check("telephone company", telephony.entrance),
    Check("transfer to humans", telephony.transfer),
    Check("webhook", webhook.events_arrive),
)
