"""What engines and their libraries say as they end, what it means, and the recipe line to change.

The texts are from their sources and were not seen in a cluster; `signs` says how they are looked for.
"""

import re

from recipegen.cluster.signs import Sign

MEMORY = ("model.{role}.engine.maxModelLen", "model.{role}.engine.tensorParallel")

# Of a process that ended: its termination message and the last lines of its log.
LOG = (
    Sign(
        "gated-model",
        r"GatedRepo|gated repo|access to model .{1,200} is restricted"
        r"|\b40[13] Client Error.{0,200}huggingface",
        "Hugging Face does not give these weights without a token that was granted access.",
        "Accept the model's licence with the token's account, and name the Secret that holds the token.",
        ("model.huggingFaceTokenSecret", "model.name"),
    ),
    Sign(
        "no-such-revision",
        r"RevisionNotFound|Revision Not Found|invalid rev id",
        "The model has no such revision.",
        "Name a commit of the model's repository.",
        ("model.revision",),
    ),
    Sign(
        "no-such-model",
        r"RepositoryNotFound|Repository Not Found|is not a valid model identifier",
        "Hugging Face has no such model, or shows it only with a token.",
        "Correct the model's id; for a private one, name the Secret with the token.",
        ("model.name", "model.huggingFaceTokenSecret"),
    ),
    Sign(
        "hub-unreachable",
        r"LocalEntryNotFound|MaxRetryError.{0,200}huggingface|(NameResolution|Connection)Error.{0,200}huggingface"
        r"|outgoing traffic has been disabled",
        "The pod does not reach Hugging Face.",
        "Let the namespace out, or fill a volume with the weights and mount it.",
        ("model.cache.enabled", "model.{role}.env"),
    ),
    Sign(
        "gpu-memory",
        r"CUDA out of memory|OutOfMemoryError|No available memory for the cache blocks"
        r"|larger than the (maximum number of tokens|available KV cache)|cudaErrorMemoryAllocation",
        "Weights and KV cache do not fit into the memory of the GPUs.",
        "Shorten the context, spread the model over more GPUs, or choose larger ones.",
        (*MEMORY, "model.{role}.engine.gpuMemoryUtilization", "hardware.gpu"),
    ),
    Sign(
        "unknown-option",
        r"unrecognized arguments?|no such option|invalid choice|expected (one|at least one) argument",
        "The engine of this release does not know an argument, or not its value.",
        "Take the argument out, or change to the release that has it.",
        ("model.{role}.engine.args", "model.engine.args", "model.backend.version"),
    ),
    Sign(
        "remote-code",
        r"trust_remote_code",
        "The model comes with code of its own, which may not run.",
        "Allow it, if you trust the model's authors.",
        ("model.{role}.engine.trustRemoteCode",),
    ),
    Sign(
        "unknown-architecture",
        r"does not recognize this architecture|architectures? .{1,200} (is|are) not supported",
        "The engine of this release does not know the model's architecture.",
        "Use a newer release, or another engine.",
        ("model.backend.version", "model.backend.type"),
    ),
    Sign(
        "shared-memory",
        r"unable to (open|allocate|write to) shared memory|Bus error|/dev/shm",
        "The processes of the engine share too little memory.",
        "Give /dev/shm more; 16Gi and up are usual for four GPUs and more.",
        ("model.{role}.sharedMemory",),
    ),
    Sign(
        "disk-full",
        r"No space left on device|disk quota exceeded",
        "The weights do not fit onto the disk or volume.",
        "Enlarge the volume; without one, put the weights into one.",
        ("model.cache.size", "model.cache.enabled"),
    ),
    Sign(
        "gpu-driver",
        r"CUDA driver version is insufficient|no CUDA-capable device|NVML.{0,60}(mismatch|not found|error)"
        r"|Failed to infer device type|forward compatibility was attempted",
        "The process sees no GPU that it can use: driver too old, or none handed over.",
        "Choose nodes with a newer driver (Dynamo 1.6 wants 580 or newer).",
        ("model.nodeSelector", "model.backend.version"),
    ),
    Sign(
        "wrong-image",
        r"No module named \W?dynamo",
        "The image does not hold Dynamo's module for this engine.",
        "Name Dynamo's image of the same engine.",
        ("model.backend.image", "model.backend.type"),
    ),
)

# What else may be kept of a log: how an exception ends a traceback.
EXCEPTION = re.compile(r"^[A-Za-z_.]*(?:Error|Exception|Interrupt|Exit)\b.*")
