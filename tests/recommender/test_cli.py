"""The command as a user meets it: bundled samples in, artefacts out, and one clear sentence for every fault."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from recommender.cli import main
from recommender.policy import LabelSelector
from recommender.store import load_policies

SAMPLES = Path(__file__).parents[2] / "sample_captures"
CAPTURE, INVENTORY = str(SAMPLES / "shop.pcap"), str(SAMPLES / "inventory")
RUN = ["run", CAPTURE, "--inventory", INVENTORY]


def _files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    assert main(["demo", "-o", str(folder)]) == 0
    return folder


def test_the_demo_writes_every_artefact(demo):
    files = _files(demo)
    assert {
        "report.html",
        "review/suggestions.json",
        "review/decisions.yaml",
        "policies/kustomization.yaml",
    } <= files.keys()
    assert any(name.startswith("observations/") and name.endswith(".parquet") for name in files)


def test_law_6_two_runs_give_identical_bytes_also_into_a_folder_that_is_there_already(demo, tmp_path):
    before = _files(demo)
    assert main(["demo", "-o", str(demo)]) == 0
    assert _files(demo) == before
    assert main(["demo", "-o", str(tmp_path / "again")]) == 0
    assert _files(tmp_path / "again") == before


def test_the_demo_does_not_mix_with_observations_of_your_own(tmp_path, capsys):
    assert main(["observe", str(SAMPLES / "shop-clients.pcapng"), "-o", str(tmp_path / "observations")]) == 0
    assert main(["demo", "-o", str(tmp_path)]) == 2
    assert "holds other observations" in capsys.readouterr().err


def test_what_waits_for_a_decision_is_named_with_the_command_that_decides(tmp_path, capsys):
    assert main([*RUN, "-o", str(tmp_path)]) == 0
    assert f"24 suggestions wait: decide with `podfence review {tmp_path / 'review'}`," in capsys.readouterr().err
    assert main(["suggest", str(tmp_path / "observations"), "--inventory", INVENTORY, "-o", str(tmp_path / "own")]) == 0
    assert f"decide with `podfence review {tmp_path / 'own'}`," in capsys.readouterr().err


def test_run_ends_with_the_honest_numbers_as_json(tmp_path, capsys):
    assert main([*RUN, "-o", str(tmp_path), "--accept", "observed", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["accepted_denied"], data["excess"]) == (0, 0)
    assert data["policies"] > 0
    # without --default-deny, directions that nothing was seen in stay as they were
    assert data["open_directions"]


def test_a_range_of_the_cluster_is_never_outside(tmp_path, capsys):
    """Public address space that is given as the cluster's own is not `external`."""
    kinds = []
    for more in ([], ["--pod-cidr", "203.0.113.0/24", "--pod-cidr", "2001:db8:7::/48"]):
        out = tmp_path / str(len(more))
        assert main([*RUN, "-o", str(out), "--json", *more]) == 0
        document = json.loads((out / "review" / "suggestions.json").read_text())
        kinds.append(json.dumps(document).count('"external"'))
    capsys.readouterr()
    assert kinds[0] > kinds[1]
    assert main([*RUN, "-o", str(tmp_path / "no"), "--pod-cidr", "10.0.0.300/8"]) == 2
    assert "10.0.0.300/8" in capsys.readouterr().err


def test_run_without_accept_closes_and_opens_nothing(tmp_path, capsys):
    assert main([*RUN, "-o", str(tmp_path), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["policies"] == 0
    assert data["suggestions"]["undecided"] > 0
    assert list(_files(tmp_path / "policies")) == ["kustomization.yaml"]


def test_the_stages_one_by_one_give_what_run_gives(tmp_path):
    whole, steps = tmp_path / "whole", tmp_path / "steps"
    assert main([*RUN, "-o", str(whole), "--accept", "observed"]) == 0
    assert main(["observe", CAPTURE, "-o", str(steps / "observations")]) == 0
    suggest = ["suggest", str(steps / "observations"), "--inventory", INVENTORY, "-o", str(steps / "review")]
    assert main([*suggest, "--accept", "observed"]) == 0
    assert main(["export", str(steps / "review"), "-o", str(steps / "policies")]) == 0
    assert _files(whole / "policies") == _files(steps / "policies")


def test_observe_prints_where_every_packet_went(tmp_path, capsys):
    assert main(["observe", CAPTURE, "-o", str(tmp_path / "obs"), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    import pandas as pd

    rows = pd.concat(pd.read_parquet(part) for part in (tmp_path / "obs").glob("*.parquet"))
    in_flows = int(rows["packets"].sum() + rows["reply_packets"].sum())
    assert in_flows + sum(data["ledger"].values()) == data["packets"]


def test_export_check_tells_by_its_status_whether_files_differ(demo, tmp_path):
    command = ["export", str(demo / "review"), "--default-deny", "-o"]
    assert main([*command, str(demo / "policies"), "--check"]) == 0
    assert main([*command, str(tmp_path), "--check"]) == 1


def test_simulate_replays_and_fails_when_something_observed_would_break(demo, tmp_path, capsys):
    command = ["--inventory", INVENTORY, "--observations", str(demo / "observations")]
    nothing = tmp_path / "none.yaml"
    nothing.write_text("")
    assert main(["simulate", str(nothing), *command]) == 0
    deny = tmp_path / "deny.yaml"
    deny.write_text(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: deny, namespace: shop}\n"
        "spec: {podSelector: {}, policyTypes: [Ingress, Egress]}\n"
    )
    capsys.readouterr()
    assert main(["simulate", str(deny), *command, "--json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["would_break"] > 0


def test_export_refuses_half_decided_directions_and_says_what_they_would_cut_off(demo, tmp_path, capsys):
    review = tmp_path / "review"
    review.mkdir()
    (review / "suggestions.json").write_bytes((demo / "review" / "suggestions.json").read_bytes())
    chosen = json.loads((review / "suggestions.json").read_text())["suggestions"]
    busy = next(item for item in chosen if item["egress_of"] and item["egress_of"]["name"] == "api")
    (review / "decisions.yaml").write_text(
        f"kind: podfence/decisions\nversion: 1\ndecisions: {{'{busy['id']}': {{decision: accept}}}}\n"
    )
    out = tmp_path / "out"
    assert main(["export", str(review), "-o", str(out)]) == 2
    assert "half decided" in capsys.readouterr().err
    assert not out.exists()
    assert main(["export", str(review), "-o", str(out), "--allow-incomplete"]) == 0
    assert all(policy.pod_selector != LabelSelector() for policy in load_policies([out])[0])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "absent.pcap", "--inventory", INVENTORY, "-o", "OUT"], "absent.pcap"),
        (["run", CAPTURE, "--inventory", "absent.json", "-o", "OUT"], "absent.json: no such inventory"),
        (["run", CAPTURE, "--inventory", CAPTURE, "-o", "OUT"], "not JSON"),
        (["run", INVENTORY + "/pods.json", "--inventory", INVENTORY, "-o", "OUT"], "pods.json"),
        (["observe", CAPTURE, "-o", "OUT", "--format", "nonsense"], "nonsense"),
        (["suggest", "absent", "--inventory", INVENTORY, "-o", "OUT"], "absent"),
        (["export", "absent", "-o", "OUT"], "absent/suggestions.json: no such file"),
        (["simulate", "absent", "--inventory", INVENTORY, "--observations", "absent"], "is no observation store"),
        (["explain", "absent", "a/b", "c/d", "80", "--inventory", INVENTORY], "absent: no such file"),
    ],
)
def test_a_fault_is_one_sentence_status_2_and_leaves_no_policy(tmp_path, monkeypatch, capsys, arguments, says):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("podfence: ")
    assert said.err.count("\n") == 1
    assert says in said.err
    assert not list(tmp_path.rglob("policies/*"))


def test_an_empty_capture_is_an_honest_empty_result(tmp_path, capsys):
    empty = tmp_path / "empty.pcap"
    empty.write_bytes(Path(CAPTURE).read_bytes()[:24])
    assert main(["run", str(empty), "--inventory", INVENTORY, "-o", str(tmp_path / "out"), "--json",
                 "--accept", "observed", "--default-deny"]) == 0  # fmt: skip
    data = json.loads(capsys.readouterr().out)
    assert (data["flows"], data["communications"], data["policies"]) == (0, 0, 0)


def test_a_cut_capture_counts_as_far_as_it_goes_and_says_so(tmp_path, capsys):
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(Path(CAPTURE).read_bytes()[:-1001])
    assert main(["run", str(cut), "--inventory", INVENTORY, "-o", str(tmp_path / "out"), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["events"] == {"truncated": 1}
    assert data["communications"] > 0


def test_an_inventory_without_the_pods_of_the_capture_gives_no_policy(tmp_path, capsys):
    inventory = tmp_path / "empty.json"
    inventory.write_text('{"apiVersion": "v1", "kind": "List", "items": []}')
    assert main(["run", CAPTURE, "--inventory", str(inventory), "-o", str(tmp_path / "out"), "--json",
                 "--accept", "observed", "--default-deny"]) == 0  # fmt: skip
    data = json.loads(capsys.readouterr().out)
    assert data["policies"] == 0
    assert data["withheld"]["unresolved"] > 0


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from recommender.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit(sum(name in sys.modules for name in ('pandas', 'numpy', 'scapy', 'kubernetes', 'pyarrow', 'yaml')))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_adopting_an_export_accepts_all_that_it_was_made_of(demo, tmp_path, capsys):
    words = ["--inventory", INVENTORY, "--observations", str(demo / "observations"), "-o", str(tmp_path), "--json"]
    assert main(["adopt", str(demo / "policies"), *words]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["adopted"] == data["suggestions"] > 0


def test_widening_is_recorded_counted_and_exported_alike(tmp_path, capsys):
    words = ["--accept", "observed", "--widen", "dns", "--widen", "internet", "--default-deny", "--json"]
    assert main([*RUN, "-o", str(tmp_path), *words]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["accepted_denied"] == 0
    assert data["excess"] > 0
    assert len(data["widened"]) == data["caveats"]["widened"] > 0
    folders = [str(tmp_path / "review"), "-o", str(tmp_path / "policies")]
    assert main(["export", *folders, "--check", "--default-deny"]) == 0


def test_an_unknown_widening_is_one_sentence(tmp_path, capsys):
    assert main([*RUN, "-o", str(tmp_path), "--widen", "everything"]) == 2
    assert capsys.readouterr().err.startswith("podfence: --widen: 'everything' is none of cidr=rules:N, ")
    assert not any(tmp_path.iterdir())


def test_a_cni_is_warned_of_in_the_summary_and_at_the_export(tmp_path, capsys):
    assert main([*RUN, "-o", str(tmp_path), "--accept", "observed", "--cni", "cilium", "--json"]) == 0
    assert [entry["kind"] for entry in json.loads(capsys.readouterr().out)["cni"]] == ["node_address"]
    assert main(["export", str(tmp_path / "review"), "-o", str(tmp_path / "again"), "--cni", "cilium"]) == 0
    assert "node_address: monitoring/prometheus-podfence" in capsys.readouterr().err


def test_a_path_that_no_system_takes_is_one_sentence(tmp_path, capsys):
    assert main(["run", CAPTURE, "--inventory", "a" * 300, "-o", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"podfence: {'a' * 200}: file name too long; check the path, and who may read and write there\n"
    )


def _podfence(words, **streams):
    return subprocess.run([sys.executable, "-m", "recommender.cli", *words], check=False, **streams)


def test_an_output_that_is_full_closed_or_not_heard_is_no_traceback(demo):
    words = ["review", str(demo / "review"), "list"]
    with Path("/dev/full").open("w") as full:
        found = _podfence(words, stdout=full, stderr=subprocess.PIPE, text=True)
    assert found.returncode == 2
    assert found.stderr.startswith("podfence: the output cannot be written (No space left on device)")
    assert found.stderr.count("\n") == 1
    closed = ["bash", "-c", f"{sys.executable} -m recommender.cli {' '.join(words)} >&-"]
    found = subprocess.run(closed, check=False, capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")
    unheard = ["bash", "-c", f"{sys.executable} -m recommender.cli review nowhere list 2>&-"]
    assert subprocess.run(unheard, check=False).returncode == 2


def test_several_processes_write_the_same_store_as_one(tmp_path, capsys):
    logs = [str(SAMPLES / "logs" / name) for name in ("hubble.jsonl", "zeek.log")]
    for workers in ("1", "2"):
        assert main(["observe", CAPTURE, *logs, "--workers", workers, "-o", str(tmp_path / workers)]) == 0
    capsys.readouterr()
    assert _files(tmp_path / "1") == _files(tmp_path / "2")
