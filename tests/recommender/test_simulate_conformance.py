"""The published conformance probes: every verdict, or it is not a simulator."""

import gzip
import json
import os
from pathlib import Path

import pandas as pd
import pytest

from collectors.inventory import ContainerPort, Inventory, Namespace, Pod, WorkloadRef
from recommender.manifest import policies_from_yaml
from recommender.simulate import judge


def _inventory(case):
    pods = tuple(
        Pod(
            uid=f"{pod['namespace']}/{pod['name']}",
            namespace=pod["namespace"],
            name=pod["name"],
            workload=WorkloadRef(pod["namespace"], pod["workload"]["kind"], pod["workload"]["name"]),
            labels=pod["labels"],
            host_network=pod["host_network"],
            ips=tuple(pod["ips"]),
            ports=tuple(ContainerPort(port["port"], port["protocol"], port["name"]) for port in pod["ports"]),
        )
        for pod in case["pods"]
    )
    return Inventory(
        pods, namespaces={each["name"]: Namespace(each["name"], each["labels"]) for each in case["namespaces"]}
    )


def _probes(case):
    rows = [
        (seen["src"], seen["dst"], seen["proto"], port, seen["allowed"])
        for seen in case["connections"]
        for low, high in seen["ports"]
        for port in range(low, high + 1)
    ]
    return pd.DataFrame(rows, columns=["src", "dst", "protocol", "dst_port", "allowed"])


@pytest.mark.skipif(not os.environ.get("PODFENCE_SHARED"), reason="PODFENCE_SHARED does not name the shared folder")
def test_all_124_884_published_verdicts_are_ours():
    judged, wrong = 0, []
    with gzip.open(
        Path(os.environ["PODFENCE_SHARED"]) / "conformance" / "networkpolicy-probes.jsonl.gz", "rt"
    ) as lines:
        for case in map(json.loads, lines):
            policies = [p for text in case["policies_yaml"] for p in policies_from_yaml(text, case["name"]).policies]
            found = judge(policies, _inventory(case), _probes(case))
            judged += len(found)
            differs = found["verdict"] != found["allowed"].map({True: "allowed", False: "denied"})
            if differs.any():
                wrong.append((case["name"], found[differs].iloc[0].to_dict()))
    assert not wrong, wrong[:3]
    assert judged == 124_884
