"""Turns what goes on at interfaces, in pipes and in growing logs into a learning store, for as long as it lasts.

`learn` is the loop. Feeds observe (`packets`, `piped`, `logs`), `still_open` keeps what goes on beyond an interval,
`collectors.segments` writes it down.
"""

from collectors.learning.learn import Interval, LearnOptions, learn

__all__ = ["Interval", "LearnOptions", "learn"]
