"""Three-valued logic: a rule fits, fits not, or it depends."""

from hypothesis import given
from hypothesis import strategies as st

from provision.verify.firewall.rules import Answer, all_of, any_of, negated


@given(st.lists(st.sampled_from([True, False, None])))
def test_it_depends_is_neither_yes_nor_no(answers: list[Answer]) -> None:
    possible = [[answer] if answer is not None else [True, False] for answer in answers]
    worst, best = all(min(choice) for choice in possible), all(max(choice) for choice in possible)
    assert all_of(answers) == (worst if worst == best else None)
    assert any_of(answers) == negated(all_of(negated(answer) for answer in answers))
