"""Questions that are asked of the logs again and again, saved in Logs Insights under `bellhop/<stage>/`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from aws_cdk import aws_logs
from constructs import Construct

from cdk.stages import Stage
from cdk.units.conditions import SLOW_TURN_MS

QUESTIONS: Final[Mapping[str, str]] = {
    "one call": """
        fields @timestamp, service, coalesce(message, event) as what, state, kind, reason, error, code, ms, @log
        | filter call_id = "call_+49…_…" or room = "call_+49…_…"
        | sort @timestamp
        | limit 1000
    """,
    "one turn": """
        fields @timestamp, service, coalesce(message, event) as what, call_id, ms, tool, error, code, @log
        | filter trace_id = "…"
        | sort @timestamp
        | limit 200
    """,
    "errors": """
        fields @timestamp, level, service, coalesce(message, event) as what, call_id, error, fault, code, at, @log
        | filter level in ["ERROR", "CRITICAL", "error", "critical"]
        | sort @timestamp desc
        | limit 200
    """,
    "warnings by kind": """
        fields coalesce(message, event) as what
        | filter level in ["WARNING", "warning"]
        | stats count(*) as lines, count_distinct(call_id) as calls by what, error, code, vendor_code, hotel
        | sort lines desc
    """,
    "slow answers": f"""
        fields @timestamp, call_id, turn, ms, trace_id
        | filter event = "answer began" and ms > {SLOW_TURN_MS}
        | sort ms desc
        | limit 100
    """,
    "tools by duration": """
        filter event = "tool ran"
        | stats count(*) as runs, pct(ms, 50) as p50, pct(ms, 95) as p95, max(ms) as slowest by tool, error
        | sort p95 desc
    """,
    "calls that failed": """
        fields @timestamp, call_id, reason
        | filter event = "call failed"
        | sort @timestamp desc
        | limit 200
    """,
    "guests without agent": """
        fields @timestamp, call_id
        | filter message = "livekit reported" and @message like /"unattended": ?true/
        | sort @timestamp desc
        | limit 200
    """,
    "odd calls": """
        filter anomalies > 0
        | stats max(anomalies) as moves, latest(state) as last, latest(@timestamp) as at by call_id
        | sort at desc
        | limit 200
    """,
    "starts of functions": """
        filter @type = "REPORT"
        | stats count(*) as runs, count(@initDuration) as starts, max(@initDuration) as slowest_start,
            pct(@duration, 95) as p95, max(@maxMemoryUsed / 1000 / 1000) as most_mb by @log
        | sort slowest_start desc
    """,
    "refused by the API": """
        filter status >= 400
        | stats count(*) as requests by route, status, error
        | sort requests desc
    """,
}
"""By name. What is to be filled in stands as `…`; the fields are those of the lines that agent, functions and API
write."""


class Queries(Construct):
    """The questions, asked of these log groups all at once."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage, log_groups: Sequence[aws_logs.ILogGroup]) -> None:
        super().__init__(scope, id)
        for name, question in QUESTIONS.items():
            aws_logs.CfnQueryDefinition(
                self,
                name.title().replace(" ", ""),
                name=f"bellhop/{stage.name}/{name}",
                query_string="\n".join(line.strip() for line in question.strip().splitlines()),
                log_group_names=[group.log_group_name for group in log_groups],
            )
