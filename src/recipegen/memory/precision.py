"""A model as an engine loads it: number formats that are set in place of the checkpoint's."""

import re
from dataclasses import replace

from recipegen.memory.setup import Setup
from recipegen.modelfacts import ModelFacts, Quantization
from recipegen.modelfacts.formats import KEPT
from recipegen.modelfacts.methods import BYTES

DTYPES = ("auto", "half", "float16", "bfloat16", "float", "float32")
"""Words for a number format in place of the checkpoint's."""
# What an engine makes of 16-bit weights while it loads them, with the bytes of a parameter. bitsandbytes
# keeps a scale of four bytes for 64 numbers. Source: vLLM 0.31.0, QuantizationMethods in
# vllm/model_executor/layers/quantization/__init__.py; SGLang 0.5.21, srt/arg_groups/choices.py.
ONLINE = {
    "fp8": 1.0, "fp8_per_tensor": 1.0, "fp8_per_channel": 1.0, "fp8_per_block": 1.0 + 4 / 128**2,
    "mxfp8": 33 / 32, "int8": 1.0, "int8_per_channel_weight_only": 1.0, "bitsandbytes": 0.5 + 4 / 64,
    "nvfp4_per_token": 9 / 16, "nvfp4_online": 9 / 16,
}  # fmt: skip
PLAIN = ("auto", "bfloat16", "float16", "half", "float32", "float")


def quantised(model: ModelFacts, setup: Setup) -> ModelFacts:
    """Return the model with the number formats of a setup.

    Quantisation while loading leaves embedding, head and routers as they are; a checkpoint that is quantised
    already keeps its own.
    """
    dtype = {"half": "float16", "float": "float32"}.get(setup.dtype, setup.dtype)
    if dtype and dtype != "auto":
        plain = BYTES.get(dtype, 2.0)
        own = model.quantization
        rules = tuple((names, what, plain if what == "none" else size) for names, what, size in own.rules)
        model = replace(model, dtype=dtype, quantization=replace(own, rules=rules), files=None)
    size = ONLINE.get(setup.quantization)
    if size and model.quantization.method == "none":
        everything = (re.compile(""), setup.quantization, size)
        kept = (KEPT, "none", BYTES.get(model.dtype, 2.0))
        model = replace(
            model,
            quantization=Quantization(setup.quantization, setup.quantization, 8, rules=(kept, everything)),
        )
    return model
