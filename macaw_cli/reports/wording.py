"""Figures as people read them."""


def number(value: float | None) -> str:
    """Four significant digits; `-` where there is none."""
    return "-" if value is None else f"{value:.4g}"


def share(value: float | None) -> str:
    """Two decimals; `-` where there is none."""
    return "-" if value is None else f"{value:.2f}"


def duration(seconds: float) -> str:
    """`45 s`, `3:05 min`, `2:07 h` or `3 d 4 h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    if whole < 48 * 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02} h"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"
