"""When a topic may be sent again: at once after a silence, then once per interval."""

from __future__ import annotations


class Throttle:
    """Conflates touches of a topic; what was touched last is always sent in the end.

    Leading and trailing: the first touch after a silence is due at once, any number of further ones
    share one send when the interval is over. Nothing is due without a touch. Times are seconds of
    any clock that does not go back; the shell calls `due` at the times `touch` names.

    A topic whose sends take long is sent less often, so that it has at most `share` of the time;
    but never less often than once in `longest` seconds.
    """

    def __init__(self, interval: float, longest: float | None = None, share: float = 1.0) -> None:
        self._interval = interval
        self._longest = interval if longest is None else longest
        self._share = share
        self._pauses: dict[str, float] = {}  # where they are longer than the interval
        self._sent: dict[str, float] = {}
        self._due: dict[str, float] = {}

    def touch(self, topic: str, now: float) -> float | None:
        """When to call `due` for this touch; None if an earlier touch already said so."""
        if topic in self._due:
            return None
        sent = self._sent.get(topic)
        self._due[topic] = now if sent is None else max(now, sent + self._pause(topic))
        return self._due[topic]

    def took(self, topic: str, seconds: float) -> None:
        """What was due was sent, and this is how long that took; what follows waits accordingly."""
        pause = min(self._longest, seconds / self._share)
        self._pauses.pop(topic, None)
        if pause > self._interval and topic in self._sent:
            self._pauses[topic] = pause
            if topic in self._due:  # touched meanwhile
                self._due[topic] = max(self._due[topic], self._sent[topic] + pause)

    def next_due(self) -> float | None:
        """The earliest moment at which something is due, or None while nothing was touched."""
        return min(self._due.values(), default=None)

    def due(self, now: float) -> list[str]:
        """The topics to send now, in the order of their first touch; the caller sends them."""
        topics = [topic for topic, at in self._due.items() if at <= now]
        for topic in topics:
            del self._due[topic]
        # A topic that has been quiet for its pause is as good as new: forget it.
        self._sent = {t: at for t, at in self._sent.items() if at + self._pause(t) > now}
        self._sent.update(dict.fromkeys(topics, now))
        self._pauses = {t: pause for t, pause in self._pauses.items() if t in self._sent}
        return topics

    def _pause(self, topic: str) -> float:
        return self._pauses.get(topic, self._interval)
