"""Know as much H.264 as a remuxer must: NAL unit types, parameter sets, picture size."""

from __future__ import annotations

from dataclasses import dataclass

IDR, SPS, PPS = 5, 7, 8
_BASELINE = 66
# Profiles whose SPS carries chroma format and scaling lists (H.264 §7.3.2.1.1).
_HIGH_PROFILES = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}


@dataclass(frozen=True, slots=True)
class ParameterSets:
    """What a decoder needs before the first picture: one SPS and one PPS, without start codes."""

    sps: bytes
    pps: bytes

    def codec_private(self) -> bytes:
        """Return the AVCDecoderConfigurationRecord (`avcC`), NAL lengths of 4 bytes."""
        sps, pps = self.sps, self.pps
        return (
            bytes((1, sps[1], sps[2], sps[3], 0xFF, 0xE1))
            + len(sps).to_bytes(2, "big")
            + sps
            + b"\x01"
            + len(pps).to_bytes(2, "big")
            + pps
        )

    def sequence(self) -> Sequence:
        """Read the SPS; ValueError for a broken one."""
        try:
            return _sequence(self.sps)
        except IndexError as error:
            raise ValueError("the SPS ends too early") from error


@dataclass(frozen=True, slots=True)
class Sequence:
    """What an SPS says: the picture's size after cropping, and whether pictures may be reordered."""

    width: int
    height: int
    reorders: bool


class _Bits:
    """Read Exp-Golomb codes from an RBSP."""

    def __init__(self, nal: bytes) -> None:
        self._data = nal.replace(b"\x00\x00\x03", b"\x00\x00")
        self._at = 0

    def bit(self) -> int:
        at = self._at
        self._at = at + 1
        return self._data[at >> 3] >> (7 - (at & 7)) & 1

    def take(self, count: int) -> int:
        value = 0
        for _ in range(count):
            value = value << 1 | self.bit()
        return value

    def unsigned(self) -> int:
        zeros = 0
        while not self.bit():
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        value = self.unsigned()
        return (value + 1) // 2 if value & 1 else -(value // 2)


def _sequence(sps: bytes) -> Sequence:
    bits = _Bits(sps)
    bits.take(8)
    profile = bits.take(8)
    bits.take(16)
    bits.unsigned()
    chroma = _skip_high_profile(bits) if profile in _HIGH_PROFILES else 1
    in_order = _order_count(bits) == 2 or profile == _BASELINE
    bits.unsigned()
    bits.bit()
    width = (bits.unsigned() + 1) * 16
    map_units = bits.unsigned() + 1
    frames_only = bits.bit()
    height = map_units * 16 * (2 - frames_only)
    if not frames_only:
        bits.bit()
    bits.bit()
    left, right, top, bottom = (bits.unsigned() for _ in range(4)) if bits.bit() else (0, 0, 0, 0)
    unit_x = 2 if chroma in (1, 2) else 1
    unit_y = (2 if chroma == 1 else 1) * (2 - frames_only)
    return Sequence(width - unit_x * (left + right), height - unit_y * (top + bottom), not in_order)


def _skip_high_profile(bits: _Bits) -> int:
    chroma = bits.unsigned()
    if chroma == 3:
        bits.bit()
    bits.unsigned()
    bits.unsigned()
    bits.bit()
    if bits.bit():
        for index in range(12 if chroma == 3 else 8):
            if bits.bit():
                _skip_scaling_list(bits, 16 if index < 6 else 64)
    return chroma


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = scale = 8
    for _ in range(size):
        if scale:
            scale = (last + bits.signed()) % 256
        last = scale or last


def _order_count(bits: _Bits) -> int:
    bits.unsigned()
    kind = bits.unsigned()
    if kind == 0:
        bits.unsigned()
    elif kind == 1:
        bits.bit()
        bits.signed()
        bits.signed()
        for _ in range(bits.unsigned()):
            bits.signed()
    return kind
