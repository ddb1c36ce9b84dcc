from collectors.inventory import WorkloadRef
from recommender.exposure import exposed_ports
from tests.cluster import deployment, inventory, service, slices

WEB = WorkloadRef("shop", "Deployment", "web")
PODS = deployment("web", ["10.0.0.1"], ports=[{"containerPort": 8080, "name": "http"}])


def test_what_is_behind_a_load_balancer_is_exposed_at_the_pods_own_port():
    found = exposed_ports(
        inventory(PODS, service("web", "10.96.0.1", 80, type="LoadBalancer"),
                  slices("web", 8080, [("10.0.0.1", "web-5d9c7b-0")]))
    )  # fmt: skip
    assert found == {(WEB, "TCP", 8080)}


def test_an_external_ip_exposes_and_a_cluster_ip_alone_does_not():
    behind = slices("web", 8080, [("10.0.0.1", "web-5d9c7b-0")])
    assert exposed_ports(inventory(PODS, service("web", "10.96.0.1", 80), behind)) == frozenset()
    outside = service("web", "10.96.0.1", 80, externalIPs=["203.0.113.80"])
    assert exposed_ports(inventory(PODS, outside, behind)) == {(WEB, "TCP", 8080)}


def test_without_slices_the_selector_and_the_target_port_tell():
    for target, port in (("http", 8080), (8081, 8081), (None, 80)):
        entry = {} if target is None else {"targetPort": target}
        found = exposed_ports(
            inventory(PODS, service("web", "10.96.0.1", 80, type="NodePort", selector={"app": "web"}, entry=entry))
        )
        assert found == {(WEB, "TCP", port)}


def test_a_service_without_selector_and_slices_exposes_nothing():
    assert exposed_ports(inventory(PODS, service("web", "10.96.0.1", 80, type="NodePort"))) == frozenset()
