#!/usr/bin/env python3
"""Serves made series as exposition pages, for run.py: `/page/N` is the N-th part of them. Python's standard library only.

Each value follows a daily curve of its own, with noise that is spread so evenly that no rule of three sigma takes any of it for an
outlier: among so many series some would be suspect at any time, and no gate ever opened. From `--leap-at` on (seconds
since 1970) the series that `leaping` names have four times their value. Prints the port it listens at, then `served SAMPLES` at its end.
"""

import argparse
import math
import random
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CORES = 20
# multiples of it fill the space between 0 and 1 more evenly than chance
GOLDEN = (math.sqrt(5) - 1) / 2


def shape(series):
    """How many hosts (of 20 series) and VIPs (of one) make so many series, in the proportion of 3,000 to 10,000."""
    hosts = max(1, series * 3 // 70)
    return hosts, max(1, series - hosts * CORES)


def host_name(number):
    """The name of a host, which is a target of the plan too."""
    return f"h{number:05}"


def vip_name(number):
    """The name of a VIP."""
    return f"v{number:05}"


def leaping(series):
    """The few series that leap: two of the last host, and the last VIP. No batch has touched them by then."""
    hosts, vips = shape(series)
    host = host_name(hosts - 1)
    cores = [f'host_load{{core="c{core:02}",host="{host}"}}' for core in (3, 4)]
    return [*cores, f'vip_traffic{{vip="{vip_name(vips - 1)}"}}']


def names(series):
    """All of them, as they stand on a page."""
    hosts, vips = shape(series)
    load = [f'host_load{{core="c{core:02}",host="{host_name(host)}"}}' for host in range(hosts) for core in range(CORES)]
    return load + [f'vip_traffic{{vip="{vip_name(vip)}"}}' for vip in range(vips)]


class Pages:
    """The pages: which series stand on which, and what they are now."""

    def __init__(self, series, pages, leap_at):
        self.leap_at, self.served = leap_at, 0
        fixed = random.Random(7)
        leap = set(leaping(series))
        rows = [(name, 50 + 50 * fixed.random(), fixed.random(), name in leap) for name in names(series)]
        per = -(-len(rows) // pages)
        self.pages = [rows[at : at + per] for at in range(0, len(rows), per)]
        self.scrapes = [0] * len(self.pages)

    def text(self, number):
        """The page as it is now."""
        now = time.time()
        day = [math.sin(2 * math.pi * (now / 86400 + part / 64)) for part in range(64)]
        leapt = now >= self.leap_at
        self.scrapes[number] += 1
        turn = self.scrapes[number] * GOLDEN
        lines = [
            f"{name} {base * (1 + 0.3 * day[int(phase * 64)] + 0.05 * ((phase * 977 + turn) % 1)) * (4 if leaps and leapt else 1):.6g}"
            for name, base, phase, leaps in self.pages[number]
        ]
        self.served += len(lines)
        return "\n".join([*lines, ""])


def handler(pages):
    """Answers `/page/N`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            body = pages.text(int(self.path.rsplit("/", 1)[1])).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler


def main():
    """Serves until it is ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, required=True)
    parser.add_argument("--pages", type=int, required=True)
    parser.add_argument("--leap-at", type=float, required=True)
    wanted = parser.parse_args()
    pages = Pages(wanted.series, wanted.pages, wanted.leap_at)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(pages))
    print(server.server_address[1], flush=True)

    def end(*_):
        print("served", pages.served, flush=True)
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    server.serve_forever()


if __name__ == "__main__":
    main()
