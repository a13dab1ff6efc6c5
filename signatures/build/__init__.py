"""Builds signatures: the gradient of a behaviour at a base model, factored. See docs/signature-format.md."""

from .anchors import Anchor, load_base
from .base import Base
from .errors import BuildError
from .factor import Factors, base_coordinates, factor, kept_share
from .fileformat import factor_all, finalize, read_signature, signature_tensors, write_signature
from .gradient import Gradients, pair_gradient, pair_log_odds
from .library import update_index
from .pairs import GEMMA, Format, Pair, read_pairs
from .styles import project_out, read_benign, style_pairs
from .weights import linear_weights, not_scored

__all__ = [
    "GEMMA", "Anchor", "Base", "BuildError", "Factors", "Format", "Gradients", "Pair", "base_coordinates", "factor", "factor_all", "finalize",
    "kept_share", "linear_weights", "load_base", "not_scored", "pair_gradient", "pair_log_odds", "project_out", "read_benign", "read_pairs", "read_signature",
    "signature_tensors", "style_pairs", "update_index", "write_signature",
]
