"""The model's files, without its weights: its own from the local Hugging Face cache, or made up."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MAIN = "main"
CONFIG = "config.json"
NEEDED = (CONFIG, "tokenizer.json", "tokenizer_config.json")
# Without these the mocker asks for a library that is not there: dynamo/mocker/utils/kv_cache.py.
SIZES = ("num_hidden_layers", "num_attention_heads", "hidden_size")
ENDINGS = (".json", ".jinja", ".model", ".txt")

# The mocker answers with token ids from 1000 to 1999: words that come back as one token each. Any other text
# is one token for each byte, so that different texts never look alike to a router.
VOCABULARY = 2048
BYTES = 256
START, END = "<|start|>", "<|end|>"
TEMPLATE = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:"
# GPT-2's alphabet: a printable character for each byte. Printable bytes stand for themselves.
PRINTABLE = (*range(33, 127), *range(161, 173), *range(174, 256))


def lay_out(home: Path, model: str, revision: str | None, context: int) -> str:
    """Put the model's files into a Hugging Face home, and return in words where they come from.

    Args:
        home: what `HF_HOME` of the twin's processes will be.
        model: model id, ORG/NAME.
        revision: commit or tag; None for `main`.
        context: tokens that a model whose files are made up can hold.
    """
    own = cached(model, revision, os.environ)
    repository = home / "hub" / _folder(model)
    commit = own.name if own else "0" * 40
    snapshot = repository / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / MAIN).write_text(commit, encoding="utf-8")
    if own:
        for file in own.iterdir():
            if file.suffix in ENDINGS:
                (snapshot / file.name).symlink_to(file.resolve())
        return f"the model's own, from {own}"
    for name, content in _made_up(context).items():
        (snapshot / name).write_text(json.dumps(content), encoding="utf-8")
    return f"made up, one token for each byte: the local Hugging Face cache has no usable {model}"


def cached(model: str, revision: str | None, env: Mapping[str, str]) -> Path | None:
    """Return the snapshot of a model in the user's Hugging Face cache; None when it is not usable.

    The cache is where huggingface_hub looks: `HF_HUB_CACHE`, `HF_HOME/hub`, `~/.cache/huggingface/hub`.
    """
    default = Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache", "huggingface")
    cache = Path(env.get("HF_HUB_CACHE") or Path(env.get("HF_HOME") or default, "hub"))
    repository = cache / _folder(model)
    ref = repository / "refs" / (revision or MAIN)
    try:
        # A commit has a folder of its own; a tag or branch has a file that names the commit.
        commit = ref.read_text(encoding="utf-8").strip() if ref.is_file() else revision
    except OSError:
        return None
    snapshot = repository / "snapshots" / (commit or MAIN)
    return snapshot if all(_usable(snapshot / name) for name in NEEDED) else None


def _usable(file: Path) -> bool:
    """Return whether a file holds what Dynamo needs of it; a broken cache is no fault of the recipe."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and (file.name != CONFIG or _has_sizes(found))


def _has_sizes(config: dict[str, Any]) -> bool:
    """Return whether the sizes stand in it, or in the part of it that is the language model's."""
    below = (value for value in config.values() if isinstance(value, dict))
    return all(isinstance(config.get(key), int) for key in SIZES) or any(map(_has_sizes, below))


def _folder(model: str) -> str:
    return f"models--{model.replace('/', '--')}"


def _made_up(context: int) -> dict[str, object]:
    """Return the smallest files that Dynamo serves a model from; the sizes in them are those of no model."""
    vocabulary = _vocabulary()
    start, end = vocabulary[START], vocabulary[END]
    config = {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "vocab_size": VOCABULARY,
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "max_position_embeddings": context,
        "bos_token_id": start,
        "eos_token_id": end,
        "torch_dtype": "bfloat16",
    }
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    added = [
        {"id": number, "content": text, "special": text in (START, END), **plain}
        for text, number in vocabulary.items()
        if number >= BYTES
    ]
    letters = {text: number for text, number in vocabulary.items() if number < BYTES}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": None,
        "decoder": byte_level,
        "model": {"type": "BPE", "vocab": letters, "merges": []},
    }
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": START,
        "eos_token": END,
        "model_max_length": context,
        "chat_template": TEMPLATE,
    }
    return {
        "config.json": config,
        "generation_config.json": {"bos_token_id": start, "eos_token_id": end},
        "tokenizer.json": tokenizer,
        "tokenizer_config.json": settings,
    }


def _vocabulary() -> dict[str, int]:
    others = iter(range(BYTES, 2 * BYTES))
    letters = [chr(byte if byte in PRINTABLE else next(others)) for byte in range(BYTES)]
    words = [*letters, START, END]
    words += [f" word{number}" for number in range(len(words), VOCABULARY)]
    return {word: number for number, word in enumerate(words)}
