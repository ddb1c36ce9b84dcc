"""Turns flow logs into flows: a module for each format, and what they share.

A format is a module with `NAME`, `sniff(head) -> bool` and `read(stream) -> Iterator[Batch]`; `known` lists them.
"""
