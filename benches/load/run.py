#!/usr/bin/env python3
"""What a run over very many series costs: a real Prometheus scrapes made series every 10 s and writes them to `quietgate run`.

    benches/load/run.py                            3,000 hosts x 20 series + 10,000 VIPs, 10 minutes
    benches/load/run.py --series 2000 --minutes 1 --every 1    a short form, to see that it works
    benches/load/run.py --expect                   the config also says which hosts must be there
    benches/load/run.py --bells --minutes 1        how soon a pushed anomaly is decided by, bell by bell; no batch starts meanwhile
    benches/load/run.py --again                    records the run, drives it once more, and compares every decision
    benches/load/run.py --binary PATH              that program instead of a fresh release build
    benches/load/run.py --keep DIR                 leaves config, plan, journal and logs in DIR
    benches/load/run.py --perf FILE                `perf record` of the last minute into FILE

The plan works on the hosts, a fiftieth at a time, by actions that do nothing; its gates look at every series. In the middle three series leap; the
gate has to hold and to name them. Prints what the program took of a core minute by minute, how many samples came, and what was
lost. Everything is on loopback and in a folder of its own, and only what was started here is ended. Python's standard library, and
Debian's prometheus. Exit 1 where samples were lost or a leap was not found.
"""

import argparse
import contextlib
import datetime
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import program
from exporter import CORES, host_name, leaping, shape, vip_name

PROMISED = 5.0
TOKEN = "a-token-of-this-bench"
PAGE = 1000

CONFIG = """state: state
sources:
  in: {{kind: push, listen: "127.0.0.1:{port}", token_file: token, max_series: 1000000}}
signals:
  host_load:
    source: in
    query: host_load
    interval: {every}s
    labels: {{host: target}}{expect}
    rule: {{kind: majority, detectors: [ss, ls, ewma3sigma], sustain: 1 of 1}}
  vip_traffic:
    source: in
    query: vip_traffic
    interval: {every}s
    labels: {{vip: vip}}
    rule: {{kind: majority, detectors: [ss, ls, ewma3sigma], sustain: 1 of 1}}
"""

# what rings is anomalous by its first sample
BELLS = """  bells:
    source: in
    query: bell
    interval: 1s
    max_age: 10s
    rule: {kind: any, detectors: [{kind: threshold, above: 1}], sustain: 1 of 1}
"""
BELL_COUNT = 6
# what is held for is put on record anew after so many seconds at the soonest
BELLS_APART_S = 20

PROMETHEUS = """global: {{scrape_interval: {every}s, scrape_timeout: {every}s}}
scrape_configs:
{jobs}
remote_write:
- url: http://127.0.0.1:{port}/api/v1/write
  authorization: {{credentials_file: {folder}/token}}
  queue_config: {{capacity: 20000, max_shards: 4, max_samples_per_send: 2000, batch_send_deadline: 1s, min_backoff: 100ms, max_backoff: 5s}}
  write_relabel_configs:
  - {{source_labels: [__name__], regex: "host_load|vip_traffic", action: keep}}
  - {{regex: "instance|job", action: labeldrop}}
"""


def free_port():
    """A port of loopback that nobody has now."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as sock:
        return sock.getsockname()[1]


def write_files(folder, wanted, port, exporter_port, pages):
    """Config, plan, token and what Prometheus needs."""
    hosts, vips = shape(wanted.series)
    expect = "\n    expect: {host: inventory}" if wanted.expect else ""
    config = CONFIG.format(port=port, every=wanted.every, expect=expect) + (BELLS if wanted.bells else "")
    signals = "host_load, vip_traffic" + (", bells" if wanted.bells else "")
    targets = "".join(f"- {{name: {host_name(host)}, vip: {vip_name(host % vips)}}}\n" for host in range(hosts))
    plan = (
        f"plan: load\ninventory:\n{targets}signals: [{signals}]\n"
        f"gate: {{clean_before: {3600 if wanted.bells else 3 * wanted.every}s, clean_after: {2 * wanted.every}s, patience: 1h}}\n"
        f"steps:\n- step: all\n  batch: {max(1, hosts // 50)}\n  action: {{kind: noop}}\n"
    )
    jobs = "".join(
        f"- {{job_name: page{page}, metrics_path: /page/{page}, static_configs: [{{targets: ['127.0.0.1:{exporter_port}']}}]}}\n"
        for page in range(pages)
    )
    (folder / "token").touch(mode=0o600)
    for name, text in [
        ("token", TOKEN),
        ("quietgate.yaml", config),
        ("plan.yaml", plan),
        ("prometheus.yml", PROMETHEUS.format(every=wanted.every, port=port, folder=folder, jobs=jobs.rstrip())),
    ]:
        (folder / name).write_text(text)


class Process:
    """A process that is ended with this one."""

    def __init__(self, folder, name, command, **more):
        self.log = (folder / f"{name}.log").open("wb")
        self.child = subprocess.Popen([*map(str, command)], cwd=folder, stderr=self.log, stdin=subprocess.DEVNULL, **more)

    def end(self, how=signal.SIGTERM):
        """Asks it to end, and ends it where it does not."""
        if self.child.poll() is None:
            self.child.send_signal(how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.child.wait(20)
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        self.log.close()


def cpu_seconds(pid):
    """User and system time of a process so far, all its threads, those that are over too."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid):
    """What it has in memory, and had at its peak, in MiB."""
    text = Path(f"/proc/{pid}/status").read_text()
    return [int(re.search(rf"{key}:\s+(\d+)", text)[1]) / 1024 for key in ("VmRSS", "VmHWM")]


def metrics(port):
    """Numbers that Prometheus says of itself, summed over their labels."""
    sums = {}
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith("prometheus_remote_storage_samples_"):
                name, value = line.split("{")[0].split(" ")[0], line.rsplit(" ", 1)[1]
                sums[name] = sums.get(name, 0.0) + float(value)
    return {name.removeprefix("prometheus_remote_storage_samples_"): value for name, value in sums.items()}


def wait_for(what, seconds, ready):
    """Waits until `ready` gives something."""
    until = time.time() + seconds
    while time.time() < until:
        with contextlib.suppress(OSError):
            if (found := ready()) is not None:
                return found
        time.sleep(0.2)
    raise program.Failed(f"{what}: nothing after {seconds} s")


def listens(port):
    """Something, where somebody listens there."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), 1)):
        return True


class Bells:
    """Series that are pushed once a second by lines of JSON, and ring one after the other."""

    def __init__(self, port):
        self.port, self.values, self.rung = port, [0] * BELL_COUNT, []
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.toll, daemon=True)
        self.thread.start()

    def push(self, bells):
        """Pushes these bells as they are now."""
        at = int(time.time() * 1000)
        lines = [{"at": at, "labels": {"__name__": "bell", "n": f"{bell:02}"}, "value": self.values[bell]} for bell in bells]
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/x-ndjson"}
        body = "".join(json.dumps(line) + "\n" for line in lines).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/push", body, headers)
        with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=5):
            pass
        return time.time() * 1000

    def toll(self):
        """All bells, once a second."""
        while not self.is_over.wait(1 - time.time() % 1):
            self.push(range(BELL_COUNT))

    def ring(self):
        """Lets one after the other ring, each nearer to the next second than to the one before, which has a value; puts down when it was taken."""
        for bell in range(BELL_COUNT):
            time.sleep(BELLS_APART_S + 1.75 - time.time() % 1)
            self.values[bell] = 5
            self.rung.append(self.push([bell]))
        time.sleep(8)
        self.is_over.set()
        self.thread.join()


class Bench:
    """Everything that runs."""

    def __init__(self, folder, wanted, binary):
        self.folder, self.wanted, self.binary = folder, wanted, binary
        self.started, self.rows, self.perf, self.bells = [], [], None, None
        self.pages = max(1, wanted.series // PAGE)

    def start(self, name, command, **more):
        """One more process."""
        self.started.append(Process(self.folder, name, command, **more))
        return self.started[-1]

    def measure(self):
        """Runs it all, and puts down what each minute took."""
        folder, wanted = self.folder, self.wanted
        leap_at = time.time() + 10 + wanted.minutes * 30
        tools = [sys.executable, "-B", Path(__file__).resolve().parent / "exporter.py"]
        sizes = ["--series", wanted.series, "--pages", self.pages, "--leap-at", leap_at]
        self.exporter = self.start("exporter", [*tools, *sizes], stdout=subprocess.PIPE)
        self.port, own = free_port(), free_port()
        write_files(folder, wanted, self.port, int(self.exporter.child.stdout.readline()), self.pages)
        out = (folder / "quietgate.out").open("wb")
        run = self.start("quietgate", [self.binary, "run", "plan.yaml", *(["--record", "said"] if wanted.again else [])], stdout=out)
        wait_for("quietgate run", 30, lambda: listens(self.port))
        self.bells = Bells(self.port) if wanted.bells else None
        flags = [f"--web.listen-address=127.0.0.1:{own}", f"--storage.tsdb.path={folder}/tsdb", "--log.level=warn"]
        self.start("prometheus", ["prometheus", f"--config.file={folder}/prometheus.yml", *flags], stdout=subprocess.DEVNULL)
        wait_for("what Prometheus wrote", 60, lambda: metrics(own).get("total", 0) >= wanted.series or None)
        pid = run.child.pid
        self.begun_cpu = cpu_seconds(pid)
        for minute in range(wanted.minutes):
            if wanted.perf and minute == wanted.minutes - 1:
                flags = ["record", "-q", "-F", "199", "--call-graph", "dwarf,16384", "-p", pid, "-o", wanted.perf.resolve(), "sleep", 50]
                self.perf = self.start("perf", ["perf", *flags], stdout=subprocess.DEVNULL)
            before, at = cpu_seconds(pid), time.time()
            time.sleep(60)
            if run.child.poll() is not None:
                raise program.Failed(f"quietgate ended: {(folder / 'quietgate.log').read_text()[-800:]}")
            took, wall = cpu_seconds(pid) - before, time.time() - at
            self.rows.append((took, 100 * took / wall, *memory_mib(pid)))
            print(f"minute {minute + 1}: {100 * took / wall:.1f} % of a core", file=sys.stderr, flush=True)
        if self.bells:
            self.bells.ring()
        self.sent = metrics(own)
        if self.perf:
            self.perf.child.wait(120)

    def end(self):
        """Ends all of it, the newest first."""
        for process in reversed(self.started):
            process.end()

    def records(self):
        """What is on record."""
        command = [str(self.binary), "journal", "show", "state", "--format", "json"]
        shown = subprocess.run(command, cwd=self.folder, capture_output=True, check=True)
        return [json.loads(line) for line in shown.stdout.splitlines()]

    def decided(self):
        """After how many milliseconds each bell that rang was decided by, as far as that is on record."""
        found = {}
        for record in self.records():
            for bell in set(re.findall(r'bells\{__name__="bell",n="(\d+)"\}: (?:anomalous|blamed)', str(record.get("because")))):
                found.setdefault(int(bell), record["at"])
        return [instant(found[bell]) - rung for bell, rung in enumerate(self.bells.rung) if bell in found]

    def found(self):
        """The records of gates, and which of the series that leapt the gate held for."""
        gates, named, size = {}, set(), 0
        leapt = [re.sub(r"\{", '{__name__="%s",' % name.split("{")[0], name) for name in leaping(self.wanted.series)]
        for record in self.records():
            if record["kind"] != "gate":
                continue
            size = max(size, len(json.dumps(record, ensure_ascii=False)))
            gates[record["decision"]] = gates.get(record["decision"], 0) + 1
            named |= {name for name in leapt if f"{name}: anomalous" in record["because"] or f"{name}: blamed" in record["because"]}
        return gates, size, [(name, name in named) for name in leapt]


def instant(at):
    """Milliseconds since 1970, from a number or a text."""
    return at if isinstance(at, (int, float)) else datetime.datetime.fromisoformat(at).timestamp() * 1000


def report(bench):
    """The tables, and whether all is as it has to be."""
    wanted, sent = bench.wanted, bench.sent
    hosts, vips = shape(wanted.series)
    print(f"{hosts:,} hosts x {CORES} series + {vips:,} VIPs every {wanted.every} s, {wanted.minutes} minutes\n")
    print("| minute | s of a core | % of a core | MiB | peak MiB |\n| --- | --- | --- | --- | --- |")
    for minute, (took, share, now, peak) in enumerate(bench.rows, 1):
        print(f"| {minute} | {took:.2f} | {share:.1f} | {now:.0f} | {peak:.0f} |")
    mean = sum(share for _, share, *_ in bench.rows) / len(bench.rows)
    verdict = "**met**" if mean < PROMISED else "**not met**"
    print(f"\n- in the mean {mean:.1f} % of a core (promised under {PROMISED:g} %): {verdict}; start until every series was sent: {bench.begun_cpu:.2f} s")
    bad = {name: int(sent.get(name, 0)) for name in ("failed_total", "dropped_total", "retried_total")}
    # what the relabelling leaves out is counted as dropped
    print(f"- samples: {int(sent['total']):,} sent and taken, {bad['failed_total']} lost, {bad['retried_total']} sent again")
    gates, size, leapt = bench.found()
    print(f"- decisions on record: {gates}; the largest has {size:,} bytes")
    for name, is_found in leapt:
        print(f"- {name} leapt: {'held for and named' if is_found else '**not found**'}")
    if bench.bells:
        took = sorted(bench.decided())
        between = f"{took[0]:.0f} to {took[-1]:.0f} ms, in the middle {took[len(took) // 2]:.0f}" if took else "none"
        print(f"- from the answer to a push to the look that decides by it, of {len(took)} bells of {BELL_COUNT}: {between}")
    notes = [line for line in (bench.folder / "quietgate.log").read_text().splitlines() if "samples" in line or "partial" in line]
    is_same = True
    if wanted.again:
        command = [str(bench.binary), "replay", "--recorded", "said", "--state", "state"]
        again = subprocess.run(command, cwd=bench.folder, capture_output=True, text=True, check=False)
        is_same = again.returncode == 0
        print(f"- driven once more: {(again.stdout + again.stderr).strip()[:600]}")
    if notes:
        print(f"- {len(notes)} notes about samples, such as: {notes[0][:300]}")
    return is_same and bad["failed_total"] == 0 and all(is_found for _, is_found in leapt)


def main():
    """Measures and prints. Exit 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=70000)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--every", type=int, default=10, help="seconds between samples")
    parser.add_argument("--expect", action="store_true")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--bells", action="store_true")
    parser.add_argument("--binary", type=Path)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--perf", type=Path)
    wanted = parser.parse_args()
    try:
        if not shutil.which("prometheus"):
            raise program.Failed("there is no prometheus here")
        binary = (wanted.binary or program.release_build()).resolve()
        with contextlib.ExitStack() as stack:
            if wanted.keep:
                wanted.keep.mkdir(parents=True)
            folder = wanted.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="quietgate-load-")))
            bench = Bench(folder.resolve(), wanted, binary)
            try:
                bench.measure()
            finally:
                bench.end()
            sys.exit(0 if report(bench) else 1)
    except (program.Failed, OSError, subprocess.SubprocessError) as failure:
        sys.exit(f"load: {failure}")


if __name__ == "__main__":
    main()
