"""Doctor: from objects in a cluster to findings, case by case, and what it must never see or say."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import apiserver
import recipegen
from conftest import Golden
from recipegen import catalog, cluster, language, pipeline
from recipegen.cli import doctor as doctor_cli
from recipegen.cli import main
from recipegen.cluster import log_signs, signs
from recipegen.cluster.collect import collect
from recipegen.cluster.report import report
from recipegen.cluster.scene import BLOCKS, WORKERS, paths_for
from recipegen.cluster.scrub import scrub
from recipegen.cluster.wire import METADATA, NoAnswerError
from recipegen.errors import UsageError
from recipegen.origin import parse
from samples import in_new_python

CASES = sorted((apiserver.FOLDER / "cases").iterdir())
PLAN = pipeline.plan(apiserver.FOLDER / "llama.yaml")
# Cases whose bundle is kept, to be read and to be judged as it was saved.
RECORDED = {"healthy", "gated-model", "gpus-taken", "few-rights"}
GROUPS = (signs.IMAGE, signs.START, signs.MOUNT, signs.CREATE, signs.CLAIM, log_signs.LOG)


def objects_of(case: Path) -> dict[str, Any]:
    """The objects of a case, and under `forbidden` the kinds that may not be read."""
    found: dict[str, Any] = apiserver.patched(
        apiserver.healthy(), yaml.safe_load((case / "cluster.yaml").read_text())
    )
    return found


def bundle_of(objects: dict[str, Any]) -> dict[str, Any]:
    forbidden = objects.pop("forbidden", [])
    return collect(apiserver.reader(objects, *forbidden), cluster.subject(PLAN))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_gets_its_bundle_and_its_findings(
    case: Path,
    golden: Golden,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = json.dumps(bundle_of(objects_of(case)), indent=1) + "\n"
    if case.name in RECORDED:
        golden.file(case / "bundle.json", text)
    saved = tmp_path / "bundle.json"
    saved.write_text(text)
    monkeypatch.chdir(apiserver.FOLDER)
    code = main(["doctor", "./llama.yaml", "--bundle", str(saved)])
    out, err = capsys.readouterr()

    assert code in (0, 3)
    assert err == ""
    golden.file(case / "report.txt", f"{out}exit code {code}\n")


def test_a_bundle_is_kept_for_a_few_cases_only() -> None:
    assert {case.name for case in CASES if (case / "bundle.json").exists()} == RECORDED


# ---- what it never sees or says -----------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_planted_value_is_in_a_bundle(case: Path) -> None:
    """Values of Secrets, variables, arguments, annotations and other labels, logs, and others' objects."""
    objects = objects_of(case)
    planted = json.dumps(objects).count("canary")

    assert planted > 5
    assert "canary" not in json.dumps(bundle_of(objects))


def planted(value: Any, token: str, *, inside: bool = False) -> Any:
    """The data with the token at the end of every message, log, argument and value of a variable."""
    if isinstance(value, dict):
        return {
            k: planted(v, token, inside=inside or k in ("message", "args", "value") or k.startswith("Log/"))
            for k, v in value.items()
        }
    if isinstance(value, list):
        return [planted(inner, token, inside=inside) for inner in value]
    return f"{value.rstrip()} {token}" if inside and isinstance(value, str) else value


LEAKS = {
    "hugging face": "hf_canaryCANARYcanaryCANARY",
    "nvidia": "nvapi-canaryCANARYcanaryCANARY",
    "web token": "eyJcanaryCANARY.canaryCANARYcanary.canary",
    "url": "https://user:canary@registry.example.com/",
    "assigned": "PASSWORD=canary",
    "in JSON": '{"api_key": "canary"}',
    "header": "Authorization: Bearer canaryCANARYcanary",
    "header without a scheme": "Authorization: canary",
    "option": "--foo 1 --api-key canary",
    "option in a list": "['--api-key', 'canary']",
    "list of one": "api_key=['canary']",
    "words in quotes": "password='a canary'",
    "JSON in JSON": r"{\"password\": \"canary\"}",
    "several spaces": "HF_TOKEN  =  canary",
    "signed address": "https://cdn.example.com/x?X-Amz-Signature=canary&X-Amz-Expires=3600",
    "shared access": "https://x.example.com/a?sig=canary",
    "access key": "AWS_ACCESS_KEY_ID=canary",
    "registry": '{"auth": "canary"}',
    "openai": f"sk-{'canary' * 6}",
    "gitlab": "glpat-canaryCANARYcanary",
}


@pytest.mark.parametrize("token", LEAKS.values(), ids=LEAKS)
@pytest.mark.parametrize(
    "name", ["gated-model", "termination-message", "image-missing", "quota", "no-storage-class"]
)
def test_no_token_in_a_message_is_in_a_bundle_or_a_report(name: str, token: str) -> None:
    objects = planted(objects_of(apiserver.FOLDER / "cases" / name), token)
    bundle = bundle_of(objects)

    assert "canary" not in json.dumps(bundle).lower()
    assert "canary" not in report(cluster.examine(PLAN, bundle)).lower()
    assert "canary" not in report(cluster.diagnose(planted(bundle, token))).lower()


def test_a_name_in_the_graph_leads_to_no_other_object() -> None:
    objects = objects_of(apiserver.FOLDER / "cases/healthy")
    volume = {"name": "x", "persistentVolumeClaim": {"claimName": "../secrets/hf-token"}}
    graph = objects["DynamoGraphDeployment/llama"]
    graph["spec"]["components"][0]["podTemplate"]["spec"]["volumes"] = [volume]
    asked: list[str] = []

    def get(path: str, accept: str) -> tuple[int, bytes]:
        asked.append(path)
        found = (404, b"{}")
        return found if "persistentvolumeclaims/" in path else apiserver.reader(objects)(path, accept)

    collect(get, cluster.subject(PLAN))

    assert [path for path in asked if "%2Fsecrets" in path] == [
        "/api/v1/namespaces/chat/persistentvolumeclaims/..%2Fsecrets%2Fhf-token"
    ]


def test_a_secret_is_asked_for_without_its_content() -> None:
    asked: list[tuple[str, str]] = []
    get = apiserver.reader(apiserver.healthy())

    def noted(path: str, accept: str) -> tuple[int, bytes]:
        asked.append((path, accept))
        return get(path, accept)

    collect(noted, cluster.subject(PLAN))

    assert [(p, a) for p, a in asked if "/secrets" in p] == [
        ("/api/v1/namespaces/chat/secrets/hf-token", METADATA)
    ]
    assert not [path for path, _ in asked if "/configmaps" in path]


@pytest.mark.parametrize(
    "text",
    [
        'secret "hf-token" not found',
        "couldn't find key HF_TOKEN in Secret chat/hf-token",
        'MountVolume.SetUp failed for volume "hf-token" : secret "hf-token" not found',
        "exceeded quota: gpus, requested: requests.nvidia.com/gpu=2, used: requests.nvidia.com/gpu=2",
        "The model's max seq len (131072) is larger than the maximum number of tokens: 86224",
        "error: unrecognized arguments: --tokenizer-mode=slow --tokenizer x --max-tokens 4",
        "error: argument --api-key: expected one argument",
        "failed to fetch anonymous token: unexpected status from GET request: 401 Unauthorized",
        "pull access denied, may require authorization: server message: insufficient_scope",
        "unauthorized: authentication required",
    ],
)
def test_messages_without_secrets_stay_as_they_are(text: str) -> None:
    assert scrub(text) == text


# What the patterns are made of, which no text by chance holds.
PIECES = st.sampled_from(
    [
        "password",
        "token",
        "--api-key",
        "sig",
        "auth",
        "bearer",
        "sk-",
        "=",
        ": ",
        " ",
        '"',
        "'",
        "[",
        "\\",
        "&",
    ]
)


@given(st.lists(PIECES | st.text(max_size=12), max_size=20).map("".join))
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert scrub(scrub(text)) == scrub(text)


# ---- laws ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [*WORKERS, "frontend", "download", "cache", *BLOCKS, "epp", ""])
@pytest.mark.parametrize("sign", [sign for group in GROUPS for sign in group], ids=lambda sign: sign.code)
def test_a_sign_leads_to_lines_that_the_language_has(sign: signs.Sign, role: str) -> None:
    found = paths_for(sign.paths, role)

    assert found
    assert [path for path in found if not language.knows(parse(path))] == []


def test_a_recipe_that_is_called_after_a_role_leads_to_the_role_that_is_refused() -> None:
    event = {
        "involvedObject": {"kind": "ReplicaSet", "name": "my-worker-decode-0"},
        "reason": "FailedCreate",
        "message": "forbidden: exceeded quota: gpus",
    }
    subject = {"namespace": "chat", "graph": "my-worker"}
    (finding,) = cluster.diagnose({"subject": subject, "objects": {"events": [event]}}).findings

    assert finding.paths[0] == "model.decode.replicas"


@pytest.mark.parametrize("group", GROUPS[:-1])
def test_the_last_sign_of_a_group_fits_everything(group: tuple[signs.Sign, ...]) -> None:
    assert [bool(sign.pattern) for sign in group] == [True] * (len(group) - 1) + [False]


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


@given(JUNK)
def test_any_data_has_a_diagnosis(data: Any) -> None:
    report(cluster.diagnose(data))
    report(cluster.diagnose({"objects": data, "subject": data, "unseen": data}))


@given(st.sampled_from([case.name for case in CASES]), st.randoms(use_true_random=False), JUNK)
@settings(max_examples=200, deadline=None)
def test_a_damaged_bundle_has_a_diagnosis(name: str, chance: random.Random, junk: Any) -> None:
    bundle = bundle_of(objects_of(apiserver.FOLDER / "cases" / name))
    place: Any = bundle
    while isinstance(place, dict | list) and place:
        key = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
        if chance.random() < 0.2 or not isinstance(place[key], dict | list):
            place[key] = junk
            break
        place = place[key]

    report(cluster.diagnose(bundle))


@pytest.mark.parametrize(
    "kinds", [["nodes"], ["all pods"], ["events"], ["secrets"], ["log"], ["jobs"], ["pods", "all pods"]]
)
def test_what_may_not_be_looked_at_is_named_and_is_no_finding(kinds: list[str]) -> None:
    objects = objects_of(apiserver.FOLDER / "cases" / ("crash" if kinds == ["log"] else "healthy"))
    bundle = collect(apiserver.reader(objects, *kinds), cluster.subject(PLAN))
    found = cluster.diagnose(bundle)

    assert [finding.code for finding in found.findings] == (["crash"] if kinds == ["log"] else [])
    assert len(found.unseen) >= 1
    assert all(unseen.why.startswith("not allowed to look") for unseen in found.unseen)
    assert not {unseen.what for unseen in found.unseen} & {seen.rpartition(" (")[0] for seen in found.seen}


def test_a_node_that_does_not_hand_out_logs_is_named_and_the_rest_is_judged() -> None:
    get = apiserver.reader(objects_of(apiserver.FOLDER / "cases/crash"))

    def silent(path: str, accept: str) -> tuple[int, bytes]:
        if "/log?" in path:
            raise NoAnswerError("timed out")
        return get(path, accept)

    found = cluster.diagnose(collect(silent, cluster.subject(PLAN)))

    assert [finding.code for finding in found.findings] == ["crash"]
    assert [(unseen.what, unseen.why) for unseen in found.unseen] == [
        ("logs of failed containers", "timed out")
    ]


def test_a_long_list_is_read_page_by_page() -> None:
    objects = apiserver.healthy()
    get = apiserver.reader(objects)
    asked: list[str] = []

    def paged(path: str, accept: str) -> tuple[int, bytes]:
        if "/jobs?" not in path:
            return get(path, accept)
        asked.append(path)
        page = {"metadata": {"continue": "next"} if len(asked) == 1 else {}}
        return 200, json.dumps({**page, "items": [{"metadata": {"name": f"job-{len(asked)}"}}]}).encode()

    bundle = collect(paged, cluster.subject(PLAN))

    assert [item["metadata"]["name"] for item in bundle["objects"]["jobs"]] == ["job-1", "job-2"]
    assert "continue=next" in asked[1]


# ---- the verb and the library -------------------------------------------------------------------

Cli = Callable[..., tuple[int, str, str]]
BUNDLE = str(apiserver.FOLDER / "cases/gpus-taken/bundle.json")
RECIPE = str(apiserver.FOLDER / "llama.yaml")


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["doctor", *arguments])
        return (code, *capsys.readouterr())

    return run


def test_programs_get_every_finding_with_its_lines(cli: Cli) -> None:
    code, out, err = cli(RECIPE, "--bundle", BUNDLE, "--format", "json")
    found = json.loads(out)
    (finding,) = found["findings"]

    assert (code, err) == (3, "")
    assert (finding["code"], finding["severity"]) == ("gpus-taken", "error")
    assert finding["recipe"][0] == {
        "path": "model.worker.replicas",
        "value": 2,
        "from": f"{catalog.shown(Path(RECIPE))}:12:15",
    }
    assert found["couldNotLook"] == []


def test_a_block_that_a_finding_names_is_not_printed_with_its_variables() -> None:
    plan = pipeline.plan(RECIPE, None, [{"model": {"worker": {"env": {"DB_PASSWORD": "canary"}}}}])

    assert doctor_cli.value(plan, "model.worker.env") is None
    assert doctor_cli.value(plan, "model.worker.replicas") == 2


def test_a_line_that_a_patch_wrote_is_named(cli: Cli) -> None:
    code, out, _ = cli(RECIPE, "--bundle", BUNDLE, "--set", "model.worker.replicas=7")

    assert code == 3
    assert "model.worker.replicas = 7 (--set model.worker.replicas=7)" in out


def test_a_bundle_of_another_graph_is_refused(cli: Cli) -> None:
    code, out, err = cli("qwen-0.6b", "--bundle", BUNDLE)

    assert (code, out) == (2, "")
    assert "the bundle is of graph 'llama' in namespace 'chat'" in err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no JSON"),
        ("[]", "this is no bundle"),
        ("{}", "this is no bundle"),
        ('{"recipegenBundle": true}', "this is no bundle"),
        ('{"recipegenBundle": 99}', "has format 99"),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_a_file_that_is_no_bundle_is_refused(content: str, message: str, tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "bundle.json").write_text(content)
    code, out, err = cli(RECIPE, "--bundle", str(tmp_path / "bundle.json"))

    assert (code, out) == (4, "")
    assert message in err


def test_a_bundle_that_is_not_there_is_an_error(cli: Cli) -> None:
    assert cli(RECIPE, "--bundle", "nowhere.json")[0] == 4


def test_a_context_has_no_effect_on_a_bundle(cli: Cli) -> None:
    assert cli(RECIPE, "--bundle", BUNDLE, "--context", "c")[0] == 2
    with pytest.raises(UsageError, match="no effect"):
        recipegen.doctor(RECIPE, bundle=BUNDLE, context="c")


def test_what_was_seen_is_saved_for_its_owner_alone_and_judged_the_same(tmp_path: Path, cli: Cli) -> None:
    first = cli(RECIPE, "--bundle", BUNDLE, "--save", str(tmp_path / "saved.json"))
    second = cli(RECIPE, "--bundle", str(tmp_path / "saved.json"))

    assert first[:2] == second[:2]
    assert (tmp_path / "saved.json").stat().st_mode & 0o777 == 0o600
    assert cli(RECIPE, "--bundle", BUNDLE, "--save", str(tmp_path / "saved.json"))[0] == 4


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_saving_keeps_what_collecting_kept(case: Path, tmp_path: Path) -> None:
    bundle = bundle_of(objects_of(case))
    cluster.save(bundle, tmp_path / "saved.json")

    assert json.loads((tmp_path / "saved.json").read_text()) == bundle


def test_what_others_put_into_a_bundle_is_not_saved(tmp_path: Path) -> None:
    bundle = json.loads(Path(BUNDLE).read_text())
    bundle["objects"]["secrets"][0]["data"] = {"HF_TOKEN": "canary"}
    bundle["objects"]["pods"][0]["spec"]["containers"][0]["env"] = [{"name": "A", "value": "canary"}]
    bundle["objects"]["events"].append({"message": "PASSWORD=canary"})
    bundle["unseen"].append({"what": "pods", "why": "token=canary"})
    bundle["more"] = "canary"
    recipegen.doctor(RECIPE, bundle=bundle, save=tmp_path / "saved.json")

    assert "canary" not in (tmp_path / "saved.json").read_text()


def test_a_cluster_that_does_not_answer_is_exit_code_5(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, "https://127.0.0.1:9")))
    code, out, err = cli(RECIPE)

    assert (code, out) == (5, "")
    assert err.startswith("https://127.0.0.1:9 does not answer: ")
    assert "Connection refused" in err


@pytest.mark.parametrize("arguments", [[], ["--context", "nobody"]])
def test_no_way_into_a_cluster_is_exit_code_4(
    arguments: list[str], tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = str(kubeconfig(tmp_path, "https://127.0.0.1:9"))
    monkeypatch.setenv("KUBECONFIG", there if arguments else str(tmp_path / "nowhere"))
    code, out, err = cli(RECIPE, *arguments)

    assert (code, out) == (4, "")
    assert "no way into a cluster" in err


def test_a_login_that_fails_is_exit_code_5_and_says_why(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package logs it and goes on without one; the server would then know nobody."""
    place = kubeconfig(tmp_path, "https://127.0.0.1:9")
    program = {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-login"}
    config = json.loads(place.read_text())
    config["users"][0]["user"] = {"exec": {**program, "interactiveMode": "Never"}}
    place.write_text(json.dumps(config))
    monkeypatch.setenv("KUBECONFIG", str(place))
    code, out, err = cli(RECIPE)

    assert (code, out) == (5, "")
    assert err.startswith("the login of the context failed: ")
    assert "'no-such-login'" in err


@pytest.mark.parametrize("content", ["", "a: [b", "- x", "contexts: 3", "{}", "\0"], ids=repr)
def test_a_malformed_kubeconfig_is_exit_code_4(
    content: str, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text(content)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    code, out, err = cli(RECIPE)

    assert (code, out) == (4, "")
    assert "no way into a cluster" in err


def test_without_the_package_a_bundle_can_still_be_read() -> None:
    code = "import sys; sys.modules['kubernetes'] = None; from recipegen.cli import main; sys.exit(main({}))"
    live = in_new_python(code.format(["doctor", RECIPE]), check=False)
    saved = in_new_python(code.format(["doctor", RECIPE, "--bundle", BUNDLE]), check=False)

    assert (live.returncode, saved.returncode) == (4, 3)
    assert "pip install 'recipegen[cluster]'" in live.stderr


def test_the_library_finds_the_same() -> None:
    found = recipegen.doctor(RECIPE, bundle=BUNDLE)
    again = recipegen.doctor(RECIPE, bundle=json.loads(Path(BUNDLE).read_text()))

    assert isinstance(found, recipegen.Diagnosis)
    assert found == again
    assert [type(finding) for finding in found.findings] == [recipegen.Finding]
    assert found.findings[0].paths[0] == "model.worker.replicas"


def kubeconfig(folder: Path, server: str) -> Path:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    (folder / "kubeconfig").write_text(json.dumps(config))
    return folder / "kubeconfig"
