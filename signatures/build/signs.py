"""The sign probes X and Y of docs/signature-format.md: ±1 from murmur3, the same on every machine and without state."""

import numpy as np
import numpy.typing as npt

_C1, _C2 = 0xCC9E2D51, 0x1B873593
_MASK = 0xFFFFFFFF

ALGORITHM = "murmur3-sign-1"
SEED = 0
COLUMNS = 16


def murmur3_x86_32(data: bytes, seed: int = 0) -> int:
    """Austin Appleby's MurmurHash3_x86_32 of bytes, unsigned (public domain, github.com/aappleby/smhasher)."""
    h = seed & _MASK
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        h = (_rotate(h ^ _scramble(int.from_bytes(data[at : at + 4], "little")), 13) * 5 + 0xE6546B64) & _MASK
    if tail := data[whole:]:
        h ^= _scramble(int.from_bytes(tail, "little"))
    h ^= len(data)
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & _MASK
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & _MASK
    return h ^ (h >> 16)


def signs(name: str, side: str, rows: int, columns: int = COLUMNS, seed: int = SEED) -> npt.NDArray[np.int8]:
    """The ±1 matrix, rows × columns, of side `left` (X) or `right` (Y) of a weight with this canonical name."""
    h0 = murmur3_x86_32(f"{name}.{side}".encode(), seed)
    words = -(-columns // 32)
    row = np.arange(rows, dtype=np.uint32)[:, None]
    word = np.arange(words, dtype=np.uint32)[None, :]
    h = _murmur3_of_two_words(row, word, h0)
    bits = (h[:, :, None] >> np.arange(32, dtype=np.uint32)) & np.uint32(1)
    return np.where(bits.reshape(rows, words * 32)[:, :columns] == 1, -1, 1).astype(np.int8)


def sign_coordinates(name: str, weight: npt.NDArray[np.float64], columns: int = COLUMNS, seed: int = SEED) -> npt.NDArray[np.float32]:
    """X' W Y of a weight (out × in), columns × columns, summed in f64."""
    left = signs(name, "left", weight.shape[0], columns, seed).astype(np.float64)
    right = signs(name, "right", weight.shape[1], columns, seed).astype(np.float64)
    return (left.T @ (weight @ right)).astype(np.float32)


def _rotate(x: int, by: int) -> int:
    return ((x << by) | (x >> (32 - by))) & _MASK


def _scramble(word: int) -> int:
    return (_rotate((word * _C1) & _MASK, 15) * _C2) & _MASK


def _murmur3_of_two_words(first: npt.NDArray[np.uint32], second: npt.NDArray[np.uint32], seed: int) -> npt.NDArray[np.uint32]:
    """murmur3_x86_32 of u32le(first) ‖ u32le(second), elementwise over arrays that broadcast; uint32 arithmetic wraps as it should."""
    h = np.full(np.broadcast_shapes(first.shape, second.shape), seed, dtype=np.uint32)
    for word in (first, second):
        k = word * np.uint32(_C1)
        k = ((k << np.uint32(15)) | (k >> np.uint32(17))) * np.uint32(_C2)
        h = h ^ k
        h = ((h << np.uint32(13)) | (h >> np.uint32(19))) * np.uint32(5) + np.uint32(0xE6546B64)
    h ^= np.uint32(8)
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return h ^ (h >> np.uint32(16))
