"""Reports on one call, for tests that need many: times are seconds after the first ring."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from hypothesis import strategies as st

from lambdas.shared.domain.call import KINDS_OF, Event, Kind, Source

CALL_ID: Final = "call_+493023125001_Ab3dEf6hIj9k"
RING: Final = datetime(2026, 11, 24, 22, 59, 30, tzinfo=UTC)
"""Half a minute before midnight in Berlin."""


def report(
    source: Source, kind: Kind, *, after: float = 0, epoch: int = 0, seq: int = 0, name: str = "", **data: str
) -> Event:
    """A report; without a `name` its id tells what it says, so two different ones never share it."""
    return Event(
        call_id=CALL_ID,
        source=source,
        id=name or f"{kind}.{after:g}.{epoch}.{seq}",
        kind=kind,
        at=RING + timedelta(seconds=after),
        epoch=epoch,
        seq=seq,
        data=data,
    )


def by_agent(*kinds: Kind, epoch: int = 1, start: int = 1) -> list[Event]:
    """What an agent reports of one epoch, a second apart."""
    return [
        report(Source.AGENT, kind, after=epoch * 100 + seq, epoch=epoch, seq=seq)
        for seq, kind in enumerate(kinds, start=start)
    ]


def _report_of(draw: st.DrawFn, source: Source) -> Event:
    kind = draw(st.sampled_from(sorted(KINDS_OF[source])))
    after = draw(st.integers(0, 90))
    if source is Source.AGENT:
        epoch, seq = draw(st.integers(1, 2)), draw(st.integers(1, 12))
        if kind in (Kind.FAILED, Kind.ENDED) and draw(st.booleans()):
            return report(source, kind, after=after, epoch=epoch, seq=seq, reason="no_answer")
        return report(source, kind, after=after, epoch=epoch, seq=seq)
    if source is Source.PMS:
        return report(source, kind, after=after, code=f"AUR{after}")
    if kind is Kind.GUEST_JOINED:
        return report(source, kind, after=after, guest=f"1:{after}")
    return report(source, kind, after=after)


@st.composite
def reports(draw: st.DrawFn) -> Event:
    """Any report that any source may make, agents under two epochs."""
    return _report_of(draw, draw(st.sampled_from(sorted(Source))))
