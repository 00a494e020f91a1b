"""For how many hours an old secret stays valid beside its successor."""

from dasi.console.labels.label import Label
from dasi.console.request import ConsoleRequest
from dasi.foundation.errors import Invalid


def read_overlap(request: ConsoleRequest, choices: tuple[int, ...]) -> tuple[int, Label]:
    """Return the hours that the query chose, and when the old secret ends. Raise `Invalid`."""
    text = request.query("keep_h")
    if text not in map(str, choices):
        raise Invalid("keep_h", "one_of", values=choices)
    hours = int(text)
    ends = Label(f"{hours}시간 뒤", f"in {hours} h") if hours else Label("지금 바로", "at once")
    return hours, ends
