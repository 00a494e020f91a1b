"""``python -m kicc_simulator``: start a local KICC and print its address."""

import argparse
import gc
import sys

import msgspec

from kicc_simulator.app import make_app
from kicc_simulator.server import end_with_parent, make_server
from kicc_simulator.simulator import Simulator
from kicc_simulator.switches import Switches

_REALISTIC_MEDIAN_MS = 900
_REALISTIC_SPREAD = 0.5
_GC_THRESHOLD = 50_000


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT. Returns the exit code."""
    parser = command_line()
    options = parser.parse_args(arguments)
    if options.end_with_parent:
        end_with_parent()
    try:
        switches = _switches(options)
    except msgspec.ValidationError as error:
        parser.error(str(error).replace("$.", ""))
    simulator = Simulator(seed=options.seed, switches=switches)
    app = make_app(simulator, public_url=options.public_url)
    server = make_server(app, host=options.host, port=options.port, on_ready=_say_ready)
    # A load test leaves hundreds of thousands of plain records: collect garbage rarely.
    gc.set_threshold(_GC_THRESHOLD, 50, 100)
    server.run()
    return 0 if server.started else 1


def _say_ready(url: str) -> None:
    sys.stdout.write(f"KICC simulator ready: {url}\n")
    sys.stdout.flush()


def _switches(options: argparse.Namespace) -> Switches:
    switches = Switches(
        strict_fields=options.strict_fields,
        shape=options.shape,
        amounts=options.amounts,
        extra_fields=options.extra_fields,
        random_codes=options.random_codes,
        withheld_s=options.withheld_s,
        late_s=options.late_s,
        notice_delay_s=options.notice_delay_s,
        fault_probability=options.fault_probability,
    )
    if options.latency_ms == "realistic":
        switches.latency_ms = _REALISTIC_MEDIAN_MS
        switches.latency_spread = _REALISTIC_SPREAD
    else:
        switches.latency_ms = float(options.latency_ms)
    # Limits of the settings hold for the command line too; building a struct does not check them.
    return msgspec.convert(msgspec.to_builtins(switches), Switches)


def command_line() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m kicc_simulator",
        description="A local KICC EasyPay: API, window, notices, clock and faults. Plain HTTP, "
        "everything in memory, no real payments.",
        epilog="Example: python -m kicc_simulator --port 8001 --strict-fields",
    )
    add = parser.add_argument
    defaults = Switches()
    add("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    add("--port", type=int, default=8001, help="port; 0 takes a free one (default %(default)s)")
    add("--public-url", default="", help="what window addresses begin with (default: the Host)")
    add("--seed", type=int, default=1, help="seed of everything random (default %(default)s)")
    add(
        "--latency-ms",
        default="0",
        type=_latency,
        help="time an answer takes: milliseconds, or 'realistic' for log-normal around 900",
    )
    add("--strict-fields", action="store_true", help="refuse request fields KICC does not know")
    add("--shape", choices=("full", "compact", "mixed"), default=defaults.shape)
    add("--amounts", choices=("number", "string"), default=defaults.amounts)
    add("--extra-fields", action="store_true", help="add unknown fields to every answer")
    add("--random-codes", action="store_true", help="replace every invented code by a random one")
    add(
        "--withheld-s",
        type=float,
        default=defaults.withheld_s,
        help="before a withheld answer's cut",
    )
    add("--late-s", type=float, default=defaults.late_s, help="how late executed_late executes")
    add(
        "--notice-delay-s", type=float, default=defaults.notice_delay_s, help="notices leave within"
    )
    add("--fault-probability", type=float, default=0.0, help="chance of a random fault, 0 to 1")
    add("--end-with-parent", action="store_true", help="end when the starting process dies (Linux)")
    return parser


def _latency(text: str) -> str:
    if text != "realistic" and float(text) < 0:
        raise ValueError
    return text


if __name__ == "__main__":
    raise SystemExit(main())
