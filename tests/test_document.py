"""Documents and patches: what is merged, and where each value came from."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipegen.document import Document, at, changes_nothing, from_set, merge
from recipegen.errors import Mark, Path, RecipeError, UsageError
from recipegen.yamlio import read, write

KEYS = st.text("abcdéß", min_size=1, max_size=3)
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([1.0, "", "x", "true"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)
MAPPINGS = st.dictionaries(KEYS, VALUES, max_size=4)


def document(data: dict[str, Any], source: str = "r.yaml") -> Document:
    return read(write(data), source)


def places(value: Any, path: Path = ()) -> list[Path]:
    """Return the paths of the value and of everything in it."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for step, inner in steps for place in places(inner, (*path, step)))]


def patched(target: Any, patch: Any) -> Any:
    """RFC 7396, section 2, word for word."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = patched(result.get(name), value)
    return result


@settings(deadline=None)
@given(MAPPINGS, MAPPINGS)
def test_a_merge_is_that_of_the_rfc(base: dict[str, Any], patch: dict[str, Any]) -> None:
    merged = merge(document(base), document(patch)).data

    assert write(merged) == write(patched(base, patch))


@settings(deadline=None)
@given(MAPPINGS)
def test_the_empty_patch_is_the_identity(base: dict[str, Any]) -> None:
    before = document(base)

    assert merge(before, document({})) == before


@settings(deadline=None)
@given(MAPPINGS, MAPPINGS)
def test_a_patch_applied_twice_is_a_patch_applied_once(base: dict[str, Any], patch: dict[str, Any]) -> None:
    once = merge(document(base), document(patch))
    twice = merge(once, document(patch))

    assert write(twice.data) == write(once.data)


@settings(deadline=None)
@given(MAPPINGS, MAPPINGS)
def test_everything_in_the_result_has_exactly_one_mark(base: dict[str, Any], patch: dict[str, Any]) -> None:
    merged = merge(document(base, "base"), document(patch, "patch"))
    expected = set(places(merged.data))

    assert set(merged.values) == expected
    assert set(merged.keys) == {place for place in expected if place and isinstance(place[-1], str)}


@settings(deadline=None)
@given(MAPPINGS, MAPPINGS)
def test_a_mark_names_the_file_that_holds_the_value(base: dict[str, Any], patch: dict[str, Any]) -> None:
    documents = {"base": document(base, "base"), "patch": document(patch, "patch")}
    merged = merge(documents["base"], documents["patch"])

    for place in places(merged.data):
        mark = merged.values[place]
        assert mark == documents[mark.source].values[place]


@settings(deadline=None)
@given(MAPPINGS, MAPPINGS)
def test_a_merge_changes_neither_argument(base: dict[str, Any], patch: dict[str, Any]) -> None:
    one, other = document(base), document(patch)
    before = copy.deepcopy((one, other))
    merged = merge(one, other)
    for value in merged.data.values():
        if isinstance(value, dict | list):
            value.clear()

    assert (one, other) == before


@settings(deadline=None)
@given(MAPPINGS, MAPPINGS)
def test_a_patch_changes_nothing_exactly_when_the_data_stays(
    base: dict[str, Any], patch: dict[str, Any]
) -> None:
    one, other = document(base), document(patch)
    sorted_before = write(_sorted(one.data))

    assert changes_nothing(one, other) == (write(_sorted(merge(one, other).data)) == sorted_before)


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(inner) for inner in value] if isinstance(value, list) else value


def test_one_is_neither_true_nor_the_float() -> None:
    base = document({"a": 1, "b": [0]})

    assert not changes_nothing(base, document({"a": True}))
    assert not changes_nothing(base, document({"a": 1.0}))
    assert not changes_nothing(base, document({"b": [False]}))


def test_the_same_value_again_changes_nothing() -> None:
    assert changes_nothing(document({"a": {"b": [1]}}), document({"a": {"b": [1]}}))


def test_a_null_of_the_base_stays() -> None:
    assert merge(document({"a": None}), document({"b": 1})).data == {"a": None, "b": 1}


def test_a_null_that_finds_nothing_to_delete_is_reported_with_its_place() -> None:
    base = read("model: {worker: {replicas: 1}}\n", "base")
    patch = read("model:\n  worker: null\n  wroker: null\nnew:\n  gone: null\n", "patch")
    merged = merge(base, patch)

    assert merged.data == {"model": {}, "new": {}}
    assert merged.deleted == {
        ("model", "wroker"): Mark("patch", 3, 11),
        ("new", "gone"): Mark("patch", 5, 9),
    }


def test_a_later_patch_keeps_what_earlier_ones_missed() -> None:
    merged = merge(merge(document({}), document({"a": None})), document({"b": 1}))

    assert set(merged.deleted) == {("a",)}


def test_a_replaced_list_takes_its_marks_along() -> None:
    base = read("args: [a, b, c]\n", "base")
    patch = read("args: [d]\n", "patch")
    merged = merge(base, patch)

    assert merged.keys[("args",)] == Mark("patch", 1, 1)
    assert ("args", 1) not in merged.values


def test_a_map_written_by_both_keeps_the_place_of_the_base() -> None:
    base = read("\nmodel:\n  name: a\n", "base")
    merged = merge(base, read("model: {revision: b}\n", "patch"))

    assert str(merged.key_mark(("model",))) == "base:2:1"
    assert str(merged.mark(("model", "revision"))) == "patch:1:19"


def test_what_is_not_there_is_looked_for_at_the_nearest_key_above() -> None:
    found = read("a: 1\nmodel:\n  worker: {replicas: 1}\n", "r.yaml")

    assert str(found.mark(("model", "name"))) == "r.yaml:2:1"
    assert str(found.mark(("model", "worker", "x", 0, "y"))) == "r.yaml:3:3"
    assert str(found.mark(("nothing",))) == "r.yaml:1:1"
    assert found.key_mark(("nothing",)) is None


def test_a_document_without_marks_has_no_place() -> None:
    assert Document({}, {}, {}).mark(("a",)) is None


def test_a_part_is_a_document_of_its_own() -> None:
    whole = read("variants:\n  disagg:\n    patch: {model: {worker: null}}\n", "r.yaml")
    part = at(whole, "variants", "disagg", "patch", label="variant disagg")

    assert part.data == {"model": {"worker": None}}
    assert part.keys == {
        ("model",): Mark("r.yaml", 3, 13, "variant disagg"),
        ("model", "worker"): Mark("r.yaml", 3, 21, "variant disagg"),
    } | {(): Mark("r.yaml", 3, 5, "variant disagg")}
    assert part.mark(("model", "worker")) == Mark("r.yaml", 3, 29, "variant disagg")


def test_a_part_keeps_its_marks_without_a_label() -> None:
    whole = merge(read("a: {b: {c: 1}}\n", "r.yaml"), read("a: {b: {x: null}}\n", "p.yaml"))
    part = at(whole, "a", "b")

    assert part.values[("c",)] == Mark("r.yaml", 1, 12)
    assert part.deleted == {("x",): Mark("p.yaml", 1, 12)}


def test_a_part_that_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        at(document({"a": {}}), "a", "b")


@pytest.mark.parametrize(("path", "place"), [(("a",), "r.yaml:1:4: a"), (("a", "b"), "r.yaml:1:4: a")])
def test_a_part_that_is_no_mapping_is_refused_with_its_place(path: tuple[str, ...], place: str) -> None:
    with pytest.raises(RecipeError) as caught:
        at(read("a: [1]\n", "r.yaml"), *path)

    assert str(caught.value) == f"{place}: expected a mapping, got [1]"


@pytest.mark.parametrize(
    ("expression", "data"),
    [
        ("a=1", {"a": 1}),
        ("a.b.c=true", {"a": {"b": {"c": True}}}),
        ("a=null", {"a": None}),
        ("a=x=y", {"a": "x=y"}),
        ('a="yes"', {"a": "yes"}),
        ("a=[b, {c: 1.5}]", {"a": ["b", {"c": 1.5}]}),
        (r"labels.app\.kubernetes\.io/name=x", {"labels": {"app.kubernetes.io/name": "x"}}),
        ('labels."app.kubernetes.io/name"=x', {"labels": {"app.kubernetes.io/name": "x"}}),
        ('"a=b"."c\\"d"=e="f"', {"a=b": {'c"d': 'e="f"'}}),
        ("a=x#y", {"a": "x#y"}),
        ('a="x #y"', {"a": "x #y"}),
        (r'a="x\ny"', {"a": "x\ny"}),
        ("image=nvcr.io/nvidia/x:1.0", {"image": "nvcr.io/nvidia/x:1.0"}),
    ],
)
def test_a_set_is_a_patch(expression: str, data: dict[str, Any]) -> None:
    assert from_set(expression).data == data


def test_everything_in_a_set_is_marked_with_it() -> None:
    patch = from_set("a.b=[c, {d: 1}]")
    mark = Mark("--set a.b=[c, {d: 1}]")

    assert patch.values == dict.fromkeys(places(patch.data), mark)
    assert patch.keys == dict.fromkeys([("a",), ("a", "b"), ("a", "b", 1, "d")], mark)
    assert str(mark) == "--set a.b=[c, {d: 1}]"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("a", "--set a: write KEY=VALUE, such as model.worker.replicas=2"),
        ("", "--set : write KEY=VALUE, such as model.worker.replicas=2"),
        ("=1", "--set =1: a key is empty"),
        ("a..b=1", "--set a..b=1: a key is empty"),
        ("a.=1", "--set a.=1: a key is empty"),
        ("a[0]=1", "--set a[0]=1: a list has no keys; set it whole, as in args=[a, b]"),
        ('a"b=1', '--set a"b=1: write KEY=VALUE, such as model.worker.replicas=2'),
        ('"a"b=1', '--set "a"b=1: quotes have to surround a whole key, as in a."b.c"=1'),
        (r'"\q"=1', r'--set "\q"=1: quotes have to surround a whole key, as in a."b.c"=1'),
        ("<<=1", "--set <<=1: '<<' cannot be a key"),
        ("a\u200b=1", "--set a\\u200b=1: 'a\\u200b' cannot be a key"),
    ],
)
def test_a_set_that_is_no_path_is_wrong_usage(expression: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        from_set(expression)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("a=", "empty"),
        ("a=#b", "empty"),
        ("a=yes", "ambiguous"),
        ("a=b: c", "syntax"),
        ("a=- b", "syntax"),
        ("a=[b", "syntax"),
        ("a=*b", "alias"),
        ("a=b\n---\nc", "syntax"),
        ("a=b\nc", "syntax"),
        ("a=b\n", "syntax"),
        ("a=[b,\nc]", "syntax"),
        ("a=b #c", "syntax"),
        ("a=[b] #c", "syntax"),
        ("a='b' #c", "syntax"),
        ("a=| #c", "syntax"),
        ("a=>", "syntax"),
        ("a={b: 1, b: 2}", "duplicate-key"),
    ],
)
def test_the_value_of_a_set_follows_the_rules_of_a_recipe(expression: str, code: str) -> None:
    with pytest.raises(RecipeError) as caught:
        from_set(expression)
    (problem,) = caught.value.problems

    assert (problem.code, problem.path[:1]) == (code, ("a",))
    assert problem.mark is not None
    assert problem.mark.line == 0


def test_a_set_with_a_secret_does_not_repeat_it() -> None:
    secret = "hf_abcdefghijklmnopqrstuvwxyz01"
    mark = from_set(f"model.env.TOKEN={secret}").mark(("model",))

    assert str(mark) == "--set model.env.TOKEN=<redacted>"


def test_a_long_set_is_cut_in_its_mark() -> None:
    source = str(from_set(f"a={'x' * 200}").mark(("a",)))

    assert len(source) < 100
    assert source.endswith("…")


@settings(deadline=None)
@given(st.text("ab.=[]{}:,#&*!|>'\"\\ \n-01\u200b", max_size=20))
def test_any_set_is_read_whole_or_refused(expression: str) -> None:
    try:
        patch = from_set(expression)
    except (RecipeError, UsageError):
        return

    assert set(patch.values) == set(places(patch.data))
