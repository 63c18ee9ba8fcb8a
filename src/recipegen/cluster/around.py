"""Rules about what the graph needs or is used by: volume claims, Secrets, Jobs."""

from collections.abc import Iterator

from recipegen.cluster import signs
from recipegen.cluster.plain import condition, name, text
from recipegen.cluster.scene import ERROR, Finding, Scene, paths_for, role_of, signed


def claims(scene: Scene) -> Iterator[Finding]:
    """Volumes for the weights that were not made."""
    classes = {name(each): each for each in scene.of("classes")}
    for claim in scene.of("claims"):
        phase = text(claim, "status", "phase")
        about = (f"PersistentVolumeClaim {name(claim)}",)
        wanted = text(claim, "spec", "storageClassName")
        if phase == "Lost":
            yield Finding(
                "claim-lost",
                ERROR,
                about,
                "it is Lost",
                "Its volume was deleted under it.",
                "Delete the claim and apply the recipe again, which downloads the weights anew.",
                ("model.cache",),
            )
        if phase != "Pending":
            continue
        said = [text(event, "message") for event in scene.events(name(claim))]
        if not said and scene.looked("classes"):
            if wanted and wanted not in classes:
                said = [f'storageclass "{wanted}" not found']
            elif not wanted and not any(each.get("default") is True for each in classes.values()):
                said = ["no storage class is set"]
        if said:
            seen = f"it is Pending: {max(said, key=len)}"
            yield from signed(signs.CLAIM, seen, None, "\n".join(said), about=about, role="cache")


def secrets(scene: Scene) -> Iterator[Finding]:
    """The Secrets that containers take variables from."""
    for secret in scene.of("secrets"):
        called, keys = text(secret, "name"), secret.get("keys")
        if secret.get("exists") is not True:
            yield Finding(
                "secret-missing",
                ERROR,
                (f"Secret {called}",),
                f"it is not in namespace {scene.subject.namespace}",
                f"The Secret {called} is not in the graph's namespace.",
                "Create it there, or name the one that exists.",
                ("model.huggingFaceTokenSecret",),
            )
        elif (
            called == scene.subject.token_secret
            and isinstance(keys, list)
            and keys
            and "HF_TOKEN" not in keys
        ):
            yield Finding(
                "secret-key",
                ERROR,
                (f"Secret {called}",),
                f"its keys are {', '.join(map(str, keys))}",
                f"The Secret {called} has no key HF_TOKEN, the variable that the token is read from.",
                "Add the key, or name another Secret.",
                ("model.huggingFaceTokenSecret",),
            )


def jobs(scene: Scene) -> Iterator[Finding]:
    """Jobs around the graph that gave up."""
    for job in scene.jobs:
        failed = condition(job, "Failed")
        if failed.get("status") == "True":
            role = role_of(job)
            yield Finding(
                f"{role or 'job'}-failed",
                ERROR,
                (f"Job {name(job)}",),
                f"{text(failed, 'reason')}: {text(failed, 'message')}",
                "The Job took too long." if failed.get("reason") == "DeadlineExceeded" else "Its pod failed.",
                "Read its log; delete the Job and apply the recipe again once the cause is gone: "
                f"kubectl -n {scene.subject.namespace} logs job/{name(job)}",
                paths_for(("model.cache",), role),
            )
