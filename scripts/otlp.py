"""A collector that takes nothing but what OpenTelemetry's own message classes can read.

usage: otlp.py CHECKREIN

Starts a server that traces its decisions to this program, lets an agent ask, and compares what arrives
with what was asked. The reading is strict: a field, a form or a number that the classes do not know is a
fault.
"""

import base64
import http.server
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

WAIT = 30
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
SESSION_TRACE = "0af7651916cd43dd8448eb211c80319c"
# Ids are hexadecimal in OTLP's JSON, and base64 in that of protobuf: the one difference between them.
IDS = ("traceId", "spanId", "parentSpanId")

SETTINGS = """
data: data
tenant: example
log: example.org/otlp
agents: {{ listen: 127.0.0.1:0 }}
operators: {{ listen: 127.0.0.1:0 }}
rules: {{ preset: standard, files: [rules] }}
environments:
  production: {{ mode: enforce, capture: redacted, fail: {{ reads: closed, effects: closed }} }}
telemetry: {{ url: 'http://127.0.0.1:{port}', private: true }}
"""


def read(body):
    """The request, as the classes read it."""

    def ids(value):
        if isinstance(value, list):
            return [ids(item) for item in value]
        if not isinstance(value, dict):
            return value
        fields = {key: ids(item) for key, item in value.items()}
        for key in IDS:
            if key in fields:
                fields[key] = base64.b64encode(bytes.fromhex(fields[key])).decode()
        return fields

    request = json_format.ParseDict(ids(json.loads(body)), ExportTraceServiceRequest())
    # What is read must also survive the binary form, in which collectors pass it on.
    again = ExportTraceServiceRequest.FromString(request.SerializeToString())
    assert again == request
    return request


class Collector(http.server.BaseHTTPRequestHandler):
    spans = []
    requests = []
    faults = []
    # Spans of the next request that are said not to have been taken.
    rejects = 0

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        answer = ExportTraceServiceResponse()
        try:
            assert self.path == "/v1/traces", self.path
            assert self.headers["content-type"] == "application/json", self.headers["content-type"]
            request = read(body)
            Collector.requests.append(request)
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    Collector.spans.extend(scope.spans)
            answer.partial_success.rejected_spans = Collector.rejects
        except Exception as fault:  # whatever it is, the test tells it
            Collector.faults.append(f"{fault!r} in {body[:2000]!r}")
        text = json_format.MessageToJson(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def until(what, holds):
    end = time.monotonic() + WAIT
    while not (got := holds()):
        assert not Collector.faults, Collector.faults[0]
        assert time.monotonic() < end, f"it never came to be that {what}"
        time.sleep(0.02)
    return got


def call(url, token, body=None, method=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    headers["authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=WAIT) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def refund(amount, **more):
    return {
        "action": {
            "kind": "payment",
            "operation": "pay",
            "tool": "refund",
            "resource": {"type": "payment", "name": "order-882"},
            "amount": {"value": amount, "currency": "USD"},
            "payload": {"amount": amount},
            "principal": {"id": "maria@shop.example"},
            **more,
        }
    }


def start(program, folder, port):
    (folder / "rules").mkdir()
    packs = pathlib.Path(__file__).resolve().parent.parent / "policies"
    (folder / "rules" / "refunds.yaml").write_text((packs / "refunds.yaml").read_text())
    (folder / "checkrein.yaml").write_text(SETTINGS.format(port=port))
    token = folder / "token"
    server = subprocess.Popen(
        [program, "serve", "--config", folder / "checkrein.yaml", "--first-token", token],
        stdout=subprocess.PIPE,
        text=True,
    )
    found = {}
    for line in server.stdout:
        if "://" in line:
            kind = "agents" if "agents ask" in line else "operators"
            found[kind] = "http://" + line.split("://")[1].split("/")[0]
        if "Ctrl-C" in line:
            break
    threading.Thread(target=server.stdout.read, daemon=True).start()
    return server, found["agents"], found["operators"], token.read_text().strip()


def attributes(span):
    """By name; a name that occurs twice is a fault of its own."""
    found = {}
    for one in span.attributes:
        assert one.key not in found, one.key
        kind = one.value.WhichOneof("value")
        value = getattr(one.value, kind)
        if kind == "array_value":
            value = [item.string_value for item in value.values]
        found[one.key] = value
    return found


def compare(blocked):
    spans = Collector.spans
    for span in spans:
        assert len(span.trace_id) == 16 and any(span.trace_id), span
        assert len(span.span_id) == 8 and any(span.span_id), span
        assert span.name == "checkrein.decide" and span.kind == Span.SPAN_KIND_SERVER, span
        assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano, span
        assert abs(span.end_time_unix_nano / 1e9 - time.time()) < 600, span
        assert attributes(span)["checkrein.environment"] == "production", span
    first, second, third = spans
    assert first.trace_id.hex() == TRACE and first.parent_span_id.hex() == PARENT
    assert first.flags == 0x301, "sampled, and the parent is of another program"
    said = attributes(first)
    assert said["checkrein.decision.id"] == blocked["id"], said
    assert said["checkrein.effective"] == "block" and said["checkrein.released"] is False, said
    assert said["gen_ai.tool.name"] == "refund" and said["gen_ai.agent.name"] == "shop-helper", said
    assert isinstance(said["checkrein.risk"], int) and 0 <= said["checkrein.risk"] <= 100, said
    assert second.trace_id.hex() == SESSION_TRACE
    assert attributes(second)["gen_ai.conversation.id"] == "s-7"
    assert not third.parent_span_id
    for request in Collector.requests:
        for resource in request.resource_spans:
            names = {one.key: one.value.string_value for one in resource.resource.attributes}
            assert names["service.name"] == "checkrein", names
            assert resource.schema_url == "https://opentelemetry.io/schemas/1.41.0"
        text = str(request)
        for content in ("maria", "order-882"):
            assert content not in text, content


def main(program):
    collector = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as kept:
        server, agents, operators, admin = start(program, pathlib.Path(kept), collector.server_port)
        try:
            api = f"{operators}/api/v1/agents/shop-helper"
            call(api, admin, {"environments": ["production"]}, "PUT")
            key = json.loads(call(f"{api}/keys", admin, {"label": "otlp"})[1])["key"]
            ask = f"{agents}/ask/v1/decisions"
            until("the key is in force", lambda: call(f"{ask}/dec_none", key)[0] != 401)

            status, body = call(ask, key, refund(5000), traceparent=f"00-{TRACE}-{PARENT}-01")
            assert status == 403, body
            call(ask, key, refund(10, session={"id": "s-7", "trace": SESSION_TRACE}))
            call(ask, key, refund(11))
            until("the spans arrived", lambda: len(Collector.spans) >= 3)
            compare(json.loads(body))

            # What the collector says it did not take is believed, in the form that its classes write.
            Collector.rejects = 1
            call(ask, key, refund(12))
            lost = 'checkrein_telemetry_spans_total{result="lost"} 1'
            until("what was rejected is counted", lambda: lost in call(f"{operators}/metrics", "")[1])
        finally:
            server.terminate()
            server.wait(WAIT)
        assert not Collector.faults, Collector.faults[0]
    print(f"{len(Collector.spans)} spans in {len(Collector.requests)} requests, read by OpenTelemetry's classes")


if __name__ == "__main__":
    os.environ.pop("HTTP_PROXY", None)
    main(sys.argv[1])
