"""What is written is, to the byte, what PyYAML itself writes of the same data, with libyaml and without."""

import sys

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender import manifest_write
from recommender.manifest import from_yaml, to_yaml
from recommender.scalars import is_plain


class _Slow(yaml.SafeDumper):
    """PyYAML's whole way from data to text, in Python."""

    def ignore_aliases(self, _):
        return True


def _text(dumper, text):
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return dumper.represent_scalar("tag:yaml.org,2002:str", whole, style=None if is_plain(whole) else '"')


_Slow.add_representer(str, _text)

_LETTERS = st.sampled_from(
    "ab yno010.-:#'\"\\{}[]|>&*!%@`,?~=<_+/()"
    "\n\t\r\0\x1b\x7f\x85\xa0\u2028\u2029\ufeff\u202e\u00e9\u65e5\U0001f600\ud800"
)
_WORDS = st.sampled_from(["y", "no", "010", "1e3", "null", "", "~", "10.0.0.0/8", "<<", "=", "- a", "---", "...", "a "])
_TEXTS = st.one_of(
    _WORDS,
    st.text(_LETTERS, max_size=20),
    st.text(st.sampled_from("ab -"), min_size=90, max_size=140),
    st.text(st.sampled_from("\u00e9\u65e5"), min_size=30, max_size=70),
)
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS
_PLAIN = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3), max_leaves=12
)


@settings(max_examples=300, deadline=None)
@given(_PLAIN)
def test_the_bytes_are_those_of_pyyaml_with_libyaml_and_without(data):
    whole = yaml.dump(data, Dumper=_Slow, sort_keys=False, width=sys.maxsize).removesuffix("...\n")  # noqa: TID251 - a safe dumper
    assert to_yaml(data) == whole
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(manifest_write, "_QUICK", yaml.SafeDumper)
        assert to_yaml(data) == whole


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(_TEXTS.filter(lambda key: key != "<<"), _TEXTS, max_size=4))
def test_the_data_read_is_the_same_with_libyaml_and_without(data):
    text = to_yaml(data)
    read = from_yaml(text, "f")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("recommender.manifest._LOADER", yaml.SafeLoader)
        assert from_yaml(text, "f") == read
