"""What else the model chart makes: configuration files, the volume for the weights, the download."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

Render = Callable[..., list[dict[str, Any]]]
Make = Callable[..., dict[str, Any]]


@pytest.fixture
def one(render: Render) -> Make:
    """The only object of a kind that a model block makes."""

    def found(kind: str, **model: Any) -> dict[str, Any]:
        objects = render({"model": {"name": "Qwen/Qwen3-0.6B", **model}})
        (match,) = [o for o in objects if o["kind"] == kind]
        return match

    return found


def test_content_becomes_a_config_map_named_for_the_role(one: Make) -> None:
    made = one("ConfigMap", worker={"extraConfig": {"content": {"max_model_len": 1048576}}})

    assert made["metadata"]["name"] == "qwen-worker-config"
    assert made["data"] == {"config.yaml": "max_model_len: 1048576\n"}


def test_text_content_is_taken_as_it_is(one: Make) -> None:
    text = "# comment\nkey: [1,  2]\n"
    made = one("ConfigMap", worker={"extraConfig": {"content": text}})

    assert made["data"]["config.yaml"] == text


def test_nested_content_survives(one: Make) -> None:
    content = {"kv_cache_config": {"dtype": "fp8", "sizes": [1, 2.5]}, "flag": False, "word": "no"}
    made = one("ConfigMap", worker={"extraConfig": {"content": content}})

    assert yaml.safe_load(made["data"]["config.yaml"]) == content


def test_second_configuration_file_has_a_number(render: Render) -> None:
    contents = [{"content": "a: 1"}, {"content": "b", "path": "/etc/b.conf", "env": "B"}]
    objects = render({"model": {"name": "M", "worker": {"extraConfigs": contents}}})

    assert [o["metadata"]["name"] for o in objects if o["kind"] == "ConfigMap"] == [
        "qwen-worker-config",
        "qwen-worker-config-1",
    ]


def test_config_map_is_the_one_that_is_mounted(component: Make) -> None:
    made = component("decode", disaggregation=True, decode={"extraConfig": {"content": "a: 1"}})

    assert made["podTemplate"]["spec"]["volumes"][0]["configMap"] == {"name": "qwen-decode-config"}


def test_changed_content_restarts_the_worker(component: Make) -> None:
    blocks = [{"extraConfig": {"content": text}} for text in ("a: 1", "a: 2")]
    old, new = (component("worker", worker=block)["podTemplate"]["metadata"] for block in blocks)

    assert old["annotations"]["checksum/config"] != new["annotations"]["checksum/config"]


def test_without_cache_there_is_only_the_graph(render: Render) -> None:
    objects = render({"model": {"name": "M"}})

    assert [o["kind"] for o in objects] == ["DynamoGraphDeployment"]


def test_volume_for_the_weights_outlives_the_release(one: Make) -> None:
    made = one("PersistentVolumeClaim", cache={"enabled": True})

    assert made["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_volume_is_as_stated(one: Make) -> None:
    cache = {"enabled": True, "size": "20Gi", "storageClass": "nfs", "accessMode": "ReadWriteOnce"}

    assert one("PersistentVolumeClaim", cache=cache)["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "nfs",
        "resources": {"requests": {"storage": "20Gi"}},
    }


def test_storage_class_is_the_clusters_default_when_none_is_stated(one: Make) -> None:
    assert "storageClassName" not in one("PersistentVolumeClaim", cache={"enabled": True})["spec"]


@pytest.mark.parametrize("role", ["frontend", "worker"])
def test_pods_read_the_weights_from_the_volume(role: str, component: Make) -> None:
    pod = component(role, cache={"enabled": True, "mountPath": "/weights"})["podTemplate"]["spec"]
    (main,) = pod["containers"]

    assert pod["volumes"] == [
        {"name": "model-cache", "persistentVolumeClaim": {"claimName": "qwen-model-cache"}}
    ]
    assert main["volumeMounts"] == [{"name": "model-cache", "mountPath": "/weights"}]
    assert main["env"] == [{"name": "HF_HOME", "value": "/weights"}]


def test_users_variable_replaces_ours(container: Make) -> None:
    main = container("worker", cache={"enabled": True}, worker={"env": {"HF_HOME": "/elsewhere"}})

    assert main["env"] == [{"name": "HF_HOME", "value": "/elsewhere"}]


def test_download_fetches_the_stated_revision_with_the_workers_image(one: Make) -> None:
    job = one("Job", cache={"enabled": True}, revision="abc", backend={"image": "mine:1.6.1"})
    (main,) = job["spec"]["template"]["spec"]["containers"]

    assert main["image"] == "mine:1.6.1"
    assert main["command"] == ["hf", "download", "Qwen/Qwen3-0.6B", "--revision", "abc"]


def test_download_has_the_token_secret(one: Make) -> None:
    job = one("Job", cache={"enabled": True}, huggingFaceTokenSecret="hf")
    (main,) = job["spec"]["template"]["spec"]["containers"]

    assert main["envFrom"] == [{"secretRef": {"name": "hf"}}]


def test_download_goes_where_the_workers_go(one: Make) -> None:
    place = {"nodeSelector": {"gpu": "h100"}, "tolerations": [{"key": "gpu", "operator": "Exists"}]}
    pod = one("Job", cache={"enabled": True}, **place)["spec"]["template"]["spec"]

    assert {key: pod[key] for key in place} == place


def test_download_ends(one: Make) -> None:
    spec = one("Job", cache={"enabled": True})["spec"]

    assert spec["backoffLimit"] > 0
    assert spec["activeDeadlineSeconds"] > 0


def test_other_download_is_another_job(one: Make) -> None:
    old, new = (one("Job", cache={"enabled": True}, revision=r)["metadata"]["name"] for r in ("a", "b"))

    assert old != new


def test_same_download_is_the_same_job(one: Make) -> None:
    old, new = (
        one("Job", cache={"enabled": True}, worker={"replicas": n})["metadata"]["name"] for n in (1, 2)
    )

    assert old == new
