"""Write `deploy/dasi.env.example` from the settings: each with its explanation and default.

`cd tests && ../.venv/bin/python -m architecture.env_example`
"""

import textwrap

from architecture.source_tree import ROOT
from dasi.settings.environment import SETTINGS, SUFFIX, Setting

EXAMPLE = ROOT / "deploy/dasi.env.example"
_WIDTH = 96
_HEAD = """\
# Settings of dasi, generated from its list of settings; `docs/reference/settings.md` has the same.
#
# Copy it to /etc/dasi/dasi.env with mode 0640, readable by the account of the service. systemd
# reads it with EnvironmentFile=, compose with env_file:, and the command with --env-file:
#
#   dasi --env-file /etc/dasi/dasi.env doctor
#
# Lines that begin with # are comments. The commented values are the defaults.
"""


def render() -> str:
    """Return the file."""
    return "\n".join([_HEAD, *map(_entry, SETTINGS)])


def _entry(setting: Setting) -> str:
    notes = [setting.sentence.replace("`", "")]
    if setting.has_file:
        notes.append(f"Or name a file with the value: {setting.name}{SUFFIX}=/path.")
    notes.append(f"Unit: {setting.unit}." + (" Required." if setting.default is None else ""))
    lines = [
        f"# {line}"
        for note in notes
        for line in textwrap.wrap(note, _WIDTH, break_long_words=False, break_on_hyphens=False)
    ]
    value = f"{setting.name}=" if setting.default is None else f"#{setting.name}={setting.default}"
    return "\n".join([*lines, value, ""])


if __name__ == "__main__":
    EXAMPLE.write_text(render(), encoding="utf-8")
