"""The machine images of the fleet's hosts, pinned: a deployment changes them only when this file does."""

from __future__ import annotations

from typing import Final

RELEASE: Final = "20260901"
"""Of the ECS-optimised AMI of Amazon Linux 2023; https://github.com/aws/amazon-ecs-ami/blob/main/CHANGELOG.md lists
them."""
_AMIS: Final = "/aws/service/ecs/optimized-ami/amazon-linux-2023"
GPU_IMAGE: Final = f"{_AMIS}/gpu/al2023-ami-ecs-gpu-hvm-2023.0.{RELEASE}-kernel-6.1-x86_64-ebs/image_id"
"""With NVIDIA's driver and container toolkit. A public parameter of Systems Manager whose value never changes, for it
names a release and not `recommended`
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/retrieve-ecs-optimized_AMI.html)."""
CPU_IMAGE: Final = f"{_AMIS}/al2023-ami-ecs-hvm-2023.0.{RELEASE}-kernel-6.1-x86_64/image_id"
"""Likewise, without a GPU's driver."""
