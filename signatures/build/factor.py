"""One gradient in, its k strongest singular triplets and the base's own coordinates along them out."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

DTYPES = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32}

# The Gram matrix squares singular values: below this part of the largest, float64 leaves too few digits of them.
_NEGLIGIBLE = 1e-6


@dataclass(frozen=True)
class Factors:
    """G ≈ U diag(s) V'. U: out × k and V: in × k in the stored dtype, s: [k] in f32, falling. energy: |G|² (Frobenius) of the whole G."""

    U: Tensor
    s: Tensor
    V: Tensor
    energy: float


def kept_share(factors: Iterable[Factors]) -> float:
    """The part of Σ|G|² that the triplets keep, 0 to 1."""
    factors = list(factors)
    return sum(float((f.s.double() ** 2).sum()) for f in factors) / sum(f.energy for f in factors)


def factor(gradient: Tensor, rank: int, dtype: torch.dtype = torch.float16) -> Factors:
    """The top `rank` singular triplets of G (out × in), fewer where G has a lower rank; none for G = 0.

    From the eigenvectors of the smaller Gram matrix in float64: exact, and several times faster than a full decomposition. The sign
    of a triplet is free; here the entry of u that is largest in absolute value (the first of equals) is positive.
    """
    G = gradient.double()
    tall = G.shape[0] >= G.shape[1]
    if tall:
        G = G.T
    squares, vectors = torch.linalg.eigh(G @ G.T)  # rising
    top = vectors.flip(1)[:, :rank]
    s = squares.flip(0)[:rank].clamp(min=0).sqrt()
    kept = int((s > _NEGLIGIBLE * s[0]).sum())
    s, near = s[:kept], top[:, :kept]
    far = (G.T @ near) / s
    U, V = (far, near) if tall else (near, far)
    sign = U.gather(0, U.abs().argmax(0, keepdim=True)).sign()
    return Factors((U * sign).to(dtype).contiguous(), s.float(), (V * sign).to(dtype).contiguous(), float((G * G).sum()))


def base_coordinates(factors: Factors, base: Tensor) -> Tensor:
    """c0: u_i' W0 v_i, f64 [k], from U and V as stored. base: W0, out × in."""
    return ((base.double().T @ factors.U.double()) * factors.V.double()).sum(0)
