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
        bytecode = python is not None
        if packed and not bytecode:
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

        self.code = self._packed("Folders", build_code, packaging.code_fingerprint(bytecode=bytecode))
        self.layer = aws_lambda.LayerVersion(
            self,
            "Libraries",
            code=self._packed("Wheels", build_layer, packaging.layer_fingerprint(bytecode=bytecode)),
            compatible_architectures=[aws_lambda.Architecture.ARM_64],
            compatible_runtimes=[aws_lambda.Runtime.PYTHON_3_13],
            description="What the functions import, each version pinned",
        )

    def _packed(self, id: str, build: Callable[[Path], None], fingerprint: str) -> aws_lambda.Code:
        packing = _Packing(build)
        code = aws_lambda.Code.from_asset(
            str(packaging.ROOT / "lambdas"),
            asset_hash=fingerprint,
            asset_hash_type=AssetHashType.CUSTOM,
            # The image is asked for and never used.
            bundling=BundlingOptions(image=DockerImage.from_registry("scratch"), local=packing),
        )
        try:
            # Packs now rather than in the first function, so that what goes wrong can be said in its own words.
            code.bind(Construct(self, id))
        except RuntimeError:
            if packing.failure:
                raise packing.failure from None
            raise
        return code


@jsii.implements(ILocalBundling)
class _Packing:
    """Packs on this machine; `failure` is what came of it where the CDK only tells of a callback that raised."""

    def __init__(self, build: Callable[[Path], None]) -> None:
        self._build = build
        self.failure: packaging.PackagingError | None = None

    def try_bundle(self, output_dir: str, *_args: Any, **_options: Any) -> bool:
        try:
            self._build(Path(output_dir))
            packaging.let_lambda_read(Path(output_dir))
        except packaging.PackagingError as error:
            self.failure = error
            raise
        return True
