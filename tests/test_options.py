"""Options as the tables have them: what a parser takes passes, and no misspelling goes by in silence."""

import string
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from recipegen import argv, facts, yamlio
from recipegen.facts import flags
from recipegen.recipe import Recipe
from recipegen.rules import arguments, engine, options, values
from samples import MINIMAL, in_new_python, plan_of

ENGINES = ("vllm", "sglang", "trtllm")
MINORS = ("1.5", "1.6", "1.7")
TABLES = [(program, minor) for program in flags.PROGRAMS for minor in MINORS]


def table_of(program: str, minor: str) -> flags.Table:
    found = flags.table(program, f"{minor}.0")
    assert found is not None
    return found


def recipe_of(program: str, minor: str, args: list[str]) -> Recipe:
    version = next(version for version in facts.dynamo() if version.startswith(f"{minor}."))
    backend = {"type": program if program in ENGINES else "vllm", "version": version}
    at: dict[str, Any] = {"engine": {"args": args}} if program in ENGINES else {"frontend": {"args": args}}
    return Recipe.model_validate({**MINIMAL, "model": {**MINIMAL["model"], "backend": backend, **at}})


def free(program: str, minor: str) -> dict[str, flags.Row]:
    """The options that nothing but `args` sets, and that nobody is about to take away."""
    table = table_of(program, minor)
    owned = arguments.FRONTEND_OPTIONS
    if program in ENGINES:
        owned = arguments.owned_options(recipe_of(program, minor, []), ["worker"], table)
    return {name: row for name, row in table.flags.items() if name not in owned and "deprecated" not in row}


def texts(row: flags.Row) -> st.SearchStrategy[str]:
    """Values that an option takes."""
    if row.get("choices"):
        return st.sampled_from([str(choice) for choice in row["choices"]])
    return {
        "int": st.integers(-9, 10**6).map(str),
        "float": st.floats(0, 1).map(str),
        "json": st.sampled_from(["{}", '{"a": [1, null]}', "[]"]),
        "bool": st.sampled_from(["true", "false"]),
    }.get(row["type"], st.from_regex(r"[a-z/][a-z0-9/.]{0,6}", fullmatch=True))


@st.composite
def tokens(draw: st.DrawFn, name: str, row: flags.Row) -> list[str]:
    """One option as a person may write it."""
    spelling = draw(st.sampled_from([name, *row.get("aliases", ()), *flags.offs(row)]))
    if row.get("from") == "vllm" and spelling.startswith("--") and draw(st.booleans()):
        spelling = f"--{spelling[2:].replace('-', '_')}"
    nargs = row.get("nargs")
    if (row["type"] == "bool" and nargs is None) or spelling.replace("_", "-") in flags.offs(row):
        return [spelling]
    bounds = {None: (1, 1), "?": (0, 1), "*": (0, 2), "+": (1, 2)}
    least, most = bounds.get(nargs) or (int(nargs or 1), int(nargs or 1))
    given = draw(st.lists(texts(row), min_size=least, max_size=most))
    if len(given) == 1 and draw(st.booleans()):
        return [f"{spelling}={given[0]}"]
    return [spelling, *given]


def problems(program: str, minor: str, args: list[str]) -> list[str]:
    recipe = recipe_of(program, minor, args)
    found = [*arguments.check(recipe), *options.check(recipe)]
    return [f"{problem.code} {problem.path[-1]}: {problem.message}" for problem in found]


@pytest.mark.parametrize(("program", "minor"), TABLES)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_options_of_the_table_with_values_of_their_types_pass(
    program: str, minor: str, data: st.DataObject
) -> None:
    rows = free(program, minor)
    names = data.draw(st.lists(st.sampled_from(sorted(rows)), max_size=6, unique=True))
    args = [token for name in names for token in data.draw(tokens(name, rows[name]))]

    assert problems(program, minor, args) == []


@pytest.mark.parametrize(("program", "minor"), TABLES)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_an_option_with_one_wrong_letter_never_goes_by_in_silence(
    program: str, minor: str, data: st.DataObject
) -> None:
    rows = free(program, minor)
    name = data.draw(st.sampled_from(sorted(rows)))
    place = data.draw(st.integers(2, len(name) - 1))
    letter = data.draw(st.sampled_from(string.ascii_lowercase))
    wrong = data.draw(
        st.sampled_from(
            [
                name[:place] + name[place + 1 :],
                name[:place] + letter + name[place:],
                name[:place] + letter + name[place + 1 :],
            ]
        )
    )
    assume(wrong not in table_of(program, minor).spellings)
    others = [other for other in sorted(rows) if rows[other]["type"] == "bool" and other != name][:1]
    values_of = [] if argv.counts(argv.find(table_of(program, minor), name))[1] == 0 else ["1"]
    found = problems(program, minor, [*others, wrong, *values_of])

    assert any(f" {len(others)}: " in problem for problem in found)


@pytest.mark.parametrize(("program", "minor"), TABLES)
def test_every_spelling_of_a_table_is_found_as_itself(program: str, minor: str) -> None:
    table = table_of(program, minor)

    assert {spelling: argv.find(table, spelling).name for spelling in table.spellings} == table.spellings
    assert not any(argv.find(table, spelling).cut for spelling in table.spellings)


@pytest.mark.parametrize(
    ("program", "token", "name", "keys", "value"),
    [
        ("vllm", "--max_num_seqs=8", "--max-num-seqs", "", "8"),
        ("vllm", "-tp", "--tensor-parallel-size", "", None),
        ("vllm", "--speculative_config.model", "--speculative-config", "model", None),
        ("vllm", "-cc.mode=3", "--compilation-config", "mode", "3"),
        ("vllm", "-O3", "--optimization-level", "", "3"),
        ("vllm", "--max-num-batched", "--max-num-batched-tokens", "", None),
        ("vllm", "--router-kv-ev", "--router-kv-events", "", None),
        ("vllm", "--dyn-tool-call", "--dyn-tool-call", "", None),
        ("vllm", "--dyn_tool_call_parser", "--dyn_tool_call_parser", "", None),
        ("sglang", "--dyn-tool-call", "--dyn-tool-call-parser", "", None),
        ("sglang", "--mem_fraction_static", "--mem_fraction_static", "", None),
        ("trtllm", "--trtllm.kv_cache_config.dtype", "--trtllm.", "kv_cache_config.dtype", None),
        ("frontend", "--no-router-kv-events", "--router-kv-events", "", None),
        ("frontend", "--kv-events", "--router-kv-events", "", None),
    ],
)  # fmt: skip
def test_options_are_read_as_the_parsers_read_them(
    program: str, token: str, name: str, keys: str, value: str | None
) -> None:
    found = argv.find(table_of(program, "1.6"), token)

    assert (found.name, found.keys, found.value) == (name, keys, value)


@pytest.mark.parametrize(
    ("row", "value", "needs"),
    [
        ({"type": "int"}, 8, ""),
        ({"type": "int"}, "8", ""),
        ({"type": "int"}, 8.5, "a whole number"),
        ({"type": "int"}, True, "a whole number"),
        ({"type": "int", "nargs": "+"}, [1, 2], ""),
        ({"type": "int", "nargs": "+"}, [1, "x"], "a whole number"),
        ({"type": "int"}, [1], "a whole number"),
        ({"type": "int", "suffixes": {"k": 1000}}, "1.5k", ""),
        ({"type": "int", "suffixes": {"Ki": 1024}}, "2Ki", ""),
        ({"type": "int", "suffixes": {"Ki": 1024}}, "1.5Ki", "a whole number"),
        ({"type": "int", "suffixes": {"k": 1000}}, "1M", "a whole number"),
        ({"type": "str", "choices": ["deep_gemm"], "loose": True}, "Deep-GEMM", ""),
        ({"type": "int", "also": ["auto"]}, "auto", ""),
        ({"type": "float"}, 1, ""),
        ({"type": "float"}, "x", "a number"),
        ({"type": "bool"}, False, ""),
        ({"type": "bool"}, "false", "true or false"),
        ({"type": "json"}, {"a": 1}, ""),
        ({"type": "json"}, [1], ""),
        ({"type": "json"}, 3, ""),
        ({"type": "json"}, "{", "JSON"),
        ({"type": "str"}, {"a": 1}, ""),
        ({"type": "str"}, None, ""),
        ({"type": "str", "choices": ["a", "b"]}, "c", "one of a, b"),
        ({"type": "str", "choices": ["a", "b"]}, {"a": 1}, "one of a, b"),
        ({"type": "int", "from": "tensorrt_llm"}, [1, 2], ""),
        ({"type": "any"}, [{"a": 1}], ""),
    ],
)
def test_a_value_of_a_file_is_held_against_its_key(row: flags.Row, value: Any, needs: str) -> None:
    assert values.of_data(row, value) == needs


def test_a_broken_json_is_shown_where_it_breaks_unless_it_holds_a_token() -> None:
    row = {"type": "json"}

    assert "character 9" in values.broken(row, '{"a": 1 "b"}')
    assert "hf_" not in values.broken(row, '{"a": "hf_CanaryCanaryCanary0123')


# ---- data ---------------------------------------------------------------------------------------


def test_every_release_has_a_table_of_every_program() -> None:
    for version in facts.dynamo():
        assert all(flags.table(program, version) for program in flags.PROGRAMS), version


def test_pairs_are_of_options_that_are_there() -> None:
    for kind, programs in flags.pairs().items():
        for program, rows in programs.items():
            known = {name for minor in MINORS for name in (*table_of(program, minor).flags, flags.DYNAMIC)}
            for row in rows:
                named = {*row.get("options", ()), *row.get("with", ()), *row.get("needs", ())}
                assert named | {row.get("option", next(iter(named)))} <= known, (kind, program, row)
                assert row["source"]


def test_what_is_to_be_done_instead_is_of_options_that_no_release_has() -> None:
    for program, rows in yamlio.read_file(flags.HERE / "instead.yaml", "instead.yaml").data.items():
        for name in rows:
            assert flags.elsewhere(program, name, "9.9") is None, (program, name)


def test_json_keys_are_of_options_that_vllm_has() -> None:
    for option in yamlio.read_file(flags.HERE / "vllm-json.yaml", "vllm-json.yaml").data:
        if option != "methods":
            assert all(option in table_of("vllm", minor).flags for minor in MINORS), option


def test_an_option_that_went_away_is_said_to_be_gone_with_what_to_write() -> None:
    found = flags.elsewhere("vllm", "--is-prefill-worker", "1.6")

    assert found == flags.Elsewhere(until="1.3", use="--disaggregation-mode prefill")
    assert flags.elsewhere("vllm", "--benchmark-hybrid-live-state", "1.5") == flags.Elsewhere(since="1.6")
    assert flags.elsewhere("vllm", "--never-was", "1.6") is None


@pytest.mark.parametrize(
    ("settings", "tables"),
    [
        ({}, 1),
        ({"model.backend.type": "trtllm"}, 1),
        ({"model.frontend.args": ["--router-ttl-secs", "60"]}, 2),
    ],
    ids=str,
)
def test_a_render_reads_the_table_of_its_engine_and_no_other(settings: dict[str, Any], tables: int) -> None:
    patches: list[Any] = []
    for path, value in settings.items():
        inner = value
        for step in reversed(path.split(".")):
            inner = {step: inner}
        patches.append(inner)
    code = f"""
import recipegen
from recipegen.facts import flags
recipegen.render("qwen-0.6b", None, {patches!r})
caches = [flags._whole, flags._gone, flags.variables]
print(*(each.cache_info().currsize for each in caches))
"""
    assert in_new_python(code).stdout.split() == [str(tables), "0", "0"]


def test_a_release_without_a_table_is_checked_for_nothing_that_only_a_table_knows() -> None:
    table = flags.Table("vllm", "9.9", {}, {})

    assert flags.table("vllm", "9.9.0") is None
    assert argv.find(table, "--any=1") == argv.Option("--any", "--any", None, "--any", "1")


def test_a_field_whose_option_a_release_lacks_is_refused() -> None:
    # All releases have all of them so far.
    recipe = recipe_of("vllm", "1.6", [])
    setting = recipe.model.engine.model_copy(update={"max_num_seqs": 8})
    spelt = {"flags": {"maxNumSeqs": "--max-concurrency"}}
    (problem,) = engine._choices(("model", "engine"), setting, spelt, recipe.model.backend)

    assert (problem.code, problem.path[-1], problem.warning) == ("unsupported", "maxNumSeqs", False)
    assert "has no option '--max-concurrency'" in problem.message


def test_router_options_wait_for_a_router_that_a_variable_turns_on() -> None:
    frontend = {"args": ["--serve-indexer"], "env": {"DYN_ROUTER_MODE": "kv"}}

    assert plan_of({**MINIMAL, "model": {**MINIMAL["model"], "frontend": frontend}}).warnings == ()


def test_a_recipe_of_an_older_release_is_checked_against_that_release() -> None:
    model = {**MINIMAL["model"], "backend": {"type": "sglang", "version": "1.5.1"}}
    plan = plan_of({**MINIMAL, "model": {**model, "engine": {"args": ["--cuda-graph-bs", "1", "2"]}}})

    assert [warning.code for warning in plan.warnings] in ([], ["deprecated-option"])
