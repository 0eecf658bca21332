"""How long before its end a certificate is reported. Pure.

Certificates of public authorities live 90 days, or only six (Let's Encrypt, profile "shortlived"). A third of the
lifetime is when they are usually renewed; a tenth is the time of the last attempts.
"""

from datetime import timedelta

MOST_WARNING_TIME = timedelta(days=30)
MOST_FAILING_TIME = timedelta(days=3)


def warning_time(lifetime: timedelta) -> timedelta:
    """Return the time before its end from which a certificate is reported."""
    return min(MOST_WARNING_TIME, lifetime / 3)


def failing_time(lifetime: timedelta) -> timedelta:
    """Return the time before its end from which a certificate fails the check."""
    return min(MOST_FAILING_TIME, lifetime / 10)


def in_words(left: timedelta) -> str:
    """Return the time that is left: whole days, or whole hours of less than two days."""
    if left < timedelta(days=2):
        hours = left // timedelta(hours=1)
        return "1 hour" if hours == 1 else f"{hours} hours"
    return f"{left.days} days"
