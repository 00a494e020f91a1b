"""sdk/iamport.d.ts declares what the script has and what the reference documents."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TYPES = (ROOT / "sdk/iamport.d.ts").read_text(encoding="utf-8")
SCRIPT = (ROOT / "sdk/imp.js").read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs/reference/sdk.md").read_text(encoding="utf-8")


def interface(name: str) -> set[str]:
    body = re.search(rf"interface {name} \{{\n(.*?)\n  \}}", TYPES, re.DOTALL)
    assert body is not None, name
    return set(re.findall(r"^    (?:readonly )?(\w+)\??[:(]", body[1], re.MULTILINE))


def documented(heading: str) -> set[str]:
    """The names in the first cells of the table under a heading of the reference."""
    section = REFERENCE.partition(f"{heading}\n")[2].partition("\n#")[0]
    rows = re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)
    return {name.partition(".")[0] for row in rows for name in re.findall(r"`([\w.]+)`", row)}


def test_types_have_every_member_of_the_script():
    members = SCRIPT.partition("const IMP = {")[2].partition("\n  };")[0]
    assert set(re.findall(r"^    (\w+)[:(]", members, re.MULTILINE)) == interface("Sdk")


def test_types_have_every_documented_parameter():
    # `escrow` is refused, so pages cannot write it.
    assert interface("RequestPayParams") == documented("## Parameters") - {"escrow"}


def test_types_have_every_documented_field_of_the_result():
    # A type names `error_code` and `error_msg` of a success as absent.
    assert interface("Success") - {"error_code", "error_msg"} == documented("### Success")
    assert interface("Failure") == documented("### Failure")
