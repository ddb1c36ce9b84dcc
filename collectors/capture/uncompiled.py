"""Turns the words that `kernel` takes from Cython into nothing, where nothing is compiled and Cython is absent."""

from collections.abc import Callable
from typing import Any, TypeVar

compiled = False

_Function = TypeVar("_Function", bound=Callable[..., Any])


def cfunc(function: _Function) -> _Function:
    """Leave a function as it is."""
    return function


inline = cfunc


class _Free:
    """Leaves a function as it is, and a block: there is no lock to be free of."""

    def __call__(self, function: _Function) -> _Function:
        return function

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


nogil = _Free()


def exceptval(*_: object, **__: object) -> Callable[[_Function], _Function]:
    """Leave a function as it is."""
    return cfunc


def cast(_: object, value: Any) -> Any:
    """Return the value."""
    return value


def declare(_: object, value: Any) -> Any:
    """Return the value."""
    return value


class _Type:
    """A C type: names the dimensions and qualifiers that annotations give it, and means nothing."""

    def __getitem__(self, _: object) -> "_Type":
        return self


void = uchar = uint = ulonglong = longlong = Py_ssize_t = bint = const = _Type()
p_uchar = p_uint = p_ulonglong = int = _Type()  # noqa: A001 - Cython's own name
