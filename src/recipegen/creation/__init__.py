"""New recipes: from a model's config.json, or its id on the Hub, to a recipe with its numbers and reasons."""

from dataclasses import dataclass, replace
from os import PathLike

from recipegen import catalog, facts
from recipegen.creation import engine, names, sources
from recipegen.creation.draft import Draft
from recipegen.creation.given import BACKEND, Given, Missing, check, missing, refusal
from recipegen.creation.proof import prove
from recipegen.creation.sizes import Replica, Wish, choose
from recipegen.creation.sources import Source
from recipegen.creation.text import recipe
from recipegen.errors import Problem, RecipeError
from recipegen.load import load
from recipegen.memory import Fit, fit
from recipegen.modelfacts import ModelFacts
from recipegen.sizing.checkpoint.snapshots import identity

__all__ = ["Created", "Given", "Missing", "create", "missing", "new"]


@dataclass(frozen=True)
class Created:
    """A new recipe."""

    name: str
    """What it is called."""
    recipe: str
    """Its text."""
    fit: Fit
    """What the memory of one replica's GPUs holds."""
    notes: tuple[str, ...]
    """What is left to the person, and what was decided without being asked for."""
    warnings: tuple[Problem, ...] = ()
    """What `recipegen validate` will find odd about it."""

    @property
    def file(self) -> str:
        """The file that it belongs in."""
        return f"{self.name}.yaml"


def new(
    *,
    config: str | PathLike[str] | None = None,
    hf: str | None = None,
    model: str | None = None,
    backend: str | None = None,
    gpu: str | None = None,
    gpu_count: int | None = None,
    max_model_len: int | None = None,
    replicas: int | None = None,
    disaggregated: bool = False,
    trust_remote_code: bool = False,
    namespace: str | None = None,
    name: str | None = None,
) -> Created:
    """Return a recipe for a model, with its sizes worked out and the reasons beside them.

    The same inputs give the same text. It is checked and rendered before it is returned.

    Args:
        config: path of the model's config.json, or of a directory with one; nothing is fetched then.
        hf: id of the model on the Hub, in place of `config`; the variable HF_TOKEN may hold a token.
        model: id of the model, where `config` does not say it: only Hugging Face's own cache does.
        backend: `vllm`, `sglang` or `trtllm`; default: the one engine that loads the model's number format,
            where it is only one.
        gpu: GPU type, a name from `facts/hardware.yaml`.
        gpu_count: GPUs of one replica; default: as few as hold the weights and two requests of the context.
        max_model_len: context in tokens; default: the model's own, or what leaves room for two requests.
        replicas: replicas of each role; default: two where one is less than a node, else one.
        disaggregated: whether prefill and decode get workers of their own.
        trust_remote_code: whether code that comes with the weights may run in the cluster.
        namespace: Kubernetes namespace; default: the letters that the recipe's name begins with.
        name: what the recipe is called; default: the last segment of the model's id in lower case.

    Raises:
        UsageError: with all that is missing, or cannot be.
        ToolError: a file cannot be read, or the Hub cannot be reached or refuses.
        RecipeError: the configuration cannot be read, or the model does not fit; with the arithmetic.
    """
    return create(
        Given(
            config=None if config is None else str(config),
            hf=hf,
            model=model,
            backend=backend,
            gpu=gpu,
            gpu_count=gpu_count,
            max_model_len=max_model_len,
            replicas=replicas,
            disaggregated=disaggregated,
            trust_remote_code=trust_remote_code,
            namespace=namespace,
            name=name,
        )
    )


def create(given: Given) -> Created:
    """Return a recipe as `new` does."""
    check(given)
    lacking = missing(given)
    if lacking:
        raise refusal(lacking)
    assert given.gpu is not None
    source = _source(given)
    model = source.checkpoint.loaded
    notes: list[str] = []
    backend = given.backend or engine.derived_backend(model, given.gpu)
    if not backend:
        raise refusal([BACKEND])
    if not given.backend:
        notes.append(f"--backend {backend}: the one engine known to load {_weights(model)} on {given.gpu}")
    elif not engine.known_to_load(model, backend):
        notes.append(f"whether {backend} loads {_weights(model)} is not known to recipegen")
    if source.remote_code and not given.trust_remote_code:
        notes.append(
            "config.json has auto_map: code of the repository, which stays off; where the engine asks for it,"
            " read it, then --trust-remote-code"
        )
    replica, block, replicas = _replica(given, model, backend)
    called = given.name or names.recipe_name(model.id)
    draft = Draft(
        name=called,
        namespace=given.namespace or names.namespace(called),
        model=model,
        source=source,
        licence=sources.license_of(source, model.id),
        backend=backend,
        replica=replica,
        replicas=replicas,
        disaggregated=given.disaggregated,
        block_size=block,
        parsers=engine.parsers(model, chat=source.chat),
        rest=engine.defaults(
            model,
            backend,
            replica.context,
            remote_code=given.trust_remote_code,
            disaggregated=given.disaggregated,
        ),
    )
    text = recipe(draft)
    warnings = (*source.checkpoint.warnings, *prove(text, called, f"{called}.yaml", model))
    return Created(called, text, replica.fit, (*notes, *_left(draft)), warnings)


def _source(given: Given) -> Source:
    if given.hf:
        return sources.of_hub(given.hf)
    config = str(given.config)
    return sources.of_path(config, given.model or identity(config)[0])


def _replica(given: Given, model: ModelFacts, backend: str) -> tuple[Replica, int | None, int]:
    """Return the sizes of a replica, the block of its cache, and how many replicas there are."""
    assert given.gpu is not None
    block = engine.block_size(model, backend, routed=True)
    wish = Wish(model, given.gpu, backend, given.gpu_count, given.max_model_len, block)
    replica = choose(wish)
    replicas = given.replicas
    if replicas is None:
        replicas = 2 if replica.setup.gpus < wish.node else 1
    if block and replicas < 2:
        # Nothing routes, so the engine takes its own blocks.
        return replace(replica, fit=fit(model, replace(replica.setup, block_size=None))), None, replicas
    return replica, block, replicas


def _left(draft: Draft) -> list[str]:
    """Return what is left to the person who gets the recipe."""
    source, found = draft.source, []
    if not draft.licence.license:
        found.append("about.license is to be filled in: nothing that was read states it")
    if source.card.trouble:
        found.append(source.card.trouble)
    if source.gated is None:
        found.append(
            "whether the model is gated is not known here: if it is, set model.huggingFaceTokenSecret"
        )
    if not source.revision:
        found.append("model.revision is left out: pin the commit of the weights")
    found += draft.parsers.notes
    if draft.replica.fit.concurrency < 2:
        found.append(f"there is room for {draft.replica.fit.concurrency:.1f} requests of the context at once")
    if draft.replica.nodes > 1:
        found.append("a replica spans nodes, which want RDMA between them: docs/catalog.md has the profile")
    other = _in_catalog(draft.model.id)
    if other:
        found.append(f"the catalog has a recipe of this model, with sources: `recipegen show {other}`")
    return found


def _in_catalog(model: str) -> str:
    """Return the recipe of the catalog that a model has, or nothing."""
    if facts.model(model) is None:
        return ""
    for name in catalog.recipes():
        try:
            if load(name).document.data["model"]["name"] == model:
                return name
        except (RecipeError, KeyError, TypeError):
            continue
    return ""


def _weights(model: ModelFacts) -> str:
    quantization = model.quantization
    return f"weights in {quantization.format} ({quantization.method})"
