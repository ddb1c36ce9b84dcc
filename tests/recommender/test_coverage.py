"""D29: has the learning lasted long enough, for each workload and in all, and if not, why not."""

import json
import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.inventory import Inventory, Pod
from collectors.inventory_store import load_inventory
from collectors.minimal import minimise
from collectors.objects import build_inventory
from collectors.observation import Gap, ObservationWindow
from collectors.sources import read_flows
from recommender.communications import AddressPeer, summarize
from recommender.coverage import coverage
from recommender.coverage_model import CoverageOptions, Thresholds
from recommender.coverage_words import coverage_data, coverage_rows
from recommender.resolve import resolve
from recommender.sightings import sightings
from tests.cluster import deployment, meta
from tests.recommender.coverages import at, covered, cron, edge, inventory, of, outside, ref, source, window

ENOUGH = 2000
SAMPLES = Path(__file__).parents[2] / "sample_captures"


def test_d29_a_workload_that_was_watched_for_long_and_shows_nothing_new_is_stable():
    found = covered([edge("web", "api")], inventory("web", "api"), times=ENOUGH)
    assert found.verdict == "stable"
    assert of(found, "web").reason == (
        "2,000 sightings of 1 edge, 0 of them seen once, none new in the last 2 days of 2 days; "
        "the next sighting is of an unseen edge with a chance of 0.3 % at most."
    )


def test_d29_an_hour_is_too_short_however_much_was_seen():
    found = covered([edge("web", "api")], inventory("web", "api"), window((0, 1)), times=10**6)
    assert of(found, "web").verdict == "stabilising"
    assert of(found, "web").reason == "Not yet stable: watched for 1 hour, wanted are 1 day."


def test_d29_few_sightings_are_still_learning_however_long_it_was_watched():
    found = covered([edge("web", "api")], inventory("web", "api"), window((0, 400)), times=10)
    assert of(found, "web").verdict == "learning"
    assert "chance of up to" in of(found, "web").reason


@pytest.mark.parametrize(("first", "verdict"), [(10, "stable"), (25, "stabilising"), (40, "learning")])
def test_d29_a_new_edge_late_in_the_window_means_that_more_may_come(first, verdict):
    edges = [edge("web", "api"), edge("web", "db", first=first)]
    found = covered(edges, inventory("web", "api", "db"), times=ENOUGH)
    assert of(found, "web").verdict == verdict
    assert of(found, "api").verdict == "stable"


def test_d29_the_thresholds_are_options():
    lenient = Thresholds(unseen=0.9, quiet=0.0, watched=pd.Timedelta(0))
    edges, known = [edge("web", "api", first=48)], inventory("web", "api")
    assert covered(edges, known, times=9).verdict == "learning"
    options = CoverageOptions(stable=lenient, stabilising=lenient)
    assert covered(edges, known, times=9, options=options).verdict == "stable"


def test_d29_the_verdict_in_all_is_the_worst_with_counts():
    edges = [edge("web", "api"), edge("web", "new", first=30)]
    found = covered(edges, inventory("web", "api", "new", "quiet"), times=ENOUGH)
    assert found.counts == {"learning": 0, "stabilising": 3, "stable": 1}
    assert found.verdict == "stabilising"
    assert covered([], Inventory()).verdict == "learning"


def test_d29_a_workload_is_judged_by_its_edges_in_both_directions_and_only_those():
    edges = [edge("web", "api", connections=5), edge("api", "db", connections=7, one_way=1), edge("a", "b")]
    found = covered(edges, inventory("web"), times=3)
    assert [of(found, name).seen.connections for name in ("web", "api", "db", "a")] == [5, 13, 8, 1]
    assert [of(found, name).seen.unseen.edges for name in ("web", "api", "db", "a")] == [1, 2, 1, 1]
    assert (found.seen.connections, found.seen.unseen.edges, found.seen.unseen.sightings) == (14, 3, 9)


def test_d29_a_workload_that_talks_to_itself_counts_the_edge_once():
    found = covered([edge("db", "db", connections=4)], inventory("db"))
    assert (of(found, "db").seen.connections, of(found, "db").seen.unseen.edges) == (4, 1)


def test_d29_every_outside_address_is_an_edge_of_its_own():
    found = covered([edge("web", outside(number), 443) for number in range(20)], inventory("web"))
    assert (found.seen.unseen.edges, found.seen.unseen.once, found.seen.unseen.chance) == (20, 20, 1.0)


def test_d29_an_edge_that_began_before_the_window_counts_as_seen_once():
    found = coverage([edge("web", "api", connections=0, one_way=0), edge("web", "db")], inventory("web"), window(), {})
    assert (found.seen.unseen.edges, found.seen.unseen.once) == (1, 1)


@pytest.mark.parametrize(
    "left_out",
    [
        edge("web", "api", notes=("node_local",)),
        edge("web", "api", notes=("hairpin",)),
        edge("web", "api", orientations=("unknown",)),
        edge("web", AddressPeer("224.0.0.1", "multicast")),
    ],
)
def test_d29_what_no_policy_meets_and_what_may_be_a_client_port_is_no_edge_but_counted(left_out):
    found = covered([left_out], inventory("web"))
    assert (found.seen.unseen.edges, found.left_out) == (0, 1)


def test_d29_attempts_that_failed_are_no_edge():
    found = covered([edge("web", "api", connections=0, failed=(("refused", 9),))], inventory("web"))
    assert (found.seen.unseen.edges, found.left_out) == (0, 0)


def test_d29_the_curve_counts_the_edges_seen_up_to_each_slice():
    edges = [edge("web", "api", first=0), edge("web", "db", first=12), edge("web", "mq", first=13)]
    edges.append(edge("a", "b", first=48))
    found = covered(edges, inventory("web"), options=CoverageOptions(points=4))
    assert found.seen.curve == (2, 3, 3, 4)
    assert of(found, "web").seen.curve == (2, 3, 3, 3)
    assert of(found, "b").seen.curve == (0, 0, 0, 1)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.floats(0, 48)), max_size=20, unique_by=lambda e: e[:2])
)
@settings(deadline=None)
def test_d29_curves_never_fall_end_at_all_edges_and_the_order_of_the_input_changes_nothing(drawn):
    edges = [edge(f"w{src}", f"w{dst}", first=first) for src, dst, first in drawn]
    found = covered(edges, inventory("w0"))
    for seen in (found.seen, *(entry.seen for entry in found.workloads)):
        assert all(low <= high for low, high in pairwise(seen.curve))
        assert seen.curve[-1] == seen.unseen.edges
    random.Random(7).shuffle(edges)
    assert covered(edges, inventory("w0")) == found


def test_d29_selectable_workloads_without_traffic_are_listed():
    node = Pod("u", "shop", "agent-1", ref("agent", "DaemonSet"), {"app": "agent"}, host_network=True)
    bare = Pod("v", "shop", "bare", ref("bare", "Pod"))
    known = inventory("web", "api", "quiet")
    known = replace(known, pods=(*known.pods, node, bare))
    found = covered([edge("web", "api")], known)
    assert found.silent == (ref("quiet"),)
    assert [str(entry.workload) for entry in found.workloads] == [
        f"shop/Deployment/{n}" for n in ("api", "quiet", "web")
    ]


@pytest.mark.parametrize(("hours", "verdict"), [(23, "learning"), (24, "stabilising"), (9999, "stabilising")])
def test_d29_silence_is_never_stable(hours, verdict):
    found = covered([], inventory("quiet"), window((0, hours)))
    assert of(found, "quiet").verdict == verdict
    assert of(found, "quiet").reason.startswith("No traffic was seen in")


@pytest.mark.parametrize(
    ("schedule", "hours", "said"),
    [
        ("0 3 1 * *", 47, "it runs monthly, watched without a break for 47 hours"),
        ("@weekly", 100, "it runs weekly, watched without a break for 4 days"),
        ("0 3 * * 1-5", 71, "it runs with gaps of up to 3 days, watched without a break for 2 days"),
        ("", 9999, "when it runs is not known"),
        ("every day", 9999, "its schedule 'every day' is not understood, or never comes"),
        ("0 0 30 2 *", 9999, "its schedule '0 0 30 2 *' is not understood, or never comes"),
    ],
)
def test_d29_a_cron_job_that_need_not_have_run_is_never_stable_and_says_so(schedule, hours, said):
    job = cron("report", schedule)
    found = covered([edge(job.ref, "api")], inventory("api", jobs=[job]), window((0, hours)), times=10**5)
    assert [(entry.workload, entry.reason) for entry in found.unwatched] == [(job.ref, said)]
    assert of(found, "report", "CronJob").verdict == "stabilising"
    assert of(found, "report", "CronJob").reason == f"Not yet stable: {said}."
    assert of(found, "api").verdict == "stable"


@pytest.mark.parametrize(("spec", "known"), [({"schedule": "0 3 * * *"}, "0 3 * * *"), ({"schedule": 7}, ""), ({}, "")])
def test_d29_the_schedule_is_the_cron_job_s_own_as_the_api_has_it(spec, known):
    item = {"kind": "CronJob", "metadata": meta("report", "shop"), "spec": spec}
    found = build_inventory([minimise(item)])
    assert found.workloads[ref("report", "CronJob")].schedule == known


def test_d29_only_cron_jobs_have_a_schedule():
    item = deployment("web", ["10.0.0.1"])
    item[0]["spec"]["schedule"] = "@daily"
    assert build_inventory(item).workloads[ref("web")].schedule == ""


def test_d29_a_silent_cron_job_that_need_not_have_run_is_learning_for_ever():
    found = covered([], inventory(jobs=[cron("report", "@yearly")]), window((0, 8000)))
    assert of(found, "report", "CronJob").reason == (
        "No traffic was seen in 333 days: nothing is known of it; it runs yearly, watched without a break for 333 days."
    )
    assert found.verdict == "learning"


def test_d29_a_minute_of_the_bundled_shop_is_no_learning():
    observation, known = read_flows([str(SAMPLES / "shop.pcap")]), load_inventory(SAMPLES / "inventory")
    resolved = resolve(observation.flows, known)
    found = coverage(summarize(resolved), known, observation.window, sightings(resolved))
    assert found.counts["learning"] == len(found.workloads) == 13
    assert found.silent == (ref("debug", "Pod"),)
    assert [str(entry.workload) for entry in found.unwatched] == ["shop/CronJob/report"]
    assert found.seen.unseen.sightings > found.seen.unseen.edges == found.seen.curve[-1]


def test_d29_a_cron_job_that_must_have_run_may_be_stable():
    job = cron("report", "0 3 * * *")
    found = covered([edge(job.ref, "api")], inventory("api", jobs=[job]), times=ENOUGH)
    assert (found.unwatched, of(found, "report", "CronJob").verdict) == ((), "stable")


def test_d29_watching_at_noon_every_day_does_not_see_a_nightly_job():
    job, noons = cron("report", "0 3 * * *"), window(*((12 + 24 * day, 14 + 24 * day) for day in range(30)))
    assert covered([], inventory(jobs=[job]), noons).unwatched[0].watched == pd.Timedelta(hours=2)


def test_d29_pauses_between_captures_are_not_watched():
    found = covered([edge("web", "api")], inventory("web"), window((0, 1), (100, 101)), times=ENOUGH)
    assert found.seen.watched == pd.Timedelta(hours=2)
    assert of(found, "web").verdict == "stabilising"


def test_d29_a_young_workload_has_been_watched_only_since_its_first_pod():
    known = inventory("web", "api", since={"web": 47, "api": -900})
    found = covered([edge("web", "api", first=47)], known, times=ENOUGH)
    assert of(found, "web").seen.watched == pd.Timedelta(hours=1)
    assert of(found, "web").seen.quiet == pd.Timedelta(hours=1)
    assert of(found, "api").seen.watched == pd.Timedelta(hours=48)


def test_d29_an_edge_older_than_the_first_known_pod_is_quiet_for_as_long_as_was_watched():
    found = covered([edge("web", "api", first=3)], inventory("web", since={"web": 47}), times=ENOUGH)
    assert of(found, "web").seen.quiet == of(found, "web").seen.watched == pd.Timedelta(hours=1)


def test_d29_a_cron_job_is_there_although_no_pod_of_it_was():
    job = cron("report", "@daily")
    pod = Pod("u", "shop", "report-1", job.ref, {"job": "report"}, start=at(47))
    known = replace(inventory("api", jobs=[job]), pods=(pod,))
    found = covered([edge(job.ref, "api", first=1)], known, times=ENOUGH)
    assert of(found, "report", "CronJob").seen.watched == pd.Timedelta(hours=48)


def test_d29_a_watch_as_long_as_the_longest_gap_must_have_seen_the_job():
    jobs = [cron("nightly", "@daily"), cron("weekly", "@weekly")]
    found = covered([], inventory(jobs=jobs), window((0, 24)))
    assert [entry.workload.name for entry in found.unwatched] == ["weekly"]


def test_a6_absence_in_a_sampled_log_proves_nothing():
    edges = [edge("web", "api", kept=0.02), edge("web", "db", kept=0.1), edge("a", "b")]
    found = covered(edges, inventory("web", "api"), times=ENOUGH)
    assert (of(found, "web").verdict, of(found, "a").verdict, found.sampled) == ("stabilising", "stable", 2)
    silent = covered(edges, inventory("web", "api", "quiet"), times=ENOUGH)
    assert of(silent, "quiet").verdict == "learning"
    assert of(found, "web").reason == "Not yet stable: a source of it keeps one of 50, where absence proves nothing."
    assert of(found, "db").reason == "Not yet stable: a source of it keeps one of 10, where absence proves nothing."
    assert "keeps one of 50" in of(silent, "quiet").reason
    assert any(text.startswith("From sources that keep one of 50: 2 edges; what such a") for text in _texts(found))
    assert any(text.endswith("and the chances above are of what it keeps.") for text in _texts(found))


def test_a6_a_source_that_only_says_that_it_samples_proves_as_little():
    found = covered([edge("web", "api", kept=0.0)], inventory("web"), times=ENOUGH)
    assert "a source of it keeps only some" in of(found, "web").reason


def test_a6_a_log_that_by_its_kind_shows_a_part_only_leaves_its_workloads_unstable():
    kinds = [replace(source(0, 48), name=name, kind=kind) for name, kind in (("a", "aws-vpc"), ("h", "hubble"))]
    edges = [edge("web", "api", sources=("a",)), edge("both", "db", sources=("a", "h")), edge("x", "y", sources=("h",))]
    found = covered(edges, inventory("quiet"), ObservationWindow.of(kinds), times=ENOUGH)
    assert [of(found, name).verdict for name in ("web", "both", "x")] == ["stabilising", "stable", "stable"]
    told = "no source of it shows everything: one tells nothing of traffic between pods of one node"
    assert told in of(found, "web").reason
    assert told not in of(found, "quiet").reason
    assert "Sources that never show everything: a tells nothing of traffic between pods of one node." in _texts(found)
    alone = covered(edges[:1], inventory("quiet"), ObservationWindow.of(kinds[:1]), times=ENOUGH)
    assert told in of(alone, "quiet").reason
    assert coverage_data(alone)["partial_sources"][0]["source"] == "a"


def test_a6_a_source_that_lost_packets_leaves_its_workloads_unstable():
    lossy = ObservationWindow.of([source(0, 48), source(0, 48, "b.pcap", drops=10_000)])
    edges = [edge("web", "api"), edge("a", "b", sources=("a.pcap", "b.pcap"))]
    found = covered(edges, inventory("web", "quiet"), lossy, times=ENOUGH)
    assert (of(found, "web").verdict, of(found, "a").verdict) == ("stable", "stabilising")
    assert of(found, "quiet").reason.endswith("; a source of it lost packets or events.")
    assert (
        "Sources that lost something, which may be missing here: b.pcap (10,000 packets or records, 1 % of all)."
        in _texts(found)
    )


def test_a6_a_few_lost_packets_are_told_and_do_not_decide():
    found = covered([edge("web", "api")], inventory("web"), window((0, 48), drops=3), times=ENOUGH)
    assert (found.verdict, [loss.lost for loss in found.losses]) == ("stable", [3])


def test_a6_a_gap_that_does_not_say_how_much_was_lost_counts_by_its_share_of_the_time():
    gap = replace(window(), gaps=(Gap("a.pcap", at(1), at(2)),))
    found = covered([edge("web", "api")], inventory("web"), gap, times=ENOUGH)
    assert (found.verdict, found.losses[0].share) == ("stabilising", 1 / 48)
    assert "a.pcap (it does not say how many in gaps of 1 hour, 2.1 % of its time)" in " ".join(_texts(found))
    short = replace(window(), gaps=(Gap("a.pcap", at(1), at(1) + pd.Timedelta(seconds=60)),))
    assert covered([edge("web", "api")], inventory("web"), short, times=ENOUGH).verdict == "stable"


def test_a6_a_gap_without_times_that_does_not_say_how_much_was_lost_is_never_small():
    gap = replace(window(), gaps=(Gap("a.pcap", None, None),))
    found = covered([edge("web", "api")], inventory("web"), gap, times=ENOUGH)
    assert (found.verdict, found.losses[0].share) == ("stabilising", None)


def test_a6_the_time_of_gaps_is_told_once_where_they_overlap():
    spans = [(1, 3), (2, 4), (2, 3), (10, 11)]
    gaps = (*(Gap("a.pcap", at(start), at(end), 1) for start, end in spans), Gap("a.pcap", None, None, 1))
    found = covered([edge("web", "api")], inventory("web"), replace(window(), gaps=gaps), times=ENOUGH)
    assert [(loss.lost, loss.during) for loss in found.losses] == [(5, pd.Timedelta(hours=4))]
    assert coverage_data(found)["losses"][0]["gap_seconds"] == 4 * 3600
    lossy = replace(window(), gaps=(Gap("a.pcap", at(1), at(3)),))
    reason = of(covered([edge("web", "api")], inventory("web"), lossy, times=ENOUGH), "web").reason
    assert reason.endswith("a source of it lost packets or events in gaps of 2 hours.")


def test_a6_drops_and_the_gap_that_repeats_them_are_counted_once():
    twice = replace(window(drops=50), gaps=(Gap("a.pcap", at(0), at(48), 50),))
    assert [loss.lost for loss in covered([], inventory("web"), twice).losses] == [50]


def test_d29_gaps_of_the_inventory_are_told():
    assert any("Gaps in the inventory: 2;" in text for text in _texts(covered([], inventory("web", gaps=2))))


def test_d29_nothing_seen_of_nothing_is_learning():
    found = coverage([], Inventory(), ObservationWindow(), {})
    assert (found.verdict, found.seen.watched, found.seen.unseen.chance) == ("learning", pd.Timedelta(0), None)
    assert _texts(found) == ["learning (no workload is known)", "No connection that worked was seen in 0 s."]


def test_d29_json_has_every_number_and_is_the_same_for_the_same_input():
    job = cron("report", "@monthly")
    found = covered([edge("web", outside(1)), edge("web", "api")], inventory("web", "x", jobs=[job]), times=2)
    data = coverage_data(found)
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert (data["verdict"], data["without_traffic"]) == ("learning", ["shop/CronJob/report", "shop/Deployment/x"])
    assert data["unwatched_cronjobs"] == [
        {
            "workload": "shop/CronJob/report", "schedule": "@monthly", "longest_gap_seconds": 31 * 86400.0,
            "watched_seconds": 48 * 3600.0,
        }
    ]  # fmt: skip
    web = next(entry for entry in data["workloads"] if entry["workload"] == "shop/Deployment/web")
    assert (web["edges"], web["sightings"], web["edges_seen_once"], web["unseen_chance"]) == (2, 4, 0, 0.0)
    assert 0 < web["unseen_chance_most"] <= 1
    assert len(web["curve"]) == 24


def test_hostile_names_and_schedules_are_cut_and_escaped_in_the_rows():
    job = cron("evil\x1b[2J\u202e" + "x" * 5000, "\x07" * 150)
    for text in _texts(covered([], inventory(jobs=[job]))):
        assert text.isprintable()
        assert len(text) < 800


def test_the_rows_name_a_few_workloads_and_count_the_rest_unless_all_are_alike():
    alike = covered([], inventory(*(f"w{number}" for number in range(9))))
    assert next(iter(coverage_rows(alike)))[0] == "coverage"
    assert not any("in the report" in text for text in _texts(alike))
    first, *others = alike.workloads
    found = replace(alike, workloads=(replace(first, verdict="stable"), *others))
    assert sorted(count for count in found.counts.values() if count) == [1, 8]
    assert _texts(found)[-1] == "and 5 more, in the report"


def test_d29_large_clusters_are_covered_edge_by_edge():
    names = [f"w{number}" for number in range(5000)]
    edges = [edge(names[at % 5000], names[(at * 7 + at // 5000) % 5000], at % 60000) for at in range(100_000)]
    found = coverage(edges, inventory(*names), window(), {})
    assert (len(found.workloads), found.seen.unseen.edges) == (5000, 100_000)


def _texts(found):
    return [text for _, text in coverage_rows(found)]
