"""Formats, ids and keys of models: model-manager's own vectors, the laws behind them, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipegen import catalog, facts, yamlio
from recipegen.errors import RecipeError
from recipegen.ingestion import formats, identity, listing, stored
from recipegen.ingestion.formats import gguf_models
from recipegen.ingestion.identity import Layout
from recipegen.ingestion.listing import Listed

VECTORS: dict[str, dict[str, Any]] = yamlio.read_file(Path(__file__).parent / "vectors.yaml", "vectors").data
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}/[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)


def files(*paths: str) -> list[Listed]:
    return [Listed(path) for path in paths]


def identified(name: str, *paths: str) -> stored.Identified:
    return stored.identify(name, files(*paths))


def codes(name: str, *paths: str) -> set[str]:
    with pytest.raises(RecipeError) as error:
        identified(name, *paths)
    return {problem.code for problem in error.value.problems}


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
def test_m20_m21_the_vectors_of_model_manager_come_out_exactly(vector: dict[str, Any]) -> None:
    if "error" in vector:
        assert codes(vector["name"], *vector["files"]) == {vector["error"]}
        return
    layout = Layout(**vector.get("layout", {}))
    found = stored.identify(vector["name"], files(*vector["files"]), layout, base=vector.get("base"))

    assert list(found.keys) == vector["keys"]
    assert [
        {"id": each.id, "formats": list(each.formats), "path": each.path, "gguf": each.gguf}
        for each in found.models
    ] == vector["models"]


# ---- formats ------------------------------------------------------------------------------------


def test_m20_a_folder_of_blobs_is_ollamas_and_a_file_of_that_name_is_not() -> None:
    assert formats.detect(files("blobs/sha256-1")) == ("OLLAMA",)
    assert codes("a/b", "blobs") == {"format-unknown"}


def test_m20_an_adapters_configuration_is_hugging_faces() -> None:
    assert formats.detect(files("adapter_config.json", "adapter_model.safetensors")) == ("HUGGING_FACE",)


def test_m20_only_a_whole_name_is_tritons() -> None:
    assert formats.detect(files("tensorrt_llm/config.pbtxt")) == ("NVIDIA_TRITON",)
    assert codes("a/b", "not_tensorrt_llm/config.pbtxt") == {"format-unknown"}


def test_m20_there_is_no_format_of_nemo() -> None:
    assert set(facts.ingestion()["formats"]) == {"GGUF", "HUGGING_FACE", "NVIDIA_TRITON", "OLLAMA"}
    assert codes("a/b", "model.nemo") == {"format-unknown"}


def test_m20_gguf_beside_safetensors_is_refused() -> None:
    assert codes("a/b", "config.json", "model.safetensors", "model.gguf") == {"format-mixed"}


def test_m20_several_gguf_models_beside_another_format_are_refused() -> None:
    assert codes("a/b", "config.json", "x-q4.gguf", "x-q8.gguf") == {"format-mixed"}


def test_m20_one_gguf_model_with_a_configuration_has_both_formats() -> None:
    (model,) = identified("a/b", "config.json", "x.gguf").models

    assert model.formats == ("HUGGING_FACE", "GGUF")


def test_m20_parts_of_one_gguf_model_are_one_model() -> None:
    found = gguf_models(files("x-00002-of-00002.gguf", "x-00001-of-00002.gguf"))

    assert {name: file.path for name, file in found.items()} == {"x": "x-00001-of-00002.gguf"}


def test_m20_a_gguf_model_without_one_of_its_parts_is_refused() -> None:
    with pytest.raises(
        RecipeError, match="is one of 3 parts, and 2 are missing, the first is number 1, got 'x-0"
    ):
        identified("a/b", "x-00002-of-00003.gguf")
    assert codes("a/b", "x-00001-of-00002.gguf", "y-00002-of-00002.gguf") == {"format-part"}


def test_a_configuration_that_lies_deeper_is_found_and_said() -> None:
    with pytest.raises(RecipeError, match="list the folder 'original'"):
        identified("a/b", "original/config.json")


def test_l31_an_archive_is_refused_and_safetensors_are_told_apart() -> None:
    assert codes("a/b", "config.json", "weights.tar") == {"format-archive"}
    assert formats.has_safetensors(files("model.safetensors"))
    assert not formats.has_safetensors(files("pytorch_model.bin"))


# ---- ids and keys -------------------------------------------------------------------------------


def test_m09_a_slash_is_a_dash_in_ids_and_a_colon_in_keys_alone() -> None:
    assert identity.model_id("openai/whisper-large") == "openai-whisper-large"
    assert identity.model_id("gemma:2b") == "gemma:2b"
    assert identity.base_folder("gemma:2b", Layout()) == "models/base-models/global/gemma-2b"


@given(NAMES)
def test_m09_a_name_of_the_hub_has_an_id_without_a_slash_and_its_own_folder(name: str) -> None:
    assert "/" not in identity.model_id(name)
    assert identity.model_id(identity.model_id(name)) == identity.model_id(name)
    assert identity.base_folder(name, Layout()).endswith(f"/{name}")


@given(NAMES, NAMES)
def test_m21_two_names_have_two_folders_even_where_their_ids_are_one(one: str, other: str) -> None:
    folders = {identity.base_folder(name, Layout()) for name in (one, other)}

    assert len(folders) == len({one, other})


def test_m21_what_a_store_is_asked_with_does_not_match_a_longer_name() -> None:
    longer = identity.base_folder("google/gemma-2b-it", Layout())
    asked = identity.listing_prefix(identity.base_folder("google/gemma-2b", Layout()))

    assert asked.endswith("/gemma-2b/")
    assert not f"{longer}/config.json".startswith(asked)


def test_m16_prefixes_of_a_loaders_configuration_are_those_of_the_layout() -> None:
    folder = identity.base_folder("google/gemma-2b", Layout(path_prefix="v1"))

    assert folder == "v1/base-models/global/google/gemma-2b"
    assert Layout() == Layout("models", "base-models", "global", "default-tenant-id")


def test_m14_the_id_of_a_fine_tuned_model_names_its_base() -> None:
    assert identity.tuned_id("google/gemma-2b", "a" * 18) == f"ft:google-gemma-2b:{'a' * 18}"


@pytest.mark.parametrize("suffix", ["", "a" * 19, "a:b", "a/b"])
def test_m14_a_suffix_that_is_too_long_or_divides_the_id_is_refused(suffix: str) -> None:
    with pytest.raises(RecipeError, match="suffix"):
        identity.tuned_id("google/gemma-2b", suffix)


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "../a", "a/..", "a b/c", "a\n/b", "a\\b"])
def test_a_name_that_cannot_be_a_key_is_refused(name: str) -> None:
    assert codes(name, "config.json") == {"model-id"}


def test_a_file_that_is_named_and_not_there_is_said() -> None:
    assert codes("a/b/c.gguf", "d.gguf") == {"format-unknown"}


# ---- engines ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["blobs/sha256-1"], {"ollama": "OLLAMA"}),
        (["x.gguf"], {"ollama": "GGUF", "vllm": "GGUF", "sglang": "GGUF"}),
        (["config.json", "x.gguf"], {"ollama": "GGUF", "vllm": "HUGGING_FACE", "sglang": "HUGGING_FACE"}),
        (["tensorrt_llm/config.pbtxt"], {"triton": "NVIDIA_TRITON"}),
    ],
)
def test_m26_each_engine_takes_the_format_that_it_likes_best(
    paths: list[str], expected: dict[str, str]
) -> None:
    (model,) = identified("a/b", *paths).models

    assert model.engines == expected


def test_m26_workers_here_load_hugging_faces_format_alone() -> None:
    (mirrored,) = identified("a/b", "config.json").models
    (converted,) = identified("a/b", "x.gguf").models

    assert mirrored.workers.keys() == facts.ingestion()["workers"].keys() == {"vllm", "sglang", "trtllm"}
    assert converted.workers == {}


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("casperhansen/llama-3-8b-instruct-AWQ", "awq"),
        ("unsloth/llama-3-8b-bnb-4bit", "bitsandbytes"),
        ("a/awq-b", None),
    ],
)
def test_m26_the_end_of_an_id_gives_the_quantization_away(name: str, method: str | None) -> None:
    assert identity.guessed_quantization(name) == method


# ---- lists of files -----------------------------------------------------------------------------


def test_m10_what_aws_lists_is_read_as_well_as_one_path_a_line() -> None:
    text = (
        "2026-11-21 10:00:00    1234 config.json\n2026-11-21 10:00:01 5 a b/model.safetensors\n\nplain.txt\n"
    )
    found = listing.read_listing(text, "list.txt")

    assert [file.path for file in found] == ["config.json", "a b/model.safetensors", "plain.txt"]
    assert str(found[2].mark) == "list.txt:4:1"


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("", "file-list", "list.txt"),
        ("\n \n", "file-list", "list.txt"),
        ("a\n../b", "file-escapes", "list.txt:2:1"),
        ("/etc/passwd", "file-escapes", "list.txt:1:1"),
        ("a//b", "file-list", "list.txt:1:1"),
        ("                           PRE blobs/", "file-list", "list.txt:1:1"),
        ("a\\b", "file-list", "list.txt:1:1"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused_with_its_line(text: str, code: str, place: str) -> None:
    with pytest.raises(RecipeError) as error:
        listing.read_listing(text, "list.txt")
    (problem,) = error.value.problems

    assert (problem.code, str(problem.mark)) == (code, place)


@given(st.text(max_size=200))
def test_any_text_is_a_list_of_paths_below_the_folder_or_refused(text: str) -> None:
    try:
        found = listing.read_listing(text, "list.txt")
    except RecipeError:
        return

    assert found
    assert all(not file.path.startswith("/") and ".." not in file.path.split("/") for file in found)


def test_a_folder_is_read_without_what_a_download_leaves_for_itself(tmp_path: Path) -> None:
    for path in ("config.json", ".cache/huggingface/x", "sub/y"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()

    assert [file.path for file in listing.read_folder(tmp_path)] == ["config.json", "sub/y"]


def test_m03_every_model_of_the_catalog_has_a_folder_of_its_own() -> None:
    names = {yamlio.read_file(path, str(path)).data["model"]["name"] for path in catalog.recipes().values()}

    assert len({identity.base_folder(name, Layout()) for name in names}) == len(names) > 40
