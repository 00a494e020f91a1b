"""The comparison, and the table: a harness that sees no error would prove nothing."""

from pathlib import Path

from failover.books import STEERING_ENDINGS, Books, Order, Row, amounts, compare
from failover.report import BEGIN, END, Result, table, write_into


def paid(number: int) -> Order:
    return Order(f"order-{number}", number, answer="paid")


def test_equal_books_have_nothing_to_say() -> None:
    books = compare([paid(1), paid(2)], [(1, 1), (2, 2)], [row(1), row(2)])

    assert books == Books(2, 2, [], [], [], [])
    assert books.are_equal


def test_second_approval_is_seen_by_its_amount() -> None:
    books = compare([paid(1)], [(1, 1), (1, 1)], [row(1)])

    assert books.in_force_twice == ["order-1"]
    assert books.differences == ["order-1: taken 2, in the ledger 1"]


def test_acknowledged_order_without_a_row_is_lost() -> None:
    books = compare([paid(1)], [(1, 1)], [])

    assert books.lost == ["order-1"]
    assert not books.are_equal


def test_approval_of_an_order_with_the_answer_failed_is_seen() -> None:
    books = compare([Order("order-1", 1, answer="failed")], [(1, 1)], [row(1)])

    assert books.taken_after_failed == ["order-1"]


def test_approval_of_no_order_is_a_difference() -> None:
    assert compare([], [(7, 7)], []).differences == ["no order of 7 won: taken 7, in the ledger 0"]


def test_amounts_steer_nothing_and_differ() -> None:
    first = [next(all_amounts) for all_amounts in [amounts()] for _ in range(20_000)]

    assert len(set(first)) == len(first)
    assert min(first) >= 10_000
    assert not {amount % 10_000 for amount in first} & STEERING_ENDINGS


def test_rows_of_a_run_replace_their_own_rows_only(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Page\n\n{BEGIN}\n\n{END}\n\nafter\n", encoding="utf-8")
    books = Books(2, 3, ["order-1"], [], [], ["order-1: taken 2, in the ledger 1"])
    order = ["first", "second"]

    write_into(page, [result("second", Books(2, 2, [], [], [], []))], order=order)
    write_into(page, [result("second", books), result("first", books)], order=order)
    write_into(page, [result("first", books)], order=order)

    rows = [line for line in page.read_text(encoding="utf-8").splitlines() if "| 1 |" in line]
    rest = "1 | 2 | 3 | 1 | 0 | 0 | 0 | 4.2 | no | proven | in force twice, books differ |"
    assert rows == [f"| first | {rest}", f"| second | {rest}"]
    assert page.read_text(encoding="utf-8").endswith("after\n")


def test_skipped_event_is_named_with_its_reason() -> None:
    assert table([], [("event", "not installed: etcd")]).endswith("- event: not installed: etcd")


def row(number: int) -> Row:
    return Row(f"order-{number}", number, "paid", number)


def result(event: str, books: Books) -> Result:
    return Result(
        event=event,
        seed=1,
        books=books,
        forgotten=0,
        http_500=0,
        longest_gap_s=4.21,
        gap_max_s=15,
        complaints=0,
    )
