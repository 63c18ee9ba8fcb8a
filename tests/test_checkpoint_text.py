"""Reading a config.json: what is no JSON, and keys that cannot be, are refused with their place."""

import json
from typing import Any

import pytest

from checkpoints import SHAPE, changed, said
from recipegen.sizing import checkpoint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "config.json: is empty"),
        (" \n", "config.json: is empty"),
        (SHAPE[:60], "config.json:5:10: ends before the JSON does: it was cut short"),
        (SHAPE[:-1], "config.json:12:34: ends before the JSON does: it was cut short"),
        ('{"model_type": "lla', "config.json:1:20: ends before the JSON does: it was cut short"),
        ('{"a": 1} {"b": 2}', "config.json:1:10: goes on after the JSON has ended, with '{\"b\": 2}'"),
        (
            '{"a": [1, 2,]}',
            "config.json:1:12: is no JSON: unexpected ','\n  hint: no comma behind the last entry",
        ),
        (
            "{'a': 1}",
            'config.json:1:2: is no JSON: unexpected "\'"\n  hint: strings and keys stand in double quotes',
        ),
        ('{"a": None}', "config.json:1:7: is no JSON: unexpected 'None'\n  hint: write null"),
        ('{\n // x\n "a": 1}', "config.json:2:2: is no JSON: unexpected '/'\n  hint: JSON has no comments"),
        ("model:\n  name: x\n", "config.json:1:1: is no JSON: unexpected 'model'\n  hint: this may be YAML"),
        ('{"a": "x\ny"}', "config.json:1:9: a control character, '\\n', inside a string"),
        ("[1, 2]", "config.json:1:1: must be a JSON object, got a list of 2"),
        ("7", "config.json:1:1: must be a JSON object, got 7"),
        ('{\n "a": 1,\n "b": {"c": 1, "c": 2}}', "config.json:3:16: b.c: stands twice"),
        ('{"a": ' + "[" * 70 + "]" * 70 + "}", "config.json:1:70: is nested more than 64 levels deep"),
        ("[" * 100_000, "config.json:1:65: is nested more than 64 levels deep"),
        (b"\xef\xbb\xbf{}", "config.json:1:1: begins with a byte order mark"),
        ("{}".encode("utf-16"), "config.json: is UTF-16, not UTF-8"),
        ("{}".encode("utf-16-le"), "config.json: is UTF-16, not UTF-8"),
        (b'{\n"a": "\xff"}', "config.json:2:7: is not text: byte 0xff is not UTF-8"),
        (b"GGUF\x03\0\0\0", "config.json: is a GGUF file"),
        (b"PK\x03\x04", "config.json: is a zip archive"),
        (b"\x1f\x8b\x08", "config.json: is compressed with gzip"),
        (b"<!DOCTYPE html>", "config.json: is a web page, not the file"),
        (
            "version https://git-lfs.github.com/spec/v1\n",
            "config.json: is a pointer of Git LFS, not the file",
        ),
        (b"\x02\0\0\0\0\0\0\0{}", "config.json: is a safetensors file"),
        (b" " * (16 * 2**20 + 1), "config.json: is larger than 16 MiB"),
    ],
)
def test_what_is_no_json_object_is_refused_with_its_place(text: bytes | str, expected: str) -> None:
    assert said(text).startswith(expected)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            {"hidden_size": -64},
            "config.json:7:3: hidden_size: must be a whole number from 1 to 1048576, got -64",
        ),
        ({"vocab_size": 0}, "vocab_size: must be a whole number from 1 to 268435456, got 0"),
        (
            {"num_hidden_layers": 10**12},
            "num_hidden_layers: must be a whole number from 1 to 10000, got 1000000000000",
        ),
        (
            {"num_attention_heads": True},
            "num_attention_heads: must be a whole number from 1 to 65536, got True",
        ),
        ({"hidden_size": float("nan")}, "hidden_size: must be a whole number from 1 to 1048576, got nan"),
        ({"hidden_size": float("inf")}, "hidden_size: must be a whole number from 1 to 1048576, got inf"),
        ({"hidden_size": "64"}, "hidden_size: must be a whole number from 1 to 1048576, got '64'"),
        ({"num_key_value_heads": 8}, "num_key_value_heads: must be a whole number from 1 to 4, got 8"),
        (
            {"num_experts": -1},
            "config.json:13:3: num_experts: must be a whole number from 0 to 1048576, got -1",
        ),
        (
            {"intermediate_size": None},
            "intermediate_size: is missing\n  hint: every language model has it; this one calls",
        ),
        (
            {"vocab_size": 2**28, "hidden_size": 2**20},
            "describes a model of 5.7e+14 parameters, 2.8e+14 of them in embed",
        ),
        (
            {"layer_types": ["full_attention", "holography"]},
            "config.json:15:5: layer_types[1]: must be one of 'full_attention'",
        ),
        ({"text_config": 7}, "config.json:13:3: text_config: must be a map, got 7"),
        (
            {"quantization_config": {"quant_method": "awq", "bits": "four"}},
            "config.json:15:5: quantization_config.bits: must be a whole number",
        ),
    ],
)
def test_a_size_that_cannot_be_is_named_with_its_place(keys: dict[str, Any], expected: str) -> None:
    assert expected in said(changed(**keys))


def test_every_size_that_cannot_be_is_named_at_once() -> None:
    message = said(changed(hidden_size=-1, vocab_size=0, num_hidden_layers=1.5))

    assert [line.split(": ")[1] for line in message.splitlines()] == [
        "num_hidden_layers",
        "hidden_size",
        "vocab_size",
    ]


def test_a_number_of_thousands_of_digits_is_no_size() -> None:
    message = said(SHAPE.replace('"hidden_size": 64', f'"hidden_size": {"9" * 5000}'))

    assert message.startswith("config.json:7:3: hidden_size: must be a whole number")


def test_infinity_where_nothing_depends_on_it_is_none_of_our_business() -> None:
    text = changed(time_step_limit=[0.0, float("inf")])

    assert checkpoint.checked(text, "config.json").model.layers == 2


def test_a_key_of_the_quantisation_beside_it_is_named_with_that_file() -> None:
    quant = json.dumps({"quantization": {"quant_algo": "FP8", "exclude_modules": [7]}}, indent=1)

    assert (
        said(SHAPE, quant) == "hf_quant_config.json:5:4: quantization.exclude_modules[0]: must be text, got 7"
    )
