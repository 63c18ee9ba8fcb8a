"""The scripts of the steps, run by a shell, with programs that do with files what the real ones would."""

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from recipegen import catalog

Run = Callable[..., "subprocess.CompletedProcess[str]"]

CHARTS = catalog.charts() / "stack" / "charts"
FILES = CHARTS / "ingestion" / "files"
# A store is a folder: s3://BUCKET/KEY is STORE/BUCKET/KEY. Output and exit codes are those of the real `aws`.
AWS = """
import os, pathlib, shutil, sys, time
store = pathlib.Path(os.environ["STORE"])
args = sys.argv[1:]
if args[1] != "ls":
    # As the client has it by default, and as stores other than Amazon's may need it.
    asked = os.environ.get("AWS_REQUEST_CHECKSUM_CALCULATION", "when_supported")
    assert asked == ("when_required" if "--endpoint-url" in args else "when_supported")
if "--endpoint-url" in args:
    at = args.index("--endpoint-url")
    assert args[at + 1] == os.environ["EXPECTED_ENDPOINT"], args
    del args[at:at + 2]
def place(uri): return store / uri.removeprefix("s3://")
if os.environ.get("BROKEN"):
    print("fatal error: Unable to locate credentials", file=sys.stderr)
    sys.exit(255)
assert args[0] == "s3"
if args[1] == "ls":
    prefix = place(args[2])
    there = prefix.parent.is_dir() and any(p.name.startswith(prefix.name) for p in prefix.parent.iterdir())
    sys.exit(0 if there else 1)
if args[1] == "rm":
    # Nothing there is no failure.
    name = args[args.index("--include") + 1] if "--recursive" in args else place(args[2]).name
    folder = place(args[2]) if "--recursive" in args else place(args[2]).parent
    for path in folder.rglob(name) if folder.is_dir() else ():
        path.unlink()
        print(f"delete: {path}")
    sys.exit()
if args[1] == "cp":
    place(args[3]).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(args[2], place(args[3]))
    print(f"upload: {args[2]} to {args[3]}")
    sys.exit()
assert args[1] == "sync" and args[args.index("--exclude") + 1] == ".*"
source = pathlib.Path(args[2])
for file in sorted(p for p in source.rglob("*") if p.is_file()):
    path = file.relative_to(source)
    goal = place(args[3]) / path
    if path.parts[0].startswith(".") or goal.exists():
        continue
    goal.parent.mkdir(parents=True, exist_ok=True)
    time.sleep(float(os.environ.get("SLOW", "0")))
    shutil.copyfile(file, goal)
    print(f"upload: {file} to {args[3]}/{path}", flush=True)
    if os.environ.get("BREAKS_AT") == path.name:
        sys.exit(1)
"""
# Takes what a real `hf download` leaves: the files, and a folder of its own.
HF = """
import os, pathlib, sys, time
folder = pathlib.Path(sys.argv[sys.argv.index("--local-dir") + 1])
for name in os.environ.get("WITH", "config.json sub/model.safetensors .gitattributes .cache/x").split():
    time.sleep(float(os.environ.get("SLOW", "0")))
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(name)
if os.environ.get("BROKEN"):
    sys.exit("401 Client Error")
"""
CONVERTER = """
import pathlib, sys
out = pathlib.Path(sys.argv[sys.argv.index("--outfile") + 1])
out.write_text(sys.argv[sys.argv.index("--outtype") + 1])
assert (pathlib.Path(sys.argv[1]) / "config.json").is_file()
"""
QUANTIZER = """
import pathlib, sys
pathlib.Path(sys.argv[2]).write_text(pathlib.Path(sys.argv[1]).read_text() + " " + sys.argv[3])
"""
# Exits as picklescan and clamscan do: 0 nothing found, 1 a finding, 2 no scan.
SCANNER = """
import pathlib, sys
files = [p for p in pathlib.Path(sys.argv[-1]).rglob("*") if p.is_file()]
sys.exit(2 if not files else 1 if any(b"posix" in p.read_bytes() for p in files) else 0)
"""


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with the programs, to be first on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    programs = {"aws": AWS, "hf": HF, "pip": "", "scanner": SCANNER, "llama-quantize": QUANTIZER}
    for name, code in programs.items():
        (folder / name).write_text(f"#!{sys.executable}\n{code}")
        (folder / name).chmod(0o755)
    (folder / "convert_hf_to_gguf.py").write_text(CONVERTER)
    return folder


@pytest.fixture
def run(tmp_path: Path, tools: Path) -> Run:
    """Runs a script of a chart with what its container would have in its environment."""
    folder = tmp_path / "work" / "abc"
    env = {
        "PATH": f"{tools}:{Path(sys.executable).parent}:/usr/bin:/bin",
        "FOLDER": str(folder),
        "STORE": str(tmp_path / "store"),
        "EXPECTED_ENDPOINT": "http://minio:9000",
        "ENDPOINT": "http://minio:9000",
        "HUB": "huggingface_hub",
        "LLAMA": str(tools),
        "OUTTYPE": "f16",
        "EVERY": "1",
        "TARGET": "s3://models/qwen",
        "MARKER": "s3://models/qwen.abc.complete",
        "MIRRORED": "s3://models/qwen.abc.complete",
    }

    def script(path: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = ["sh", str(path), *arguments]
        return subprocess.run(
            command, env=env | more, capture_output=True, text=True, check=False, timeout=30
        )

    return script


def download(run: Run, tmp_path: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    model = tmp_path / "work" / "abc" / "model"
    return run(FILES / "download.sh", "hf", "download", "a/b", "--local-dir", str(model), **more)


def stored(tmp_path: Path) -> set[str]:
    store = tmp_path / "store"
    return {path.relative_to(store).as_posix() for path in store.rglob("*") if path.is_file()}


def test_m02_a_model_goes_from_the_hub_into_the_store(run: Run, tmp_path: Path) -> None:
    first, last = download(run, tmp_path), run(FILES / "upload.sh")

    assert (first.returncode, last.returncode) == (0, 0), first.stderr + last.stderr
    # What begins with a dot is nobody's weights.
    assert stored(tmp_path) == {
        "models/qwen/config.json",
        "models/qwen/sub/model.safetensors",
        "models/qwen.abc.complete",
    }


@pytest.mark.parametrize("endpoint", ["", "http://minio:9000"])
def test_amazons_own_store_gets_the_checksums_that_aws_sends_by_itself(
    run: Run, tmp_path: Path, endpoint: str
) -> None:
    """Another store gets none unless the Secret says so; the stand-in for `aws` looks at it."""
    download(run, tmp_path)
    asked = {"AWS_REQUEST_CHECKSUM_CALCULATION": "when_supported"}

    assert run(FILES / "upload.sh", ENDPOINT=endpoint).returncode == 0
    assert (run(FILES / "upload.sh", ENDPOINT=endpoint, **asked).returncode == 0) == (endpoint == "")


def test_m06_progress_is_said_while_files_come_and_go(run: Run, tmp_path: Path) -> None:
    first = download(run, tmp_path, SLOW="2.5", WITH="config.json sub/model.safetensors")
    last = run(FILES / "upload.sh", SLOW="2.5")
    said = [
        line for line in (first.stdout + last.stdout).splitlines() if line.startswith("downloaded files:")
    ]

    assert "downloaded files: 1, uploaded files: 0" in said
    assert "downloaded files: 2, uploaded files: 0" in said
    assert "downloaded files: 2, uploaded files: 1" in said
    assert said[-1] == "downloaded files: 2, uploaded files: 2"


def test_m06_a_line_comes_every_ten_seconds_unless_told_otherwise() -> None:
    for script in ("download.sh", "upload.sh"):
        assert "${EVERY:-10}" in (FILES / script).read_text()


def test_m08_an_upload_that_broke_leaves_no_marker_and_is_taken_up_again(run: Run, tmp_path: Path) -> None:
    download(run, tmp_path)
    broken = run(FILES / "upload.sh", BREAKS_AT="config.json")
    left = stored(tmp_path)
    again = run(FILES / "upload.sh")

    assert broken.returncode == 1
    assert "failed: aws s3 sync" in broken.stderr
    assert left == {"models/qwen/config.json"}
    assert again.returncode == 0
    # The first of the two was there already.
    assert "downloaded files: 2, uploaded files: 1" in again.stdout
    assert "models/qwen.abc.complete" in stored(tmp_path)


def test_no_marker_outlives_the_files_that_it_speaks_of(run: Run, tmp_path: Path) -> None:
    """Another revision lies in the same folder: whoever waits for the first waits on."""
    download(run, tmp_path)
    run(FILES / "upload.sh")
    other = run(FILES / "upload.sh", MARKER="s3://models/qwen.def.complete")
    both = stored(tmp_path)
    (tmp_path / "store/models/qwen/config.json").unlink()
    broken = run(FILES / "upload.sh", BREAKS_AT="config.json")

    assert other.returncode == 0
    assert {name for name in both if "complete" in name} == {"models/qwen.def.complete"}
    assert broken.returncode == 1
    assert not {name for name in stored(tmp_path) if name.endswith(".complete")}


def test_an_upload_without_credentials_fails(run: Run, tmp_path: Path) -> None:
    download(run, tmp_path)
    answer = run(FILES / "upload.sh", BROKEN="1")

    assert answer.returncode == 1
    assert "Unable to locate credentials" in answer.stderr
    assert stored(tmp_path) == set()


def test_a_download_that_fails_fails_the_step(run: Run, tmp_path: Path) -> None:
    answer = download(run, tmp_path, BROKEN="1")

    assert answer.returncode == 1
    assert "401 Client Error" in answer.stderr


def test_a_download_of_nothing_fails_the_step(run: Run, tmp_path: Path) -> None:
    answer = download(run, tmp_path, WITH=".gitattributes")

    assert answer.returncode == 1
    assert "nothing was downloaded" in answer.stderr


def test_nothing_is_uploaded_where_nothing_is(run: Run, tmp_path: Path) -> None:
    answer = run(FILES / "upload.sh")

    assert answer.returncode == 1
    assert stored(tmp_path) == set()


def test_a_download_makes_room_of_what_another_one_left(run: Run, tmp_path: Path) -> None:
    for old in ("old/model", "lost+found"):
        (tmp_path / "work" / old).mkdir(parents=True)
    download(run, tmp_path)

    assert {path.name for path in (tmp_path / "work").iterdir()} == {"abc", "lost+found"}


def test_m17_m18_weights_are_converted_and_uploaded_beside_the_mirror(run: Run, tmp_path: Path) -> None:
    download(run, tmp_path)
    answers = [run(FILES / "convert.sh"), run(FILES / "upload.sh", GGUF="s3://models/qwen-f16")]

    assert [answer.returncode for answer in answers] == [0, 0], answers
    assert (tmp_path / "store/models/qwen-f16/model.gguf").read_text() == "f16"
    assert "models/qwen/model.gguf" not in stored(tmp_path)


def test_m19_a_conversion_is_quantised_and_becomes_one_file(run: Run, tmp_path: Path) -> None:
    download(run, tmp_path)
    answer = run(FILES / "convert.sh", QUANTIZE="Q4_0")
    files = [*(tmp_path / "work/abc/gguf").iterdir()]

    assert answer.returncode == 0, answer.stderr
    assert [file.name for file in files] == ["model.gguf"]
    assert files[0].read_text() == "f16 Q4_0"
    assert "was converted before" in run(FILES / "convert.sh", QUANTIZE="Q4_0").stdout


def test_a_conversion_that_fails_leaves_no_file_of_that_name(run: Run, tmp_path: Path) -> None:
    (tmp_path / "work/abc/model").mkdir(parents=True)
    answer = run(FILES / "convert.sh")

    assert answer.returncode != 0
    assert not (tmp_path / "work/abc/gguf/model.gguf").exists()


@pytest.mark.parametrize("content", [b"weights", pickle.dumps(os.system)], ids=["nothing", "a finding"])
def test_a_finding_ends_the_job_and_nothing_found_is_no_proof(
    run: Run, tmp_path: Path, content: bytes
) -> None:
    model = tmp_path / "work/abc/model"
    model.mkdir(parents=True)
    (model / "w.bin").write_bytes(content)
    answer = run(FILES / "scan.sh", "scanner", str(model))

    if content == b"weights":
        assert answer.returncode == 0
        assert "no proof" in answer.stdout
    else:
        assert answer.returncode == 1
        assert "nothing is uploaded" in answer.stderr
    assert "clean" not in answer.stdout


@pytest.mark.parametrize("command", [("scanner", "/nowhere"), ("not-installed",)])
def test_a_scanner_that_fails_is_no_finding_and_tried_again(run: Run, command: tuple[str, ...]) -> None:
    answer = run(FILES / "scan.sh", *command)

    assert answer.returncode == 2
    assert "the scanner failed" in answer.stderr


# ---- what the model's download waits for --------------------------------------------------------


def test_a_mirror_is_waited_for_until_its_marker_is_there(run: Run, tmp_path: Path, tools: Path) -> None:
    env = {
        "PATH": f"{tools}:/usr/bin:/bin",
        "STORE": str(tmp_path / "store"),
        "MIRRORED": "s3://models/qwen.abc.complete",
        "EVERY": "1",
    }
    script = ["sh", str(CHARTS / "model/files/mirrored.sh")]
    with subprocess.Popen(script, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("waiting for s3://models/qwen.abc.complete")
        download(run, tmp_path)
        assert process.poll() is None
        run(FILES / "upload.sh")

        assert process.wait(timeout=20) == 0


def test_a_store_that_cannot_be_looked_into_is_not_waited_for(run: Run) -> None:
    answer = run(CHARTS / "model/files/mirrored.sh", BROKEN="1")

    assert answer.returncode == 255
    assert "cannot look for" in answer.stderr


@pytest.mark.parametrize("script", ["download.sh", "upload.sh"])
def test_a_step_that_is_told_to_stop_ends_and_takes_its_program_along(
    script: str, tmp_path: Path, tools: Path
) -> None:
    folder = tmp_path / "work" / "abc"
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "config.json").touch()
    pid = tmp_path / "pid"
    (tools / "aws").write_text(f"#!/bin/sh\necho $$ > {pid}\nexec sleep 60\n")
    env = {"PATH": f"{tools}:/usr/bin:/bin", "FOLDER": str(folder), "HUB": "x", "TARGET": "t", "MARKER": "m"}
    with subprocess.Popen(["sh", str(FILES / script), str(tools / "aws")], env=env) as process:
        while not (pid.exists() and pid.read_text().strip()):
            time.sleep(0.05)
        process.terminate()

        assert process.wait(timeout=10) == 143
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid.read_text().strip()}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid.read_text().strip()}").exists()
