"""Turns captures and programs into tables of what they cost: how fast podfence is, beside others and a C program."""

VERSION = 1
"""Of what `generate` writes: a cached capture of another version is not used."""
