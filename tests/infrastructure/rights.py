"""Every right that the roles of a stage have, as lines that a person can read and compare.

`python -m tests.infrastructure.rights` writes the list of the stage `prod` to rights.txt, after a change that is meant.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gpu_fleet.riva.prepare import KEY
from tests.infrastructure.conftest import Deployed, deploy
from tests.infrastructure.references import exporter
from tests.infrastructure.templates import listed

LISTED: Final = Path(__file__).parent / "rights.txt"
_HASH: Final = re.compile(r"[0-9A-F]{8}$")
_ASSET: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Right:
    """One action that a role may do with one resource; `only_if` is the operator of a condition, or nothing."""

    role: str
    action: str
    resource: str
    only_if: str = ""

    def __str__(self) -> str:
        condition = f" if {self.only_if}" if self.only_if else ""
        return f"{self.role}: {self.action} on {self.resource}{condition}"


def rights(deployed: Deployed) -> Iterator[Right]:
    """What every role of the stage's templates may do by its own policies, and by those of AWS that it has."""
    for name, role in deployed.resources("AWS::IAM::Role").items():
        stack, _, logical = name.partition("/")
        for policy in role["Properties"].get("ManagedPolicyArns", []):
            yield Right(f"{stack}/{_plain(logical)}", "*", f"policy {_named(deployed, stack, policy)}")
        for policy in role["Properties"].get("Policies", []):
            yield from _of_policy(deployed, stack, logical, policy["PolicyDocument"])
    for name, policy in deployed.resources("AWS::IAM::Policy").items():
        stack = name.partition("/")[0]
        for role in policy["Properties"]["Roles"]:
            yield from _of_policy(deployed, stack, role["Ref"], policy["Properties"]["PolicyDocument"])


def _of_policy(deployed: Deployed, stack: str, role: str, document: Mapping[str, Any]) -> Iterator[Right]:
    for statement in document["Statement"]:
        if statement["Effect"] != "Allow":
            continue
        condition = " and ".join(
            f"{key} {operator}" for operator, compared in statement.get("Condition", {}).items() for key in compared
        )
        for action in listed(statement["Action"]):
            for resource in listed(statement["Resource"]):
                yield Right(f"{stack}/{_plain(role)}", action, _named(deployed, stack, resource), condition)


def _plain(logical: str) -> str:
    """A logical id without the hash that makes it unique."""
    return _HASH.sub("", logical)


def _named(deployed: Deployed, stack: str, value: Any) -> str:
    """A resource as `<stack>/<logical id>`, or as its ARN where it is written out."""
    match value:
        case str():
            return _ASSET.sub("asset", value)
        case {"Ref": str(name)} if name.startswith("AWS::"):
            return name.removeprefix("AWS::").lower()
        case {"Fn::GetAtt": [_, attribute]} if attribute == KEY:
            # The whole ARN of the operator's secret, as the mirror tells it when it is asked during the deployment.
            secret = deployed.stage.secret("ngc")
            return f"arn:aws:secretsmanager:{deployed.stage.region}:accountid:secret:{secret}-??????"
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]}:
            return f"{stack}/{_plain(name)}"
        case {"Fn::Sub": str(written)}:
            return re.sub(r"\$\{AWS::(\w+)\}", lambda found: found[1].lower(), written)
        case {"Fn::Join": [str(between), list(parts)]}:
            return between.join(_named(deployed, stack, part) for part in parts)
        case {"Fn::ImportValue": str(exported)}:
            return _named(deployed, *exporter(deployed, exported))
        case {"Fn::Select": [_, {"Fn::Split": [_, inside]}]}:
            return f"part of {_named(deployed, stack, inside)}"
    raise ValueError(f"{stack}: {value}")


def main() -> None:
    with tempfile.TemporaryDirectory() as outdir:
        deployed = deploy("prod", Path(outdir))
        LISTED.write_text("".join(f"{right}\n" for right in sorted(set(map(str, rights(deployed))))))


if __name__ == "__main__":
    main()
