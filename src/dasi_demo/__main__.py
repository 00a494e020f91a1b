"""Runs the demo merchant: `python -m dasi_demo --help`."""

import argparse
import os
import signal
import socket
import sys
import threading
import time

import uvicorn

from dasi_demo.pages import Settings, make_shop


def main() -> None:
    options = _arguments().parse_args()
    secret = options.api_secret or os.environ.get("SHOP_API_SECRET", "")
    if not secret:
        sys.exit("The shop needs its API secret: give --api-secret or set SHOP_API_SECRET.")
    if options.end_with_parent:
        _end_with_parent()
    # Listen before the server runs: from the ready line on, no connection is refused.
    try:
        listener = socket.create_server((options.host, options.port))
    except OSError as taken:
        sys.exit(f"The shop cannot listen on {options.host}:{options.port} ({taken.strerror}).")
    url = f"http://{options.host}:{listener.getsockname()[1]}"
    settings = Settings(
        gateway_url=options.gateway,
        merchant_code=options.merchant_code,
        api_key=options.api_key,
        api_secret=secret,
        pg=options.pg,
    )

    def say_ready() -> None:
        sys.stdout.write(f"demo shop ready on {url} (gateway {options.gateway})\n")
        sys.stdout.flush()

    shop = make_shop(settings, on_ready=say_ready)
    server = uvicorn.Server(
        uvicorn.Config(
            shop,
            log_level="warning",
            access_log=False,
            headers=[("X-Content-Type-Options", "nosniff")],
            timeout_graceful_shutdown=3,
        )
    )
    server.run(sockets=[listener])


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dasi_demo", description="An example shop for dasi.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8002, help="0 takes any free port")
    parser.add_argument("--gateway", default="http://127.0.0.1:8000", help="the gateway's address")
    parser.add_argument("--merchant-code", required=True, help="for IMP.init, such as imp00000001")
    parser.add_argument("--api-key", required=True)
    parser.add_argument("--api-secret", help="better options as SHOP_API_SECRET")
    parser.add_argument("--pg", help="kicc.<MID>; without it the merchant's default channel")
    parser.add_argument(
        "--end-with-parent", action="store_true", help="end when the process that started it ends"
    )
    return parser


def _end_with_parent() -> None:
    parent = os.getppid()

    def watch() -> None:
        # No event for this exists on every system; a look a second costs nothing.
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main()
