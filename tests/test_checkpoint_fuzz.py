"""Whatever text, configuration or folder there is: it reads, or is refused with its place."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from checkpoints import PLAIN, SHAPE, header
from recipegen import facts
from recipegen.errors import Problem, RecipeError, RecipegenError
from recipegen.sizing import checkpoint


def refused(call: Callable[[], object]) -> tuple[str, ...]:
    """Return the kind of error that a call ends in; nothing where it does not."""
    try:
        call()
    except RecipegenError as error:
        return (type(error).__name__,)
    return ()


NAMES = st.sampled_from(
    ["model.safetensors", "a.safetensors", "model.safetensors.index.json", "hf_quant_config.json"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*PLAIN, "x", "weight_map"]), inner, max_size=5)
    ),
    max_leaves=20,
)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=60) | st.text(max_size=60) | JSON.map(json.dumps))
def test_any_text_reads_or_is_refused(text: bytes | str) -> None:
    assert refused(lambda: checkpoint.checked(text, "config.json")) in ((), ("RecipeError",))


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_a_mangled_configuration_reads_or_is_refused(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([SHAPE, json.dumps(facts.configuration("deepseek-ai/DeepSeek-V3")[0])]))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    mangled = text[:start] + data.draw(st.text(max_size=8) | JSON.map(json.dumps)) + text[end:]
    wrong: list[Problem] = []
    try:
        checkpoint.checked(mangled, "config.json", mangled)
    except RecipeError as error:
        wrong = list(error.problems)

    # Where it is wrong is in the text.
    for problem in wrong:
        assert problem.mark is not None
        assert problem.mark.line <= mangled.count("\n") + 1


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(
        NAMES, st.binary(max_size=40) | JSON.map(lambda data: json.dumps(data).encode()) | JSON.map(header)
    )
)
def test_any_folder_reads_or_is_refused(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name, "config.json").write_text(SHAPE)
        for file, raw in files.items():
            Path(name, file).write_bytes(raw)

        assert refused(lambda: checkpoint.read(name)) in ((), ("RecipeError",), ("ToolError",))
