"""What a learner's file prints: its end is kept, and no more."""

import sys
import tracemalloc

from residual.checker.printed import KEPT, KeptEnd


def test_the_end_of_what_is_printed_is_kept():
    kept = KeptEnd()
    for number in range(3000):
        print(number, file=kept)
    everything = "".join(f"{number}\n" for number in range(3000))
    assert kept.getvalue() == everything[-KEPT:]


def test_short_prints_are_kept_whole():
    kept = KeptEnd()
    print("one", 2, file=kept, flush=True)
    assert kept.getvalue() == "one 2\n"


def test_a_loop_that_prints_for_ever_does_not_fill_the_memory():
    kept, line = KeptEnd(), "x" * 10_000
    tracemalloc.start()
    for _ in range(2000):  # 20 million characters
        print(line, file=kept)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 10 * sys.getsizeof("x" * KEPT)
    assert len(kept.getvalue()) == KEPT
