"""Turns a declared list of columns into empty, conforming and checked frames."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from collectors.errors import SchemaMismatch


@dataclass(frozen=True)
class Column:
    """One column of a stage's frame: pandas dtype, unit and meaning, and its closed vocabulary if it has one."""

    name: str
    dtype: str
    meaning: str
    unit: str = ""
    vocabulary: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schema:
    """The ordered columns of one stage's frame."""

    name: str
    columns: tuple[Column, ...]

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    @property
    def names(self) -> list[str]:
        """Column names in order."""
        return [column.name for column in self.columns]

    def empty(self) -> pd.DataFrame:
        """Return a frame of no rows with every column in order and of its dtype."""
        return self._empty.copy()

    @cached_property
    def _empty(self) -> pd.DataFrame:
        # Made once: a small input comes to a dozen of these, and casting takes a millisecond each.
        return pd.DataFrame({column.name: _cast(pd.Series([], dtype=object), column) for column in self.columns})

    def conform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the frame with this schema's columns only, in order and cast.

        Columns that are absent become NA; a value that its dtype cannot hold raises SchemaMismatch.
        """
        if frame.empty:
            return self.empty()
        absent = pd.Series(pd.NA, index=frame.index, dtype=object)
        columns = {}
        for column in self.columns:
            try:
                columns[column.name] = _cast(frame.get(column.name, absent), column)
            except (ValueError, TypeError, OverflowError) as fault:
                raise SchemaMismatch(f"{self.name}: column {column.name!r} is not {column.dtype}: {fault}") from fault
        return pd.DataFrame(columns).reset_index(drop=True)

    def check(self, frame: pd.DataFrame) -> None:
        """Raise SchemaMismatch where columns, dtypes or closed vocabularies differ from this schema."""
        if list(frame.columns) != self.names:
            raise SchemaMismatch(f"{self.name}: expected columns {self.names}, found {list(frame.columns)}")
        for column in self.columns:
            series = frame[column.name]
            if str(series.dtype) != column.dtype:
                raise SchemaMismatch(f"{self.name}: column {column.name!r} is {series.dtype}, not {column.dtype}")
            strange = set(series.dropna().unique()) - set(column.vocabulary) if column.vocabulary else set()
            if strange:
                raise SchemaMismatch(f"{self.name}: column {column.name!r} holds unknown values {sorted(strange)[:5]}")


def _cast(series: "pd.Series[Any]", column: Column) -> "pd.Series[Any]":
    if str(series.dtype) == column.dtype:
        return series
    if column.dtype.startswith("datetime64"):
        return pd.to_datetime(series, utc=True).astype(column.dtype)  # type: ignore[call-overload,no-any-return]  # as below
    if column.dtype == "category":
        return series.astype("str").where(series.notna()).astype("category")
    return series.astype(column.dtype)  # type: ignore[call-overload,no-any-return]  # stubs list literal dtypes only
