"""Cisco's model-provenance-kit on pairs of folders. In: JSON lines {id, path, against} on stdin. Out: JSON lines {id, seconds, bytes, score, decision} or {id, error}."""
