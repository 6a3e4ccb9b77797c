"""The code and the libraries of a stack's functions: one asset and one layer for all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import Annotations, AssetHashType, BundlingOptions, DockerImage, ILocalBundling, Stack, aws_lambda
from constructs import Construct

from cdk import packaging


class FunctionCode(Construct):
    """What every function of a stack runs: `code` with the folders of all of them, `layer` with what they import.

    Both are packed during synth, again only when something in them has changed. Raises PackagingError when that is not
    possible here.
    """

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        packed = Stack.of(self).bundling_required
        uv = packaging.find_uv() if packed else None
        python = packaging.find_python(packaging.LAMBDA_PYTHON) if packed else None
        if packed and python is None:
            Annotations.of(self).add_warning_v2(
                "bellhop:no-bytecode",
                f"no Python {packaging.LAMBDA_PYTHON} here: the functions go without bytecode and start slower",
            )

        def build_code(target: Path) -> None:
            packaging.build_code(target)
            if python:
                packaging.compile_bytecode(target, python=python, deployed="/var/task")

        def build_layer(target: Path) -> None:
            packaging.build_layer(target, uv=uv)
            if python:
                packaging.compile_bytecode(target, python=python, deployed="/opt")

        bytecode = python is not None
        self.code = _packed(packaging.ROOT / "lambdas", build_code, packaging.code_fingerprint(bytecode=bytecode))
        self.layer = aws_lambda.LayerVersion(
            self,
            "Libraries",
            code=_packed(packaging.REQUIREMENTS.parent, build_layer, packaging.layer_fingerprint(bytecode=bytecode)),
            compatible_architectures=[aws_lambda.Architecture.ARM_64],
            compatible_runtimes=[aws_lambda.Runtime.PYTHON_3_13],
            description="What the functions import, each version pinned",
        )


@jsii.implements(ILocalBundling)
class _Local:
    """Packs on this machine."""

    def __init__(self, build: Callable[[Path], None]) -> None:
        self._build = build

    def try_bundle(self, output_dir: str, *_args: Any, **_options: Any) -> bool:
        self._build(Path(output_dir))
        return True


def _packed(source: Path, build: Callable[[Path], None], fingerprint: str) -> aws_lambda.Code:
    # The image is asked for and never used: `_Local` packs, or its error ends the synth.
    bundling = BundlingOptions(image=DockerImage.from_registry("scratch"), local=_Local(build))
    return aws_lambda.Code.from_asset(
        str(source), bundling=bundling, asset_hash=fingerprint, asset_hash_type=AssetHashType.CUSTOM
    )
