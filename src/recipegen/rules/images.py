"""The image and the Dynamo release inside it, and model ids that do not seem to exist."""

import re
from collections.abc import Iterator
from typing import get_args

from recipegen import facts
from recipegen.errors import Path, Problem, show
from recipegen.language import setting
from recipegen.recipe import Backend, BackendType, Model, Recipe

IMAGE: Path = ("model", "backend", "image")
# Blocks with an image of their own.
OF_COMPONENTS = ("warmup", "modelExpress", "benchmark", "batch", "troubleshooting", "faultInjection")
# HOST[:PORT]/PATH:TAG[@DIGEST], as the container reference grammar has it, with the tag or digest captured.
REFERENCE = re.compile(
    r"(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
VERSION_TAG = re.compile(r"v?(?P<version>[0-9]+\.[0-9]+\.[0-9]+)(?:[-+.].*)?")


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield images that are malformed, can change, or are not what the recipe says; odd model ids."""
    backend = recipe.model.backend
    if backend.image is not None:
        yield from _pinned(IMAGE, backend.image)
        yield from _release(backend.image, version_given=backend.version is not None)
        yield from _other_release(backend)
        yield from _other_engine(backend.image, backend.type)
    elif not REFERENCE.fullmatch(f"{backend.registry}/image:tag"):
        message = f"is no registry with its path, got {show(backend.registry)}"
        hint = "write HOST/PATH, such as nvcr.io/nvidia/ai-dynamo"
        yield Problem("registry", ("model", "backend", "registry"), message, hint)
    for path, image in _others(recipe):
        yield from _pinned(path, image)
    name = recipe.model.name
    meant = facts.mistaken_models().get(name) or facts.known_models().get(name.casefold(), name)
    if meant != name:
        message = f"there is no model {show(recipe.model.name)}; it is rendered as written"
        yield Problem("mistaken-model", ("model", "name"), message, f"did you mean {meant!r}?", warning=True)
    elif "/" not in recipe.model.name:
        message = f"has no organization before it, got {show(recipe.model.name)}"
        hint = "write ORG/NAME; only a few old models, such as gpt2, go without"
        yield Problem("model-name", ("model", "name"), message, hint, warning=True)


def _others(recipe: Recipe) -> Iterator[tuple[Path, str]]:
    """Yield the images that the recipe gives beside Dynamo's, of what is switched on."""
    platform, cache = recipe.platform, recipe.model.cache
    images: dict[Path, str | None] = {
        ("platform", "gate"): platform.gate.image if platform.install and platform.gate.enabled else None,
        ("model", "cache", "s3"): cache.s3.image if cache.enabled and cache.s3 else None,
    }
    forwarder = recipe.model.forwarder
    if forwarder is not None and forwarder.enabled:
        images["model", "forwarder"] = forwarder.image
    for key in OF_COMPONENTS:
        block = setting(recipe, key)
        images[(key,)] = block.image if block.enabled else None
    yield from (((*path, "image"), image) for path, image in images.items() if image is not None)
    warmup = recipe.warmup
    if warmup.enabled and warmup.tool_image is not None:
        yield ("warmup", "toolImage"), warmup.tool_image
    for index, image in enumerate(warmup.images or [] if warmup.enabled else []):
        yield ("warmup", "images", index), image


def release_in(image: str) -> str | None:
    """Return the Dynamo release that the image's tag names, if it is one that recipegen knows."""
    found = REFERENCE.fullmatch(image)
    tag = VERSION_TAG.fullmatch(found["tag"] or "") if found else None
    return tag["version"] if tag and tag["version"] in facts.dynamo() else None


def release_of(backend: Backend) -> str:
    """Return the Dynamo release inside the image: as stated, as the tag names it, else the newest."""
    return backend.version or release_in(backend.image or "") or facts.newest_dynamo()


def image_of(model: Model) -> str:
    """Return the image of frontend and workers, as the model chart spells it (its helper `model.image`)."""
    backend = model.backend
    if backend.image is not None and not model.mocker:
        return backend.image
    # The mocker has no image of its own and lies in the planner's.
    name = "dynamo-planner" if model.mocker else facts.engine(backend.type)["image"]
    return f"{backend.registry}/{name}:{release_of(backend)}"


def _other_release(backend: Backend) -> Iterator[Problem]:
    """Yield an image whose tag names another Dynamo release than the recipe: one of the two is not meant."""
    tagged = release_in(backend.image or "")
    if backend.version and tagged and tagged != backend.version:
        message = f"the tag names Dynamo {tagged}, model.backend.version is {backend.version}"
        hint = f"leave model.backend.version out, if {tagged} is inside"
        yield Problem("image-of-other-release", IMAGE, message, hint, warning=True)


def _other_engine(image: str, backend: BackendType) -> Iterator[Problem]:
    """Yield an image that is called as Dynamo calls its image of another engine, as in a mirror."""
    name = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    for other in get_args(BackendType):
        if other != backend and name == facts.engine(other)["image"]:
            message = f"is called like Dynamo's image for {other}, got {show(image)}"
            hint = f"model.backend.type is {backend}: change one of the two"
            yield Problem("image-of-other-engine", IMAGE, message, hint, warning=True)


def _pinned(path: Path, image: str) -> Iterator[Problem]:
    """Yield that the image at `path` is no reference, or one that can change under its users."""
    found = REFERENCE.fullmatch(image)
    if found is None:
        yield Problem(
            "image-reference", path, f"is no image reference, got {show(image)}", "write REGISTRY/NAME:TAG"
        )
    elif found["tag"] is None and found["digest"] is None:
        message = f"has no tag, so it can change under you, got {show(image)}"
        yield Problem("image-not-pinned", path, message, "add the tag, or a digest with @sha256:")
    elif found["tag"] == "latest" and found["digest"] is None:
        message = f"the tag 'latest' can change under you, got {show(image)}"
        yield Problem(
            "image-not-pinned", path, message, "give a tag that stays, or add a digest with @sha256:"
        )


def _release(image: str, *, version_given: bool) -> Iterator[Problem]:
    """Yield that a pinned image does not tell which Dynamo release is inside."""
    found = REFERENCE.fullmatch(image)
    if version_given or found is None or next(_pinned(IMAGE, image), None):
        return
    if not VERSION_TAG.fullmatch(found["tag"] or ""):
        message = f"the tag does not tell which Dynamo release is inside, got {show(image)}"
        yield Problem("image-without-release", IMAGE, message, "say it with model.backend.version")
    elif release_in(image) is None:
        newest = facts.newest_dynamo()
        message = (
            f"the tag is no Dynamo release known here, {newest} is taken to be inside, got {show(image)}"
        )
        yield Problem(
            "unknown-release-tag", IMAGE, message, "say it with model.backend.version", warning=True
        )
