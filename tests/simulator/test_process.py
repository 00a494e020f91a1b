"""The process: its ready line, its end on a signal and with its parent, its command line."""

import asyncio
import signal
import subprocess
import sys
import textwrap
from urllib.request import urlopen

import aiohttp
import pytest

from kicc_simulator.__main__ import main
from support.simulator_merchant import Merchant
from support.simulator_process import SimulatorProcess, running_simulator, start_simulator


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_and_quickly(number: signal.Signals) -> None:
    process, url = start_simulator()
    with urlopen(f"{url}/_simulator/health") as answer:
        assert answer.status == 200
    process.send_signal(number)
    assert process.stdout is not None
    with process.stdout:
        assert process.wait(5) == 0


async def test_a_held_request_does_not_keep_it_alive() -> None:
    kicc = SimulatorProcess()
    await kicc.start()
    async with Merchant(kicc) as merchant:
        await kicc.hold("query")
        asking = asyncio.create_task(merchant.query("x"))
        await kicc.wait_held()
        await kicc.stop()
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await asking


@pytest.mark.skipif(sys.platform != "linux", reason="--end-with-parent is Linux's PDEATHSIG")
def test_it_ends_with_its_parent() -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent("""
            import subprocess, sys
            child = subprocess.Popen(
                [sys.executable, "-m", "kicc_simulator", "--port", "0", "--end-with-parent"],
                stdout=subprocess.PIPE, text=True)
            print(child.stdout.readline().strip(), flush=True)
            sys.stdin.read()
            """),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    url = parent.stdout.readline().strip().rpartition(" ")[2]
    with urlopen(f"{url}/_simulator/health") as answer:
        assert answer.status == 200
    parent.kill()
    parent.communicate()
    wait_until_refused(url)


def wait_until_refused(url: str) -> None:
    """Connect until the port is closed; the test's own limit ends the loop."""
    while True:
        try:
            urlopen(f"{url}/_simulator/health").close()
        except OSError:
            return


@pytest.mark.parametrize(
    "arguments",
    [
        ["--withheld-s", "-1"],
        ["--fault-probability", "2"],
        ["--latency-ms", "soon"],
        ["--latency-ms", "-1"],
        ["--shape", "round"],
        ["--what"],
    ],
)
def test_a_wrong_command_line_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    message = capsys.readouterr().err.replace("_", "-")
    assert arguments[0].removeprefix("--") in message


async def test_flags_become_settings() -> None:
    async with SimulatorProcess("--latency-ms", "realistic", "--shape", "full") as kicc:
        settings = await kicc.control("GET", "/settings")
    assert (settings["latency_ms"], settings["latency_spread"]) == (900, 0.5)
    assert (settings["shape"], settings["strict_fields"]) == ("full", True)


def test_a_taken_port_is_an_error() -> None:
    with running_simulator() as url:
        second = subprocess.run(
            [sys.executable, "-m", "kicc_simulator", "--port", url.rpartition(":")[2]],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    assert second.returncode != 0
    assert "ready" not in second.stdout
    assert "address already in use" in second.stderr


async def test_the_window_address_can_be_set_from_outside() -> None:
    async with SimulatorProcess("--public-url", "https://kicc.example.kr/") as kicc:
        body = {
            "mallId": "T0021766",
            "shopOrderNo": "A-1",
            "amount": 100,
            "payMethodTypeCode": "11",
            "currency": "00",
            "returnUrl": "https://shop.example.kr/",
            "deviceTypeCode": "pc",
            "clientTypeCode": "00",
            "orderInfo": {"goodsName": "x"},
        }
        answer = await kicc.post("/api/ep9/trades/webpay", body)
    assert answer["authPageUrl"].startswith("https://kicc.example.kr/view/trades/cert-req.do?")
