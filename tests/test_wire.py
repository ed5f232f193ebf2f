"""What crosses between judge and sandbox: plain data comes through unchanged, anything else is refused or named."""

import contextlib
import json
import math
import struct

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save
from torch import nn

from autograder import wire
from autograder.errors import NotPlainData
from autograder.wire import Other, pack, unpack

NOTHING = save({})


def there_and_back(value):
    return unpack(*pack(value))


def blob(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
    | st.tuples(inner, inner),
    max_leaves=20,
)


@given(plain)
@settings(max_examples=150, deadline=None)
def test_plain_data_come_back_equal_and_of_the_same_types(value):
    assert repr(there_and_back(value)) == repr(value)


@pytest.mark.parametrize("dtype", sorted(wire.DTYPES, key=str))
@pytest.mark.parametrize("size", [(), (0,), (3,), (2, 0, 4), (2, 3)])
def test_tensors_come_back_bit_for_bit(dtype, size):
    value = (torch.randn(size) * 3).to(dtype)
    back = there_and_back({"x": [value]})["x"][0]
    assert back.dtype == dtype
    assert torch.equal(back, value)


def test_views_parameters_and_expanded_tensors_cross_as_their_values():
    x = torch.arange(12.0).reshape(3, 4)
    odd = [x.T, x[:, ::2], x[:1].expand(5, 4), nn.Parameter(x), x.clone().requires_grad_() * 2]
    odd.append(torch.complex(x, x).real)
    for value, back in zip(odd, there_and_back(odd), strict=True):
        assert torch.equal(back, value.detach())
        assert type(back) is torch.Tensor


def test_not_a_number_and_infinity_survive_in_tensors_and_floats():
    floats, tensor = there_and_back([[math.nan, math.inf, -math.inf], torch.tensor([math.nan, -math.inf])])
    assert math.isnan(floats[0])
    assert floats[1:] == [math.inf, -math.inf]
    assert tensor[0].isnan()
    assert tensor[1] == -math.inf


def test_a_tensor_that_occurs_twice_crosses_once():
    x = torch.zeros(1000)
    text, data = pack([{"a": x}, {"a": x}])
    assert len(data) < 2 * x.nbytes
    first, second = unpack(text, data)
    assert torch.equal(first["a"], second["a"])


class Strange:
    pass


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Strange(), "Strange"), (np.float64(1.0), "numpy.float64"), (np.int64(1), "numpy.int64"), ({1}, "set"),
        (b"x", "bytes"), (len, "builtin"), (1j, "complex"), pytest.param(10**5000, "int", id="a long int"),
        (torch.zeros(2, dtype=torch.complex64), "complex64"), (torch.zeros(2).to_sparse(), "sparse"),
        (torch.zeros(2, device="meta"), "meta"),
    ],
)
def test_anything_else_crosses_as_the_name_of_its_type(value, name):
    back = there_and_back([value])[0]
    assert isinstance(back, Other)
    assert name in back.name


def test_a_tensor_whose_methods_lie_crosses_as_the_name_of_its_type():
    class Liar(torch.Tensor):
        def detach(self):
            raise RuntimeError("no")

    assert isinstance(there_and_back([torch.zeros(2).as_subclass(Liar)])[0], Other)


def test_nesting_without_end_is_refused_when_packed():
    loop = []
    loop.append(loop)
    with pytest.raises(NotPlainData, match="deep"):
        pack(loop)


def test_dictionary_keys_must_be_text():
    with pytest.raises(NotPlainData, match="key must be a string, got int"):
        pack({1: 2})


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[1]", '{"$list": 1}', '{"$list": [], "$map": []}', '{"$map": [[1, 2]]}', '{"$map": [["a"]]}',
        '{"$map": {}}', '{"$tensor": "0"}', '{"$tensor": ["0"]}', '{"$float": "1"}', '{"$int": "²"}', '{"$int": "--5"}',
        '{"$int": ""}', '{"$int": "5_0"}', '{"$unknown": "x"}', "[" * 100_000, '{"$list": [' * 40 + "]}" * 40,
        pytest.param("1" * 5000, id="a long number"), '{"$int": "' + "1" * 5000 + '"}', '{"$other": 5}', "\ud800",
    ],
)  # fmt: skip
def test_malformed_text_is_refused_with_one_error(text):
    with pytest.raises(NotPlainData):
        unpack(text, NOTHING)


@given(st.text() | st.binary())
@settings(max_examples=100, deadline=None)
def test_no_text_makes_unpack_fail_in_another_way(text):
    with contextlib.suppress(NotPlainData):
        unpack(text, NOTHING)


ONE = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


@pytest.mark.parametrize(
    "data",
    [
        b"", b"1234567", struct.pack("<Q", 2**63), struct.pack("<Q", 100) + b"{", blob(b"not json"),
        blob({"0": {**ONE, "shape": [2**62]}}, b"0000"), blob({"0": {**ONE, "shape": [2**32, 2**32]}}, b"0000"),
        blob({"0": {**ONE, "data_offsets": [0, 2**40]}}, b"0000"), blob({"0": {**ONE, "shape": [-1]}}, b"0000"),
        blob({"0": {**ONE, "dtype": "C64", "data_offsets": [0, 8]}}, b"0" * 8), blob({"0": ONE, "1": ONE}, b"0000"),
        blob({"0": {**ONE, "dtype": "F8_E5M2", "data_offsets": [0, 1]}}, b"0"), blob([]), blob({"0": 5}),
        blob({"0": ONE}, b"00000000"),
    ],
)
def test_malformed_tensors_are_refused_with_one_error(data):
    with pytest.raises(NotPlainData):
        unpack('{"$tensor": "0"}', data)


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_no_bytes_make_unpack_fail_in_another_way(data):
    with contextlib.suppress(NotPlainData):
        unpack("null", data)


def test_too_many_bytes_are_refused_before_they_are_read():
    with pytest.raises(NotPlainData, match="bytes"):
        unpack(" " * (wire.MAX_TEXT + 1), NOTHING)
    with pytest.raises(NotPlainData, match="bytes"):
        unpack("null", bytes(wire.MAX_BYTES + 1))


def test_a_header_of_a_million_empty_tensors_is_refused_before_it_is_read():
    entry = b'"%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    header = b"{" + b",".join(entry % i for i in range(200_000)) + b"}"
    with pytest.raises(NotPlainData):
        unpack("null", blob(header))


def test_too_many_leaves_are_refused():
    with pytest.raises(NotPlainData, match="large"):
        unpack(json.dumps({"$list": [0] * (wire.MAX_LEAVES + 1)}), NOTHING)
