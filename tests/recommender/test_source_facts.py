import importlib
import pkgutil

from collectors import formats
from recommender.source_facts import PARTIAL


def test_facts_are_of_kinds_that_sources_have():
    names = [f"{formats.__name__}.{found.name}" for found in pkgutil.iter_modules(formats.__path__)]
    assert PARTIAL.keys() <= {getattr(importlib.import_module(name), "NAME", "") for name in names}
