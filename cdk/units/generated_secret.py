"""A secret that nobody chose."""

from __future__ import annotations

from aws_cdk import aws_kms, aws_secretsmanager
from constructs import Construct

from cdk.stages import Stage
from cdk.units.kept import kept


class GeneratedSecret(Construct):
    """A secret of 64 random letters and digits under the stage's name for it.

    Where the stage keeps nothing it is deleted at once, so its name is free for the next deployment
    (https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1999).
    `encryption_key` must let whoever may read a secret use it (`CustomerKey.let_callers_of`).
    """

    def __init__(
        self, scope: Construct, id: str, *, stage: Stage, name: str, description: str, encryption_key: aws_kms.IKey
    ) -> None:
        super().__init__(scope, id)
        self.stored = aws_secretsmanager.Secret(
            self,
            "Stored",
            secret_name=stage.secret(name),
            description=description,
            generate_secret_string=aws_secretsmanager.SecretStringGenerator(
                exclude_punctuation=True, include_space=False, password_length=64
            ),
            encryption_key=encryption_key,
            removal_policy=kept(stage),
        )
        # What other stacks grant on. The stored secret would add each of their roles to the key's policy, so the data
        # would depend on its readers.
        self.secret = aws_secretsmanager.Secret.from_secret_complete_arn(self, "Read", self.stored.secret_arn)
