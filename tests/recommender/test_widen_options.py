import pytest

from collectors.errors import PodfenceError
from recommender.widen_options import FORMS, Budget, WidenOptions, widen_options


def test_every_form_that_is_named_is_read():
    found = widen_options(form.replace(":N", ":3") for form in FORMS)
    assert found == WidenOptions(
        cidr=Budget(unseen=3), ports=Budget(unseen=3), namespace=3, internet=True, dns=True, service_port=True
    )
    assert widen_options(["ports=ranges:2"]).ports == Budget(rules=2, word="ranges")
    assert not widen_options([])


def test_a_budget_is_written_as_it_was_read():
    assert [str(widen_options([word]).cidr) for word in ("cidr=rules:4", "cidr=unseen:64")] == ["rules:4", "unseen:64"]
    assert str(widen_options(["ports=ranges:2"]).ports) == "ranges:2"


@pytest.mark.parametrize(
    "word", ["", "cidr", "cidr=4", "cidr=rules:", "cidr=rules:-1", "cidr=rules:x", "dns=1", "ports=rules:1", "x" * 500,
             "cidr=unseen:\u0663", "namespace=rules:1", "cidr=unseen:" + "9" * 5000],
)  # fmt: skip
def test_other_words_are_refused_with_all_forms_in_one_sentence(word):
    with pytest.raises(PodfenceError, match="cidr=unseen:N") as fault:
        widen_options([word])
    assert len(str(fault.value)) < 300
