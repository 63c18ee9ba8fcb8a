"""Status: from objects in a cluster to the words of graph and weights. `tests/lab` asks a real API server."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import apiserver
import recipegen
from recipegen import pipeline
from recipegen.cli import main
from recipegen.cluster import states
from recipegen.cluster.plain import name
from recipegen.cluster.states.graphs import components, graph_state
from recipegen.cluster.states.loading import load
from recipegen.cluster.states.words import LONGEST_REASON, UNKNOWN, Component
from recipegen.cluster.wire import Get, NoAnswerError
from recipegen.errors import ClusterError

RECIPE = str(apiserver.FOLDER / "llama.yaml")
PLAN = pipeline.plan(RECIPE)
GRAPH, JOB, POD = (
    "DynamoGraphDeployment/llama",
    "Job/llama-download-0a1b2c3d",
    "Pod/llama-download-0a1b2c3d-x7k2p",
)
READY = {"type": "Ready", "status": "True", "reason": "all_resources_are_ready"}
WAITING = {"type": "Ready", "status": "False", "reason": "pods_not_ready", "message": "worker"}


def status_of(patch: Any = None, *forbidden: str, plan: recipegen.Plan = PLAN) -> states.Status:
    """The status where the API server has the healthy objects with a patch in them."""
    return states.ask(plan, apiserver.reader(apiserver.patched(apiserver.healthy(), patch or {}), *forbidden))


# ---- the graph ----------------------------------------------------------------------------------

GRAPHS: dict[str, tuple[Any, str, str]] = {
    "not applied": (None, "PENDING", "namespace chat has no graph llama: not applied, or taken away"),
    "new": ({"status": None}, "PENDING", "the operator has not looked at it yet"),
    "by default": (
        {"status": {"state": "initializing", "conditions": None, "observedGeneration": None}},
        "PENDING",
        "the operator has not looked at it yet",
    ),
    "at work": (
        {"status": {"state": "pending", "conditions": [WAITING]}},
        "IN_PROGRESS",
        "pods_not_ready: worker",
    ),
    "changed": ({"metadata": {"generation": 3}}, "IN_PROGRESS", "the operator has taken up change 1 of 3"),
    "ready": ({}, "READY", ""),
    "ready by its condition": ({"status": {"state": "pending", "conditions": [READY]}}, "READY", ""),
    "given up": (
        {"status": {"state": "failed", "conditions": [{**WAITING, "reason": "insufficient_capacity"}]}},
        "FAILED",
        "insufficient_capacity: worker",
    ),
    "given up without a word": (
        {"status": {"state": "failed", "conditions": None}},
        "FAILED",
        "the operator gave it up",
    ),
    "going": (
        {"metadata": {"deletionTimestamp": "2026-11-21T10:00:00Z", "finalizers": ["nvidia.com/x"]}},
        "DELETING",
        "since 2026-11-21T10:00:00Z, held by nvidia.com/x",
    ),
    "a word of tomorrow": (
        {"status": {"state": "degraded"}},
        "READY",
        "",
    ),
    "a word of tomorrow alone": (
        {"status": {"state": "degraded", "conditions": [WAITING]}},
        "IN_PROGRESS",
        "the operator calls it degraded, which this recipegen does not know",
    ),
}


@pytest.mark.parametrize("case", GRAPHS)
def test_l01_a_graph_is_in_one_of_five_states_with_its_reason(case: str) -> None:
    patch, word, reason = GRAPHS[case]
    found = status_of({GRAPH: patch})

    assert (found.state.word, found.state.reason) == (word, reason)


def test_l01_a_reason_has_at_most_500_characters_and_no_secret() -> None:
    token = "hf_canaryCANARYcanaryCANARY"
    message = f"token {token} " + "x" * 5000 + "\x1b[2J"
    patch = {"status": {"state": "failed", "conditions": [{**WAITING, "message": message}]}}
    reason = status_of({GRAPH: patch}).state.reason

    assert len(reason) == LONGEST_REASON == 500
    assert "canary" not in reason
    assert "\x1b" not in reason


def test_l01_a_cluster_without_the_kind_says_so() -> None:
    def get(path: str, accept: str) -> tuple[int, bytes]:
        good = apiserver.reader(apiserver.healthy())
        return (404, b"404 page not found") if "dynamographdeployments" in path else good(path, accept)

    found = states.ask(PLAN, get)

    assert found.state.word == "PENDING"
    assert "does not know the kind DynamoGraphDeployment" in found.state.reason
    assert found.unseen == {}


def test_b17_components_have_ready_and_wanted_replicas() -> None:
    by_pods = status_of()
    counted = {"worker": {"replicas": 5, "readyReplicas": 3}, "frontend": {"replicas": 1}}
    by_operator = status_of({GRAPH: {"status": {"components": counted}}})
    graph = apiserver.healthy()[GRAPH]
    graph["status"]["components"] = counted
    del graph["spec"]["components"][1]["replicas"]

    assert by_pods.components == (Component("frontend", 1, 1), Component("worker", 2, 2))
    assert by_operator.components == (Component("frontend", 1, 1), Component("worker", 3, 2))
    assert components(graph, [])[1] == Component("worker", 3, 5), "a scaling adapter has the replicas"


def test_l04_each_kind_is_listed_once_and_nothing_is_written() -> None:
    asked: list[str] = []
    good = apiserver.reader(apiserver.healthy())

    def get(path: str, accept: str) -> tuple[int, bytes]:
        asked.append(path)
        return good(path, accept)

    states.ask(PLAN, get)
    lists = [path.partition("?")[0].rpartition("/")[2] for path in asked if "/log?" not in path]

    assert lists == ["dynamographdeployments", "pods", "jobs"]
    assert len(asked) - len(lists) <= 1, "and one log"


def test_l04_a_long_list_comes_in_pages() -> None:
    healthy = apiserver.healthy()
    pods = [
        {**pod, "metadata": {"name": key.removeprefix("Pod/"), **pod["metadata"]}}
        for key, pod in healthy.items()
        if "Pod/" in key
    ]

    def get(path: str, accept: str) -> tuple[int, bytes]:
        if "/pods?" not in path:
            return apiserver.reader(healthy)(path, accept)
        more = {} if "continue=next" in path else {"continue": "next"}
        return 200, json.dumps({"metadata": more, "items": pods[1:] if not more else pods[:1]}).encode()

    assert states.ask(PLAN, get).components == (Component("frontend", 1, 1), Component("worker", 2, 2))


# ---- the weights --------------------------------------------------------------------------------

RUNNING = {
    "phase": "Running",
    "containerStatuses": [{"name": "download", "state": {"running": {"startedAt": "2026-11-21T10:00:00Z"}}}],
}
UNPLACED = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "no node has a GPU",
}


def ended(code: int, **rest: Any) -> dict[str, Any]:
    return {
        "phase": "Failed",
        "containerStatuses": [{"name": "download", "state": {"terminated": {"exitCode": code, **rest}}}],
    }


def failed_with(reason: str, message: str = "") -> dict[str, Any]:
    condition = {"type": "Failed", "status": "True", "reason": reason, "message": message}
    return {"conditions": [condition], "succeeded": None, "failed": 5}


ACTIVE = {"conditions": None, "succeeded": None, "active": 1}
LOG = "Log/llama-download-0a1b2c3d-x7k2p/download"
SPEC = {"spec": {"backoffLimit": 4, "activeDeadlineSeconds": 43200}}
LOADS: dict[str, tuple[Any, str, str]] = {
    "no Job": (
        {JOB: None, POD: None, GRAPH: None},
        "REQUESTED",
        "its Job is not in the cluster: not applied yet, or deleted since",
    ),
    "no pod": (
        {JOB: {"status": {**ACTIVE, "active": None}}, POD: None},
        "REQUESTED",
        "its Job has no pod now",
    ),
    "suspended": (
        {JOB: {"spec": {"suspend": True}, "status": ACTIVE}, POD: None},
        "REQUESTED",
        "its Job is suspended",
    ),
    "being deleted": (
        {JOB: {"metadata": {"deletionTimestamp": "2026-11-21T10:00:00Z"}, "status": ACTIVE}},
        "REQUESTED",
        "its Job is being deleted",
    ),
    "no node": (
        {
            JOB: {"status": ACTIVE},
            POD: {"status": {"phase": "Pending", "conditions": [UNPLACED], "containerStatuses": None}},
        },
        "REQUESTED",
        "its pod has no node: no node has a GPU",
    ),
    "starting": (
        {JOB: {"status": ACTIVE}, POD: {"status": {"phase": "Pending", "containerStatuses": None}}},
        "REQUESTED",
        "its pod starts",
    ),
    "no image": (
        {
            JOB: {"status": ACTIVE},
            POD: {
                "status": {
                    "phase": "Pending",
                    "containerStatuses": [
                        {
                            "name": "download",
                            "state": {"waiting": {"reason": "ErrImagePull", "message": "denied"}},
                        }
                    ],
                }
            },
        },
        "REQUESTED",
        "download does not start, ErrImagePull: denied",
    ),
    "loading": ({JOB: {"status": ACTIVE}, POD: {"status": RUNNING}}, "LOADING", ""),
    "loading with progress": (
        {
            JOB: {"status": ACTIVE},
            POD: {"status": RUNNING},
            LOG: "starting\ndownloaded files: 3, uploaded files: 1\nsome other line\n",
        },
        "LOADING",
        "downloaded files: 3, uploaded files: 1",
    ),
    "loading with a bar": (
        {JOB: {"status": ACTIVE}, POD: {"status": RUNNING}, LOG: "Fetching: 10%\rFetching: 20%\r"},
        "LOADING",
        "Fetching: 20%",
    ),
    "again": (
        {JOB: {**SPEC, "status": {**ACTIVE, "failed": 1}}, POD: {"status": RUNNING}},
        "LOADING",
        "try 2 of 5",
    ),
    "between two tries": (
        {
            JOB: {**SPEC, "status": {**ACTIVE, "active": None, "failed": 2}},
            POD: {"status": ended(1, reason="Error")},
            LOG: "requests.exceptions.ConnectionError: no route to the store",
        },
        "LOADING",
        "try 3 of 5; the last try failed: download ended with exit code 1; it said: "
        "requests.exceptions.ConnectionError: no route to the store",
    ),
    "again after a failure that is still to be seen": (
        {
            JOB: {**SPEC, "status": {**ACTIVE, "failed": 1}},
            POD: {"status": ended(1, reason="Error")},
            f"{POD}-again": {
                "metadata": {
                    "namespace": "chat",
                    "creationTimestamp": "2026-11-21T10:00:00Z",
                    "labels": {"app.kubernetes.io/instance": "llama"},
                    "ownerReferences": [{"kind": "Job", "name": "llama-download-0a1b2c3d"}],
                },
                "spec": {"nodeName": "gpu-0"},
                "status": {"phase": "Pending"},
            },
        },
        "LOADING",
        "try 2 of 5; its pod starts; the last try failed: download ended with exit code 1",
    ),
    "done": ({}, "SUCCEEDED", ""),
    "done, as it said": (
        {LOG: "downloaded files: 9, uploaded files: 9"},
        "SUCCEEDED",
        "downloaded files: 9, uploaded files: 9",
    ),
    "too many tries": (
        {
            JOB: {**SPEC, "status": failed_with("BackoffLimitExceeded", "Job has reached the limit")},
            POD: {"status": ended(137, reason="OOMKilled")},
        },
        "FAILED",
        "BackoffLimitExceeded: download ended with exit code 137, OOMKilled",
    ),
    "too many tries, pods gone": (
        {
            JOB: {**SPEC, "status": failed_with("BackoffLimitExceeded", "Job has reached the limit")},
            POD: None,
        },
        "FAILED",
        "BackoffLimitExceeded: Job has reached the limit",
    ),
    "too long": (
        {
            JOB: {**SPEC, "status": failed_with("DeadlineExceeded", "Job was active longer than specified")},
            POD: None,
        },
        "FAILED",
        "DeadlineExceeded: it took longer than 43200 s",
    ),
}


def check_load(case: str) -> None:
    patch, word, reason = LOADS[case]
    (found,) = status_of(patch).loads

    assert (found.state.word, found.state.reason) == (word, reason)


@pytest.mark.parametrize("case", [case for case, (_, word, _) in LOADS.items() if word == "REQUESTED"])
def test_m05_a_load_is_requested_until_its_pod_runs(case: str) -> None:
    check_load(case)


@pytest.mark.parametrize("case", [case for case, (_, word, _) in LOADS.items() if word == "LOADING"])
def test_m06_a_load_that_runs_tells_its_progress(case: str) -> None:
    check_load(case)


@pytest.mark.parametrize(
    "case", [case for case, (_, word, _) in LOADS.items() if word in ("SUCCEEDED", "FAILED")]
)
def test_m08_a_load_ends_well_or_with_the_reason_why_not(case: str) -> None:
    check_load(case)


UNLOADED = {
    "a claim of one's own": (
        ["model.cache={enabled: true, claim: {name: w}}"],
        "the volume of claim w is mounted",
    ),
    "the mocker": (["model.mocker=true"], "the mocker has no weights"),
    "no volume": ([], "not performed by a Job: each worker loads for itself when it starts"),
    "Model Express": (["model.modelExpressUrl=http://x:8001"], "each worker loads through Model Express"),
}


@pytest.mark.parametrize("case", UNLOADED)
def test_m05_what_nothing_loads_is_unspecified_and_not_waited_for(case: str) -> None:
    from recipegen.document import from_set

    patches, reason = UNLOADED[case]
    plan = pipeline.plan("qwen-0.6b", None, [from_set(each) for each in patches])
    found = states.ask(plan, apiserver.reader({}))

    assert [each.state.word for each in found.loads] == ["UNSPECIFIED"]
    assert reason in found.loads[0].state.reason


def test_m05_a_job_that_is_gone_is_not_waited_for_once_the_graph_serves() -> None:
    found = status_of({JOB: None, POD: None})

    assert found.loads[0].state.word == "UNSPECIFIED"
    assert found.ready


def test_m07_a_load_says_what_comes_from_where_to_where() -> None:
    """What a server would keep of a base model is in the Job itself: source, folder and volume."""
    from recipegen import helm

    bundle = pipeline.bundle(RECIPE)
    (release,) = [each for each in bundle.releases if each.labels["component"] == "model"]
    (job,) = [each for each in helm.objects(release) if each["kind"] == "Job"]
    found = load("download", [job], [], lambda _pod, _container: "")

    assert found.job == job["metadata"]["name"]
    assert found.source.startswith("hf download meta-llama/Llama-3.1-8B-Instruct --local-dir /opt/models/")
    assert found.source.endswith("--revision 0e9e39f249a16976918f6564b8830bc894c89659")
    assert found.folder == found.source.split()[4]
    assert found.claim == "llama-model-cache"
    assert found.steps is None


def test_m06_equal_loads_have_one_name_and_another_revision_has_another() -> None:
    """The API server has no second object of a name: `tests/lab/test_status.py` tries it."""
    from recipegen import helm

    def job(*patches: dict[str, Any]) -> str:
        releases = pipeline.bundle(RECIPE, patches=patches).releases
        (release,) = [each for each in releases if each.labels["component"] == "model"]
        return next(name(each) for each in helm.objects(release) if each["kind"] == "Job")

    assert job() == job({"model": {"worker": {"replicas": 3}}})
    assert job() != job({"model": {"revision": "0" * 40}})


def test_the_newest_of_several_jobs_counts() -> None:
    old = {
        **apiserver.healthy()[JOB],
        "metadata": {"name": "old", "creationTimestamp": "2026-11-20T00:00:00Z"},
    }
    new = {"metadata": {"name": "new", "creationTimestamp": "2026-11-21T00:00:00Z"}}

    assert load("download", [new, old], [], lambda *_: "").job == "new"


# ---- a Job of several steps ---------------------------------------------------------------------

STEPS = ("download", "scan", "convert", "upload")


def ingestion(*words: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A Job with steps and its pod, each step running, done, failed or waiting."""
    kinds = {
        "running": {"running": {}},
        "done": {"terminated": {"exitCode": 0}},
        "failed": {"terminated": {"exitCode": 1}},
        "waiting": {"waiting": {"reason": "PodInitializing"}},
    }
    found = [{"name": step, "state": kinds[word]} for step, word in zip(STEPS, words, strict=True)]
    spec = {"initContainers": [{"name": step} for step in STEPS[:3]], "containers": [{"name": STEPS[3]}]}
    job = {"metadata": {"name": "j"}, "spec": {"template": {"spec": spec}}, "status": {"active": 1}}
    owner = [{"kind": "Job", "name": "j"}]
    pod = {
        "metadata": {"name": "p", "ownerReferences": owner},
        "spec": {"nodeName": "n"},
        "status": {"initContainerStatuses": found[:3], "containerStatuses": found[3:]},
    }
    return job, pod


@pytest.mark.parametrize(
    ("words", "word", "reason"),
    [
        (("waiting",) * 4, "REQUESTED", "its pod starts"),
        (("running", *("waiting",) * 3), "LOADING", "step download; downloaded files: 2"),
        (("done", "done", "running", "waiting"), "LOADING", "step convert; downloaded files: 2"),
        (("done", "waiting", "waiting", "waiting"), "LOADING", "its pod starts"),
    ],
)
def test_m06_a_job_of_several_steps_says_which_one_runs(
    words: tuple[str, ...], word: str, reason: str
) -> None:
    job, pod = ingestion(*words)
    found = load("ingestion", [job], [pod], lambda _pod, _container: "downloaded files: 2\n")

    assert (found.state.word, found.state.reason) == (word, reason)
    assert found.steps == dict(zip(STEPS, words, strict=True))


def test_m08_a_step_that_fails_is_named() -> None:
    job, pod = ingestion("done", "failed", "waiting", "waiting")
    job["status"] = failed_with("BackoffLimitExceeded")
    found = load("ingestion", [job], [pod], lambda _pod, _container: "Infected files: 1")

    assert found.state.word == "FAILED"
    assert (
        found.state.reason == "BackoffLimitExceeded: scan ended with exit code 1; it said: Infected files: 1"
    )


def test_m05_an_ingestion_that_is_on_is_requested_beside_the_download() -> None:
    target = {"bucket": "models", "secret": "store"}
    plan = pipeline.plan(RECIPE, patches=[{"ingestion": {"enabled": True, "target": target}}])
    found = status_of(plan=plan)

    assert [(each.name, each.state.word) for each in found.loads] == [
        ("ingestion", "REQUESTED"),
        ("download", "SUCCEEDED"),
    ]
    assert not found.ready


# ---- batches ------------------------------------------------------------------------------------


def batch(name: str, day: int, **status: Any) -> dict[str, Any]:
    labels = {"app.kubernetes.io/instance": "llama", "app.kubernetes.io/name": "batch"}
    created = f"2026-11-{day:02}T00:00:00Z"
    return {
        "metadata": {"namespace": "chat", "name": name, "labels": labels, "creationTimestamp": created},
        "spec": {"completions": 2, "template": {"spec": {"containers": [{"name": "batch"}]}}},
        "status": status,
    }


def test_runs_of_a_batch_are_listed_with_the_words_of_llm_engine() -> None:
    runs = {f"Job/run-{day}": batch(f"run-{day}", day, succeeded=1) for day in range(1, 13)}
    complete = [{"type": "Complete", "status": "True"}]
    found = status_of({**runs, "Job/last": batch("last", 20, succeeded=2, conditions=complete)})

    assert [each.job for each in found.batches] == ["last", *(f"run-{day}" for day in range(12, 3, -1))]
    assert found.batches[0].state.word == "completed"
    assert {each.state.word for each in found.batches[1:]} == {"running"}
    assert found.ready, "a batch is no part of the endpoint"


# ---- what cannot be seen ------------------------------------------------------------------------


def test_what_may_not_be_looked_at_is_unknown_and_never_taken_for_fine() -> None:
    without_jobs = status_of(None, "jobs")
    without_graph = status_of(None, "dynamographdeployments")

    assert without_jobs.loads[0].state.word == UNKNOWN
    assert without_jobs.state.word == "READY"
    assert not without_jobs.ready
    assert without_graph.state.word == UNKNOWN
    assert "not allowed to look" in without_graph.unseen["graphs"]


def test_a_log_that_may_not_be_read_is_said() -> None:
    found = status_of({JOB: {"status": ACTIVE}, POD: {"status": RUNNING}}, "log")

    assert found.loads[0].state.word == "LOADING"
    assert found.unseen == {"logs": "not allowed to look"}


def test_who_may_look_at_nothing_is_refused() -> None:
    with pytest.raises(
        ClusterError, match="neither graph nor Jobs of namespace chat can be looked at"
    ) as raised:
        status_of(None, "dynamographdeployments", "jobs", "pods")

    assert raised.value.exit_code == 5


@pytest.mark.parametrize("answer", [(401, b""), None])
def test_a_cluster_that_does_not_answer_is_refused(answer: tuple[int, bytes] | None) -> None:
    def get(_path: str, _accept: str) -> tuple[int, bytes]:
        if answer is None:
            raise NoAnswerError("https://127.0.0.1:1 does not answer")
        return answer

    with pytest.raises(ClusterError, match=r"does not answer|401") as raised:
        states.ask(PLAN, get)

    assert raised.value.exit_code == 5


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "metadata",
                    "spec",
                    "status",
                    "state",
                    "conditions",
                    "type",
                    "name",
                    "components",
                    "template",
                ]
            ),
            inner,
        )
    ),
    max_leaves=12,
)
OBJECT = st.fixed_dictionaries({}, optional={"metadata": PLAIN, "spec": PLAIN, "status": PLAIN})


@given(OBJECT, OBJECT)
def test_no_object_of_whatever_shape_is_an_exception(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert graph_state(first).word
    components(first, [second])
    assert load("download", [first], [second], lambda _pod, _container: "x").state.word


# ---- the verb and the library -------------------------------------------------------------------


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[Get], None]:
    """Lets the verb ask an API server."""
    return lambda get: monkeypatch.setattr(
        "recipegen.cluster.client.reader", lambda context=None: get if context in (None, "lab") else None
    )


def test_the_verb_prints_a_table_and_ends_with_0_whatever_the_state(
    at: Callable[[Get], None], capsys: pytest.CaptureFixture[str]
) -> None:
    patch = {
        GRAPH: {"status": {"state": "pending", "conditions": [WAITING]}},
        JOB: {"status": ACTIVE},
        POD: {"status": RUNNING},
    }
    at(apiserver.reader(apiserver.patched(apiserver.healthy(), patch)))
    code = main(["status", RECIPE, "--context", "lab"])
    out, err = capsys.readouterr()

    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "llama, variant default: graph llama in namespace chat",
        "",
        "WHAT        STATE        WHY",
        "graph       IN_PROGRESS  pods_not_ready: worker",
        "  frontend  1/1          replicas ready",
        "  worker    2/2          replicas ready",
        "download    LOADING      -",
        "                         Job llama-download-0a1b2c3d",
    ]


def test_programs_get_the_same(at: Callable[[Get], None], capsys: pytest.CaptureFixture[str]) -> None:
    at(apiserver.reader(apiserver.healthy()))
    code = main(["status", RECIPE, "--format", "json"])
    found = json.loads(capsys.readouterr().out)

    assert code == 0
    assert found["state"] == {"word": "READY", "reason": ""}
    assert found["components"][1] == {"name": "worker", "ready": 2, "wanted": 2}
    assert (found["loads"][0]["state"]["word"], found["ready"]) == ("SUCCEEDED", True)


def test_b21_waiting_ends_with_0_once_all_is_ready(
    at: Callable[[Get], None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(states, "POLL_SECONDS", 0.01)
    objects = apiserver.patched(apiserver.healthy(), {JOB: {"status": ACTIVE}, POD: {"status": RUNNING}})
    asked = []

    def get(path: str, accept: str) -> tuple[int, bytes]:
        asked.append(path)
        return apiserver.reader(objects if len(asked) < 10 else apiserver.healthy())(path, accept)

    at(get)
    code = main(["status", RECIPE, "--wait", "60"])
    out, err = capsys.readouterr()

    assert code == 0
    assert err == "graph READY, download LOADING\ngraph READY, download SUCCEEDED\n"
    assert "SUCCEEDED" in out


@pytest.mark.parametrize(
    "patch",
    [
        {JOB: {"status": ACTIVE}, POD: {"status": RUNNING}},
        {JOB: {"status": failed_with("BackoffLimitExceeded")}},
    ],
)
def test_b21_waiting_ends_with_3_when_time_is_up_or_a_load_failed(
    patch: Any, at: Callable[[Get], None], capsys: pytest.CaptureFixture[str]
) -> None:
    at(apiserver.reader(apiserver.patched(apiserver.healthy(), patch)))
    code = main(["status", RECIPE, "--wait", "0.1"])

    assert code == 3
    assert "graph" in capsys.readouterr().out


def test_the_library_says_the_same(at: Callable[[Get], None]) -> None:
    at(apiserver.reader(apiserver.healthy()))
    found = recipegen.status(RECIPE)

    assert isinstance(found, recipegen.Status)
    assert found.ready


def test_without_a_kubeconfig_it_ends_with_4(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    code = main(["status", RECIPE])

    assert (code, capsys.readouterr().out) == (4, "")
