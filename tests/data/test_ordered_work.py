"""Work on many items: in order, on threads or not, with exceptions in their places."""

from residual.data.ordered_work import map_in_order


def test_an_exception_that_is_a_result_is_no_error():
    results = list(map_in_order(lambda n: ValueError(n), range(40), 2, lambda n: 0))
    assert [error.args for error in results] == [(n,) for n in range(40)]


def test_nothing_to_do():
    assert list(map_in_order(lambda n: n, [], 2, lambda n: 0)) == []
