"""`recipegen identify`: format, id and keys of a model, by the names of its files."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from recipegen.cli.printing import SHOWN_PROBLEMS, note, out
from recipegen.errors import Problem, RecipeError, ToolError, UsageError, show
from recipegen.ingestion import formats, identity, listing, stored

NOTHING_COPIED = "nothing was copied, scanned or converted: only names were looked at"
NO_FILES = "not looked at: give its files with --files or --dir"


def run(args: argparse.Namespace) -> int:
    """Print what a model would be in an object store; without files only what its name says."""
    found = _found(args)
    if args.format == "json":
        out(json.dumps(found, indent=2))
        return 0
    out("\n".join(_lines(found)))
    note(NOTHING_COPIED)
    return 0


def _found(args: argparse.Namespace) -> dict[str, Any]:
    layout = _layout(args)
    name = stored.checked(args.model)
    repository, _ = stored.parted(name)
    source = _source(args)
    tuned = identity.tuned_id(args.base, args.suffix) if args.suffix is not None else None
    folder = (identity.tuned_folder if args.base else identity.base_folder)(tuned or repository, layout)
    said: dict[str, Any] = {"model": args.model, "source": source, "id": tuned or identity.model_id(name)}
    said |= {"quantization": identity.guessed_quantization(name), "prefix": identity.listing_prefix(folder)}
    files = _files(args)
    if files is None:
        return {**said, "models": [], "keys": [], "copied": False}
    files = listing.below(files, identity.listing_prefix(folder))
    identified = stored.identify(tuned or name, files, layout, base=args.base)
    models = [
        {
            "id": model.id,
            "formats": list(model.formats),
            "path": model.path,
            "gguf": model.gguf or None,
            "adapter": model.adapter,
            "engines": model.engines,
            "workers": list(model.workers),
            "safetensors": formats.has_safetensors(files),
        }
        for model in identified.models
    ]
    said["prefix"] = identity.listing_prefix(identified.folder)
    return {**said, "models": models, "keys": list(identified.keys), "copied": False}


def _layout(args: argparse.Namespace) -> identity.Layout:
    """Return where models lie.

    Raises:
        UsageError: for options of a fine-tuned model without its base.
    """
    for option in ("suffix", "tenant"):
        if getattr(args, option) is not None and args.base is None:
            raise UsageError(Problem("usage", (), f"--{option} needs --base: only a fine-tuned model has it"))
    given = {"project": args.project, "tenant": args.tenant}
    for option, value in given.items():
        if value is not None and (not value or "/" in value or value in (".", "..")):
            raise UsageError(Problem("usage", (), f"--{option} is one name without '/', got {show(value)}"))
    return identity.Layout(**{key: value for key, value in given.items() if value is not None})


def _source(args: argparse.Namespace) -> str:
    """Return where the model comes from.

    Raises:
        RecipeError: when no model of that source is called so.
    """
    tagged = ":" in args.model and args.base is None
    source: str = args.source or ("ollama" if tagged else "hugging-face")
    if tagged and source == "hugging-face":
        message = f"has no ':' on the Hugging Face Hub, got {show(args.model)}"
        raise RecipeError(Problem("model-id", (), message, "say --source ollama, or leave it out"))
    return source


def _files(args: argparse.Namespace) -> tuple[listing.Listed, ...] | None:
    if args.dir is not None:
        return listing.read_folder(Path(args.dir))
    if args.files is None:
        return None
    try:
        text = sys.stdin.read() if args.files == "-" else Path(args.files).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        words = error.strerror if isinstance(error, OSError) else "is no text in UTF-8"
        raise ToolError(f"{show(args.files)}: {words}") from error
    return listing.read_listing(text, args.files)


def _lines(found: dict[str, Any]) -> list[str]:
    """Return the page for people."""
    rows = [f"{found['model']}, from {found['source']}"]
    if found["quantization"]:
        rows.append(f"  quantization  {found['quantization']}, as its name ends; a guess")
    for model in found["models"] or [{"id": found["id"]}]:
        rows.append(f"  id            {model['id']}")
        if "formats" not in model:
            rows.append(f"  format        {NO_FILES}")
            continue
        rows.append(f"  format        {', '.join(model['formats'])}{_pickled(model)}")
        rows.append(f"  path          {model['path']}")
        rows += [f"  gguf          {model['gguf']}"] if model["gguf"] else []
        if model["adapter"]:
            rows.append("  adapter       loaded beside its base model, and no model by itself")
        engines = [f"{engine} ({form})" for engine, form in model["engines"].items()]
        rows.append(f"  engines       {', '.join(engines)}")
        rows.append(f"  workers here  {', '.join(model['workers']) or 'none of vllm, sglang, trtllm'}")
    rows.append(f"  prefix        {found['prefix']}")
    keys = found["keys"]
    rows += [f"  key           {key}" for key in keys[:SHOWN_PROBLEMS]]
    if len(keys) > SHOWN_PROBLEMS:
        rows.append(f"  and {len(keys) - SHOWN_PROBLEMS} more keys")
    return rows


def _pickled(model: dict[str, Any]) -> str:
    bare = model["formats"] == ["HUGGING_FACE"] and not model["safetensors"]
    return ", without safetensors: what else holds weights may run code when it is read" if bare else ""
