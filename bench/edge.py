"""Measure what the edge proxy costs per camera beside `ffmpeg -c copy` on the same cameras.

Run by `make bench-edge`. Both read the same RTSP server and post to the same sink, in turn, several
rounds; counted is the CPU time (user and system) of the reading processes alone. Where no ffmpeg binary
is on PATH the peer is PyAV doing what it does (demux, mux, post), one process a camera, and is named so.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import psutil

RIG = Path(__file__).with_name("edge_rig.py")
WARM_UP_S = 6.0

PYAV_COPY = """
import sys, av, http.client
url, host = sys.argv[1], sys.argv[2]
connection = http.client.HTTPConnection(host)
connection.putrequest("POST", "/sink"); connection.putheader("Transfer-Encoding", "chunked")
connection.endheaders()
class Sink:
    def write(self, data):
        connection.send(b"%x\\r\\n%b\\r\\n" % (len(data), bytes(data))); return len(data)
source = av.open(url, options={"rtsp_transport": "tcp"})
out = av.open(Sink(), "w", format="matroska", options={"live": "1"})
stream = out.add_stream_from_template(source.streams.video[0])
for packet in source.demux(video=0):
    if packet.dts is not None:
        packet.stream = stream
        out.mux(packet)
"""


def main() -> int:
    """Run the rounds and print progress, a table, and the JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cameras", type=int, default=24, help="cameras of the proxy (24)")
    parser.add_argument("--peers", type=int, default=6, help="cameras of the peer, a process each (6)")
    parser.add_argument("--seconds", type=float, default=15.0, help="length of one measurement (15)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each (3)")
    parser.add_argument("--bit-rate", type=int, default=1_500_000, help="bits a second of a camera (1500000)")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        rate = str(options.bit_rate)
        say(f"encoding one 720p film at {options.bit_rate / 1e6:.1f} Mbps")
        rtsp = stack.enter_context(rig("cameras", "--bit-rate", rate))
        cloud = stack.enter_context(rig("cloud", "--cameras", str(options.cameras), "--rtsp-port", str(rtsp)))
        ours, peers = [], []
        for number in range(1, options.rounds + 1):
            ours.append(proxy_cost(cloud, options))
            say(f"round {number}/{options.rounds}: proxy {ours[-1] * 1e3:.2f} ms of CPU per camera-second")
            peers.append(peer_cost(rtsp, cloud, options))
            say(f"round {number}/{options.rounds}: {peer_name()} {peers[-1] * 1e3:.2f} ms")
    report(statistics.median(ours), statistics.median(peers), options)
    return 0


def proxy_cost(cloud: int, options: argparse.Namespace) -> float:
    """Return the CPU seconds per camera and second of the real process; fails if it lost fragments."""
    environment = os.environ | {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{cloud}",
        "AWS_ACCESS_KEY_ID": "123456789012",
        "AWS_SECRET_ACCESS_KEY": "bench",
    }
    with tempfile.TemporaryDirectory() as spool:
        command = [
            *(sys.executable, "-m", "gatehouse_edge", "--office", "bench", "--bucket", "bench"),
            *("--region", "eu-central-1", "--health-port", "0", "--spool", spool, "--log-level", "ERROR"),
        ]
        with running([command], environment) as processes:
            time.sleep(WARM_UP_S)
            before = persisted(cloud)
            cost = measure(processes, options.seconds) / options.cameras
            stored = persisted(cloud) - before
    expected = options.cameras * options.seconds
    assert stored >= 0.9 * expected, f"only {stored} of {expected:.0f} fragments were persisted"
    return cost


def peer_cost(rtsp: int, cloud: int, options: argparse.Namespace) -> float:
    """Return the peer's CPU seconds per camera and second."""
    commands = [
        peer_command(f"rtsp://127.0.0.1:{rtsp}/{n}", f"127.0.0.1:{cloud}") for n in range(options.peers)
    ]
    with running(commands, dict(os.environ)) as processes:
        time.sleep(WARM_UP_S)
        return measure(processes, options.seconds) / options.peers


def peer_name() -> str:
    """Say what is measured beside the proxy."""
    return "ffmpeg -c copy" if shutil.which("ffmpeg") else "PyAV copy (no ffmpeg on PATH)"


def peer_command(url: str, host: str) -> list[str]:
    """Return the command that carries one camera."""
    if ffmpeg := shutil.which("ffmpeg"):
        return [
            *(ffmpeg, "-nostdin", "-loglevel", "error", "-rtsp_transport", "tcp", "-i", url),
            *("-c", "copy", "-f", "matroska", "-live", "1", f"http://{host}/sink"),
        ]
    return [sys.executable, "-c", PYAV_COPY, url, host]


def measure(processes: list[psutil.Process], seconds: float) -> float:
    """Return the CPU seconds the processes used per second."""
    started, before = time.monotonic(), sum(map(used, processes))
    time.sleep(seconds)
    return (sum(map(used, processes)) - before) / (time.monotonic() - started)


def used(process: psutil.Process) -> float:
    """Return a process's CPU seconds so far, its threads included."""
    times = process.cpu_times()
    return float(times.user + times.system)


def persisted(cloud: int) -> int:
    """Ask the sink how many fragments it acknowledged."""
    with urlopen(f"http://127.0.0.1:{cloud}/count") as answer:
        return int(json.load(answer)["persisted"])


@contextlib.contextmanager
def running(commands: list[list[str]], environment: dict[str, str]) -> Iterator[list[psutil.Process]]:
    """Run processes for the length of the block; they must all live to its end."""
    processes = [subprocess.Popen(command, env=environment) for command in commands]
    try:
        yield [psutil.Process(process.pid) for process in processes]
        assert all(process.poll() is None for process in processes), "a measured process ended early"
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


@contextlib.contextmanager
def rig(*arguments: str) -> Iterator[int]:
    """Run a part of the rig; yield its port."""
    process = subprocess.Popen([sys.executable, str(RIG), *arguments], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(10)


def report(ours: float, peer: float, options: argparse.Namespace) -> None:
    """Print the table and the machine's line."""
    per_core = 1 / ours
    say(f"\n{'':<32}{'ms CPU per camera-second':>26}{'cameras a core':>18}")
    say(f"{'gatehouse_edge':<32}{ours * 1e3:>26.2f}{per_core:>18.0f}")
    say(f"{peer_name():<32}{peer * 1e3:>26.2f}{1 / peer:>18.0f}\n")
    line = {
        "name": "edge",
        "figures": {
            "cameras_per_core": round(per_core),
            "cpu_ms_per_camera_second": round(ours * 1e3, 3),
            "cameras": options.cameras,
            "mbps": options.bit_rate / 1e6,
        },
        "peers": {peer_name(): {"cpu_ms_per_camera_second": round(peer * 1e3, 3)}},
        "ratios": {"cpu_vs_ffmpeg": round(ours / peer, 3)},
    }
    print(json.dumps(line), flush=True)


def say(text: str) -> None:
    """Print progress at once."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
