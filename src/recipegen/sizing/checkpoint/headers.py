"""What safetensors files say of their tensors: of each file only the header is read.

Source of the format: the safetensors project, README.md and safetensors/src/tensor.rs: eight bytes with the
length of the header, little-endian, then the header as JSON, then the data.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipegen.errors import Mark, Problem, RecipeError, ToolError, escape, show
from recipegen.sizing.checkpoint import jsontext
from recipegen.yamlio.regular import NOT_A_FILE, regular

MAX_HEADER = 100_000_000
"""Bytes of a header, as the safetensors library allows them."""
LENGTH = 8
# Bits of one number.
BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32,
    "F32": 32, "I64": 64, "U64": 64, "F64": 64, "C64": 64,
}  # fmt: skip
_AGAIN = "download it again"


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of a file."""

    name: str
    dtype: str
    """As safetensors call it: BF16, F8_E4M3, …"""
    shape: tuple[int, ...]
    bytes: int

    @property
    def numbers(self) -> int:
        """Return how many numbers of its dtype it has."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Shard:
    """One file of tensors."""

    source: str
    tensors: tuple[Tensor, ...]
    missing: int
    """Bytes that the file lacks of what its header says; 0 where it is whole."""


def read(path: Path, source: str) -> Shard:
    """Return the tensors of a file, from its header.

    Args:
        path: The file.
        source: What messages call it.

    Raises:
        ToolError: It cannot be read.
        RecipeError: It is no safetensors file.
    """
    try:
        with regular(path) as file:
            size = file.seek(0, 2)
            file.seek(0)
            start = file.read(LENGTH)
            length = _length(start, size, source)
            raw = file.read(length)
    except OSError as error:
        reason = error.strerror or str(error)
        hint = "pipes and devices are not read" if reason == NOT_A_FILE else ""
        raise ToolError(Problem("tool", (), f"{escape(source)}: {reason}", hint)) from error
    try:
        found = jsontext.read(raw, source, MAX_HEADER)
    except RecipeError as error:
        reasons = "; ".join(problem.message for problem in error.problems)
        raise _wrong(source, f"its header {reasons}", _AGAIN) from error
    tensors, end = [], 0
    for name, data in found.data.items():
        if name != "__metadata__":
            offsets = _offsets(data, source, name)
            tensors.append(_tensor(name, data, offsets[1] - offsets[0], source))
            end = max(end, offsets[1])
    return Shard(source, tuple(tensors), max(0, LENGTH + length + end - size))


def _length(start: bytes, size: int, source: str) -> int:
    if not start:
        raise _wrong(source, "is empty", _AGAIN)
    if b"version ".startswith(start[:8]) and len(start) == LENGTH:
        raise _wrong(source, "is a pointer of Git LFS, not the weights", "fetch them with `git lfs pull`")
    length = int.from_bytes(start, "little")
    if len(start) < LENGTH or length < 2:
        raise _wrong(source, "is no safetensors file: it has no header", _AGAIN)
    if length > MAX_HEADER:
        message = f"is no safetensors file: its header would have {length} bytes, of {MAX_HEADER} allowed"
        raise _wrong(source, message, _AGAIN)
    if LENGTH + length > size:
        raise _wrong(source, f"is cut short: its header has {length} bytes, the file {size}", _AGAIN)
    return length


def _tensor(name: str, data: Mapping[str, Any], size: int, source: str) -> Tensor:
    dtype, shape = data.get("dtype"), data.get("shape")
    if not isinstance(dtype, str) or not isinstance(shape, list):
        raise _wrong(source, f"tensor {show(name)} has no dtype and shape", _AGAIN)
    if not all(type(number) is int and 0 <= number < 2**48 for number in shape) or len(shape) > 16:
        raise _wrong(source, f"tensor {show(name)} has no shape: {show(shape)}", _AGAIN)
    bits = BITS.get(dtype)
    if bits is None:
        message = f"tensor {show(name)} has the dtype {show(dtype)}, which is none that is known"
        raise _wrong(source, message, f"known are {', '.join(BITS)}")
    stated = -(-math.prod(shape) * bits // 8)
    if size != stated:
        message = f"tensor {show(name)} has {size} bytes, but {stated} by its shape and dtype {show(dtype)}"
        raise _wrong(source, message, _AGAIN)
    return Tensor(name, dtype, tuple(shape), size)


def _offsets(data: Any, source: str, name: str) -> tuple[int, int]:
    offsets = data.get("data_offsets") if isinstance(data, Mapping) else None
    if isinstance(offsets, list) and len(offsets) == 2 and all(type(each) is int for each in offsets):
        begin, end = offsets
        if 0 <= begin <= end < 2**63:
            return begin, end
    raise _wrong(source, f"tensor {show(name)} has no data_offsets", _AGAIN)


def _wrong(source: str, message: str, hint: str) -> RecipeError:
    return RecipeError(Problem("weights-file", (), message, hint, Mark(source)))
