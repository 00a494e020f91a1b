"""`dasi demo`: a paid charge in one command, keys and lines that work, nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from support.dasi_program import Running, all_end, dasi, metrics, running

PORTS = ("--port", "0", "--simulator-port", "0", "--shop-port", "0")


@pytest.fixture
def env(short_path: Path) -> dict[str, str]:
    """Temporary folders go into one of the test's own, so that what is left behind is seen."""
    return {"TMPDIR": str(short_path)}


def until_paid(demo: Running) -> list[str]:
    """The lines for bash that charge once more."""
    token = demo.until("TOKEN=$(curl")
    return [token, demo.until("curl -s ")]


def left_behind(env: dict[str, str]) -> list[str]:
    return [path.name for path in Path(env["TMPDIR"]).iterdir()]


def test_once_pays_and_leaves_nothing_whatever_the_environment_says(
    env: dict[str, str], tmp_path: Path
):
    foreign = {
        "DASI_DATABASE_URL": "postgresql://127.0.0.1:1/theirs",
        "DASI_KICC_LIVE_URL": "http://127.0.0.1:1",
    }
    (tmp_path / "typing.py").write_text("raise SystemExit('a module of the folder was taken')")
    program = Path(sys.executable).with_name("dasi")
    done = dasi("demo", "--once", *PORTS, env=env | foreign, cwd=tmp_path, program=(program,))
    assert done.returncode == 0, done.stderr
    for text in (
        "Billing key issued",
        "9,900 won charged with it: paid  imp_",
        "Webhook received",
        "Paid after",
    ):
        assert text in done.stdout
    assert "http://" not in done.stdout, "addresses of a gateway that has ended"
    assert left_behind(env) == []


def test_it_stays_and_its_two_lines_charge_once_more(env: dict[str, str], tmp_path: Path):
    with running("demo", *PORTS, env=env, cwd=tmp_path) as demo:
        lines = until_paid(demo)
        done = subprocess.run(
            ["bash", "-c", "".join(lines)], capture_output=True, text=True, timeout=30, check=True
        )
        payment = json.loads(done.stdout)["response"]
        assert (payment["status"], payment["amount"]) == ("paid", 9900)
        published = metrics(lines[-1].split("//")[1].split("/")[0])
        assert published['dasi_webhook_attempts_total{result="delivered"}'] >= 1, "by the worker"
        parts = demo.descendants()
        assert demo.stop(signal.SIGINT) == 0
        assert all_end(parts)
    assert left_behind(env) == []


def test_killed_it_takes_everything_with_it(env: dict[str, str], tmp_path: Path):
    with running("demo", *PORTS, env=env, cwd=tmp_path) as demo:
        until_paid(demo)
        parts = demo.descendants()
        assert len(parts) >= 5
        os.kill(demo.process.pid, signal.SIGKILL)
        assert all_end(parts)


def test_stopped_before_it_is_paid_it_says_so_by_its_exit_code(env: dict[str, str], tmp_path: Path):
    with running("demo", *PORTS, env=env, cwd=tmp_path) as demo:
        demo.until("PostgreSQL")
        parts = demo.descendants()
        assert demo.stop(signal.SIGTERM) == 130
        assert all_end(parts)
    assert left_behind(env) == []


def test_what_a_killed_one_left_is_removed_by_the_next(env: dict[str, str], tmp_path: Path):
    left = Path(tempfile.mkdtemp(prefix="dasi-demo-", dir=env["TMPDIR"]))
    (left / "lock").write_text("1")
    os.utime(left, (0, 0))
    with running("demo", *PORTS, env=env, cwd=tmp_path) as demo:
        demo.until("dasi demo")
        assert not left.exists()
        demo.stop()


def test_part_that_dies_ends_the_demo_and_its_logs_are_kept(env: dict[str, str], tmp_path: Path):
    with running("demo", *PORTS, env=env, cwd=tmp_path) as demo:
        until_paid(demo)
        (shop,) = (part for part in demo.descendants() if "dasi_demo" in part.cmdline())
        shop.kill()
        assert "What happened:" in demo.until("The shop ended by itself")
        kept = Path(demo.until("All logs are kept in").rsplit(" ", 1)[1].strip().rstrip("."))
        assert {"gateway.log", "worker.log", "simulator.log", "postgres.log"} <= {
            log.name for log in kept.iterdir()
        }
        assert demo.process.wait(timeout=60) == 1
    assert left_behind(env) == [kept.name]
