"""Runs every official client through the table in `cases.py`: first against the mock provider alone, which
proves client and mock, then through Checkrein. Only address and key differ.

    run.py --program target/debug/checkrein --python VENV/bin/python --node NODE --scripts FOLDER [--only TEXT]
"""

import argparse
import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import home
from cases import CLIENTS, rows

# A client may retry what it takes for a passing fault.
WAIT = 40
# The first row of a client also reads the client from the disk, thousands of files of some.
FIRST = 300

NOTHING = {"text": "", "calls": [], "pieces": 0, "ended": ""}


class Driver:
    """One process of a language that runs jobs one after the other."""

    def __init__(self, language, words, log):
        self.language, self.words, self.log = language, words, log
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            self.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        self.answers, self.loaded = queue.Queue(), set()
        answers, out = self.answers, self.process.stdout
        threading.Thread(target=lambda: [answers.put(line) for line in out], daemon=True).start()

    def run(self, job):
        wait = WAIT if job["client"] in self.loaded else FIRST
        self.loaded.add(job["client"])
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        try:
            return json.loads(self.answers.get(timeout=wait))
        except queue.Empty:
            self.stop()
            self.start()
            return {"error": "TimeOut", "status": None, "message": f"no answer in {wait} s"} | NOTHING

    def stop(self):
        self.process.kill()
        self.process.wait()


def job(client, case, stream, base, key):
    return {
        "client": client.name,
        "model": client.model,
        "base": base,
        "key": key,
        "say": client.words.get(case.name, case.say),
        "stream": stream,
        "tools": case.tools,
        "tool": case.call,
        "arguments": {"text": case.say},
    }


class Table:
    """What came of every row, printed as it comes."""

    def __init__(self):
        self.done, self.failed, self.lock = 0, [], threading.Lock()

    def add(self, where, driver, client, case, stream, wrong, seconds):
        how = "streamed" if stream else "plain"
        name = f"{where:<8} {driver.language:<7} {client.name:<17} {case.name:<15} {how:<9}"
        # Both languages add rows.
        with self.lock:
            print(f"  {name} {seconds:6.2f} s  {'ok' if wrong is None else 'FAILED: ' + wrong}", flush=True)
            self.done += 1
            if wrong is not None:
                self.failed.append(f"{name} {wrong}")


def side_by_side(drivers, work):
    """Does the same with each language at the same time."""
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(work, driver) for driver in drivers]:
            done.result()


def direct(table, driver, only, bases):
    for _, client, case, stream in every([driver], only):
        if not case.direct:
            continue
        asked = job(client, case, stream, bases[client.kind], "any-key")
        seen = driver.run(asked)
        wrong = case.expect(seen, asked, client, driver.language)
        table.add("direct", driver, client, case, stream, wrong, seen.get("seconds", WAIT))


def through(table, driver, only, server):
    """Every row of the clients that talk to this server: those that need TLS, or the others."""
    keys = {}
    here = [row[1:] for row in every([driver], only) if (driver.language in row[1].tls) == bool(server.ca)]
    for client, _, _ in here:
        name = f"{driver.language}-{client.name}"
        if name not in keys:
            keys[name] = {
                "known": server.agent(name),
                "spent": server.agent(f"{name}-spent"),
                "stranger": "cra_" + "0" * 40,
            }
    for kinds in keys.values():
        server.in_force(kinds["known"])
        server.in_force(kinds["spent"])
    for client, case, stream in here:
        name = f"{driver.language}-{client.name}"
        asked = job(client, case, stream, server.base, keys[name][case.agent]) | {"ca": server.ca}
        trouble, person = [], None
        if case.approve:

            def decide():
                try:
                    server.settle(name, case.approve)
                except Exception as error:
                    trouble.append(str(error))

            person = threading.Thread(target=decide)
            person.start()
        seen = driver.run(asked)
        if person:
            person.join()
        wrong = case.expect(seen, asked, client, driver.language)
        if wrong and trouble:
            wrong += f" ({trouble[0]})"
        table.add("gateway", driver, client, case, stream, wrong, seen.get("seconds", WAIT))


def spent(drivers):
    """The agents that have nothing left to spend."""
    return sorted({f"{driver.language}-{client.name}-spent" for driver, client, _, _ in every(drivers, "")})


def every(drivers, only):
    for driver in drivers:
        for client in CLIENTS:
            if driver.language not in client.languages:
                continue
            for case, stream in rows(client):
                if only in f"{driver.language} {client.name} {case.name}":
                    yield driver, client, case, stream


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--program", required=True)
    args.add_argument("--python", required=True)
    args.add_argument("--node", required=True)
    args.add_argument("--scripts", required=True, help="the folder with clients.mjs and node_modules")
    args.add_argument("--only", default="", help="rows whose language, client and case contain this")
    args.add_argument("--where", choices=["direct", "gateway", "both"], default="both")
    args = args.parse_args()
    table, start = Table(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        log = open(Path(folder) / "clients.log", "w")
        here = Path(__file__).parent
        running = []
        try:
            providers = home.mock(args.program)
            running.append(providers)
            tools = home.Script(args.python, "tools_server.py", log)
            running.append(tools)
            agents = home.Script(args.python, "agent_server.py", log)
            running.append(agents)
            drivers = [
                Driver("python", [args.python, here / "clients.py"], log),
                Driver("node", [args.node, Path(args.scripts) / "clients.mjs"], log),
            ]
            running += drivers
            mock = providers.address("mock provider")
            bases = {"model": f"http://{mock}", "mcp": f"http://{tools.address}", "a2a": f"http://{agents.address}"}
            if args.where != "gateway":
                side_by_side(drivers, lambda driver: direct(table, driver, args.only, bases))
            if args.where != "direct":
                for tls in (False, True):
                    home_of = Path(folder) / f"tls-{tls}"
                    behind = (mock, tools.address, agents.address)
                    server = home.Server(args.program, home_of, *behind, tls, spent(drivers))
                    running.append(server)
                    server.approver()
                    side_by_side(drivers, lambda driver: through(table, driver, args.only, server))
        finally:
            for one in reversed(running):
                one.stop()
        if table.failed:
            print((Path(folder) / "clients.log").read_text()[-3000:], file=sys.stderr)
    print(f"\n{table.done} rows in {time.monotonic() - start:.0f} s, {len(table.failed)} failed")
    for row in table.failed:
        print(f"  {row}")
    return 1 if table.failed or not table.done else 0


sys.exit(main())
