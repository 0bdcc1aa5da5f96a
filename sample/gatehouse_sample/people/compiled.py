"""Compile the inner functions of the renderer to machine code, keeping their types for mypy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Return the function as native code; fastmath, because a face needs no NaN and no exact sums."""
    return cast("F", numba.njit(cache=True, fastmath=True, error_model="numpy", forceinline=True)(function))
