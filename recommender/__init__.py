"""The recommender concludes: from what collectors observed to the smallest policies, and what these would do.

Law: no stage here does I/O; only `store`, `pipeline` and `cli` touch files. `generate` and `simulate` share nothing
but values, so that the check is a check; a tool holds it (`make check`).
"""
