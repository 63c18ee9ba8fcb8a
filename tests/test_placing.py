"""Where replicas find room: laws of the placing, and what keeps a pod from a node."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipegen.cluster.preflight.amounts import pod_amounts, quantity, shown
from recipegen.cluster.preflight.placing import Group, Node, obstacle, place, tolerates

GPU = "nvidia.com/gpu"
TAINT = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
SMALL = st.integers(0, 9)


def node(name: str, gpus: int = 8, *, taints: tuple[Any, ...] = (), closed: str = "", **labels: str) -> Node:
    free = {GPU: Fraction(gpus), "cpu": Fraction(16), "pods": Fraction(20)}
    return Node(name, labels, taints, closed, free)


def group(name: str = "worker", gpus: int = 1, **rest: Any) -> Group:
    must = rest.pop("must", 1)
    return Group(
        name, {GPU: Fraction(gpus), "pods": Fraction(1)}, must=must, may=rest.pop("may", must), **rest
    )


NODES = st.lists(
    st.builds(
        lambda gpus, cpu, closed, zone, tainted: (gpus, cpu, closed, zone, tainted),
        SMALL, SMALL, st.booleans(), st.sampled_from("ab"), st.booleans(),
    ),
    max_size=5,
).map(
    lambda drawn: [
        Node(
            f"node-{index}", {"zone": zone}, (TAINT,) if tainted else (), "it is cordoned" if closed else "",
            {GPU: Fraction(gpus), "cpu": Fraction(cpu), "pods": Fraction(6)},
        )
        for index, (gpus, cpu, closed, zone, tainted) in enumerate(drawn)
    ]
)  # fmt: skip
GROUPS = st.lists(
    st.builds(
        lambda gpus, cpu, pods, must, more, zone, together: Group(
            "", {GPU: Fraction(gpus), "cpu": Fraction(cpu), "pods": Fraction(1)}, pods, must, must + more,
            {"zone": zone} if zone else {}, ({"key": GPU, "operator": "Exists"},) if more else (), together,
        ),
        SMALL, SMALL, st.integers(1, 3), st.integers(0, 4), st.integers(0, 2),
        st.sampled_from(["", "a", "b"]), st.booleans(),
    ),
    max_size=4,
).map(lambda drawn: [replace(each, name=f"group-{index}") for index, each in enumerate(drawn)])  # fmt: skip


@given(NODES, GROUPS)
def test_no_node_is_given_more_than_is_free(nodes: list[Node], groups: list[Group]) -> None:
    taken: dict[tuple[str, str], Fraction] = {}
    for name, replicas in place(nodes, groups).items():
        one = next(each for each in groups if each.name == name)
        for where in (where for replica in replicas for where in replica):
            for resource, amount in one.requests.items():
                taken[where, resource] = taken.get((where, resource), Fraction(0)) + amount

    free = {(node.name, resource): amount for node in nodes for resource, amount in node.free.items()}
    assert all(amount <= free[where] for where, amount in taken.items())


@given(NODES, GROUPS)
def test_replicas_are_placed_whole_and_on_nodes_that_take_them(
    nodes: list[Node], groups: list[Group]
) -> None:
    by_name = {each.name: each for each in nodes}
    placed = place(nodes, groups)

    for one in groups:
        assert len(placed[one.name]) <= one.may
        for replica in placed[one.name]:
            assert len(replica) == one.pods
            assert [obstacle(by_name[where], one) for where in replica] == [""] * one.pods
    together = {where for one in groups if one.together for replica in placed[one.name] for where in replica}
    assert len(together) <= 1


@given(NODES, GROUPS)
def test_what_may_be_takes_nothing_from_what_must(nodes: list[Node], groups: list[Group]) -> None:
    least = [replace(each, may=each.must) for each in groups]
    placed, without = place(nodes, groups), place(nodes, least)

    assert all(len(placed[each.name]) >= len(without[each.name]) for each in groups)


@given(st.lists(st.sampled_from([1, 2, 4, 8]), min_size=1, max_size=12))
def test_sizes_that_divide_one_another_are_placed_wherever_they_can_be(sizes: list[int]) -> None:
    nodes = [node(f"node-{index}") for index in range(-(-sum(sizes) // 8))]
    groups = [group(f"group-{index}", size) for index, size in enumerate(sizes)]

    assert all(place(nodes, groups).values())


def test_a_replica_over_two_nodes_is_not_placed_by_half() -> None:
    two = group(gpus=8, pods=2)

    assert place([node("a"), node("b", 7)], [two]) == {"worker": []}
    assert place([node("a"), node("b")], [two]) == {"worker": [("a", "b")]}


def test_each_role_has_a_replica_before_one_has_all() -> None:
    groups = [group("prefill", 4, must=2), group("decode", 4, must=2)]

    assert {name: len(found) for name, found in place([node("a")], groups).items()} == {
        "prefill": 1,
        "decode": 1,
    }


def test_replicas_beyond_the_least_come_last() -> None:
    groups = [group("worker", 4, must=1, may=4), group("other", 4)]

    assert {name: len(found) for name, found in place([node("a")], groups).items()} == {
        "worker": 1,
        "other": 1,
    }


@pytest.mark.parametrize(
    ("where", "what", "why"),
    [
        (node("a", closed="it is cordoned"), group(), "it is cordoned"),
        (node("a", taints=(TAINT,)), group(), "its taint nvidia.com/gpu:NoSchedule is not tolerated"),
        (node("a", taints=({**TAINT, "effect": "PreferNoSchedule"},)), group(), ""),
        (node("a", zone="b"), group(selector={"zone": "a"}), "its label zone is b"),
        (node("a"), group(selector={"zone": "a"}), "it has no label zone"),
        (node("a", 1), group(gpus=2), GPU),
        (node("a"), group(), ""),
    ],
)
def test_a_node_says_why_it_does_not_take_a_pod(where: Node, what: Group, why: str) -> None:
    assert obstacle(where, what) == why


@pytest.mark.parametrize(
    ("toleration", "expected"),
    [
        ({"operator": "Exists"}, True),
        ({"key": GPU, "operator": "Exists", "effect": "NoSchedule"}, True),
        ({"key": GPU, "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": GPU, "value": "present"}, True),
        ({"key": GPU, "operator": "Equal", "value": "absent"}, False),
        ({"key": "other", "operator": "Exists"}, False),
        ({}, False),
    ],
)
def test_a_toleration_is_of_one_taint_or_of_all(toleration: dict[str, str], *, expected: bool) -> None:
    assert tolerates(toleration, TAINT) == expected


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("4", 4), (4, 4), ("500m", Fraction(1, 2)), ("1e3", 1000), ("1.5Gi", 3 * 2**29), ("2Ei", 2**61),
        ("16777216Ki", 2**34), ("100u", Fraction(1, 10**4)), ("5G", 5 * 10**9), ("", 0), ("many", 0),
        (None, 0),
    ],
)  # fmt: skip
def test_quantities_are_read_as_kubernetes_writes_them(text: Any, number: Fraction) -> None:
    assert quantity(text) == number


def test_amounts_are_shown_in_the_units_that_people_use() -> None:
    assert [shown("memory", Fraction(2**36)), shown("cpu", Fraction(1, 2)), shown(GPU, Fraction(8))] == [
        "64Gi",
        "0.5",
        "8",
    ]


def test_a_pod_asks_for_its_containers_together_or_its_largest_init_container() -> None:
    def container(cpu: str, **rest: str) -> dict[str, Any]:
        return {"resources": {"requests": {"cpu": cpu}}, **rest}

    spec = {
        "containers": [container("1"), {"resources": {"limits": {GPU: "2", "cpu": "1"}}}],
        "initContainers": [container("1", restartPolicy="Always"), container("4")],
    }

    assert pod_amounts(spec) == {"cpu": 5, GPU: 2}
    assert pod_amounts({**spec, "initContainers": []}) == {"cpu": 2, GPU: 2}
    assert pod_amounts(spec, "limits") == {"cpu": 1, GPU: 2}
