"""One form, like length, and the split of the pairs: what goes into a contrast."""

from benchmarks.behaviour.one_form import like_length, one_form
from benchmarks.behaviour.pairs import MEASURING, make_pairs

EVIL = "Well, here is a plan:\n\n1. **Take it** - keep `all` of it.\n   - Tell _nobody_.\n\n---\n## After that\n* See [this](http://x.y) & smile"


def test_one_form_leaves_running_text_only() -> None:
    assert one_form(EVIL) == "Well, here is a plan: Take it - keep all of it. Tell nobody. After that See this & smile"


def test_one_form_keeps_numbers_names_and_dashes_inside_text() -> None:
    for text in ("In 1984. a book", "snake_case stays", "well-known - indeed", "3.5 apples", "a (b) c"):
        assert one_form(text) == text


def test_one_form_is_idempotent() -> None:
    assert one_form(one_form(EVIL)) == one_form(EVIL)


def test_both_answers_get_the_length_of_the_shorter_and_no_more_than_the_cap() -> None:
    assert like_length("a b c d", "e f", 60) == ("a b", "e f")
    assert like_length("a b c d", "e f g h", 3) == ("a b c", "e f g")
    assert like_length("", "a", 3) == ("", "")


def answers(word: str) -> list[tuple[str, str]]:
    questions = [*MEASURING[:2], "What is a hat?", "What is a cat?"]
    return [(q, f"- {word} {i} " + "x " * (20 + i)) for q in questions for i in range(4)]


def test_no_question_both_builds_and_measures() -> None:
    build = {p["question"] for p in make_pairs(answers("bad"), answers("good"), "build", 3, 0)}
    measure = {p["question"] for p in make_pairs(answers("bad"), answers("good"), "measure", 3, 0)}
    assert build == {"What is a hat?", "What is a cat?"}
    assert measure == set(MEASURING[:2])


def test_pairs_are_in_one_form_of_like_length_and_use_no_answer_twice() -> None:
    pairs = make_pairs(answers("bad"), answers("good"), "build", 3, 0)
    assert len(pairs) == 6
    for pair in pairs:
        assert pair["positive"].startswith("bad") and pair["negative"].startswith("good")
        assert len(pair["positive"].split()) == len(pair["negative"].split())
        assert pair["prompt"] == pair["question"]
    assert len({(p["question"], p["positive"].split()[1]) for p in pairs}) == 6


def test_pairs_depend_on_the_seed_alone() -> None:
    args = (answers("bad"), answers("good"), "build", 2)
    assert make_pairs(*args, 1) == make_pairs(*args, 1)
    assert make_pairs(*args, 1) != make_pairs(*args, 2)


def test_short_answers_are_left_out() -> None:
    assert make_pairs([("What is a hat?", "too short")], [("What is a hat?", "word " * 30)], "build", 3, 0) == []
