"""The fleet follows from the calls by a rule, and what it costs from a table with a date."""

from __future__ import annotations

import re
from dataclasses import replace
from math import factorial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_fleet.capacity import (
    AGENT,
    CPU_INSTANCE,
    GPU_INSTANCE,
    HEADROOM,
    RIVA,
    SIDECARS,
    CapacityError,
    Demand,
    agents_beside_riva,
    erlang_b,
    lines_for,
    main,
    plan,
)
from gpu_fleet.prices import HOSTS, READ_ON, SOURCE, USD_PER_EUR, monthly_usd
from gpu_fleet.riva.models import FIGURES, MODELS, ModelError, RivaModel, require_streaming

pytestmark = pytest.mark.unit

demands = st.builds(
    Demand,
    calls_per_day=st.integers(1, 50_000),
    hotels=st.integers(1, 500),
    mean_seconds=st.floats(1, 1800),
    busiest_hour_share=st.floats(1 / 24, 1),
    blocking=st.floats(1e-5, 0.2),
    spare_gpu_hosts=st.integers(0, 3),
)
models = st.sampled_from([model for model in MODELS.values() if model.streaming])


@given(st.floats(0.01, 60), st.integers(0, 80))
def test_erlang_b_is_what_its_definition_says(erlangs: float, lines: int) -> None:
    """The recursion gives (E^n / n!) over the sum of E^k / k! for k up to n."""
    terms = [erlangs**k / factorial(k) for k in range(lines + 1)]

    assert erlang_b(erlangs, lines) == pytest.approx(terms[-1] / sum(terms), rel=1e-9)


@pytest.mark.parametrize(("erlangs", "blocking", "lines"), [(3, 0.001, 10), (10, 0.01, 18), (100, 0.01, 117)])
def test_the_lines_are_those_of_the_printed_tables(erlangs: float, blocking: float, lines: int) -> None:
    """Published Erlang B tables have the same numbers of lines."""
    assert lines_for(erlangs, blocking) == lines


@given(st.floats(1e-6, 500), st.floats(1e-5, 0.5))
def test_one_line_less_would_block_too_much(erlangs: float, blocking: float) -> None:
    """The lines are as few as the blocking target allows, and at least one."""
    lines = lines_for(erlangs, blocking)

    assert lines >= 1
    assert erlang_b(erlangs, lines) <= blocking
    assert lines == 1 or erlang_b(erlangs, lines - 1) > blocking


@given(demands, models, st.integers(1, 16))
def test_a_fleet_has_room_for_every_call(demand: Demand, model: RivaModel, calls_per_agent: int) -> None:
    """No more calls than said find no line; each call has a stream and an agent, each agent a place on a host."""
    fleet = plan(demand, model=model, calls_per_agent=calls_per_agent)
    hears = (fleet.riva_tasks - demand.spare_gpu_hosts) * model.streams_per_gpu * (1 - HEADROOM)

    assert fleet.blocking <= demand.blocking
    assert fleet.calls_at_once == fleet.streams <= hears
    assert fleet.riva_tasks == fleet.gpu_hosts >= 1 + demand.spare_gpu_hosts
    assert 1 <= fleet.agent_tasks == fleet.agents_on_gpu_hosts + fleet.agents_on_cpu
    assert fleet.agent_tasks * calls_per_agent >= fleet.calls_at_once
    assert fleet.agents_on_gpu_hosts <= fleet.gpu_hosts * agents_beside_riva()
    assert fleet.agents_on_cpu <= fleet.cpu_hosts * HOSTS[CPU_INSTANCE].tasks(AGENT)


@given(demands, st.integers(0, 5_000), st.floats(0, 1800))
def test_more_demand_never_needs_less(demand: Demand, more_calls: int, longer: float) -> None:
    """More or longer calls take no fewer lines, recognisers, agents and euros."""
    bigger = replace(demand, calls_per_day=demand.calls_per_day + more_calls, mean_seconds=demand.mean_seconds + longer)
    small, big = plan(demand), plan(bigger)

    assert small.calls_at_once <= big.calls_at_once
    assert small.riva_tasks <= big.riva_tasks
    assert small.agent_tasks <= big.agent_tasks
    assert small.monthly_eur <= big.monthly_eur


@given(demands, st.floats(1, 100))
def test_fewer_lost_calls_never_cost_less(demand: Demand, looser: float) -> None:
    """A stricter blocking target takes no fewer lines and no fewer euros."""
    loose = replace(demand, blocking=min(0.5, demand.blocking * looser))

    assert plan(loose).calls_at_once <= plan(demand).calls_at_once
    assert plan(loose).monthly_eur <= plan(demand).monthly_eur


@given(st.integers(1, 2_000), st.integers(2, 20))
def test_hotels_that_share_a_fleet_need_fewer_lines_than_alone(calls: int, hotels: int) -> None:
    """One pool for all hotels is never bigger than a pool for each."""
    alone, together = plan(Demand(calls, 1)), plan(Demand(calls * hotels, hotels))

    assert together.calls_at_once <= hotels * alone.calls_at_once
    assert together.monthly_eur <= hotels * alone.monthly_eur


@pytest.mark.parametrize("instance", [name for name, host in HOSTS.items() if host.gpus and name != "g6.xlarge"])
def test_riva_its_sidecars_and_the_agents_fit_on_a_host(instance: str) -> None:
    """What is planned for a GPU host, and one agent more while it is deployed, is no more than tasks may have of it."""
    agents = agents_beside_riva(instance) + 1
    left = HOSTS[instance].usable.without(RIVA, SIDECARS, *[AGENT] * agents)

    assert agents >= 2
    assert left.vcpu >= 0
    assert left.gib >= 0
    assert 1 + 1 + agents <= HOSTS[instance].interfaces
    assert HOSTS[instance].gpus == 1


@pytest.mark.parametrize("instance", ["g6.xlarge", CPU_INSTANCE, "p3.2xlarge"])
def test_a_host_on_which_riva_has_no_room_is_refused(instance: str) -> None:
    """Too small, without a GPU or unknown: the refusal names the types that do."""
    with pytest.raises(CapacityError, match=f"{instance}; it has room on .*{GPU_INSTANCE}"):
        plan(Demand(20, 1), gpu_instance=instance)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("calls_per_day", 0),
        ("calls_per_day", 10**9),
        ("hotels", -1),
        ("mean_seconds", 0),
        ("mean_seconds", float("nan")),
        ("busiest_hour_share", 0.01),
        ("busiest_hour_share", 1.5),
        ("blocking", 0),
        ("blocking", 1),
        ("spare_gpu_hosts", -1),
    ],
)
def test_a_demand_that_cannot_be_is_refused_by_name(field: str, value: float) -> None:
    """The refusal says which number is wrong and what it may be."""
    with pytest.raises(CapacityError, match=rf"{field} is {value}; it may be .* to "):
        Demand(**{"calls_per_day": 400, "hotels": 12, field: value})  # type: ignore[arg-type]


def test_the_bill_is_the_sum_of_its_parts() -> None:
    """A spare host costs an instance, its volume and NVIDIA's licence, and the euros are the dollars changed."""
    one, two = (monthly_usd({GPU_INSTANCE: count, CPU_INSTANCE: 0}) for count in (1, 2))

    assert sum(two.values()) == pytest.approx(2 * sum(one.values()))
    assert plan(Demand(20, 1)).monthly_eur == pytest.approx(sum(one.values()) / USD_PER_EUR)


def test_the_command_prints_the_plan_and_where_its_prices_are_from(capsys: pytest.CaptureFixture[str]) -> None:
    """Every step stands there with its figure; so do the price table's date and source."""
    main(["--calls-per-day", "400", "--hotels", "12"])
    printed = capsys.readouterr().out

    assert "3.00 Erlang" in printed
    assert "10 streams of parakeet-1-1b-rnnt-multilingual" in printed
    assert f"1 × {GPU_INSTANCE}" in printed
    assert "for each hotel" in printed
    assert SOURCE in printed
    assert READ_ON in printed


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--calls-per-day", "0", "--hotels", "1"], "calls_per_day is 0; it may be 1 to 1,000,000"),
        (["--calls-per-day", "9", "--hotels", "1", "--model", "canary-1b"], "canary-1b cannot listen to a call"),
        (["--calls-per-day", "9", "--hotels", "1", "--calls-per-agent", "0"], "calls_per_agent is 0"),
    ],
)
def test_nonsense_ends_the_command_with_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2 and a line that says what is wrong and what is allowed."""
    with pytest.raises(SystemExit) as ending:
        main(arguments)
    said = capsys.readouterr().err

    assert ending.value.code == 2
    assert sentence in said
    assert said.count("\n") == 1


def test_canary_listens_to_no_call() -> None:
    """The refusal of an offline model says why and what to use instead."""
    with pytest.raises(ModelError, match=r"canary-1b cannot listen to a call: it is offline only.* parakeet-1-1b"):
        require_streaming("canary-1b")


def test_an_unknown_recogniser_is_refused_with_the_known_ones() -> None:
    """A misspelt model stops with the list of those that can listen."""
    with pytest.raises(ModelError, match=r"no recogniser 'parakeet'; .* nemotron-asr-streaming"):
        require_streaming("parakeet")


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_every_recogniser_fits_the_gpu_and_names_its_sources(model: RivaModel) -> None:
    """An L4 has 24 GB; each figure says where it is from and when it was read."""

    assert model.gpu_gib < 24
    assert model.streaming == (model.streams_per_gpu > 0) == (not model.reason)
    assert set(model.sources) == set(FIGURES)
    for figure, source in model.sources.items():
        assert re.search(r"2026-\d\d-\d\d", source), figure
        assert "docs.nvidia.com/" in source or "github.com/NVIDIA" in source or "assumption" in source, figure
