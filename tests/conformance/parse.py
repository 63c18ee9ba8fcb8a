"""Give command lines to Dynamo's own parsers. Runs where Dynamo's wheels are installed, without the project.

Reads a JSON list of `{"module": "dynamo.vllm", "argv": […]}` from standard input and prints one answer for
each: whether Dynamo accepts it, its message if not, its warnings, and the tokens it leaves to the engine.

How much of it is Dynamo's real parser: all for `dynamo.frontend`, `dynamo.mocker` and `dynamo.trtllm`.
`dynamo.vllm` and `dynamo.sglang` call the engine's parser for what Dynamo does not know, and engines need a
GPU's libraries. Here they get Dynamo's part alone, put together as their `args.py` do; nothing checks the
engine's options.
"""

import io
import json
import logging
import os
import sys
import warnings
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

GROUPS = "dynamo.common.configuration.groups"


def main() -> None:
    """Answer every command of standard input, in its order."""
    # Imported first: it sets up logging, which would remove the handler that `answer` adds.
    import_module("dynamo.frontend.main")
    commands = json.load(sys.stdin)
    json.dump([answer(command["module"], command["argv"]) for command in commands], sys.stdout)


def answer(module: str, argv: list[str]) -> dict[str, Any]:
    """Return what the parser of a module says to a command line."""
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    accepted, leftover = True, list[str]()
    # Dynamo hands settings to its runtime in environment variables, which the next command must not see.
    with (
        patch.dict(os.environ),
        redirect_stdout(said),
        redirect_stderr(said),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always")
        logging.getLogger().addHandler(handler)
        try:
            leftover = PARSERS[module](argv)
        except SystemExit:
            accepted = False
        except ValueError as error:
            accepted = False
            said.write(str(error))
        finally:
            logging.getLogger().removeHandler(handler)
    return {
        "accepted": accepted,
        # argparse prints its usage before the message.
        "message": "" if accepted else said.getvalue().rpartition("error: ")[2].strip(),
        "warnings": [str(warning.message) for warning in caught],
        "leftover": leftover,
    }


def frontend(argv: list[str]) -> list[str]:
    """Parse as `python3 -m dynamo.frontend` does, which knows every option itself."""
    with patch.object(sys, "argv", ["dynamo.frontend", *argv]):
        import_module("dynamo.frontend.main").parse_args()
    return []


def trtllm(argv: list[str]) -> list[str]:
    """Parse as `python3 -m dynamo.trtllm` does, which knows every option itself."""
    with patch.dict(sys.modules, tensorrt_llm_stub()):
        import_module("dynamo.trtllm.args").parse_args(argv)
    return []


def tensorrt_llm_stub() -> dict[str, ModuleType]:
    """Return modules in place of TensorRT-LLM, of which Dynamo's parser reads four defaults."""
    fields = ("max_batch_size", "max_num_tokens", "max_seq_len", "max_beam_width")
    llmapi = ModuleType("tensorrt_llm.llmapi")
    llmapi.__dict__["BuildConfig"] = SimpleNamespace(
        model_fields={field: SimpleNamespace(default=None) for field in fields}
    )
    return {"tensorrt_llm": ModuleType("tensorrt_llm"), "tensorrt_llm.llmapi": llmapi}


def vllm(argv: list[str]) -> list[str]:
    """Parse Dynamo's part of a `dynamo.vllm` command line, which takes no abbreviations."""
    own = import_module("dynamo.vllm.backend_args")
    parser = ArgumentParser(allow_abbrev=False)
    return dynamo_part(parser, own.DynamoVllmArgGroup(), own.DynamoVllmConfig, argv)


def sglang(argv: list[str]) -> list[str]:
    """Parse Dynamo's part of a `dynamo.sglang` command line."""
    own = import_module("dynamo.sglang.backend_args")
    return dynamo_part(ArgumentParser(), own.DynamoSGLangArgGroup(), own.DynamoSGLangConfig, argv)


def dynamo_part(parser: ArgumentParser, group: Any, config: Any, argv: list[str]) -> list[str]:
    """Return the tokens that neither the runtime's options, the backend's, nor the router's account for."""
    runtime = import_module(f"{GROUPS}.runtime_args")
    runtime.DynamoRuntimeArgGroup().add_arguments(parser)
    group.add_arguments(parser)
    known, unknown = parser.parse_known_args(argv)
    _, leftover = import_module(f"{GROUPS}.router_args").parse_worker_router_config(unknown)
    for part in (runtime.DynamoRuntimeConfig, config):
        part.from_cli_args(known).validate()
    return list(leftover)


def mocker(argv: list[str]) -> list[str]:
    """Parse as `python3 -m dynamo.mocker` does, which knows every option itself."""
    import_module("dynamo.mocker.args").parse_args(argv)
    return []


PARSERS: dict[str, Callable[[list[str]], list[str]]] = {
    "dynamo.frontend": frontend,
    "dynamo.vllm": vllm,
    "dynamo.sglang": sglang,
    "dynamo.trtllm": trtllm,
    "dynamo.mocker": mocker,
}

if __name__ == "__main__":
    main()
