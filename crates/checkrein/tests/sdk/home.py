"""The programs that the clients talk to: the mock provider, the tools, and the server in a folder of its own."""

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

HERE = Path(__file__).parent
LIMIT = 60


class Program:
    """A running program and the lines that it printed."""

    def __init__(self, words, until, **more):
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, **more)
        self.lines = []
        ready, seen = threading.Event(), []

        def read():
            for line in self.process.stdout:
                self.lines.append(line.strip())
                if until in line:
                    seen.append(line)
                    ready.set()
            ready.set()

        threading.Thread(target=read, daemon=True).start()
        if not ready.wait(LIMIT) or not seen:
            self.stop()
            raise SystemExit(f"`{' '.join(map(str, words))}` did not start: {self.lines}\n{tail(more.get('stderr'))}")

    def address(self, line):
        found = next(one for one in self.lines if line in one)
        return found.split("://")[1].split("/")[0]

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()


def mock(program):
    script = HERE / "script.yaml"
    return Program([program, "mock-provider", "--listen", "127.0.0.1:0", "--script", script], "Ctrl-C")


def tail(log):
    return Path(log.name).read_text()[-2000:] if log else ""


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Script:
    """The MCP server, or the agents; they say nothing when they are ready, so their port is asked."""

    def __init__(self, python, name, log):
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        self.process = subprocess.Popen([python, HERE / name, str(port)], stdout=log, stderr=log)
        until(f"{name} listens", lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


class Server:
    def __init__(self, program, folder, providers, tools, agents, tls, spent):
        folder.mkdir()
        for name in ("rules.yaml", "limits.yaml"):
            shutil.copy(HERE / name, folder)
        settings = (HERE / "checkrein.yaml").read_text().replace("@MOCK@", providers).replace("@TOOLS@", tools)
        # Cards of agents name the address, so it is known before there is a server.
        here = f"127.0.0.1:{free_port()}"
        settings = settings.replace("@AGENTS@", agents).replace("@HERE@", f"{'https' if tls else 'http'}://{here}")
        settings = settings.replace("agents: { listen: 127.0.0.1:0 }", f"agents: {{ listen: {here} }}")
        budget = "\n  - {{ name: {0}, agent: {0}, per: day, requests: 0, on_limit: block }}"
        settings += "budgets:" + "".join(budget.format(agent) for agent in spent) + "\n" if spent else ""
        if tls:
            certificate(folder)
            seal = f"{{ listen: {here}, tls: {{ certificate: own.pem, key: own.key }} }}"
            settings = settings.replace(f"agents: {{ listen: {here} }}", f"agents: {seal}")
        path = folder / "checkrein.yaml"
        path.write_text(settings)
        self.log = open(folder / "log", "w")
        env = os.environ | {"MOCK_KEY": "key-of-the-provider"}
        # Which authority a client trusts; only where there is TLS.
        self.ca = str(folder / "own.pem") if tls else None
        self.program = Program([program, "serve", "--config", path], "Ctrl-C", stderr=self.log, env=env)
        self.agents = self.program.address("agents ask")
        self.base = f"{'https' if tls else 'http'}://{self.agents}"
        self.operators = self.program.address("operators work")
        self.admin = next(line for line in self.program.lines if line.startswith("cro_"))
        self.eva = None

    def operate(self, verb, path, body=None, token=None):
        connection = http.client.HTTPConnection(self.operators, timeout=LIMIT)
        headers = {"authorization": f"Bearer {token or self.admin}", "content-type": "application/json"}
        connection.request(verb, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status >= 400:
            raise RuntimeError(f"{verb} {path}: {answer.status} {text[:300]}")
        return json.loads(text) if text else None

    def agent(self, name):
        self.operate("PUT", f"/api/v1/agents/{name}", {"environments": ["production"], "roles": []})
        return self.operate("POST", f"/api/v1/agents/{name}/keys", {"label": "sdk"})["key"]

    def in_force(self, key):
        def known():
            if self.ca:
                trust = ssl.create_default_context(cafile=self.ca)
                connection = http.client.HTTPSConnection(self.agents, timeout=LIMIT, context=trust)
            else:
                connection = http.client.HTTPConnection(self.agents, timeout=LIMIT)
            connection.request("GET", "/ask/v1/decisions/dec_none", headers={"authorization": f"Bearer {key}"})
            return connection.getresponse().status != 401

        until("a key is in force", known)

    def approver(self):
        """Somebody who did not register the agents."""
        self.operate("PUT", "/api/v1/operators/eva", {"roles": ["approver", "viewer"]})
        self.eva = self.operate("POST", "/api/v1/operators/eva/tokens", {"label": "sdk"})["key"]

    def settle(self, agent, verdict):
        """Waits for what the agent does to be held, and says yes or no to it."""
        held = []

        def waits():
            rows = self.operate("GET", "/api/v1/approvals", token=self.eva)
            held[:] = [row["id"] for row in rows if row["agent"] == agent and row["approval"] == "pending"]
            return held

        until("an action waits for a person", waits)
        for id in held:
            self.operate("POST", f"/api/v1/approvals/{id}/{verdict}", {}, token=self.eva)

    def stop(self):
        self.program.stop()
        self.log.close()


def certificate(folder):
    """One that signs itself, and its key. What brings the clients brings the library for it."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sdk tests")])
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "own.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    os.close(os.open(folder / "own.key", os.O_CREAT | os.O_WRONLY, 0o600))
    (folder / "own.key").write_bytes(secret)


def until(what, holds):
    end = time.monotonic() + LIMIT
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {LIMIT} s: {what}")
        time.sleep(0.02)
