"""Our copies of NVIDIA's images: from where tasks take them, and under which tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aws_cdk import Stack, aws_ecr, aws_ecs
from constructs import Construct

from gpu_fleet.riva.models import RivaModel

EXPORTER: Final = "nvcr.io/nvidia/k8s/dcgm-exporter:4.5.3-4.8.2-distroless"
EXPORTER_TAG: Final = "tool-dcgm-exporter-4.5.3-4.8.2"


def model_tag(model: RivaModel) -> str:
    """The tag of a model's image in our repository, which has several models side by side."""
    return f"model-{model.name}-{model.tag}"


def mirrored(model: RivaModel) -> Mapping[str, str]:
    """The images of a recogniser's task that are NVIDIA's, by their tags in our repository."""
    return {model_tag(model): f"{model.image}:{model.tag}", EXPORTER_TAG: EXPORTER}


def repository_address(scope: Construct, images: aws_ecr.IRepository) -> str:
    """Where docker finds our repository, which is in the scope's own account and region.

    Not the repository's own `repository_uri`: that splits its ARN, which comes from another stack by a function that
    CloudFormation's `Fn::Split` is not known to take.
    """
    stack = Stack.of(scope)
    return f"{stack.account}.dkr.ecr.{stack.region}.{stack.url_suffix}/{images.repository_name}"


def mirrored_image(task: aws_ecs.TaskDefinition, images: aws_ecr.IRepository, tag: str) -> aws_ecs.ContainerImage:
    """The image with that tag, which the task is let take."""
    images.grant_pull(task.obtain_execution_role())
    return aws_ecs.ContainerImage.from_registry(f"{repository_address(task, images)}:{tag}")
