"""Which of several processes is dead: the one whose sign of life has not changed for long."""

from collections.abc import Mapping

BEAT = 2.0  # seconds from one sign of life to the next
SILENCE = 30.0  # seconds after which a process counts as dead


class SignsOfLife:
    """What one process has seen of the others.

    A process that stood still itself, as when a machine is suspended, has seen nothing of the others either: it counts
    their seconds anew.

    Args:
        count: how many processes there are.
        now: seconds of a clock.
    """

    def __init__(self, count: int, now: float) -> None:
        self._last: dict[int, tuple[str | None, float]] = dict.fromkeys(range(count), (None, now))
        self._looked = now

    def look(self, now: float, found: Mapping[int, str] | None) -> int | None:
        """The process that is dead; None if none is.

        Args:
            now: seconds of the same clock.
            found: the sign of life of each process, another text each time; None if process 0, which keeps them, does
                not answer.
        """
        paused, self._looked = now - self._looked > SILENCE / 2, now
        for process, (text, since) in self._last.items():
            seen = text if found is None and process == 0 else (found or {}).get(process)
            if paused or (seen is not None and seen != text):
                self._last[process] = seen, now
            elif now - since > SILENCE and (found is not None or process == 0):
                return process
        return None
