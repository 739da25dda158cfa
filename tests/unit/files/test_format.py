"""The format of sealed files: what was sealed comes back, and nothing else ever does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from random import Random
from uuid import UUID, uuid4

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from athena.platform.kernel.files.format import (
    CHUNK_BYTES,
    KEY_BYTES,
    Header,
    header_of,
    open_chunks,
    open_name,
    seal_chunks,
    seal_name,
)
from athena.platform.kernel.files.models import FileDamagedError

KEY = bytes(range(KEY_BYTES))
FILE = UUID(int=7)

SIZES = st.sampled_from([0, 1, 100, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
FEW = settings(max_examples=20, deadline=None)


def content_of(size: int, seed: int = 0) -> bytes:
    """Return bytes that differ from chunk to chunk."""
    return Random(seed).randbytes(size)


def sealed(content: bytes, key: bytes = KEY) -> tuple[Header, list[bytes]]:
    header = header_of(1, FILE, 1, content)
    return header, list(seal_chunks(key, header, content))


@FEW
@given(SIZES, st.integers(0, 100))
def test_what_was_sealed_comes_back(size: int, seed: int) -> None:
    content = content_of(size, seed)
    header, chunks = sealed(content)
    assert open_chunks(KEY, header, chunks) == content
    assert len(chunks) == max(1, -(-size // CHUNK_BYTES))
    assert sum(map(len, chunks)) == size + 28 * len(chunks)


@given(st.binary(min_size=8, max_size=2000))
def test_sealed_bytes_say_nothing_and_are_never_the_same(content: bytes) -> None:
    header, chunks = sealed(content)
    _, again = sealed(content)
    assert chunks != again
    assert content not in b"".join(chunks)
    assert header.sha256 == sha256(content).digest()


@FEW
@given(SIZES, st.data())
def test_any_altered_byte_refuses_the_whole_file(size: int, data: st.DataObject) -> None:
    header, chunks = sealed(content_of(size))
    number = data.draw(st.integers(0, len(chunks) - 1))
    place = data.draw(st.integers(0, len(chunks[number]) - 1))
    bit = data.draw(st.integers(0, 7))
    altered = bytearray(chunks[number])
    altered[place] ^= 1 << bit
    chunks[number] = bytes(altered)
    with pytest.raises(FileDamagedError):
        open_chunks(KEY, header, chunks)


@FEW
@given(st.permutations(range(3)))
def test_chunks_in_another_order_are_refused(order: list[int]) -> None:
    assume(order != sorted(order))
    header, chunks = sealed(content_of(3 * CHUNK_BYTES))
    with pytest.raises(FileDamagedError):
        open_chunks(KEY, header, [chunks[number] for number in order])


@FEW
@given(st.integers(0, 2), st.booleans())
def test_a_truncated_file_is_refused_even_where_the_header_agrees(
    kept: int, tells_so: bool
) -> None:
    header, chunks = sealed(content_of(3 * CHUNK_BYTES))
    if tells_so:
        header = replace(header, chunk_count=kept, size=kept * CHUNK_BYTES)
    with pytest.raises(FileDamagedError):
        open_chunks(KEY, header, chunks[:kept])


@given(
    st.sampled_from(
        [
            lambda header: replace(header, force=2),
            lambda header: replace(header, file_id=uuid4()),
            lambda header: replace(header, key_version=2),
            lambda header: replace(header, chunk_count=2),
            lambda header: replace(header, size=header.size + 1),
            lambda header: replace(header, sha256=bytes(32)),
        ]
    ),
    st.binary(max_size=100),
)
def test_every_part_of_the_header_is_bound(
    change: Callable[[Header], Header], content: bytes
) -> None:
    header, chunks = sealed(content)
    changed = change(header)
    with pytest.raises(FileDamagedError):
        open_chunks(KEY, changed, chunks)
    with pytest.raises(FileDamagedError):
        open_name(KEY, changed, seal_name(KEY, header, "statement.pdf"))


@given(st.binary(max_size=100), st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES))
def test_another_key_opens_nothing(content: bytes, other: bytes) -> None:
    assume(other != KEY)
    header, chunks = sealed(content)
    with pytest.raises(FileDamagedError):
        open_chunks(other, header, chunks)


@given(st.text(min_size=1, max_size=60))
def test_a_name_comes_back_and_is_no_chunk(name: str) -> None:
    assume(name.isprintable())
    header = header_of(1, FILE, 1, name.encode())
    hidden = seal_name(KEY, header, name)
    assert open_name(KEY, header, hidden) == name
    with pytest.raises(FileDamagedError):
        open_chunks(KEY, header, [hidden])


@given(st.binary(max_size=27))
def test_too_few_bytes_to_be_a_piece_are_refused(piece: bytes) -> None:
    header, _ = sealed(b"")
    with pytest.raises(FileDamagedError):
        open_chunks(KEY, header, [piece])
