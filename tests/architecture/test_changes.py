"""The changelog has one shape, and so have the subjects of commits."""

import re
import subprocess

import pytest

from architecture.source_tree import ROOT, complain, text

# Subjects are checked after this commit: the first one with these rules.
RULES_SINCE = "f00265c79efdcc37d714d5e36525cb65a06f56db"
SUBJECT_MAX = 72
LINE_MAX = 125
HEADINGS = {"Added", "Changed", "Fixed", "Removed", "Security", "Known limits"}
_SUBJECT = re.compile(r"[\w., /-]+: \S.*[^.]|Revert \".*\"")
_VERSION = re.compile(r"## \[(Unreleased\]|\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2})$")


def wrong_subjects(subjects: list[str]) -> list[str]:
    return [
        subject
        for subject in subjects
        if len(subject) > SUBJECT_MAX or not _SUBJECT.fullmatch(subject)
    ]


def wrong_lines(changelog: str) -> list[str]:
    """The lines that break the shape: unknown headings, entries of several lines, long entries."""
    _, _, sections = changelog.partition("\n## ")
    return [line for line in f"## {sections}".splitlines() if not _is_right(line)]


def _is_right(line: str) -> bool:
    if line.startswith("- "):
        return line.endswith(".") and len(line) <= LINE_MAX
    if line.startswith("## "):
        return _VERSION.match(line) is not None
    if line.startswith("### "):
        return line.removeprefix("### ") in HEADINGS
    return not line or line.startswith(("#### ", "This will be "))


def _git(*arguments: str) -> str | None:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout if done.returncode == 0 else None


def test_subjects_of_commits_name_an_area_and_are_short() -> None:
    if _git("merge-base", "--is-ancestor", RULES_SINCE, "HEAD") is None:
        pytest.skip(f"the history does not reach back to {RULES_SINCE}: a shallow clone")
    log = _git("log", "--no-merges", "--format=%s", f"{RULES_SINCE}..HEAD")
    assert log is not None
    wrong = wrong_subjects(log.splitlines())
    assert not wrong, complain(
        wrong, f"write `area: imperative subject` of at most {SUBJECT_MAX} characters."
    )


def test_wrong_subjects_are_seen() -> None:
    right = ["docs: state decisions in their titles", 'Revert "kicc: send twice"', "kicc, sdk: x y"]
    wrong = ["Fix it", "docs: end with a stop.", "area: " + "x" * 70]
    assert wrong_subjects([*right, *wrong]) == wrong


def test_the_changelog_has_one_line_for_each_entry_under_known_headings() -> None:
    wrong = wrong_lines(text(ROOT / "CHANGELOG.md"))
    assert not wrong, complain(
        wrong,
        f"write each entry as one line of at most {LINE_MAX} characters that ends with a full "
        f"stop, under one of the headings {', '.join(sorted(HEADINGS))}.",
    )


def test_the_wrong_shape_of_a_changelog_is_seen() -> None:
    entries = "## [Unreleased]\n\n### Added\n#### Payments\n- A line.\n"
    assert not wrong_lines(f"# Changelog\n\nIntroduction\nof two lines.\n\n{entries}")
    broken = "### For merchants\n- An entry\n  of two lines.\n- " + "x" * LINE_MAX + ".\n"
    assert len(wrong_lines(f"# Changelog\n\n{entries}{broken}")) == 4
