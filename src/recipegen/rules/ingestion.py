"""A mirror in an object store: where it goes, that it is what workers read, and what cannot come of it."""

import hashlib
import json
from collections.abc import Iterator

from recipegen import facts
from recipegen.errors import Path, Problem, show
from recipegen.ingestion.identity import Layout, base_folder
from recipegen.recipe import S3, Mirror, Recipe
from recipegen.rules.resources import amount

BLOCK: Path = ("ingestion",)
TARGET: Path = (*BLOCK, "target")
CACHE: Path = ("model", "cache")
# Keys of the layout below a bucket.
OF_A_BUCKET = {
    "path_prefix": "pathPrefix",
    "base_model_path_prefix": "baseModelPathPrefix",
    "project": "project",
}


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield a mirror without a place, of another model than the served one, or that nobody reads."""
    block = recipe.ingestion
    if not block.enabled:
        return
    yield from _source(recipe)
    yield from _target(recipe)
    yield from _read(recipe)
    yield from _room(recipe)
    if block.scan.tool != "picklescan" and block.scan.version is not None:
        message = f"has no effect on {block.scan.tool}, whose release is that of its image"
        yield Problem("no-effect", (*BLOCK, "scan", "version"), message, "leave it out, or give scan.image")
    if block.convert:
        yield from _converted(recipe)


def mirrored(recipe: Recipe) -> S3 | None:
    """Return the store that the cache is downloaded from, as the recipe names it."""
    return recipe.model.cache.s3 if recipe.model.cache.enabled else None


def target_uri(recipe: Recipe) -> str | None:
    """Return the folder of the mirror; None where the recipe does not say it."""
    target, s3 = recipe.ingestion.target, mirrored(recipe)
    if target.uri is not None:
        return target.uri
    if target.bucket is not None:
        return f"s3://{target.bucket}/{base_folder(recipe.model.name, _layout(target))}"
    return s3.uri if s3 else None


def marker_uri(recipe: Recipe, uri: str) -> str:
    """Return the object that says that the mirror is complete.

    It lies beside the folder, so that nothing else reads it, and is named for source and scan: files of
    another revision, or that no scanner has seen, are not taken for these.
    """
    block = recipe.ingestion
    source = {"model": recipe.model.name, "revision": recipe.model.revision}
    files = {"include": block.source.include, "exclude": block.source.exclude}
    scan = block.scan.tool if block.scan.enabled else None
    text = json.dumps([source, files, scan], sort_keys=True)
    return f"{uri}.{hashlib.sha256(text.encode()).hexdigest()[:8]}.complete"


def images(recipe: Recipe) -> dict[Path, str]:
    """Return the images that the recipe gives for the steps of an ingestion that is on, by their keys."""
    block = recipe.ingestion
    given: dict[Path, str | None] = {
        (*BLOCK, "image"): block.image,
        (*BLOCK, "uploadImage"): block.upload_image,
        (*BLOCK, "scan", "image"): block.scan.image if block.scan.enabled else None,
        (*BLOCK, "convert", "image"): block.convert.image if block.convert else None,
    }
    return {path: image for path, image in given.items() if image is not None and block.enabled}


def _layout(target: Mirror) -> Layout:
    return Layout(target.path_prefix, target.base_model_path_prefix, target.project)


def _source(recipe: Recipe) -> Iterator[Problem]:
    for key in ("model", "revision"):
        given = getattr(recipe.ingestion.source, key)
        served = recipe.model.name if key == "model" else recipe.model.revision
        if given is not None and given != served:
            message = f"is not what the graph serves, {show(served)}, got {show(given)}"
            hint = f"leave it out: it is model.{'name' if key == 'model' else key}"
            yield Problem("ingestion-source", (*BLOCK, "source", key), message, hint)


def _target(recipe: Recipe) -> Iterator[Problem]:
    target, s3, uri = recipe.ingestion.target, mirrored(recipe), target_uri(recipe)
    if uri is None:
        hint = "give target.bucket, target.uri, or model.cache.s3"
        yield Problem("ingestion-target", TARGET, "says nowhere where the files go", hint)
        return
    if target.secret is None and s3 is None:
        hint = "give the Secret with the store's keys"
        yield Problem(
            "ingestion-target", (*TARGET, "secret"), "is needed where model.cache.s3 has none", hint
        )
    if target.bucket is not None:
        laid = f"s3://{target.bucket}/{base_folder(recipe.model.name, _layout(target))}"
        if uri != laid:
            message = f"is not what target.bucket gives, {laid}, got {show(uri)}"
            yield Problem("ingestion-target", (*TARGET, "uri"), message, "keep one of the two")
    else:
        yield from _without_a_bucket(target)
    if s3 and (uri, target.endpoint or s3.endpoint) != (s3.uri, s3.endpoint):
        place = f"{uri} at {target.endpoint or s3.endpoint or 'Amazon'}"
        message = f"is not where ingestion puts the files, {place}, got {show(s3.uri)}"
        hint = "leave model.cache.s3 out: it follows from ingestion.target"
        yield Problem("ingestion-target", (*CACHE, "s3"), message, hint)


def _without_a_bucket(target: Mirror) -> Iterator[Problem]:
    for name, key in OF_A_BUCKET.items():
        value = getattr(target, name)
        if value != Mirror.model_fields[name].default:
            message = f"has no effect without target.bucket, got {show(value)}"
            yield Problem("no-effect", (*TARGET, key), message, "give target.bucket in place of a uri")


def _read(recipe: Recipe) -> Iterator[Problem]:
    """Yield a mirror that the workers do not read, and a download that gives up before it is complete."""
    cache, block = recipe.model.cache, recipe.ingestion
    path = (*BLOCK, "enabled")
    if not recipe.model.deployment.create:
        return
    if not cache.enabled or cache.claim:
        what = "from model.cache.claim" if cache.enabled else "from Hugging Face, for model.cache is off"
        message = f"the workers do not read the mirror: they load {what}"
        yield Problem("ingestion-unread", path, message, "set model.cache.enabled to true", warning=True)
    elif cache.deadline_seconds < block.deadline_seconds:
        message = f"is less than the ingestion may take, {block.deadline_seconds}"
        hint = "the download waits for the mirror: give it more time than ingestion.deadlineSeconds"
        got = f"{message}, got {cache.deadline_seconds}"
        yield Problem("ingestion-deadline", (*CACHE, "deadlineSeconds"), got, hint, warning=True)


def _room(recipe: Recipe) -> Iterator[Problem]:
    """Yield a volume that is too small for what passes through it, of a model that is known."""
    known, size = facts.model(recipe.model.name), recipe.ingestion.size
    if known and amount(size) < known.weights_bytes:
        needed = -(-known.weights_bytes // 1024**3)
        message = f"is less than the weights of {known.id}, {needed} GiB, got {show(size)}"
        hint = "make it half as large again, and for a conversion as large again for each file that it makes"
        yield Problem("cache-room", (*BLOCK, "size"), message, hint)


def _converted(recipe: Recipe) -> Iterator[Problem]:
    convert = recipe.ingestion.convert
    path = (*BLOCK, "convert")
    if convert and convert.quantize and convert.outtype == "q8_0":
        message = f"cannot be made of weights in q8_0, got {show(convert.quantize)}"
        hint = "convert to f16, bf16 or f32 first: set outtype"
        yield Problem("convert-twice", (*path, "quantize"), message, hint)
    backend = recipe.model.backend.type
    if convert and "GGUF" not in facts.ingestion()["workers"][backend]:
        message = f"makes a GGUF file, which {backend} workers here do not load: they load the mirror"
        yield Problem(
            "gguf-unread", path, message, "it is for other engines; leave it out for these", warning=True
        )
