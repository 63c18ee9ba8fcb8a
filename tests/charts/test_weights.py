"""Where weights come from: the volume, the download into it, and how workers wait for it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Timer
from typing import Any

import helm_python
import pytest

from recipegen import facts

Render = Callable[..., list[dict[str, Any]]]
Make = Callable[..., dict[str, Any]]
Run = Callable[..., "subprocess.CompletedProcess[str]"]

FILES = Path(__file__).parents[2] / "charts" / "stack" / "charts" / "model" / "files"
ON = {"enabled": True}
S3 = {"uri": "s3://models/qwen", "secret": "s3-credentials"}
CLAIM = {"name": "weights", "path": "qwen/0.6b"}
# Where each cache comes from.
SOURCES: dict[str, dict[str, Any]] = {"hub": ON, "s3": {**ON, "s3": S3}, "claim": {**ON, "claim": CLAIM}}


@pytest.fixture
def one(render: Render) -> Make:
    """The only object of a kind that a model block makes."""

    def found(kind: str, **model: Any) -> dict[str, Any]:
        objects = render({"model": {"name": "Qwen/Qwen3-0.6B", **model}}, namespace="llm")
        (match,) = [o for o in objects if o["kind"] == kind]
        return match

    return found


@pytest.fixture
def pod(component: Make) -> Make:
    """The pod of one component."""

    def spec(role: str, **model: Any) -> dict[str, Any]:
        found: dict[str, Any] = component(role, **model)["podTemplate"]["spec"]
        return found

    return spec


@pytest.fixture
def download(one: Make) -> Make:
    """The container of the download."""

    def container(**model: Any) -> dict[str, Any]:
        found: dict[str, Any]
        (found,) = one("Job", **model)["spec"]["template"]["spec"]["containers"]
        return found

    return container


def variables(container: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container["env"]}


def model_of(container: dict[str, Any], option: str = "--model") -> str:
    args: list[str] = container["args"]
    return args[args.index(option) + 1]


def waiting(pod: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = pod["initContainers"]
    return found


# ---- the volume ---------------------------------------------------------------------------------


def test_without_cache_there_is_only_the_graph(render: Render) -> None:
    objects = render({"model": {"name": "M"}})

    assert [o["kind"] for o in objects] == ["DynamoGraphDeployment"]


def test_volume_for_the_weights_outlives_the_release(one: Make) -> None:
    made = one("PersistentVolumeClaim", cache=ON)

    assert made["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_volume_is_as_stated(one: Make) -> None:
    cache = {**ON, "size": "20Gi", "storageClass": "nfs", "accessMode": "ReadWriteOnce"}

    assert one("PersistentVolumeClaim", cache=cache)["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "nfs",
        "resources": {"requests": {"storage": "20Gi"}},
    }


def test_storage_class_is_the_clusters_default_when_none_is_stated(one: Make) -> None:
    assert "storageClassName" not in one("PersistentVolumeClaim", cache=ON)["spec"]


@pytest.mark.parametrize("role", ["frontend", "worker"])
def test_frontend_and_workers_mount_the_volume(role: str, pod: Make) -> None:
    made = pod(role, cache={**ON, "mountPath": "/weights"})
    (main,) = made["containers"]

    volume = {"name": "model-cache", "persistentVolumeClaim": {"claimName": "qwen-model-cache"}}
    assert made["volumes"][0] == volume
    assert main["volumeMounts"] == [{"name": "model-cache", "mountPath": "/weights"}]
    assert main["env"] == [{"name": "HF_HOME", "value": "/weights"}]


def test_users_variable_replaces_ours(container: Make) -> None:
    main = container("worker", cache=ON, worker={"env": {"HF_HOME": "/elsewhere"}})

    assert main["env"] == [{"name": "HF_HOME", "value": "/elsewhere"}]


def test_a_volume_of_the_users_is_mounted_and_nothing_is_made_or_downloaded(
    render: Render, pod: Make
) -> None:
    made = pod("worker", cache=SOURCES["claim"])
    objects = render({"model": {"name": "M", "cache": SOURCES["claim"]}})

    claim = {"claimName": "weights", "readOnly": True}
    assert {o["kind"] for o in objects} == {"DynamoGraphDeployment", "ConfigMap"}
    assert made["volumes"][0] == {"name": "model-cache", "persistentVolumeClaim": claim}
    assert made["containers"][0]["volumeMounts"] == [
        {"name": "model-cache", "mountPath": "/opt/models", "readOnly": True}
    ]


def test_a_volume_of_the_users_is_written_to_only_when_that_is_said(pod: Make) -> None:
    made = pod("worker", cache={**ON, "claim": {**CLAIM, "readOnly": False}})

    assert made["volumes"][0]["persistentVolumeClaim"] == {"claimName": "weights"}
    assert made["containers"][0]["volumeMounts"] == [{"name": "model-cache", "mountPath": "/opt/models"}]


def test_nothing_is_told_to_write_to_a_volume_of_the_users(pod: Make) -> None:
    assert "env" not in pod("worker", cache=SOURCES["claim"])["containers"][0]


def test_two_sources_are_refused(render: Render) -> None:
    cache = {**ON, "s3": S3, "claim": CLAIM}

    with pytest.raises(helm_python.HelmError, match=r"cache\.claim has no effect beside cache\.s3"):
        render({"model": {"name": "M", "cache": cache}})


# ---- what engines load --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("backend", "option"), [("vllm", "--model"), ("sglang", "--model-path"), ("trtllm", "--model")]
)
@pytest.mark.parametrize("source", SOURCES)
def test_an_engine_loads_the_folder_and_serves_the_models_name(
    source: str, backend: str, option: str, container: Make
) -> None:
    main = container("worker", backend={"type": backend}, revision="abc", cache=SOURCES[source])

    assert model_of(main, option).startswith("/opt/models/")
    assert model_of(main, "--served-model-name") == "Qwen/Qwen3-0.6B"
    assert "--revision" not in main["args"]


def test_a_folder_on_a_claim_is_the_one_that_is_named(container: Make) -> None:
    top = {**ON, "claim": {"name": "weights"}, "mountPath": "/w"}

    assert model_of(container("worker", cache=SOURCES["claim"])) == "/opt/models/qwen/0.6b"
    assert model_of(container("worker", cache=top)) == "/w"


def test_engine_loads_what_the_job_downloads(container: Make, download: Make) -> None:
    for cache in (SOURCES["hub"], SOURCES["s3"]):
        job = download(cache=cache, revision="abc")

        assert model_of(container("worker", cache=cache, revision="abc")) == variables(job)["FOLDER"]
        assert variables(job)["FOLDER"] in job["command"]


@pytest.mark.parametrize(
    "other",
    [
        {"revision": "b"},
        {"name": "Qwen/Qwen3-1.7B"},
        {"cache": SOURCES["s3"]},
        {"cache": {**ON, "s3": {**S3, "uri": "s3://models/other"}}},
        {"cache": {**ON, "s3": {**S3, "endpoint": "https://minio"}}},
    ],
    ids=str,
)
def test_other_weights_are_another_folder_and_waited_for_anew(other: dict[str, Any], pod: Make) -> None:
    old = pod("worker", cache=ON, revision="a")
    new = pod("worker", **{"cache": ON, "revision": "a", **other})

    assert model_of(old["containers"][0]) != model_of(new["containers"][0])
    assert variables(waiting(old))["WEIGHTS"] != variables(waiting(new))["WEIGHTS"]


@pytest.mark.parametrize("other", [{"size": "1Ti"}, {"storageClass": "nfs"}], ids=str)
def test_the_same_weights_stay_in_their_folder(other: dict[str, Any], container: Make) -> None:
    assert model_of(container("worker", cache=ON)) == model_of(container("worker", cache={**ON, **other}))


def test_the_mocker_has_no_weights(pod: Make) -> None:
    mocked = pod("worker", mocker=True, cache=ON)

    assert model_of(mocked["containers"][0], "--model-path") == "Qwen/Qwen3-0.6B"
    assert not {"initContainers", "volumes", "affinity"} & mocked.keys()


# ---- waiting ------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["prefill", "decode"])
def test_workers_wait_for_the_marker_that_the_job_writes(role: str, pod: Make, download: Make) -> None:
    made = pod(role, disaggregation=True, cache=ON)

    assert variables(waiting(made))["WEIGHTS"] == variables(download(cache=ON))["MARKER"]
    assert waiting(made)["image"] == made["containers"][0]["image"]
    assert waiting(made)["name"] not in ("main", "runtime")


@pytest.mark.parametrize("role", ["frontend", "epp"])
def test_whoever_reads_the_files_when_a_worker_has_come_does_not_wait(role: str, pod: Make) -> None:
    made = pod(role, cache=ON, routingPolicy="kv", endpointPicker={"enabled": True})

    assert "initContainers" not in made
    assert made["containers"][0]["volumeMounts"] == [{"name": "model-cache", "mountPath": "/opt/models"}]


def test_a_frontend_in_a_workers_pod_reads_the_same_files(pod: Make) -> None:
    model = {"routingPolicy": "kv", "endpointPicker": {"enabled": True}, "cache": SOURCES["claim"]}
    main, sidecar = pod("worker", **model)["containers"]

    assert sidecar["volumeMounts"] == main["volumeMounts"]


def test_workers_wait_as_long_as_the_job_may_take(one: Make, pod: Make) -> None:
    cache = {**ON, "deadlineSeconds": 604_800}

    assert one("Job", cache=cache)["spec"]["activeDeadlineSeconds"] == 604_800
    assert variables(waiting(pod("worker", cache=cache)))["WAIT_SECONDS"] == "604800"


def test_who_waits_is_told_what_to_look_at(pod: Make) -> None:
    hint = variables(waiting(pod("worker", cache=ON)))["HINT"]

    labels = "app.kubernetes.io/instance=qwen,app.kubernetes.io/component=download"
    assert f"kubectl -n default logs -l {labels}" in hint


def test_an_empty_claim_is_no_use_waiting_for(pod: Make) -> None:
    found = variables(waiting(pod("worker", cache=SOURCES["claim"])))

    assert (found["WEIGHTS"], found["WAIT_SECONDS"]) == ("/opt/models/qwen/0.6b", "0")
    assert "PersistentVolumeClaim weights" in found["HINT"]


def test_another_way_to_the_same_weights_leaves_the_workers_alone(component: Make) -> None:
    old, new = (
        component("worker", cache={**ON, "s3": {**S3, **more}})
        for more in ({}, {"secret": "other", "image": "mirror.example.com/aws-cli:2.27.50"})
    )

    assert old == new


def test_who_waits_has_no_privileges(pod: Make) -> None:
    context = waiting(pod("worker", cache=ON))["securityContext"]

    assert context["readOnlyRootFilesystem"]
    assert context["capabilities"] == {"drop": ["ALL"]}


# ---- one node -----------------------------------------------------------------------------------


def test_a_volume_of_one_node_draws_every_pod_to_a_worker(one: Make, pod: Make) -> None:
    cache = {**ON, "accessMode": "ReadWriteOnce"}
    job = one("Job", cache=cache)["spec"]["template"]["spec"]
    pods = [pod("frontend", cache=cache), pod("worker", cache=cache), job]
    (term,) = job["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]

    assert all(each["affinity"] == job["affinity"] for each in pods)
    assert term["topologyKey"] == "kubernetes.io/hostname"


def test_every_pod_tolerates_the_taints_of_the_workers_node(one: Make, pod: Make) -> None:
    tolerations = [{"key": "nvidia.com/gpu", "operator": "Exists"}]
    model = {"cache": {**ON, "accessMode": "ReadWriteOnce"}, "tolerations": tolerations}
    job = one("Job", **model)["spec"]["template"]["spec"]

    assert all(
        each["tolerations"] == tolerations for each in (pod("frontend", **model), pod("worker", **model), job)
    )


def test_of_those_pods_the_workers_alone_match(component: Make, one: Make) -> None:
    """A pod that matches its own term may be the first, and only a worker has to choose a node with GPUs."""
    cache = {**ON, "accessMode": "ReadWriteOnce"}
    job = one("Job", cache=cache)["spec"]["template"]
    (term,) = job["spec"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    selector = term["labelSelector"]
    (among,) = selector["matchExpressions"]

    def matches(labels: dict[str, str]) -> bool:
        return selector["matchLabels"].items() <= labels.items() and labels[among["key"]] in among["values"]

    assert matches(component("worker", cache=cache)["podTemplate"]["metadata"]["labels"])
    assert not matches(component("frontend", cache=cache)["podTemplate"]["metadata"]["labels"])
    assert not matches(job["metadata"]["labels"])


@pytest.mark.parametrize("source", SOURCES)
def test_a_volume_of_many_nodes_draws_nobody(source: str, pod: Make) -> None:
    assert "affinity" not in pod("worker", cache=SOURCES[source])


# ---- the download -------------------------------------------------------------------------------


def test_download_from_the_hub_takes_the_stated_revision_with_the_workers_image(download: Make) -> None:
    main = download(cache=ON, revision="abc", backend={"image": "mine:1.6.1"})
    folder = variables(main)["FOLDER"]

    assert main["image"] == "mine:1.6.1"
    assert main["command"][2:] == [
        *("hf", "download", "Qwen/Qwen3-0.6B", "--local-dir", folder, "--revision", "abc")
    ]


def test_download_from_the_hub_has_the_token_secret(download: Make) -> None:
    assert download(cache=ON, huggingFaceTokenSecret="hf")["envFrom"] == [{"secretRef": {"name": "hf"}}]


def test_download_from_s3_has_the_stores_secret_alone(download: Make) -> None:
    main = download(cache=SOURCES["s3"], huggingFaceTokenSecret="hf")
    folder = variables(main)["FOLDER"]

    assert main["image"] == facts.images()["aws"]
    assert main["command"][2:] == ["aws", "s3", "sync", "s3://models/qwen", folder, "--no-progress"]
    assert main["envFrom"] == [{"secretRef": {"name": "s3-credentials"}}]


def test_another_store_and_a_mirrored_image_are_taken(download: Make) -> None:
    s3 = {**S3, "endpoint": "https://minio:9000", "image": "mirror.example.com/aws-cli:2.27.50"}
    main = download(cache={**ON, "s3": s3})

    assert main["command"][-2:] == ["--endpoint-url", "https://minio:9000"]
    assert main["image"] == "mirror.example.com/aws-cli:2.27.50"


def test_download_goes_where_the_workers_go(one: Make) -> None:
    place = {"nodeSelector": {"gpu": "h100"}, "tolerations": [{"key": "gpu", "operator": "Exists"}]}
    pod = one("Job", cache=ON, **place)["spec"]["template"]["spec"]

    assert {key: pod[key] for key in place} == place


def test_download_ends(one: Make) -> None:
    spec = one("Job", cache=ON)["spec"]

    assert spec["backoffLimit"] > 0
    assert spec["activeDeadlineSeconds"] > 0


def test_other_download_is_another_job(one: Make) -> None:
    old, new = (one("Job", cache=ON, revision=r)["metadata"]["name"] for r in ("a", "b"))

    assert old != new


def test_same_download_is_the_same_job(one: Make) -> None:
    old, new = (one("Job", cache=ON, worker={"replicas": n})["metadata"]["name"] for n in (1, 2))

    assert old == new


# ---- the scripts, run for real ------------------------------------------------------------------


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with the program `fetch`, which downloads files one by one, and fails once if told to."""
    folder = tmp_path / "bin"
    folder.mkdir()
    fetch = folder / "fetch"
    fetch.write_text(
        f"""#!{sys.executable}
import pathlib, sys
folder, fails, files = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]
for file in files:
    if (folder / file).exists():
        print("has", file)
        continue
    (folder / file).write_text("x")
    print("fetched", file)
    if fails.exists():
        fails.unlink()
        sys.exit("connection lost")
"""
    )
    fetch.chmod(0o755)
    return folder


@pytest.fixture
def fetched(tmp_path: Path, tools: Path) -> Run:
    """Runs the script of the download with that program."""

    def run(*files: str) -> subprocess.CompletedProcess[str]:
        folder = tmp_path / "volume" / "Qwen3-0.6B-abc"
        env = {
            "PATH": f"{tools}:/usr/bin:/bin",
            "FOLDER": str(folder),
            "MARKER": f"{folder}.complete",
        }
        command = ["sh", str(FILES / "download.sh"), "fetch", str(folder), str(tmp_path / "fails"), *files]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    return run


def marker(tmp_path: Path) -> Path:
    return tmp_path / "volume" / "Qwen3-0.6B-abc.complete"


def test_a_download_leaves_the_marker_behind_the_files(fetched: Run, tmp_path: Path) -> None:
    done = fetched("config.json", "model.safetensors")

    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in marker(tmp_path).parent.iterdir()) == [
        "Qwen3-0.6B-abc",
        "Qwen3-0.6B-abc.complete",
    ]


def test_a_download_that_broke_leaves_no_marker_and_is_taken_up_again(fetched: Run, tmp_path: Path) -> None:
    (tmp_path / "fails").touch()
    broken = fetched("config.json", "model.safetensors")
    left = marker(tmp_path).exists()
    again = fetched("config.json", "model.safetensors")

    assert broken.returncode != 0
    assert not left
    assert again.stdout.splitlines()[:2] == ["has config.json", "fetched model.safetensors"]
    assert marker(tmp_path).is_file()


def test_a_download_that_is_told_to_stop_ends_at_once_and_takes_its_program_along(tmp_path: Path) -> None:
    folder = tmp_path / "volume" / "Qwen3-0.6B-abc"
    env = {"PATH": "/usr/bin:/bin", "FOLDER": str(folder), "MARKER": f"{folder}.complete"}
    script = ["sh", str(FILES / "download.sh"), "sh", "-c", "echo $$; exec sleep 60"]
    with subprocess.Popen(script, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        program = int(process.stdout.readline())
        process.terminate()

        assert process.wait(timeout=5) == 143
    assert not Path(f"/proc/{program}").exists()
    assert not marker(tmp_path).exists()


def test_a_complete_download_is_not_touched(fetched: Run) -> None:
    fetched("config.json")
    again = fetched("config.json", "another.json")

    assert again.returncode == 0
    assert again.stdout.endswith("is complete already\n")


@pytest.mark.parametrize("files", [(), ("README.md",)], ids=["nothing", "no model"])
def test_a_download_that_brought_no_model_fails(files: tuple[str, ...], fetched: Run, tmp_path: Path) -> None:
    done = fetched(*files)

    assert done.returncode == 1
    assert "is that where its config.json lies?" in done.stderr
    assert not marker(tmp_path).exists()


@pytest.fixture
def wait() -> Run:
    """Runs the script of a worker that waits."""

    def run(weights: Path, seconds: float) -> subprocess.CompletedProcess[str]:
        env = {"WEIGHTS": str(weights), "WAIT_SECONDS": str(seconds), "HINT": "see the Job"}
        command = [sys.executable, str(FILES / "wait.py")]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    return run


def test_a_marker_that_is_there_is_not_waited_for(wait: Run, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    marker.touch()
    done = wait(marker, 0)

    assert (done.returncode, done.stdout) == (0, f"{marker} is there\n")


def test_a_marker_is_seen_when_it_comes(wait: Run, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    timer = Timer(0.5, marker.touch)
    timer.start()
    done = wait(marker, 60)
    timer.join()

    assert done.returncode == 0
    assert done.stdout.splitlines() == [f"waiting for {marker}: see the Job", f"{marker} is there"]


def test_a_marker_that_does_not_come_ends_with_what_to_look_at(wait: Run, tmp_path: Path) -> None:
    done = wait(tmp_path / "marker", 0.2)

    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == f"{tmp_path / 'marker'} is not there after 0.2 s: see the Job"


def test_an_empty_folder_is_not_weights(wait: Run, tmp_path: Path) -> None:
    empty = wait(tmp_path, 0)
    (tmp_path / "config.json").touch()

    assert empty.returncode == 1
    assert wait(tmp_path, 0).returncode == 0


def test_the_scripts_in_the_cluster_are_these(one: Make) -> None:
    data = one("ConfigMap", cache=ON)["data"]

    assert data == {name: (FILES / name).read_text() for name in ("download.sh", "wait.py")}
    assert one("ConfigMap", cache=SOURCES["claim"])["data"].keys() == {"wait.py"}
