"""What follows in the `ingestion` block, and that weights come from its mirror."""

from typing import Any

from recipegen import facts
from recipegen.derive.because import Because, Derived
from recipegen.errors import Path
from recipegen.recipe import Recipe
from recipegen.rules.ingestion import marker_uri, mirrored, target_uri


def ingestion(recipe: Recipe) -> Derived:
    """Yield where a mirror goes, what it is made with, and that weights come from there."""
    uri = target_uri(recipe)
    if not recipe.ingestion.enabled or uri is None:
        return
    place: Path = ("ingestion", "target")
    found: list[tuple[Path, Any, str]] = [*_mirror(recipe, uri), *_tools(recipe)]
    tree = recipe.model_dump(by_alias=True, exclude_none=True)
    given = {path for path, _, _ in found if _there(tree, path)}
    yield from (each for each in found if each[0] not in given and each[1] is not None)
    target = {str(key): value for (*at, key), value, _ in found if (*at,) == place and value is not None}
    target |= recipe.ingestion.target.model_dump(by_alias=True, exclude_none=True)
    cache = recipe.model.cache
    if cache.enabled and cache.claim is None and cache.s3 is None:
        s3: dict[str, Any] = {
            key: target[key] for key in ("uri", "endpoint", "secret", "marker") if key in target
        }
        s3 |= {"image": facts.images()["aws"]}
        yield ("model", "cache", "s3"), s3, "ingestion.enabled is true, and this is its mirror"
    elif cache.enabled and cache.s3 and cache.s3.marker is None:
        reason = "ingestion.enabled is true: its Job writes it last"
        yield ("model", "cache", "s3", "marker"), target["marker"], reason


def _mirror(recipe: Recipe, uri: str) -> Derived:
    """Yield what is mirrored and where to, whoever has said it."""
    block, s3 = recipe.ingestion, mirrored(recipe)
    source, target = ("ingestion", "source"), ("ingestion", "target")
    yield (*source, "model"), recipe.model.name, "model.name: the graph's own model is mirrored"
    yield (*source, "revision"), recipe.model.revision, "model.revision: what the graph serves is mirrored"
    where = "the layout of object keys below ingestion.target.bucket" if block.target.bucket else None
    yield (*target, "uri"), uri, where or "model.cache.s3.uri"
    yield (*target, "endpoint"), s3.endpoint if s3 else None, "model.cache.s3.endpoint"
    yield (*target, "secret"), s3.secret if s3 else None, "model.cache.s3.secret"
    yield (*target, "marker"), marker_uri(recipe, uri), "beside the mirror, named for source and scan"
    if block.convert:
        kind = block.convert.quantize or block.convert.outtype
        yield ("ingestion", "convert", "uri"), f"{uri}-{kind}", "ingestion.target.uri and the format"


def _tools(recipe: Recipe) -> Derived:
    """Yield images and releases of what the steps of an ingestion run, from one table."""
    block = recipe.ingestion
    pickles = block.scan.tool == "picklescan"
    chosen: dict[Path, str] = {
        ("image",): "python",
        ("hubVersion",): "huggingFaceHub",
        ("uploadImage",): "aws",
        **({("convert", "image"): "llamaCpp"} if block.convert else {}),
        **({("scan", "image"): "python" if pickles else "clamav"} if block.scan.enabled else {}),
        **({("scan", "version"): "picklescan"} if block.scan.enabled and pickles else {}),
    }
    for path, name in chosen.items():
        reason = Because(f"{name} in facts/images.yaml", facts.HERE / "images.yaml", name)
        yield ("ingestion", *path), facts.images()[name], reason


def _there(tree: Any, path: Path) -> bool:
    """Return whether plain data has a path."""
    for step in path:
        if not isinstance(tree, dict) or step not in tree:
            return False
        tree = tree[step]
    return True
