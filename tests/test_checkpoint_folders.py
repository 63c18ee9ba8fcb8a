"""Folders and files of weights: what is counted, what is left out, and what is wrong with them."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import checkpoints
from checkpoints import PLAIN, SHAPE, header, unknown
from recipegen.errors import RecipeError, ToolError
from recipegen.memory import Setup, fit
from recipegen.sizing import checkpoint
from recipegen.sizing.checkpoint import folder, headers
from recipegen.sizing.checkpoint.snapshots import identity


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with a small Llama, its weights in three files."""
    (tmp_path / "config.json").write_text(SHAPE)
    checkpoints.sharded(tmp_path, list(checkpoints.llama(PLAIN)), 3)
    return tmp_path


def test_weights_of_a_folder_are_the_sum_of_its_tensors(model: Path) -> None:
    found = checkpoint.read(model)

    assert found.weights is not None
    assert found.weights.bytes == found.model.weights_bytes == found.loaded.weights_bytes
    assert found.weights.parameters == found.model.parameters.total
    assert (found.warnings, unknown(found.weights)) == ((), 0)


def test_modules_have_the_bytes_that_their_tensors_have(model: Path) -> None:
    found = checkpoint.read(model).weights

    assert found is not None
    assert found.modules["layers.1.self_attn.k_proj"] == 2 * 16 * 2 * 64
    assert found.modules["layers.0.norm"] == 2 * 2 * 64
    assert set(found.modules) == {module.name for module in checkpoint.read(model).model.modules}


@pytest.mark.parametrize("name", ["model.safetensors.index.json", ""])
def test_the_index_stands_for_files_that_are_not_there(model: Path, name: str) -> None:
    whole = checkpoint.read(model)
    (model / "model-00002-of-00003.safetensors").unlink()
    found = checkpoint.read(model / name)

    assert found.weights is not None
    assert whole.weights is not None
    assert (found.weights.bytes, found.weights.counted) == (whole.weights.bytes, False)
    sources = [fit(each.loaded, Setup("h100-sxm-80gb")).source for each in (whole, found)]
    assert [each[0] for each in sources] == ["measured", "published"]
    assert "the headers of 3 files in " in sources[0][1]
    assert "metadata.total_size of " in sources[1][1]


def test_copies_and_adapters_are_not_counted(model: Path) -> None:
    before = checkpoint.read(model).weights
    (model / "original").mkdir()
    for name in (
        "consolidated.safetensors",
        "adapter_model.safetensors",
        "left-over.safetensors",
        "original/x.safetensors",
    ):
        checkpoints.write(model / name, [("extra", "BF16", (1000, 1000))])
    (model / "consolidated.00.pth").write_bytes(b"x")

    assert checkpoint.read(model).weights == before


def test_a_single_file_counts_without_an_index(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(SHAPE)
    size = checkpoints.write(tmp_path / "model.safetensors", list(checkpoints.llama(PLAIN)))

    for path in (tmp_path, tmp_path / "model.safetensors"):
        found = checkpoint.read(path).weights
        assert found is not None
        assert found.bytes == size


def test_a_file_cut_short_is_sized_and_warned_of(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(SHAPE)
    size = checkpoints.write(tmp_path / "model.safetensors", list(checkpoints.llama(PLAIN)), whole=False)
    found = checkpoint.read(tmp_path)

    assert found.weights is not None
    assert found.weights.bytes == size
    assert f"warning: is cut short: {size} bytes are missing" in str(found.warnings[0])


def test_weights_of_another_model_are_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(SHAPE)
    checkpoints.write(
        tmp_path / "model.safetensors", list(checkpoints.llama({**PLAIN, "num_hidden_layers": 1}))
    )

    assert "but its config.json describes" in str(checkpoint.read(tmp_path).warnings[0])


def test_weights_of_names_that_are_not_known_are_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(SHAPE)
    strange = [
        (name.replace("down_proj", "wings"), dtype, shape) for name, dtype, shape in checkpoints.llama(PLAIN)
    ]
    checkpoints.write(tmp_path / "model.safetensors", strange)
    found = checkpoint.read(tmp_path)

    assert found.weights is not None
    assert unknown(found.weights) == 2 * 2 * 64 * 128
    assert [problem.code for problem in found.warnings] == ["weights-unknown"]
    assert "8% of its weights have names that recipegen does not know" in str(found.warnings[0])


def test_a_config_in_a_folder_is_read_with_the_quantisation_beside_it(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(SHAPE)
    (tmp_path / "hf_quant_config.json").write_text('{"quantization": {"quant_algo": "FP8"}}')

    assert checkpoint.read(tmp_path / "config.json").model.quantization.format == "fp8"
    assert checkpoint.read(tmp_path).model.quantization.format == "fp8"


def test_a_folder_of_a_cache_has_the_name_of_its_model(tmp_path: Path) -> None:
    folder_ = tmp_path / "models--acme--llama-9" / "snapshots" / "abc"
    folder_.mkdir(parents=True)
    (folder_ / "config.json").write_text(SHAPE)

    assert checkpoint.read(folder_).model.id == "acme/llama-9"
    assert checkpoint.read(folder_, "mine").model.id == "mine"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (f"hub/models--a--b--c/snapshots/{'0' * 40}/config.json", ("a/b--c", "0" * 40)),
        ("hub/models--a--b/snapshots/main/config.json", ("a/b", "")),
        (f"hub/models--a--b/blobs/{'0' * 40}", ("a/b", "")),
        ("hub/models--a--b", ("a/b", "")),
        ("hub/datasets--a--b/config.json", ("", "")),
        ("-", ("", "")),
    ],
)
def test_a_path_in_a_hubs_cache_says_model_and_commit(path: str, found: tuple[str, str]) -> None:
    assert identity(path) == found


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", "is empty"),
        (b"abc", "is no safetensors file: it has no header"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a pointer of Git LFS, not the weights"),
        (header({}, 2**40), "is no safetensors file: its header would have 1099511627776 bytes"),
        (header({}, 100), "is cut short: its header has 100 bytes, the file 10"),
        (header(b"nope"), "its header is no JSON: unexpected 'nope'"),
        (header([]), "its header must be a JSON object, got a list of 0"),
        (header({"a": 7}), "tensor 'a' has no data_offsets"),
        (header({"a": {"data_offsets": [4, 0]}}), "tensor 'a' has no data_offsets"),
        (header({"a": {"data_offsets": [0, 4]}}), "tensor 'a' has no dtype and shape"),
        (
            header({"a": {"data_offsets": [0, 4], "dtype": "F32", "shape": [-1]}}),
            "tensor 'a' has no shape: [-1]",
        ),
        (
            header({"a": {"data_offsets": [0, 4], "dtype": "F32", "shape": [2]}}),
            "has 4 bytes, but 8 by its shape and dtype 'F32'",
        ),
        (
            header({"a": {"data_offsets": [0, 4], "dtype": "F3", "shape": [1]}}),
            "has the dtype 'F3', which is none that is known",
        ),
        (header({}), "has weights of no bytes"),
    ],
)
def test_a_file_of_weights_that_is_none_says_why(raw: bytes, expected: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(SHAPE)
    (tmp_path / "model.safetensors").write_bytes(raw)

    with pytest.raises(RecipeError, match=re.escape(expected)):
        checkpoint.read(tmp_path)


def _adapter(at: Path) -> None:
    (at / "config.json").unlink()
    (at / "adapter_config.json").write_text("{}")


def _gguf(at: Path) -> None:
    (at / "model.gguf").write_bytes(b"GGUF")


def _gguf_alone(at: Path) -> None:
    (at / "config.json").unlink()
    _gguf(at)


def _without_config(at: Path) -> None:
    (at / "config.json").unlink()
    (at / "README.md").write_text("x")


def _nested(at: Path) -> None:
    (at / "config.json").unlink()
    (at / "llama").mkdir()
    (at / "llama/config.json").write_text(SHAPE)


def _diffusion(at: Path) -> None:
    (at / "config.json").unlink()
    (at / "model_index.json").write_text("{}")


def _part_missing(at: Path) -> None:
    checkpoints.write(at / "model-00001-of-00002.safetensors", [("a", "F32", (1,))])


def _twice(at: Path) -> None:
    checkpoints.write(at / "a.safetensors", [("x", "F32", (1,))])
    checkpoints.write(at / "b.safetensors", [("x", "F32", (1,))])


def _two_indexes(at: Path) -> None:
    (at / "model.fp16.safetensors.index.json").write_text("{}")
    (at / "model.fp32.safetensors.index.json").write_text("{}")


def _no_sum(at: Path) -> None:
    (at / "model.safetensors.index.json").write_text('{"weight_map": {"a": "gone.safetensors"}}')


def _wrong_sum(at: Path) -> None:
    index = {"metadata": {"total_size": -5}, "weight_map": {"a": "../gone.safetensors"}}
    (at / "model.safetensors.index.json").write_text(json.dumps(index))


def _no_map(at: Path) -> None:
    (at / "model.safetensors.index.json").write_text('{"weight_map": ["a"]}')


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (_adapter, ": is a LoRA adapter, not a model"),
        (_gguf, ": has its weights as GGUF (model.gguf), whose sizes config.json does not tell"),
        (_gguf_alone, ": has GGUF weights and no config.json"),
        (_without_config, ": has no config.json; it has README.md"),
        (_nested, "hint: 'm/llama/config.json' is there: give that"),
        (_diffusion, ": is a diffusion model"),
        (_part_missing, ": has 1 of the 2 files model-…-of-00002.safetensors"),
        (_twice, "m/b.safetensors: tensor 'x' is also in m/a.safetensors"),
        (_two_indexes, ": has 2 weights indexes: model.fp16.safetensors.index.json, model.fp32"),
        (
            _no_sum,
            "m/model.safetensors.index.json:1:1: 1 of its 1 files are not there, such as 'gone.safetensors'",
        ),
        (
            _wrong_sum,
            "m/model.safetensors.index.json:1:15: metadata.total_size: must be a whole number of bytes",
        ),
        (_no_map, "m/model.safetensors.index.json:1:2: weight_map: must be a map from tensors to files"),
    ],
)
def test_a_folder_that_cannot_be_sized_says_why(
    make: Callable[[Path], None], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").mkdir()
    (tmp_path / "m/config.json").write_text(SHAPE)
    make(tmp_path / "m")

    with pytest.raises(RecipeError, match=re.escape(expected)):
        checkpoint.read("m")


def test_weights_of_another_format_leave_the_configured_size_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(SHAPE)
    (tmp_path / "pytorch_model.bin").write_bytes(b"PK")
    found = checkpoint.read(tmp_path)

    assert found.weights is None
    assert "its weights (pytorch_model.bin) are not read" in str(found.warnings[0])


def test_one_of_several_files_is_not_the_model(model: Path) -> None:
    with pytest.raises(RecipeError, match="is one of 3 files of a model"):
        checkpoint.read(model / "model-00001-of-00003.safetensors")


def test_a_file_of_weights_needs_its_configuration(model: Path) -> None:
    (model / "config.json").unlink()

    with pytest.raises(RecipeError, match=r"has no config\.json beside it"):
        checkpoint.read(model / "model.safetensors.index.json")


def test_what_cannot_be_read_is_a_matter_of_tools(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "m").mkdir()
    (tmp_path / "m/config.json").write_text(SHAPE)
    os.mkfifo(tmp_path / "m/model.safetensors")

    for name in ("pipe", "gone", "gone.safetensors", "m/model.safetensors", "m"):
        with pytest.raises(ToolError):
            checkpoint.read(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_a_matter_of_tools(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(SHAPE)
    (tmp_path / "config.json").chmod(0)

    with pytest.raises(ToolError, match="Permission denied"):
        checkpoint.read(tmp_path)


def test_headers_are_read_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    checkpoints.write(path, [("a", "BF16", (2**20, 2**16))])

    assert headers.read(path, "x").tensors[0].bytes == 2**37
    assert folder.look(tmp_path, "x").names == ("model.safetensors",)
