"""The options that only one command has."""

import argparse
from collections.abc import Callable

from recipegen.cli.values import Once, number, positive, share


def add(commands: dict[str, argparse.ArgumentParser]) -> None:
    """Add what only one command has."""
    _list(commands["list"])
    show = commands["show"]
    shown = show.add_mutually_exclusive_group()
    shown.add_argument("--source", action="store_true", help="the recipe as written, patches in it")
    shown.add_argument("--resolved", action="store_true", help="with every default and derived value")
    shown.add_argument("--origin", action="store_true", help="each value with where it comes from")
    render = commands["render"]
    words = "what to render to: a helmfile document, values of the parent chart, an Argo CD ApplicationSet"
    render.add_argument("--target", choices=["helmfile", "values", "appset"], default="helmfile", help=words)
    words = "mock the engines: the same releases for clusters without GPUs, short for --set model.mocker=true"
    render.add_argument("--twin", action="store_true", help=words)
    words = "write a self-contained helmfile directory"
    render.add_argument("-o", "--output", metavar="DIR", action=Once, help=words)
    words = "compare with DIR instead of writing it; exit 3 when it differs"
    render.add_argument("--check", action="store_true", help=words)
    words = "folder or oci:// address of the charts; default: those that came along, not for appset"
    render.add_argument("--charts", metavar="REF", action=Once, help=words)
    words = "have the cluster of a context check the objects too, as a dry run; default: the current context"
    commands["check"].add_argument(
        "--cluster", metavar="CONTEXT", nargs="?", const="", action=Once, help=words
    )
    _size(commands["size"])
    _simulate(commands["simulate"])
    _doctor(commands["doctor"])
    _preflight(commands["preflight"])
    _probe(commands["probe"])
    _status(commands["status"])
    _new(commands["new"])
    _create(commands["create"])
    _import(commands["import"])
    _recommend(commands["recommend"])
    _identify(commands["identify"])
    words = "such as model.worker.replicas"
    commands["explain"].add_argument("path", metavar="PATH", help=words)


def add_variants_file(command: argparse.ArgumentParser) -> None:
    """Add what gives a recipe the variants of a file."""
    words = "variants file: a multi-document YAML file, each document a variant that --variant can choose"
    command.add_argument("--variants", metavar="FILE", action=Once, dest="variants_file", help=words)


def _list(command: argparse.ArgumentParser) -> None:
    words = "what must stand in name, title, description or model id"
    command.add_argument("words", metavar="WORD", nargs="*", help=words)
    command.add_argument("--json", action="store_true", help="as JSON")
    command.add_argument("--variants", action="store_true", help="a row a form: a recipe with a variant")
    words = "the models as objects of OpenAI's /v1/models; recipes, not what a cluster serves"
    command.add_argument("--openai", action="store_true", help=words)
    _texts(
        command,
        ("--backend", "B", "vllm, sglang or trtllm"),
        ("--gpu", "GPU", "GPU type, or how one begins: h200-sxm-141gb, h200; recipes for any GPU stay"),
        ("--mode", "M", "aggregated, disaggregated, multi-node or wide-ep (experts over several nodes)"),
        ("--license", "L", "licence, or a part of it: apache"),
        ("--size", "A-B", "parameters of the model: 0-10B, 70B-"),
    )
    words = "GPUs of all replicas, at most"
    command.add_argument("--max-gpus", metavar="N", type=number(0, 100_000), help=words)


def _size(command: argparse.ArgumentParser) -> None:
    words = "recipe of the catalog, path of a recipe or a config.json, folder of a model, known model id"
    command.add_argument("name", metavar="NAME", nargs="?", help=words)
    words = "config.json, folder with weights, or known model id; with NAME: for its model"
    command.add_argument("--config", metavar="FILE", action=Once, help=words)
    command.add_argument(
        "--all", action="store_true", help="a row for each role of every form of the catalog"
    )
    command.add_argument("--explain", action="store_true", help="what the numbers were held against, too")
    _texts(
        command,
        ("--gpu", "GPU", "GPU type, as hardware.gpu of a recipe: h100-sxm-80gb"),
        ("--mig", "PROFILE", "MIG profile in place of the whole GPU: 3g.40gb"),
        ("--backend", "B", "vllm, sglang or trtllm; default: the recipe's, or vllm"),
        (
            "--engine-version",
            "V",
            "version of the engine; default: that of the recipe's or the newest Dynamo",
        ),
        ("--kv-cache-dtype", "D", "number format of the KV cache, in the engine's words: fp8"),
        ("--dtype", "D", "number format of 16-bit weights in place of the checkpoint's: float32"),
        ("--quantization", "Q", "what the engine makes of 16-bit weights while it loads them: fp8"),
    )
    _numbers(
        command,
        number(1, 1_000_000_000),
        ("--tensor-parallel", "GPUs that share each layer"),
        ("--pipeline-parallel", "stages that share the layers"),
        ("--data-parallel", "ranks of data parallelism"),
        ("--expert-parallel", "ranks that experts are spread over"),
        ("--max-model-len", "context in tokens; default: the recipe's, or the model's own"),
        ("--block-size", "tokens of a block of the KV cache"),
        ("--max-num-seqs", "most requests in one batch"),
        ("--max-num-batched-tokens", "most tokens of one pass"),
    )
    words = "share of GPU memory, above 0 and at most 1, of what the engine means by it"
    command.add_argument("--gpu-memory-utilization", metavar="SHARE", action=Once, type=share, help=words)
    command.add_argument("--eager", action="store_true", default=None, help="without CUDA graphs")
    words = "whose rules: recipegen's, or for comparison LLM Engine's or Bud's; default: %(default)s"
    policies = ["recipegen", "llm-engine", "bud"]
    command.add_argument("--policy", choices=policies, default="recipegen", help=words)
    command.add_argument("--model", metavar="NAME", action=Once, help="llm-engine: name of the model")
    command.add_argument("--batch", action="store_true", help="llm-engine: for a batch job")
    words = "llm-engine: longest context to size for"
    command.add_argument("--max-context", metavar="N", action=Once, type=number(1, 1_000_000_000), help=words)
    words = "llm-engine: which of its tables: chart, test or ci; default: chart"
    command.add_argument("--table", action=Once, choices=["chart", "test", "ci"], help=words)
    _numbers(
        command,
        number(1, 1_000_000_000),
        ("--isl", "bud: tokens that a request reads"),
        ("--osl", "bud: tokens that it writes"),
        ("--concurrency", "bud: most requests at once"),
    )


def _simulate(command: argparse.ArgumentParser) -> None:
    words = "port of the frontend on this machine, 0 for any free one; default: %(default)s"
    command.add_argument("--port", type=number(0, 65_535), default=8000, metavar="N", help=words)
    words = "chat requests that show which workers are used; default: %(default)s"
    command.add_argument("--requests", type=number(1, 10_000), default=8, metavar="N", help=words)
    words = "replicas of each component that run at most; default: %(default)s"
    command.add_argument("--max-replicas", type=number(1, 1000), default=2, metavar="N", help=words)
    words = "run the recipe's own benchmark too; installs aiperf first"
    command.add_argument("--bench", action="store_true", help=words)
    words = "go on serving until Ctrl-C"
    command.add_argument("--keep", action="store_true", help=words)


def _doctor(command: argparse.ArgumentParser) -> None:
    words = "context of the kubeconfig; default: the current one"
    command.add_argument("--context", metavar="C", action=Once, help=words)
    words = "judge what was saved before, on this or another machine, instead of a cluster"
    command.add_argument("--bundle", metavar="FILE", action=Once, help=words)
    words = "write what was seen to a new file, without secrets"
    command.add_argument("--save", metavar="FILE", action=Once, help=words)


def _preflight(command: argparse.ArgumentParser) -> None:
    words = "context of the kubeconfig; default: the current one; several times: a row for each cluster"
    command.add_argument("--context", metavar="C", action="append", default=[], help=words)


def _probe(command: argparse.ArgumentParser) -> None:
    words = "where the endpoint is; default: the frontend's pod, through a port-forward of the cluster"
    command.add_argument("--url", metavar="URL", action=Once, help=words)
    words = "context of the kubeconfig, for the port-forward; default: the current one"
    command.add_argument("--context", metavar="C", action=Once, help=words)
    words = "ask for the answer as a stream of events, which also shows when its first token comes"
    command.add_argument("--stream", action="store_true", help=words)
    command.add_argument("--prompt", metavar="TEXT", action=Once, help='what to say; default: "Hello!"')
    words = "tokens of the answer, at most; default: 16"
    command.add_argument("--max-tokens", metavar="N", type=number(1, 100_000), default=16, help=words)
    words = "further header of each request, such as 'x-team: ml'"
    command.add_argument("--header", metavar="'K: V'", action="append", default=[], help=words)
    words = "variable of the environment with the token that a gateway wants"
    command.add_argument("--token-env", metavar="VAR", action=Once, help=words)
    words = "seconds that one answer may take; default: 60"
    command.add_argument("--timeout", metavar="SECONDS", type=positive, default=60.0, help=words)


def _status(command: argparse.ArgumentParser) -> None:
    words = "context of the kubeconfig; default: the current one"
    command.add_argument("--context", metavar="C", action=Once, help=words)
    words = (
        "wait until the graph is READY and its weights are there, at most so long; exit 3 when they are not"
    )
    command.add_argument("--wait", metavar="SECONDS", type=positive, help=words)


def _new(command: argparse.ArgumentParser) -> None:
    _texts(
        command,
        ("--config", "FILE", "config.json of the model, or a directory with one; nothing is fetched then"),
        ("--hf", "ORG/NAME", "model on the Hugging Face Hub; HF_TOKEN in the environment may hold a token"),
        ("--model", "ORG/NAME", "id of the model, for --config"),
        ("--backend", "B", "vllm, sglang or trtllm"),
        ("--gpu", "GPU", "GPU type, such as h100-sxm-80gb"),
        (
            "--namespace",
            "NS",
            "Kubernetes namespace; default: the letters that the recipe's name begins with",
        ),
        ("--name", "NAME", "what the recipe is called; default: the model's last segment in lower case"),
    )
    _numbers(
        command,
        number(0, 1_000_000_000),
        ("--gpu-count", "GPUs of one replica; default: as few as will do"),
        ("--max-model-len", "context in tokens; default: the model's own, or what fits"),
        ("--replicas", "replicas of each role; default: 2 where one is less than a node"),
    )
    words = "workers of their own for prefill and decode"
    command.add_argument("--disaggregated", action="store_true", help=words)
    words = "let code run that comes with the weights, where the engine asks for it"
    command.add_argument("--trust-remote-code", action="store_true", help=words)
    words = "file to write, - for standard output; default: NAME.yaml here"
    command.add_argument("-o", "--output", metavar="FILE", action=Once, help=words)
    words = "write over a file that is there already, or a name of the catalog, or a model's second base"
    command.add_argument("--force", action="store_true", help=words)


def _create(command: argparse.ArgumentParser) -> None:
    words = "recipe that the endpoint is made on: of the catalog, or the path of a recipe file"
    command.add_argument("base", metavar="BASE", help=words)
    words = "serverless, dedicated, reserved, batch or async"
    command.add_argument("--kind", "--type", metavar="K", action=Once, help=words)
    words = "vllm, sglang or trtllm; default: the base's"
    command.add_argument("--engine", "--backend", metavar="E", action=Once, dest="backend", help=words)
    _texts(
        command,
        ("--prefix", "P", "short name of the customer; for dedicated and reserved"),
        ("--owner", "O", "id or e-mail address of who pays; for dedicated and reserved"),
        ("--owners-file", "FILE", "YAML map of e-mail addresses to ids, to write the id of --owner"),
        ("--gpu", "GPU", "GPU type, such as h100-sxm-80gb; default: the base's"),
        ("--name", "NAME", "what the recipe is called; default: PREFIX-BASE, or KIND-BASE without a prefix"),
    )
    _numbers(
        command,
        number(0, 1_000_000_000),
        ("--gpus", "GPUs of one replica; default: the base's"),
        ("--replicas", "replicas of each role; default: the base's"),
    )
    words = "cluster that it is in, and its replicas there; may be given again"
    command.add_argument("--cluster", metavar="NAME[=N]", action="append", default=[], help=words)
    words = "a further value of the recipe"
    command.add_argument("--set", metavar="K=V", action="append", default=[], help=words)
    words = "file to write, - for standard output; default: NAME.yaml here"
    command.add_argument("-o", "--output", metavar="FILE", action=Once, help=words)
    words = "write over a file that is there already, all of it"
    command.add_argument("--force", action="store_true", help=words)


def _import(command: argparse.ArgumentParser) -> None:
    words = "file with the graph, and the ConfigMaps that it names; - for standard input"
    command.add_argument("file", metavar="FILE", help=words)
    words = "the graph to take, where the file has several"
    command.add_argument("--graph", metavar="NAME", action=Once, help=words)
    words = "Kubernetes namespace of the recipe; default: the graph's, or else its name"
    command.add_argument("--namespace", metavar="NS", action=Once, help=words)
    words = "write the recipe to FILE, whose name becomes the graph's; default: standard output"
    command.add_argument("-o", "--output", metavar="FILE", action=Once, help=words)
    command.add_argument("--force", action="store_true", help="write over a file that is there already")
    words = "import also a graph that does what a recipe cannot say, without that"
    command.add_argument("--lossy", action="store_true", help=words)


def _recommend(command: argparse.ArgumentParser) -> None:
    _texts(
        command,
        ("--gpu", "GPU", "GPU type, such as h100-sxm-80gb; default: the recipe's"),
        ("--backend", "B", "vllm, sglang or trtllm; default: the recipe's, or vllm"),
    )
    _numbers(
        command,
        number(1, 10_000_000),
        ("--gpu-count", "GPUs that there are; default: at most 64 are looked at"),
        ("--isl", "tokens of a prompt; default: of the recipe's benchmark, or 1024"),
        ("--osl", "tokens of an answer; default: of the recipe's benchmark, or 128"),
        ("--concurrency", "requests in flight; default: most of the recipe's benchmark, or 32"),
    )
    for option, metavar, words in (
        ("--ttft", "MS", "milliseconds to the first token, at most"),
        ("--itl", "MS", "milliseconds from token to token, at most"),
        ("--throughput", "N", "output tokens a second of all GPUs, at least"),
        ("--budget", "D", "dollars an hour, at most; needs --gpu-price"),
        ("--gpu-price", "D", "dollars an hour of one GPU"),
    ):
        command.add_argument(option, metavar=metavar, action=Once, type=positive, help=words)
    words = "where times come from: measured (an installed aiconfigurator), estimated, or auto; default: auto"
    sources = ["auto", "measured", "estimated"]
    command.add_argument("--source", choices=sources, default="auto", help=words)
    words = "write what is recommended to FILE, a patch for `recipegen render NAME -f FILE`; - prints it"
    command.add_argument("-o", "--output", metavar="FILE", action=Once, help=words)
    words = "which of the three -o writes: 'best cost' (default), 'best latency' or 'balanced'"
    command.add_argument("--pick", choices=["best cost", "best latency", "balanced"], help=words)
    command.add_argument("--force", action="store_true", help="write over a file that is there already")


def _identify(command: argparse.ArgumentParser) -> None:
    words = "model: ORG/NAME, NAME:TAG of Ollama, or ORG/NAME/FILE.gguf"
    command.add_argument("model", metavar="MODEL", help=words)
    files = command.add_mutually_exclusive_group()
    words = "its files, one path a line or as `aws s3 ls --recursive` prints them; - reads standard input"
    files.add_argument("--files", metavar="FILE", action=Once, help=words)
    files.add_argument("--dir", metavar="DIR", action=Once, help="folder on this machine with its files")
    words = "where it comes from; default: ollama for an id with ':', else hugging-face"
    sources = ["hugging-face", "object-store", "ollama"]
    command.add_argument("--source", choices=sources, help=words)
    _texts(
        command,
        ("--project", "P", "project that it belongs to; default: global"),
        ("--base", "MODEL", "base model of an adapter or a fine-tuned model, which lies elsewhere"),
        ("--suffix", "S", "with --base: the id is ft:BASE:S"),
        ("--tenant", "T", "with --base: who owns it; default: default-tenant-id"),
    )


def _texts(command: argparse.ArgumentParser, *options: tuple[str, str, str]) -> None:
    """Add options that take a text, once: each with its metavar and words."""
    for option, metavar, words in options:
        command.add_argument(option, metavar=metavar, action=Once, help=words)


def _numbers(
    command: argparse.ArgumentParser, bounded: Callable[[str], int], *options: tuple[str, str]
) -> None:
    """Add options that take a whole number within bounds, once: each with its words."""
    for option, words in options:
        command.add_argument(option, metavar="N", action=Once, type=bounded, help=words)
