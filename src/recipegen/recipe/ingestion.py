"""The `ingestion` block."""

from typing import Annotated, Literal

from pydantic import Field

from recipegen.recipe.forms import (
    BUCKET,
    INNER_PATH,
    LABEL_VALUE,
    MODEL_ID,
    REVISION,
    S3_URI,
    URL,
    Block,
    EnvName,
    ObjectName,
    Quantity,
    Version,
)
from recipegen.recipe.model import Resources

Pattern = Annotated[str, Field(min_length=1, max_length=200)]


class HubSource(Block):
    """What is downloaded from Hugging Face."""

    model: Annotated[str, Field(pattern=MODEL_ID, max_length=200)] | None = None
    """Model id; it can be no other than the one that is served. Default: `model.name`."""
    revision: Annotated[str, Field(pattern=REVISION, max_length=100)] | None = None
    """Commit or tag, no other than the one that is served. Default: `model.revision`, else the newest."""
    include: Annotated[list[Pattern], Field(max_length=50)] = []
    """Patterns of the files to download, such as `*.safetensors`. Default: all."""
    exclude: Annotated[list[Pattern], Field(max_length=50)] = []
    """Patterns of files to leave out, such as `original/*`. Default: none."""


class Mirror(Block):
    """Where the files go, in S3 or a store that speaks its protocol. Either a `uri`, or a `bucket` with the layout of model-manager below it."""

    uri: Annotated[str, Field(pattern=S3_URI, max_length=1000)] | None = None
    """`s3://BUCKET/PREFIX`. Default: with a `bucket` s3://BUCKET/PATHPREFIX/BASEMODELPATHPREFIX/PROJECT/MODEL, else `model.cache.s3.uri`."""
    bucket: Annotated[str, Field(pattern=BUCKET, min_length=3, max_length=63)] | None = None
    """Bucket. Default: none, that of `uri`."""
    path_prefix: Annotated[str, Field(pattern=INNER_PATH, max_length=255)] = "models"
    """First part of every key below the `bucket`. Default: `models`."""
    base_model_path_prefix: Annotated[str, Field(pattern=INNER_PATH, max_length=255)] = "base-models"
    """Second part. Default: `base-models`."""
    project: Annotated[str, Field(pattern=LABEL_VALUE, min_length=1, max_length=63)] = "global"
    """Third part: the project that the model belongs to. Default: `global`, all of them."""
    endpoint: Annotated[str, Field(pattern=URL, max_length=300)] | None = None
    """Address of a store other than Amazon's. Default: `model.cache.s3.endpoint`, else Amazon's."""
    region: Annotated[str, Field(pattern=LABEL_VALUE, min_length=1, max_length=63)] | None = None
    """Region, such as `us-west-2`. Default: AWS_DEFAULT_REGION of the Secret, if it has that."""
    secret: ObjectName | None = None
    """Secret with the keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, of somebody who may write there. Default: `model.cache.s3.secret`."""
    marker: Annotated[str, Field(pattern=S3_URI, max_length=1100)] | None = None
    """Object that is written last and says that nothing is missing. Default: beside `uri`, named for source and scan."""


class Scan(Block):
    """A gate between download and upload: a scanner that finds something ends the Job, and nothing is uploaded. It is configured here; a scanner that finds nothing proves nothing."""

    enabled: bool = False
    """Whether there is one. Default: `false`."""
    tool: Literal["picklescan", "clamav"] = "picklescan"
    """`picklescan` looks for code in pickles, `clamav` for known malware in files of up to 2 GB. Default: `picklescan`."""
    version: Version | None = None
    """Release of picklescan that pip installs when the Job starts. Default: `picklescan` in `facts/images.yaml`."""
    image: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    """Image with a tag: Python with pip for picklescan, or one with `clamscan` and its signatures, which are as old as the image. Default: `python` or `clamav` in `facts/images.yaml`."""


class Conversion(Block):
    """One GGUF file made of the weights by llama.cpp, uploaded as `model.gguf` under an id of its own: the model's, then `-` and the format. Workers here do not load it."""

    outtype: Literal["f32", "f16", "bf16", "q8_0"] = "f16"
    """Number format that the weights are converted to. Default: `f16`."""
    quantize: (
        Literal[
            "q2_k", "q3_k_s", "q3_k_m", "q3_k_l", "q4_0", "q4_1", "q4_k_s", "q4_k_m",
            "q5_0", "q5_1", "q5_k_s", "q5_k_m", "q6_k", "q8_0",
        ]
        | None
    ) = None  # fmt: skip
    """Format that it is quantised to after that. Default: none, it stays as converted."""
    uri: Annotated[str, Field(pattern=S3_URI, max_length=1100)] | None = None
    """Folder that `model.gguf` goes to. Default: `target.uri`, then `-` and `quantize` or `outtype`."""
    image: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    """Image with llama.cpp's `/app/convert_hf_to_gguf.py` and `/app/llama-quantize`. Default: `llamaCpp` in `facts/images.yaml`."""


class Ingestion(Block):
    """A Job that mirrors the model into an object store: download from Hugging Face, a scan where that is switched on, a conversion where one is asked for, upload. With `model.cache`, weights come from there, and the download waits until the mirror is complete."""

    enabled: bool = False
    """Whether it runs. Default: `false`."""
    source: HubSource = HubSource.model_construct()
    """What is downloaded. Default: the model that is served."""
    target: Mirror = Mirror.model_construct()
    """Where it goes. Default: to `model.cache.s3`."""
    scan: Scan = Scan.model_construct()
    """A scanner between download and upload. Default: off."""
    convert: Conversion | None = None
    """A conversion to GGUF. Default: none."""
    size: Quantity = "100Gi"
    """Size of the Job's own volume, which holds the weights on their way, and all steps of a conversion; it goes when the block is switched off. Default: 100Gi."""
    storage_class: ObjectName | None = None
    """StorageClass of that volume, ReadWriteOnce. Default: the cluster's default class."""
    image: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    """Image with Python 3.10 or newer and pip that downloads. Default: `python` in `facts/images.yaml`."""
    hub_version: Version | None = None
    """Release of huggingface_hub that pip installs when the Job starts. Default: `huggingFaceHub` in `facts/images.yaml`."""
    upload_image: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    """Image with `aws` and `sh`. Default: `aws` in `facts/images.yaml`."""
    env: dict[EnvName, Annotated[str, Field(max_length=4096)]] = {}
    """Environment variables of download and scan, such as `PIP_INDEX_URL` or `HF_ENDPOINT` for mirrors. Default: none."""
    resources: Resources = Resources(requests={"cpu": "2", "memory": "8Gi"}, limits={"memory": "8Gi"})
    """CPU and memory of every step; a conversion may need more. Default: requests 2 and 8Gi, limit 8Gi."""
    deadline_seconds: Annotated[int, Field(ge=60, le=604_800)] = 21_600
    """Longest time of the whole Job, tries included, in seconds. Default: 21600, six hours."""
