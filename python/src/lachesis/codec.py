"""Payload codecs that this machine can decode."""

from __future__ import annotations

from .v1 import tokens_pb2 as tokens

try:
    import zstandard as _zstandard
except ImportError:
    _zstandard = None

#: What a consumer registers with; ZSTD needs `pip install lachesis-rl[zstd]`.
DECODABLE = [tokens.CODEC_RAW] + ([tokens.CODEC_ZSTD] if _zstandard else [])


def decode(codec: int, data: bytes) -> bytes:
    """The payload as it was before it was encoded."""
    if codec in (tokens.CODEC_UNSPECIFIED, tokens.CODEC_RAW):
        return data
    if codec == tokens.CODEC_ZSTD and _zstandard:
        return _zstandard.ZstdDecompressor().decompressobj().decompress(data)
    raise ValueError(f"codec {tokens.Codec.Name(codec)}: pip install lachesis-rl[zstd] to read it")
