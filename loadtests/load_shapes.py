"""How many users post at which moment of a load test."""


def ramp(passed: float, peak: int) -> int:
    """Evenly up to the peak until four fifths of the time have `passed` (0 to 1), then the peak."""
    return max(1, round(peak * min(1.0, passed / 0.8)))


def spike(passed: float, peak: int) -> int:
    """A tenth of the peak, but twice, for a tenth of the time, all of it at once: as when a campaign goes on air."""
    bursting = 0.3 <= passed < 0.4 or 0.6 <= passed < 0.7
    return peak if bursting else max(1, peak // 10)


SHAPES = {"ramp": ramp, "spike": spike}
