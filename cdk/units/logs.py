"""Where everything that runs writes its lines: encrypted, kept for as long as the stage says, and searched for what is
personal.

Our lines are redacted before they are written. This is the net below: CloudWatch masks what it still recognises for
whoever lacks `logs:Unmask`, and counts it (`AWS/Logs LogEventsWithFindings`), which is an alarm. Findings have no
destination of their own: the line itself, with its mask, is where the counted log group says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aws_cdk import RemovalPolicy, aws_kms, aws_logs
from constructs import Construct

from cdk.stages import Stage

RETENTION: Final[Mapping[int, aws_logs.RetentionDays]] = {
    14: aws_logs.RetentionDays.TWO_WEEKS,
    30: aws_logs.RetentionDays.ONE_MONTH,
    90: aws_logs.RetentionDays.THREE_MONTHS,
    365: aws_logs.RetentionDays.ONE_YEAR,
}
"""The stages' `log_days`, of those that CloudWatch allows."""

PHONE_NUMBERS: Final[Mapping[str, str]] = {
    "GuestIdentity": r"sip_\+?[0-9]{6,15}",
    "InternationalPhoneNumber": r"[^_0-9]\+[1-9][0-9 /-]{7,18}",
    "NationalPhoneNumber": r"[^A-Za-z0-9_.-]0[1-9][0-9]{7,12}[^A-Fa-f0-9_-]",
    "NationalPhoneNumberInParts": r"[^A-Za-z0-9_.-]0[1-9][0-9]{1,4}[ /-][0-9][0-9 /-]{4,11}",
}
"""A guest's number however it is written, but never the hotel's in a call's id `call_+4930…_x`, by which lines are
found, nor the digits of a trace or request. Amazon's own `PhoneNumber-DE` finds every number with a country code, so
it would mask each id.

An expression has 200 characters at most, of few kinds; a policy has ten of them
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL-custom-data-identifiers.html)."""

_OF_AWS: Final = (
    aws_logs.DataIdentifier.EMAILADDRESS,
    aws_logs.DataIdentifier.NAME,
    aws_logs.DataIdentifier.ADDRESS,
    aws_logs.DataIdentifier.CREDITCARDNUMBER,
    aws_logs.DataIdentifier.CREDITCARDEXPIRATION,
    aws_logs.DataIdentifier.CREDITCARDSECURITYCODE,
    aws_logs.DataIdentifier.BANKACCOUNTNUMBER_DE,
    aws_logs.DataIdentifier.BANKACCOUNTNUMBER_ES,
    aws_logs.DataIdentifier.BANKACCOUNTNUMBER_FR,
    aws_logs.DataIdentifier.BANKACCOUNTNUMBER_GB,
    aws_logs.DataIdentifier.BANKACCOUNTNUMBER_IT,
    aws_logs.DataIdentifier.PASSPORTNUMBER_DE,
    aws_logs.DataIdentifier.PASSPORTNUMBER_ES,
    aws_logs.DataIdentifier.PASSPORTNUMBER_FR,
    aws_logs.DataIdentifier.PASSPORTNUMBER_GB,
    aws_logs.DataIdentifier.PASSPORTNUMBER_IT,
    aws_logs.DataIdentifier.NATIONALIDENTIFICATIONNUMBER_DE,
    aws_logs.DataIdentifier.NATIONALIDENTIFICATIONNUMBER_ES,
    aws_logs.DataIdentifier.NATIONALIDENTIFICATIONNUMBER_IT,
)


class CallLogs(aws_logs.LogGroup):
    """A log group of the stage. `key` must let CloudWatch Logs of the region use it."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage, key: aws_kms.IKey) -> None:
        super().__init__(
            scope,
            id,
            encryption_key=key,
            retention=RETENTION[stage.log_days],
            # Not `kept`: the lines of a first deployment that failed say why it did.
            removal_policy=RemovalPolicy.RETAIN if stage.retain else RemovalPolicy.DESTROY,
            data_protection_policy=aws_logs.DataProtectionPolicy(
                description="What is personal in a line is counted and masked",
                identifiers=[
                    *_OF_AWS,
                    *(aws_logs.CustomDataIdentifier(name, regex) for name, regex in PHONE_NUMBERS.items()),
                ],
            ),
        )
