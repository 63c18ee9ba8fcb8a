"""Whether what the recipe names is there: storage, Secrets, ConfigMaps, classes, queues, addresses."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from recipegen import facts
from recipegen.cluster.collect import keys_of
from recipegen.cluster.plain import at, name, rows, table, text
from recipegen.cluster.preflight.items import CANNOT, CHANGE, OK, UNKNOWN, WARN, Change, Item, key_with
from recipegen.cluster.preflight.survey import Survey
from recipegen.cluster.preflight.wants import Named, Wants
from recipegen.cluster.shapes import DEFAULT_CLASS
from recipegen.cluster.wire import METADATA
from recipegen.errors import dotted
from recipegen.origin import leaves

CLASSES, MANY = "storage classes", "ReadWriteMany"
_SERVICE = re.compile(r"([a-z0-9-]+)\.([a-z0-9-]+)\.svc(?:\.[a-z0-9.-]+)?")
# In a pod this is a Service too; elsewhere it is a domain, which has no port or is not asked in the clear.
_SHORT = re.compile(r"(?:http://)?([a-z0-9-]+)\.([a-z0-9-]+):\d+(?:/.*)?")
METRIC_APIS = {
    "Resource": "metrics.k8s.io",
    "ContainerResource": "metrics.k8s.io",
    "Pods": "custom.metrics.k8s.io",
    "Object": "custom.metrics.k8s.io",
    "External": "external.metrics.k8s.io",
}
MAKE = {
    "Secret": "kubectl -n {namespace} create secret generic {name} --from-literal=KEY=VALUE",
    "ConfigMap": "kubectl -n {namespace} create configmap {name} --from-file=FILE",
}


@dataclass(frozen=True)
class Need:
    """A claim that is made, and the classes that there are."""

    called: str
    many: bool
    """Whether several nodes write to its volume."""
    keys: tuple[str, ...]
    """Keys of the recipe that name its class."""
    classes: dict[str, Any]


def storage(wants: Wants, survey: Survey) -> Iterator[Item]:
    """The class of each claim that is made: there, and able to make such a volume."""
    if not wants.claims():
        return
    classes = {name(each): each for each in survey.items("/apis/storage.k8s.io/v1/storageclasses", CLASSES)}
    default = next((called for called, each in classes.items() if _default(each)), "")
    for made in wants.claims():
        path = f"/api/v1/namespaces/{made.release.namespace}/persistentvolumeclaims/{name(made.item)}"
        if text(survey.read(path, "volume claims"), "status", "phase") == "Bound":
            yield Item("storage", OK, f"{made.called} is there and bound")
            continue
        wanted = text(made.item, "spec", "storageClassName")
        many = MANY in (at(made.item, "spec", "accessModes") or [])
        need = Need(made.called, many, _keys_of_storage(wants, wanted), classes)
        if not survey.saw(CLASSES):
            yield Item("storage", UNKNOWN, f"whether there is a storage class for {made.called}")
        elif wanted and wanted not in classes:
            yield _another(need, f"there is no storage class {wanted}")
        elif not wanted and not default:
            yield _another(need, "no storage class is named, and none is the default")
        else:
            yield _suited(need, wanted or default)


def _suited(need: Need, chosen: str) -> Item:
    provisioner = text(need.classes[chosen], "provisioner")
    words = f"{need.called}: class {chosen} of {provisioner}"
    shared = facts.preflight()["shared"].get(provisioner)
    if not need.many or shared:
        return Item("storage", OK, f"{words}{f' makes {MANY} volumes' if need.many else ''}", paths=need.keys)
    if shared is None:
        return Item("storage", UNKNOWN, f"{words}; whether it makes {MANY} volumes", paths=need.keys)
    return _another(need, f"class {chosen} of {provisioner} makes no {MANY} volumes")


def _another(need: Need, wrong: str) -> Item:
    """Return the class to name instead: the default or first one, or one known to make such volumes."""
    shared = facts.preflight()["shared"]
    made_by = {called: text(each, "provisioner") for called, each in need.classes.items()}
    known = [called for called, provisioner in made_by.items() if shared.get(provisioner)]
    unsure = [called for called, provisioner in made_by.items() if provisioner not in shared]
    able = (known or unsure) if need.many else sorted(made_by, key=lambda c: not _default(need.classes[c]))
    words = f"{need.called}: {wrong}"
    if not able or not need.keys:
        there = f"; there are {', '.join(made_by)}" if made_by else "; there is no storage class at all"
        remedy = f"install a driver of a file system that makes {MANY} volumes, or name a claim that is there"
        if not need.many:
            remedy = "have a storage class made, or name a claim that is there"
        return Item("storage", CANNOT, words + there, remedy, paths=need.keys)
    sure = "" if not need.many or known else f"; whether it makes {MANY} volumes cannot be told"
    change = Change(tuple(need.keys[0].split(".")), able[0], f"of {made_by[able[0]]}{sure}")
    return Item("storage", CHANGE, words, changes=(change,), paths=need.keys)


def _keys_of_storage(wants: Wants, wanted: str) -> tuple[str, ...]:
    found = [
        dotted(path)
        for path, value in leaves(wants.plan.tree)
        if path[-1] == "storageClass" and value == wanted
    ]
    own = wants.plan.recipe.model.cache.enabled and wants.plan.recipe.model.cache.claim is None
    return tuple(found) or (("model.cache.storageClass",) if own else ())


def _default(storage_class: Any) -> bool:
    return table(storage_class, "metadata", "annotations").get(DEFAULT_CLASS) == "true"


def named(wants: Wants, survey: Survey) -> Iterator[Item]:
    """What objects name and do not bring; of Secrets the names of keys alone are asked for."""
    groups: dict[tuple[str, str, str], list[Named]] = {}
    for each in wants.named():
        groups.setdefault((each.kind, each.name, each.namespace), []).append(each)
    for found in groups.values():
        yield from _one(wants, survey, found[0], [each.by for each in found])


def _one(wants: Wants, survey: Survey, what: Named, by: list[str]) -> Iterator[Item]:
    looked = "Secrets, by name" if what.kind == "Secret" else f"{what.kind} {what.name}"
    served = survey.versions(what.group) if what.group else []
    if served and what.version not in served:
        what = replace(what, version=served[0])
    there = survey.there(what.path, looked)
    where = f" in namespace {what.namespace}" if what.namespace else ""
    called = f"{what.kind} {what.name}{where}"
    keys = key_with(wants.plan, what.name)
    needs = f", which {by[0]} names" if len(by) == 1 else f", which {by[0]} and {len(by) - 1} more name"
    if there is None:
        yield Item(what.kind, UNKNOWN, f"whether {called} is there{needs}", paths=keys)
    elif not there:
        hint = MAKE.get(what.kind, "create it, or name one that exists")
        yield Item(what.kind, CANNOT, f"there is no {called}{needs}", hint.format(**vars(what)), paths=keys)
    elif what.kind == "Secret" and what.name == wants.plan.recipe.model.hugging_face_token_secret:
        yield _token(survey, what, called, keys)
    elif what.kind == "PersistentVolumeClaim":
        yield _claim(survey, what, called, keys)
    else:
        yield Item(what.kind, OK, f"{called} is there", paths=keys)


def _token(survey: Survey, what: Named, called: str, paths: tuple[str, ...]) -> Item:
    keys = keys_of(survey.read(what.path, "Secrets, by name", METADATA))
    if keys and "HF_TOKEN" not in keys:
        words = f"{called} has no key HF_TOKEN; it has {', '.join(keys)}"
        return Item("Secret", CANNOT, words, "add the key, or name another Secret", paths=paths)
    return Item("Secret", OK, f"{called} is there{', with HF_TOKEN' if keys else ''}", paths=paths)


def _claim(survey: Survey, what: Named, called: str, paths: tuple[str, ...]) -> Item:
    found = survey.read(what.path, f"{what.kind} {what.name}")
    phase = text(found, "status", "phase")
    if phase == "Lost":
        return Item(
            what.kind, CANNOT, f"{called} is Lost", "name another claim, or make it anew", paths=paths
        )
    modes = ", ".join(map(str, at(found, "spec", "accessModes") or []))
    return Item(what.kind, OK, f"{called} is {phase or 'there'}, {modes}", paths=paths)


def addresses(wants: Wants, survey: Survey) -> Iterator[Item]:
    """Services of the cluster in addresses that the recipe gives: a wrong one makes no error anywhere."""
    own = {(name(made.item), made.release.namespace) for made in wants.of("Service")}
    for path, value in leaves(wants.plan.tree):
        found = _service(value) if path[0] != "about" else None
        if not found or (found[1], found[2]) in own:
            continue
        key, where = dotted(path), f"Service {found[1]} in namespace {found[2]}"
        there = survey.there(f"/api/v1/namespaces/{found[2]}/services/{found[1]}", where)
        if there is None:
            yield Item("address", UNKNOWN, f"whether there is the {where} of {key}", paths=(key,))
        elif there:
            yield Item("address", OK, f"the {where} of {key} is there", paths=(key,))
        else:
            remedy = "correct the address: what asks it would find nothing, and say nothing"
            yield Item("address", CANNOT, f"there is no {where}, which {key} names", remedy, paths=(key,))


def _service(value: Any) -> re.Match[str] | None:
    """Return name and namespace of the Service that an address leads to, if it is one of the cluster."""
    if not isinstance(value, str):
        return None
    try:
        host = urlsplit(value if "://" in value else f"//{value}").hostname or ""
    except ValueError:
        return None
    return _SERVICE.fullmatch(host) or _SHORT.fullmatch(value)


def metrics(wants: Wants, survey: Survey) -> Iterator[Item]:
    """Whether anything serves what a HorizontalPodAutoscaler reads; without, it never scales.

    Source: Kubernetes, "Horizontal Pod Autoscaling", on the APIs that it reads.
    """
    for made in wants.of("HorizontalPodAutoscaler"):
        for kind in dict.fromkeys(text(row, "type") for row in rows(made.item, "spec", "metrics")):
            group = METRIC_APIS.get(kind)
            if group is None:
                continue
            if survey.versions(group):
                yield Item("metrics", OK, f"{group}, which {made.called} reads, is served")
            elif not survey.saw("API groups"):
                yield Item("metrics", UNKNOWN, f"whether {group} is served, which {made.called} reads")
            else:
                remedy = (
                    f"install an adapter that serves {group}, such as the Prometheus adapter, or use KEDA"
                )
                words = f"nothing serves {group}, which {made.called} reads: it would never scale"
                yield Item("metrics", CANNOT, words, remedy, paths=("scaling.hpa",))


def scraping(wants: Wants, survey: Survey) -> Iterator[Item]:
    """Whether a Prometheus of the cluster takes rules and PodMonitors; of others it says nothing.

    Source: API reference of the Prometheus operator: without a selector it takes none.
    """
    for kind, selector in (("PodMonitor", "podMonitorSelector"), ("PrometheusRule", "ruleSelector")):
        objects = wants.of(kind)
        if not objects or not survey.resource("monitoring.coreos.com/v1", "Prometheus"):
            continue
        servers = survey.items("/apis/monitoring.coreos.com/v1/prometheuses", "Prometheus servers")
        for made in objects if survey.saw("Prometheus servers") else []:
            labels = table(made.item, "metadata", "labels")
            takers = [name(each) for each in servers if selects(at(each, "spec", selector), labels)]
            if takers:
                yield Item("scraping", OK, f"{made.called} is taken by Prometheus {', '.join(takers)}")
                continue
            choices = [f"{name(each)}: {at(each, 'spec', selector) or 'none'}" for each in servers]
            words = (
                f"no Prometheus takes {made.called} by its labels ({'; '.join(choices) or 'there is none'})"
            )
            remedy = f"have {selector} of a Prometheus take it; nothing else would tell that it does not"
            yield Item("scraping", WARN, words, remedy, paths=("observability",))


def selects(selector: Any, labels: dict[str, Any]) -> bool:
    """Return whether a label selector takes these labels; an empty one takes all, none takes nothing."""
    if not isinstance(selector, dict):
        return False
    if any(labels.get(key) != value for key, value in table(selector, "matchLabels").items()):
        return False
    tests = {
        "In": lambda row: labels.get(row.get("key")) in (row.get("values") or []),
        "NotIn": lambda row: labels.get(row.get("key")) not in (row.get("values") or []),
        "Exists": lambda row: row.get("key") in labels,
        "DoesNotExist": lambda row: row.get("key") not in labels,
    }
    return all(
        row.get("operator") in tests and tests[row["operator"]](row)
        for row in rows(selector, "matchExpressions")
    )
