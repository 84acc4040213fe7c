"""A 64-bit id as a codeword that survives many wrong bits, and that nobody without the key can make.

id -> id + a tag of 28 bits of HMAC-SHA-256 -> convolutional code of rate 1/3 -> 276 bits

The code has constraint length 9 and the generators 557, 663, 711 (octal), the best known of its kind
(Proakis, Digital Communications, table 8.2-2). It is tail-biting (Ma & Wolf, IEEE Trans. Communications
1986): it starts in its end state and needs no termination bits. Decoding uses soft values (Viterbi, 1967).
The tag decides what counts as found: a wrong candidate passes with probability 2^-28, whatever the picture.
"""

from __future__ import annotations

import hashlib
import hmac

import numpy as np
from numpy.typing import NDArray

from reenact.types import FloatArray

ID_BITS, TAG_BITS = 64, 28
TAG_FALSE_ACCEPT_RATE = 2.0**-TAG_BITS  # probability that a wrong candidate passes
_MEMORY = 8
_GENERATORS = (0o557, 0o663, 0o711)
_STATES = 1 << _MEMORY
_WRAP_STEPS = 6 * _MEMORY  # steps after which survivor paths have merged
CODED_BITS = (ID_BITS + TAG_BITS) * len(_GENERATORS)

Bits = NDArray[np.uint8]


def encode(id: int, key: bytes) -> Bits:
    """The codeword (CODED_BITS,) of 0 and 1 for an id below 2^64."""
    message = [*_bits(id, ID_BITS), *_bits(_tag(id, key), TAG_BITS)]
    register, coded = _number(message[-_MEMORY:]), []
    for bit in message:
        register = (register << 1 | bit) & (2 * _STATES - 1)
        coded += [(register & generator).bit_count() & 1 for generator in _GENERATORS]
    return np.array(coded, np.uint8)


def decode(soft: FloatArray, key: bytes) -> int | None:
    """The id in a received word, or None when its tag is wrong.

    ``soft`` (CODED_BITS,): positive for a 0, negative for a 1; the magnitude is the confidence.
    """
    message = _viterbi(soft.reshape(-1, len(_GENERATORS))).tolist()
    id, tag = _number(message[:ID_BITS]), _number(message[ID_BITS:])
    return id if hmac.compare_digest(tag.to_bytes(4), _tag(id, key).to_bytes(4)) else None


def _viterbi(soft: FloatArray) -> Bits:
    """The most likely message (T,) for soft values (T, 3) of a circular trellis; very nearly always.

    The trellis is extended beyond both ends, so that the unknown start state no longer matters.
    """
    soft = np.concatenate([soft[-_WRAP_STEPS:], soft, soft[:_WRAP_STEPS]])
    states = np.arange(_STATES)
    before = np.stack([states >> 1, states >> 1 | _STATES >> 1])  # (2, S): where a state may come from
    gains = soft @ _outputs(before << 1 | states & 1)  # (T, 2 * S)
    best = np.zeros(_STATES)
    choices = np.empty((len(soft), _STATES), np.uint8)
    for step, gain in enumerate(gains.reshape(-1, 2, _STATES)):
        paths = best[before] + gain
        choices[step] = paths.argmax(0)
        best = paths.max(0)
    return _traceback(choices, before, int(best.argmax()))[_WRAP_STEPS:-_WRAP_STEPS]


def _traceback(choices: Bits, before: NDArray[np.intp], state: int) -> Bits:
    """Walk back from the last state; the bit that led to a state is its lowest."""
    message = np.empty(len(choices), np.uint8)
    for step in reversed(range(len(choices))):
        message[step] = state & 1
        state = int(before[choices[step, state], state])
    return message


def _outputs(registers: NDArray[np.intp]) -> FloatArray:
    """+1 for a 0 and -1 for a 1 that each generator (3 rows) gives for each register."""
    masked = registers.reshape(1, -1) & np.array(_GENERATORS)[:, None]
    return np.asarray(1 - 2.0 * (np.bitwise_count(masked) & 1), np.float32)


def _tag(id: int, key: bytes) -> int:
    digest = hmac.digest(key, b"proof" + id.to_bytes(8), hashlib.sha256)
    return int.from_bytes(digest[:4]) >> (32 - TAG_BITS)


def _bits(number: int, count: int) -> list[int]:
    return [number >> place & 1 for place in reversed(range(count))]


def _number(bits: list[int]) -> int:
    return int("".join(map(str, bits)), 2)
