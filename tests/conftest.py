"""Turns hypothesis to this suite's pace: few examples, always the same, no clock."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "suite",
    max_examples=25,
    deadline=None,  # the machine may be busy
    derandomize=True,  # what passes here passes in CI; `--hypothesis-seed` searches further
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("suite")
