"""What else the model chart makes: configuration files. The volume for the weights is in test_weights.py."""

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
