"""Every promotion rule: when it fires and when it must not."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.vision.risk_cases import START, calm, crowd, first_at, only, profile, run
from vision.crowd.forecast import Sample, robust_slope, time_to_reach
from vision.risk.levels import advance
from vision.risk.profiles import ZoneProfile
from vision.risk.readings import Level, ZoneMeasurement

USED = {"exit_used_share": 0.3, "exit_used_flow_per_m_s": 1.0}
JAM = {"speed_mps": 0.1, "inflow_per_s": 1.0, "outflow_per_s": 0.5, "outflow_per_m_s": 0.3}


@pytest.mark.parametrize(
    ("rule", "measurement", "level", "fires_at_s"),
    [
        # 1. dense and hardly moving, 5 s: at least L3
        ("slow_dense_queue", crowd(3.1, speed_mps=0.1), Level.L3, 5.0),
        ("slow_dense_queue", crowd(3.1, speed_mps=0.25), Level.L3, None),
        ("slow_dense_queue", crowd(2.9, speed_mps=0.1), Level.L3, None),
        ("slow_dense_queue", crowd(3.1), Level.L3, None),
        # 2. the outflow of a queue collapses while more come in, 15 s: at least L3
        ("outflow_stop", crowd(2.6, **JAM), Level.L3, 15.0),
        ("outflow_stop", crowd(2.6, **(JAM | {"outflow_per_m_s": 0.9})), Level.L3, None),
        ("outflow_stop", crowd(2.6, **(JAM | {"inflow_per_s": 0.4})), Level.L3, None),
        ("outflow_stop", crowd(2.4, **JAM), Level.L3, None),
        ("outflow_stop", crowd(2.6, inflow_per_s=1.0), Level.L3, None),
        ("outflow_stop", crowd(2.6, **JAM, peak_to_exit_m=3.6), Level.L3, None),  # they stand aside
        # a slow queue that grows although some get out, 4 s: at least L2
        ("growing_queue", crowd(1.6, **(JAM | {"speed_mps": 0.3})), Level.L2, 4.0),
        ("growing_queue", crowd(1.6, **(JAM | {"speed_mps": 0.6})), Level.L2, None),
        ("growing_queue", crowd(1.6, **(JAM | {"inflow_per_s": 0.55})), Level.L2, None),
        ("growing_queue", crowd(1.6, **(JAM | {"outflow_per_m_s": 0.9})), Level.L2, None),
        ("growing_queue", crowd(1.4, **JAM), Level.L2, None),
        ("growing_queue", crowd(1.6, **JAM, peak_to_exit_m=2.9), Level.L2, 4.0),
        ("growing_queue", crowd(1.6, **JAM, peak_to_exit_m=3.1), Level.L2, None),  # they chat
        ("growing_queue", crowd(1.6, inflow_per_s=1.0), Level.L2, None),
        # people bend into half of the exit and fill that part: at least L2 at once
        ("narrowed_exit", crowd(0.9, **USED), Level.L2, 0.0),
        ("narrowed_exit", crowd(0.9, **(USED | {"exit_used_share": 0.6})), Level.L2, None),
        ("narrowed_exit", crowd(0.9, **(USED | {"exit_used_flow_per_m_s": 0.5})), Level.L2, None),
        ("narrowed_exit", crowd(0.5, **USED), Level.L2, None),  # two or three people
        ("narrowed_exit", crowd(0.9), Level.L2, None),
        # a leaf is known to be shut, and more come than 0.7 of what the rest carries, 2 s: L2
        ("shut_door", crowd(0.2, arriving_per_m_s=0.3, exit_open_share=1 / 3), Level.L2, 2.0),
        ("shut_door", crowd(0.2, arriving_per_m_s=0.2, exit_open_share=1 / 3), Level.L2, None),
        ("shut_door", crowd(0.2, arriving_per_m_s=0.13, exit_open_share=0.0), Level.L2, 2.0),
        ("shut_door", crowd(0.2, arriving_per_m_s=0.1, exit_open_share=0.0), Level.L2, None),
        ("shut_door", crowd(0.2, arriving_per_m_s=3.0, exit_open_share=1.0), Level.L2, None),
        ("shut_door", crowd(0.2, arriving_per_m_s=3.0), Level.L2, None),  # nothing is known
        ("shut_door", crowd(0.2, exit_open_share=0.0), Level.L2, None),
        # 3. demand above capacity, 5 s: at least L1; less is enough against the axis
        ("demand_over_capacity", crowd(0.5, demand_per_m_s=1.4), Level.L1, 5.0),
        ("demand_over_capacity", crowd(0.5, demand_per_m_s=1.2), Level.L1, None),
        ("demand_over_capacity", crowd(0.5), Level.L1, None),
        # 5. counter-flow in a crowd, 10 s: one level more
        ("counter_flow", crowd(1.6, minority_share=0.3), Level.L1, 10.0),
        ("counter_flow", crowd(1.6, minority_share=0.2), Level.L2, None),
        ("counter_flow", crowd(1.2, minority_share=0.5), Level.L1, None),
        ("counter_flow", crowd(1.6), Level.L2, None),
        # 6. dark and occupied: at least L2 at once
        ("dark_occupied", crowd(0.8, luminance=0.1), Level.L2, 0.0),
        ("dark_occupied", crowd(0.8, luminance=0.2), Level.L2, None),
        ("dark_occupied", crowd(0.6, luminance=0.1), Level.L2, None),
        ("dark_occupied", crowd(0.8, luminance=None), Level.L2, None),
        # by infrared light the picture is bright, and the people see nothing
        ("dark_occupied", crowd(0.8, luminance=0.5, infrared=1.0), Level.L2, 0.0),
        ("dark_occupied", crowd(0.8, luminance=0.5, infrared=0.0), Level.L2, None),
        # 6. exit blocked, 10 s: at least L3
        (
            "blocked_exit",
            crowd(1.2, inflow_per_s=0.5, outflow_per_s=0.0, stopped_share=0.5),
            Level.L3,
            10.0,
        ),
        (
            "blocked_exit",
            crowd(1.2, inflow_per_s=0.5, outflow_per_s=0.2, stopped_share=0.5),
            Level.L3,
            None,
        ),
        (
            "blocked_exit",
            crowd(1.2, inflow_per_s=0.0, outflow_per_s=0.0, stopped_share=0.5),
            Level.L3,
            None,
        ),
        (  # a corridor that just fills: all walk
            "blocked_exit",
            crowd(1.2, inflow_per_s=0.5, outflow_per_s=0.0, stopped_share=0.0),
            Level.L3,
            None,
        ),
        (  # pupils who chat
            "blocked_exit",
            crowd(0.8, inflow_per_s=0.5, outflow_per_s=0.0, stopped_share=1.0),
            Level.L3,
            None,
        ),
        ("blocked_exit", crowd(1.2, stopped_share=0.5), Level.L3, None),
        (  # a group that stands far from the exit
            "blocked_exit",
            crowd(1.2, inflow_per_s=0.5, outflow_per_s=0.0, stopped_share=0.5, peak_to_exit_m=6.0),
            Level.L3,
            None,
        ),
        # 6. somebody lies in the way of others, 2 s: L4
        ("fallen_person", crowd(0.5, fallen_people=1, inflow_per_s=0.5), Level.L4, 2.0),
        ("fallen_person", crowd(0.5, fallen_people=1, inflow_per_s=0.0), Level.L4, None),
        ("fallen_person", crowd(0.5, fallen_people=0, inflow_per_s=0.5), Level.L4, None),
        ("fallen_person", crowd(0.5, inflow_per_s=0.5), Level.L4, None),
        # 7. pressure in a dense crowd, 5 s: L4
        ("pressure", crowd(3.2, pressure_per_s2=0.03), Level.L4, 5.0),
        ("pressure", crowd(3.2, pressure_per_s2=0.01), Level.L4, None),
        ("pressure", crowd(1.7, pressure_per_s2=0.06), Level.L4, None),  # ordinary two-way flow
        ("pressure", crowd(3.2), Level.L4, None),
    ],
)
def test_a_rule_fires_or_stays_silent(
    rule: str, measurement: ZoneMeasurement, level: Level, fires_at_s: float | None
) -> None:
    judged = run([(25, measurement)], only(rule))
    fired = next((t for t, j in judged if any(r.rule == rule for r in j.reasons)), None)
    assert fired == fires_at_s
    if fires_at_s is not None:
        assert first_at(judged, level) is not None


@pytest.mark.parametrize("rule", ["slow_dense_queue", "dark_occupied", "blocked_exit", "pressure"])
def test_a_rule_that_is_switched_off_is_silent(rule: str) -> None:
    everything = crowd(
        3.2,
        speed_mps=0.0,
        luminance=0.05,
        inflow_per_s=1.0,
        outflow_per_s=0.0,
        stopped_share=1.0,
        pressure_per_s2=0.05,
    )
    judged = run([(20, everything)], only(rule, enabled=False))
    assert {r.rule for _, j in judged for r in j.reasons} == {"density"}


@pytest.mark.parametrize(
    ("density", "slowest", "fastest", "fires"),
    [
        (2.2, 0.05, 0.45, True),  # stands for 4 s, walks for 4 s
        (1.8, 0.05, 0.45, False),  # too sparse for a wave
        (2.2, 0.20, 0.45, False),  # slows down and never stands
        (2.2, 0.05, 0.30, False),  # shuffles and never walks
    ],
)
def test_a_crowd_that_stops_and_goes(
    density: float, slowest: float, fastest: float, fires: bool
) -> None:
    def course(t: float) -> ZoneMeasurement:
        return crowd(density, speed_mps=fastest if t % 8.0 < 4.0 else slowest)

    judged = run([(30, course)], only("stop_and_go"))
    named = [t for t, j in judged if any(r.rule == "stop_and_go" for r in j.reasons)]
    assert bool(named) == fires
    if fires:
        assert 12.0 < named[0] < 20.0  # the second stop begins at 12 s, and holds for 3 s


@pytest.mark.parametrize(
    ("lasts_s", "density_at", "level"),
    [
        # L2 is foretold while they come; when L1's dwell is over they are fewer again
        (40, lambda t: 1.9 * t / 20.0 if t < 20.0 else 1.9 - 0.35 * (t - 20.0) / 20.0, Level.L1),
        # they still come: L2 follows at once
        (90, lambda t: 0.022 * t, Level.L2),
    ],
)
def test_a_forecast_gives_its_level_if_it_holds_when_its_turn_comes(
    lasts_s: float, density_at: Callable[[float], float], level: Level
) -> None:
    judged = run([(lasts_s, lambda t: crowd(density_at(t)))], only("time_to_next_level"))
    assert max(j.level.severity for _, j in judged) == level.severity


def next_class(t: float) -> ZoneMeasurement:
    """Its first ones come in for six seconds, and its density stays as it is then."""
    return crowd(min(0.3 * t, 1.8))


@pytest.mark.parametrize(("apart_s", "fires"), [(20, False), (0, True)])
def test_a_class_that_comes_while_the_level_of_the_last_one_lasts_foretells_nothing(
    apart_s: float, *, fires: bool
) -> None:
    """L1 lasts for half a minute after its crowd. Where the crowd itself grows, L2 is foretold."""
    grows: Callable[[float], ZoneMeasurement] = lambda t: crowd(1.5 + 0.02 * min(t, 15.0))  # noqa: E731
    after = [(20.0, crowd(0.0)), (30.0, next_class)] if apart_s else [(30.0, grows)]
    judged = run([(30.0, crowd(1.5)), *after], only("time_to_next_level"))
    assert first_at(judged, Level.L1) is not None
    assert (first_at(judged, Level.L2) is not None) == fires


def test_a_forecast_that_is_over_gives_no_level_when_its_turn_comes() -> None:
    """L2 is foretold for long when L1 is entered, and with this very picture it no longer is."""
    rules = only("time_to_next_level")
    l1, l2, l3, l4 = rules.levels
    waits = replace(rules, levels=(replace(l1, dwell_s=60.0), l2, l3, l4))
    judged = run([(29.0, lambda t: crowd(1.4 + 0.02 * t))], waits)
    (seconds, before), taken = judged[-1], crowd(1.95)
    assert before.level is Level.L1  # foretold, as density has not had it for its dwell
    for horizon_s, level in ((60.0, Level.L2), (0.1, Level.L1)):
        now = only("time_to_next_level", horizon_s=horizon_s)
        at = START.plus(seconds + 0.2)
        assert advance(before.state, taken, now, at).level is level


def test_promotions_by_one_level_do_not_add_up() -> None:
    both = only("counter_flow")
    final = run([(40, crowd(2.1, minority_share=0.4))], both)[-1][1]
    assert final.level is Level.L3  # L2 by density, one more by counter-flow


def test_a_rule_ends_half_a_minute_after_it_last_held() -> None:
    blocked = crowd(1.2, inflow_per_s=0.5, outflow_per_s=0.0, stopped_share=0.5)
    free = crowd(1.2, inflow_per_s=0.5, outflow_per_s=0.5, stopped_share=0.0)
    judged = run([(12, blocked), (40, free)], only("blocked_exit"))
    ended = next(t for t, j in judged if t > 12 and j.level is Level.L0)
    assert ended == pytest.approx(42.0, abs=0.3)


def test_a_missing_number_ends_no_rule() -> None:
    blocked = crowd(1.2, inflow_per_s=0.5, outflow_per_s=0.0, stopped_share=0.5)
    untold = crowd(1.2)
    judged = run([(12, blocked), (60, untold)], only("blocked_exit"))
    assert judged[-1][1].level is Level.L3


def test_up_a_stair_less_demand_is_too_much() -> None:
    rules = only("demand_over_capacity", along_per_m_s=1.1, against_per_m_s=0.88)
    up = run([(10, crowd(0.5, demand_per_m_s=1.0, along_share=0.1))], rules)
    down = run([(10, crowd(0.5, demand_per_m_s=1.0, along_share=0.9))], rules)
    assert up[-1][1].level is Level.L1
    assert down[-1][1].level is Level.L0


def rising(per_s: float) -> list[tuple[float, Level]]:
    judged = run([(120, lambda t: crowd(min(1.0 + per_s * t, 3.0)))], only("time_to_next_level"))
    return [(t, j.level) for t, j in judged]


def test_a_steady_rise_is_foretold_a_minute_ahead() -> None:
    """From 1.0 at 0.02 per m² and second: 2.0 is reached at 50 s and L2 by dwell at 60 s."""
    plain = run([(120, lambda t: crowd(min(1.0 + 0.02 * t, 3.0)))], profile())
    assert first_at(plain, Level.L2) == pytest.approx(60.0, abs=2.0)
    foretold = rising(0.02)
    first_l1 = next(t for t, level in foretold if level is Level.L1)
    first_l2 = next(t for t, level in foretold if level is Level.L2)
    # The forecast needs a rise of 0.4 (20 s) and 3 s of dwell; then L1 (at 1.5) is near.
    assert first_l1 == pytest.approx(23.0, abs=2.0)
    # L1 by density comes 20 s after 1.5 is passed at 25 s; then L2 is near.
    assert first_l2 == pytest.approx(45.0, abs=2.0)


def test_a_level_crowd_and_a_falling_one_foretell_nothing() -> None:
    for per_s in (0.0, -0.02):

        def course(t: float, slope: float = per_s) -> ZoneMeasurement:
            return crowd(1.4 + slope * t)

        judged = run([(60, course)], only("time_to_next_level"))
        assert {level.level for _, level in judged} == {Level.L0}


def test_the_forecast_stops_at_its_ceiling() -> None:
    rules = only("time_to_next_level", ceiling=Level.L2)
    judged = run([(60, crowd(2.1)), (60, lambda t: crowd(2.1 + 0.008 * t))], rules)
    assert max(j.level.severity for _, j in judged) == 2


def of_jams(*more: str) -> ZoneProfile:
    """Only the rules that know a jam, and `more`."""
    rules = profile().rules
    names = ("growing_queue", "jam_density", *more)
    on = {name: replace(getattr(rules, name), enabled=True) for name in names}
    return profile(rules=replace(rules, **on))


def test_only_a_jam_is_foretold_above_the_ceiling_of_flow() -> None:
    """From 2.1, L2 by density, towards 2.7: a class that arrives stays L2, a jam is L3 at once."""
    rules = of_jams("time_to_next_level")
    for flow, worst in (({"speed_mps": 0.7}, 2), (JAM, 3)):

        def course(t: float, now: dict[str, float] = flow) -> ZoneMeasurement:
            return crowd(2.1 + 0.02 * t, **now)

        judged = run([(15, crowd(2.1, **flow)), (25, course)], rules)
        assert max(j.level.severity for _, j in judged) == worst


@pytest.mark.parametrize(("out_per_m_s", "holds"), [(0.3, True), (0.6, False)])
def test_a_growing_queue_past_the_threshold_of_l3_waits_for_no_dwell(
    out_per_m_s: float, holds: bool
) -> None:
    """At 2.75 and 0.35 m/s: L3 without the lower end and the dwell only where few leave."""
    rules = of_jams()
    now = JAM | {"speed_mps": 0.35, "outflow_per_m_s": out_per_m_s}
    judged = run([(20, crowd(2.75, **now, density_peak_std_per_m2=0.4))], rules)
    assert (first_at(judged, Level.L3) is not None) == holds


@pytest.mark.parametrize(("ceiling", "worst"), [(Level.L4, 4), (Level.L3, 3)])
def test_density_waits_for_no_dwell_in_a_jam_up_to_its_ceiling_and_not_above(
    ceiling: Level, worst: int
) -> None:
    """At 3.55 the lower end stays below 3.5: only the jam makes it L4."""
    rules = of_jams()
    jam_density = replace(rules.rules.jam_density, ceiling=ceiling)
    limited = replace(rules, rules=replace(rules.rules, jam_density=jam_density))
    now = JAM | {"speed_mps": 0.1, "outflow_per_m_s": 0.1}
    judged = run([(20, crowd(3.55, **now, density_peak_std_per_m2=0.4))], limited)
    assert max(one.level.severity for _, one in judged) == worst


def test_a_jam_names_the_threshold_that_its_density_has_passed() -> None:
    judged = run([(20, crowd(2.75, **JAM))], of_jams())
    (named,) = (one for one in judged[-1][1].reasons if one.rule == "jam_density")
    assert (named.measured, named.threshold) == (2.75, 2.7)


@pytest.mark.parametrize(("alarm_horizon_s", "from_s"), [(5.0, 23.0), (60.0, 16.0)])
def test_l3_is_foretold_to_a_jam_by_the_horizon_of_alarms(
    alarm_horizon_s: float, from_s: float
) -> None:
    """From 1.9 by 0.03 a second: L2 at once, and 2.7 after 26.7 s. A rise is one after 15 s."""
    rules = of_jams("time_to_next_level")
    ahead = replace(rules.rules.time_to_next_level, alarm_horizon_s=alarm_horizon_s)
    sooner = replace(rules, rules=replace(rules.rules, time_to_next_level=ahead))
    judged = run([(40, lambda t: crowd(1.9 + 0.03 * t, **JAM))], sooner)
    first = first_at(judged, Level.L3)
    assert first is not None
    assert from_s <= first <= from_s + 5.0


def test_a_site_that_switches_the_jam_s_density_off_keeps_its_dwells_in_a_jam() -> None:
    """L2 by the queue alone; L3 by density is due after 5 s of its lower end, which stays below."""
    rules = of_jams()
    jam_density = replace(rules.rules.jam_density, enabled=False)
    off = replace(rules, rules=replace(rules.rules, jam_density=jam_density))
    seen = crowd(2.75, **JAM, density_peak_std_per_m2=0.4)
    assert first_at(run([(40, seen)], rules), Level.L3) is not None
    assert max(one.level.severity for _, one in run([(40, seen)], off)) == 2


def test_a_jam_whose_pace_is_not_known_is_one_still_and_passes_l3_where_few_leave() -> None:
    """The camera's rate goes down and tracks are lost; the counters go on."""
    unknown = crowd(2.75, **(JAM | {"speed_mps": None}), density_peak_std_per_m2=0.4)
    judged = run([(8, crowd(2.3, **JAM)), (40, unknown)], of_jams())
    assert judged[-1][1].level is Level.L3
    assert "growing_queue" in {reason.rule for reason in judged[-1][1].reasons}


def test_a_forecast_of_l3_that_held_gives_no_l4() -> None:
    """A jam that rises at 0.01 is L3 long before 2.7; there 3.5 is still 80 s away."""
    rules = of_jams("time_to_next_level")
    judged = run([(80, lambda t: crowd(min(2.1 + 0.01 * t, 2.75), **JAM))], rules)
    assert max(j.level.severity for _, j in judged) == 3


def test_a_jam_at_l3_that_keeps_filling_is_foretold_l4() -> None:
    rules = of_jams("time_to_next_level")
    judged = run([(60, lambda t: crowd(2.1 + 0.02 * t, **JAM))], rules)
    at_3_5 = (3.5 - 2.1) / 0.02
    early = first_at(judged, Level.L4)
    assert early is not None
    assert early < at_3_5 - 20.0


@pytest.mark.parametrize(("stopped", "holds"), [(0.95, True), (0.6, False), (None, False)])
def test_a_class_in_line_leaves_others_a_way_past(stopped: float | None, holds: bool) -> None:
    rules = only("slow_dense_queue", stopped_share=0.9)
    judged = run([(10, crowd(3.1, speed_mps=0.1, stopped_share=stopped))], rules)
    assert any(r.rule == "slow_dense_queue" for r in judged[-1][1].reasons) == holds


@pytest.mark.parametrize(
    ("to_exit_m", "rates", "holds"),
    [
        (2.9, (0.0, 0.0), True),
        (3.1, (0.125, 0.0), False),  # parents who stand and wait for a class
        (3.1, (0.6, 0.1), True),  # more press in
        (3.1, (None, 0.0), False),
        (None, (0.0, 0.0), True),  # the zone has no exit
    ],
)
def test_a_dense_group_away_from_the_exit_counts_while_it_grows(
    to_exit_m: float | None, rates: tuple[float | None, float | None], holds: bool
) -> None:
    rules = only("slow_dense_queue", reach_m=3.0, growth_per_s=0.3)
    inflow, outflow = rates
    seen = crowd(
        3.1, speed_mps=0.1, peak_to_exit_m=to_exit_m, inflow_per_s=inflow, outflow_per_s=outflow
    )
    judged = run([(10, seen)], rules)
    assert any(r.rule == "slow_dense_queue" for r in judged[-1][1].reasons) == holds


def samples(values: list[float], std: float = 0.05) -> list[Sample]:
    return [Sample(START.plus(index), value, std) for index, value in enumerate(values)]


@pytest.mark.parametrize(
    ("values", "std", "expected_s"),
    [
        ([1.0 + 0.05 * n for n in range(25)], 0.05, (3.0 - 2.2) / 0.05),
        ([1.0 + 0.05 * n for n in range(10)], 0.05, None),  # too short
        ([1.0] * 25, 0.05, None),
        ([1.0 + 0.01 * n for n in range(25)], 0.05, None),  # 0.24 in all is noise
        (  # a flow that goes up and down by more than it rises
            [1.0 + 0.02 * n + 0.4 * (-1) ** n for n in range(25)],
            0.05,
            None,
        ),
        ([1.0 + 0.05 * n for n in range(25)], 2.0, None),  # rise within the error
        ([1.0 + 0.05 * n + (3.0 if n == 7 else 0.0) for n in range(25)], 0.05, 16.0),  # one outlier
        ([3.5 + 0.05 * n for n in range(25)], 0.05, 0.0),
    ],
)
def test_time_to_reach(values: list[float], std: float, expected_s: float | None) -> None:
    now = values[-1]
    seconds = time_to_reach(samples(values, std), now, 3.0, 25.0)
    assert seconds == (None if expected_s is None else pytest.approx(expected_s, abs=0.7))
    assert time_to_reach([], 0.0, 3.0, 25.0) is None


def test_robust_slope_by_hand() -> None:
    # Pairs: 1/1, 2/2, 9/3, 1/1, 8/2, 7/1 -> median of 1, 1, 1, 3, 4, 7 is 2.
    assert robust_slope([0, 1, 2, 3], [0, 1, 2, 9]) == 2.0


def test_nobody_and_no_light_is_not_an_occupied_dark_stair() -> None:
    final = run([(5, calm(luminance=0.1))], only("dark_occupied"))[-1][1]
    assert final.level is Level.L0


def test_a_door_that_turns_unknown_keeps_the_level_until_nobody_comes() -> None:
    chosen = only("shut_door")
    shut = crowd(0.2, arriving_per_m_s=0.3, exit_open_share=0.0)
    unknown = crowd(0.2, arriving_per_m_s=0.3)
    calm_again = crowd(0.2, arriving_per_m_s=0.0)
    judged = run([(10.0, shut), (60.0, unknown), (60.0, calm_again)], chosen)
    levels = {round(t_s, 1): one.level for t_s, one in judged}
    assert levels[5.0] is Level.L2
    assert levels[69.0] is Level.L2
    assert levels[120.0] is Level.L0


def counted(*people: float) -> list[tuple[float, ZoneMeasurement]]:
    """A loose crowd at a shut gate, so many of them in each five seconds; two came in of late."""
    waiting = {"speed_mps": 0.1, "inflow_per_s": 0.25, "outflow_per_s": 0.0, "outflow_per_m_s": 0.0}
    return [(5.0, replace(crowd(1.6, **waiting), people=count)) for count in people]


@pytest.mark.parametrize(
    ("people", "fires"),
    [((13, 14, 13, 14, 15, 15), False), ((8, 8, 9, 10, 11, 12), True)],
)
def test_a_queue_that_grows_is_longer_than_it_was(
    people: tuple[float, ...], *, fires: bool
) -> None:
    """Pupils come one by one to the school gate in the morning: two in eight seconds are chance."""
    still = [(20.0, replace(crowd(1.6, speed_mps=0.1), people=people[0]))]
    judged = run(
        [*still, *counted(*people)], only("growing_queue", growth_per_s=0.2, longer_by=3.0)
    )
    assert (first_at(judged, Level.L2) is not None) == fires


@pytest.mark.parametrize(("speed_mps", "fires"), [(1.0, False), (0.3, True)])
def test_a_class_that_passes_those_who_stand_is_no_queue(speed_mps: float, *, fires: bool) -> None:
    """The median of four seconds is still that of five parents who stand beside the way."""
    comes = {"inflow_per_s": 0.8, "outflow_per_s": 0.0, "outflow_per_m_s": 0.0}
    parts = [
        (20.0, replace(crowd(1.6, speed_mps=0.1), people=5.0)),
        (1.9, replace(crowd(1.6, speed_mps=speed_mps, **comes), people=12.0)),
        (
            30.0,
            replace(
                crowd(1.6, speed_mps=speed_mps, **(comes | {"outflow_per_s": 0.8})), people=12.0
            ),
        ),
    ]
    judged = run(parts, only("growing_queue", growth_per_s=0.2, dwell_s=1.0))
    assert (first_at(judged, Level.L2) is not None) == fires
