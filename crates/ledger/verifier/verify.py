#!/usr/bin/env python3
"""Verifies an evidence bundle of a decision log, independently of the program that made it.

    python3 verify.py --key 'LOG+KEY' [--witness 'NAME+KEY' ... --quorum N] FILE ...

Needs Python 3.9 and its standard library. Reads the file once, in bounded memory. Exit codes:
0 clean; 3 clean, with gaps that the log declares; 4 tampered; 5 cannot decide.

What is checked, in this order:
 1. Container: one gzip member, and a plain archive whose headers have one possible form each.
 2. Keys: the log's key is one you gave, or is joined to it by changes of key that old and new key signed.
 3. Each record: canonical JSON of a closed form, the parts of its kind, the next sequence, the hash of
    the record before, a time that does not go back unless a record of the clock says so. Shards follow
    each other without a gap.
 4. Each signed head (checkpoint): the records of its shard so far have its Merkle root (RFC 6962), and
    the key in force signed it. Cosignatures in a known witness's name hold.
 5. Ends: a head covers the last record, and the proofs for other tools hold.
 6. Table of contents: it lists what there is, and the log signed it.

Where one record was changed, the hash that its successor names gives it away. Where a tail was written
anew, the first signed head behind it does, and the first record that no good head covers is named.
"""
import argparse, base64, binascii, functools, hashlib, json, re, struct, sys, zlib

FORM = "checkrein.bundle/v1"
MAX_RECORD, MAX_NOTE, MAX_SIGNATURES, MAX_PATH = 256 << 10, 64 << 10, 64, 64
MAX_LISTED, MAX_CHECKPOINTS, MAX_DRAIN, PIECE = 1000, 16 << 20, 1 << 30, 128 << 10
DISORDER, STAMPED_BEFORE = 10_000_000_000, 16_384
CANNOT_DECIDE = ("unreadable", "form", "untrusted", "quorum")


class Fault(Exception):
    """The first thing that is wrong: a code, the first record in doubt, and words for people."""

    def __init__(self, code, first_bad, detail):
        super().__init__(detail)
        self.code, self.first_bad, self.detail = code, first_bad, detail


# --- Ed25519 (RFC 8032, section 5.1) ---------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def point_add(p, q):
    """Adds points in extended coordinates (X, Y, Z, T), with x = X/Z, y = Y/Z, xy = T/Z."""
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_decode(data):
    """The point that 32 bytes stand for, or None."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if x * x % P != x2:
        x = x * ROOT_OF_MINUS_ONE % P
    if x * x % P != x2 or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def point_encode(p):
    inverse = pow(p[2], P - 2, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


NEUTRAL = (0, 1, 1, 0)
BASE = point_decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


@functools.lru_cache(maxsize=1 << 14)
def ed25519_holds(public, message, signature):
    """Whether S·B - h·A, encoded, is the R of the signature."""
    point = point_decode(public)
    if point is None or len(signature) != 64:
        return False
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    if s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(r + public + message).digest(), "little") % L
    minus = (P - point[0], point[1], 1, P - point[3])
    table = (NEUTRAL, BASE, minus, point_add(BASE, minus))
    total = NEUTRAL
    for bit in range(max(s.bit_length(), h.bit_length()) - 1, -1, -1):
        total = point_add(total, total)
        choice = (s >> bit & 1) | (h >> bit & 1) << 1
        total = point_add(total, table[choice]) if choice else total
    return point_encode(total) == r


# --- Texts: keys, signed notes, checkpoints, proofs (C2SP.org). `None` means: not of the form. -----


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def decode64(text):
    """Base64 with one form for each value."""
    try:
        data = base64.b64decode(text.encode(), validate=True)
    except (ValueError, binascii.Error):
        return None
    return data if base64.b64encode(data).decode() == text else None


def decode_hash(text):
    data = decode64(text)
    return data if data is not None and len(data) == 32 else None


def decode_number(text):
    good = re.fullmatch("0|[1-9][0-9]{0,19}", text, re.ASCII) and int(text) < 1 << 64
    return int(text) if good else None


def decode_text(data):
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def decode_lines(data):
    text = decode_text(data)
    if text is None or (text and not text.endswith("\n")):
        return None
    return text.split("\n")[:-1]


def is_control(letter):
    return letter < " " or "\x7f" <= letter <= "\x9f"


def is_key_name(name):
    return bool(name) and not any(c == "+" or c.isspace() or is_control(c) for c in name)


LOG_KEY, WITNESS_KEY = 1, 4


class Key:
    """A verifier key, `name+id+key`."""

    def __init__(self, text):
        self.text = text
        self.name, known, rest = (text.split("+", 2) + ["", ""])[:3]
        data = decode64(rest) or b""
        self.kind, self.public = data[:1], data[1:]
        self.id = sha256(self.name.encode(), b"\n", data)[:4]
        self.good = is_key_name(self.name) and len(data) == 33 and data[0] in (LOG_KEY, WITNESS_KEY)
        self.good = self.good and self.id.hex() == known
        self.is_witness = self.kind == bytes([WITNESS_KEY])

    def __eq__(self, other):
        return self.text == other.text

    def __hash__(self):
        return hash(self.text)

    def check(self, text, signature):
        """The time that a signature states (0 for a log's), or None if it does not hold."""
        if not self.is_witness:
            return 0 if ed25519_holds(self.public, text.encode(), signature) else None
        if len(signature) < 8:
            return None
        time = struct.unpack(">Q", signature[:8])[0]
        message = f"cosignature/v1\ntime {time}\n{text}".encode()
        good = time < 1 << 63 and ed25519_holds(self.public, message, signature[8:])
        return time if good else None


class Note:
    """A text and its signatures as (name, key id, signature)."""

    def __init__(self, text, signatures):
        self.text, self.signatures = text, signatures

    @staticmethod
    def parse(note):
        end = note.rfind("\n\n")
        if len(note.encode()) > MAX_NOTE or end < 0 or not note.endswith("\n"):
            return None
        text, lines = note[: end + 1], note[end + 2 : -1].split("\n")
        if text == "\n" or any(c < " " and c != "\n" for c in text) or len(lines) > MAX_SIGNATURES:
            return None
        signatures = []
        for line in lines:
            dash, name, data = (line.split(" ", 2) + ["", ""])[:3]
            data = decode64(data)
            if dash != "\u2014" or not is_key_name(name) or data is None or len(data) < 5:
                return None
            signatures.append((name, data[:4], data[4:]))
        return Note(text, signatures)

    def signed_by(self, key):
        """Whether the key signed, and when. ValueError if somebody only pretended that it did."""
        found = None
        for name, identity, signature in self.signatures:
            if (name, identity) == (key.name, key.id):
                time = key.check(self.text, signature)
                if time is None:
                    raise ValueError("a signature in the name of a known key does not hold")
                found = max(found or 0, time)
        return found


def parse_checkpoint(text):
    """(origin, size, root, further lines) of a checkpoint's text."""
    lines = text.split("\n")[:-1]
    size, root = (decode_number(lines[1]), decode_hash(lines[2])) if len(lines) > 2 else (None, None)
    return None if size is None or root is None or "" in lines else (lines[0], size, root, lines[3:])


def parse_proof(text):
    """(index, path, note) of a tlog-proof."""
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    if len(lines) > 1 and lines[1].startswith("extra "):
        del lines[1]
    parsed, path = Note.parse(note), [decode_hash(line) for line in lines[2:]]
    if len(lines) < 2 or lines[0] != "c2sp.org/tlog-proof@v1" or not lines[1].startswith("index "):
        return None
    index = decode_number(lines[1][6:])
    bad = index is None or parsed is None or None in path or len(path) > MAX_PATH
    return None if bad else (index, path, parsed)


# --- The Merkle tree (RFC 6962, RFC 9162) ----------------------------------------------------------


def node_hash(left, right):
    return sha256(b"\x01", left, right)


class Tree:
    """The roots of the full subtrees at the right edge, the largest first."""

    def __init__(self, size, edge):
        self.size, self.edge = size, edge

    def push(self, leaf):
        carry = self.size
        while carry & 1:
            leaf, carry = node_hash(self.edge.pop(), leaf), carry >> 1
        self.edge.append(leaf)
        self.size += 1

    def root(self):
        if not self.edge:
            return sha256()
        return functools.reduce(lambda right, left: node_hash(left, right), reversed(self.edge))


def inclusion_holds(index, size, leaf, path, root):
    if index >= size:
        return False
    node, last = index, size - 1
    for step in path:
        if last == 0:
            return False
        if node & 1 or node == last:
            leaf = node_hash(step, leaf)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            leaf = node_hash(leaf, step)
        node, last = node >> 1, last >> 1
    return last == 0 and leaf == root


# --- Records: what each field may hold -------------------------------------------------------------


def one_of(words):
    words = frozenset(words.split())
    return lambda value: isinstance(value, str) and value in words


def whole(most):
    return lambda value: type(value) is int and 0 <= value <= most


def pattern(expression):
    matches = re.compile(expression).fullmatch
    return lambda value: isinstance(value, str) and matches(value) is not None


def is_name(value):
    if not isinstance(value, str) or not value or any(map(is_control, value)):
        return False
    return len(value.encode()) <= 256 and value.strip() == value


def is_time(value):
    good = isinstance(value, str) and re.fullmatch("0|-?[1-9][0-9]{0,18}", value, re.ASCII)
    return bool(good) and -(1 << 63) <= int(value) < 1 << 63


def mapping(key, content):
    return lambda value: isinstance(value, dict) and value != {} and all(map(key, value)) and all(map(content, value.values()))


def listing(content, length=None):
    fits = (lambda n: n == length) if length else (lambda n: n > 0)
    return lambda value: isinstance(value, list) and fits(len(value)) and all(map(content, value))


def struct_of(**fields):
    """An object with these fields; `name_` may be missing."""
    needed = frozenset(name for name in fields if not name.endswith("_"))
    checks = {name.rstrip("_"): check for name, check in fields.items()}

    def check(value):
        if not isinstance(value, dict) or not needed <= value.keys():
            return False
        return all(name in checks and checks[name](content) for name, content in value.items())

    return check


def is_text(value):
    return isinstance(value, str)


BYTE, COUNT, DIGEST = whole(255), whole((1 << 64) - 1), pattern("[0-9a-f]{64}")
VERDICT = one_of("allow alert constrain sandbox approve block")
SEVERITY = one_of("low medium high critical")
ENVIRONMENT = one_of("development staging production")
ACTION_KIND = one_of("database external_call file workflow payment communication record_change"
                     " privilege_change calendar mcp_tool llm_call")
OPERATION = one_of("read write delete send pay grant")
STEP = one_of("requested voted approved denied expired cancelled released")
REPORT = one_of("executed failed not_executed isolated missing")
COMMITTED = one_of("action changed comment result sandbox")
CLASS = one_of("card ssn passport email api_key jwt credential health financial phone iban ip_address"
               " national_id custom")
VECTOR = one_of("prompt_injection sql_injection xss exfiltration_velocity pii known_exploit resource_exhaustion"
                " privilege_escalation session_anomaly rate_limit policy_violation behaviour_anomaly")

# Kind: parts that it needs, then parts that it may have.
KINDS = {
    "boot": ("notes", ""),
    "clock": ("notes", ""),
    "decision": ("action agent decision",
                 "cause commitments detections notes outcome principal risk session trace"),
    "outcome": ("outcome", "agent cause commitments notes principal session trace"),
    "approval": ("approval", "action agent cause commitments notes principal session trace"),
    "policy": ("notes", "cause commitments operator"),
    "operator": ("operator", "cause commitments notes"),
    "finding": ("finding", "action agent cause commitments detections notes principal session trace"),
    "erasure": ("erasure", "cause commitments notes operator"),
    "key": ("key", "notes"),
    "gap": ("gap", "notes"),
    "shard_open": ("shard", "notes"),
    "shard_seal": ("shard", "notes"),
}
KINDS = {kind: [frozenset(parts.split()) for parts in row] for kind, row in KINDS.items()}
EVERYWHERE = frozenset("kind log previous sequence time version".split())

KEY_PART = struct_of(new=is_text, new_signature=is_text, old=is_text, old_signature=is_text)
DECISION = struct_of(
    baseline_=DIGEST, effective=VERDICT, id=is_name, latency_=mapping(is_name, COUNT),
    mode=one_of("simulate monitor enforce"), payload_=DIGEST, rule=is_name, rules=DIGEST, verdict=VERDICT,
)
DETECTION = struct_of(class_=CLASS, confidence=whole(100), rule=is_name, severity=SEVERITY, vector=VECTOR)
RECORD = struct_of(
    action_=struct_of(environment=ENVIRONMENT, kind=ACTION_KIND, operation=OPERATION, resource=is_name, tool=is_name),
    agent_=struct_of(name=is_name, version_=is_name),
    approval_=struct_of(
        by_=is_name, channel_=is_name, claim_=DIGEST, from_=listing(is_name), needed_=BYTE, of=is_name, payload_=DIGEST,
        release_within_=COUNT, step=STEP, until_=is_time,
    ),
    cause_=DIGEST,
    commitments_=mapping(COMMITTED, struct_of(bytes=COUNT, hash=DIGEST)),
    decision_=DECISION,
    detections_=listing(DETECTION),
    erasure_=struct_of(basis=is_name, by=is_name, pieces=COUNT, principal=is_name),
    finding_=struct_of(of_=is_name, rule=is_name, severity=SEVERITY),
    gap_=struct_of(bytes=COUNT, reason=one_of("torn_tail not_written repaired"), was_=DIGEST),
    key_=KEY_PART,
    kind=one_of(" ".join(KINDS)),
    log=is_text,
    notes_=mapping(is_name, is_name),
    operator_=struct_of(act=is_name, by=is_name, on_=is_name),
    outcome_=struct_of(of=is_name, report=REPORT),
    previous=DIGEST,
    principal_=is_name,
    risk_=struct_of(base=BYTE, parts=listing(BYTE, 7), uplift=BYTE, value=BYTE, weights=DIGEST),
    sequence=COUNT,
    session_=is_name,
    shard_=struct_of(name=is_text, root_=DIGEST, size=COUNT),
    time=is_time,
    trace_=pattern("(?!0{32})[0-9a-f]{32}"),
    version=BYTE,
)
END = struct_of(sequence=COUNT, time=is_time)
FILE = struct_of(bytes=COUNT, name=is_text, sha256=DIGEST)
MANIFEST = struct_of(
    files=lambda value: isinstance(value, list) and all(map(FILE, value)),
    first=END, form=is_text, kinds=lambda value: value == {} or mapping(is_text, COUNT)(value), last=END,
    log=is_text, records=COUNT, shard=struct_of(first=COUNT, name=is_text),
    stated=struct_of(from_=is_time, tool=is_name, until_=is_time),
)


def read_json(data, check):
    """What canonical bytes of a form say, or None."""
    try:
        value = json.loads(data.decode())
        if not check(value):
            return None
        again = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        return value if again.encode() == data else None
    except (ValueError, RecursionError):
        return None


def read_record(line):
    """A record, whether its parts fit its kind, and its leaf hash."""
    record = read_json(line, RECORD) if len(line) <= MAX_RECORD else None
    if record is None:
        return None, False, b""
    needs, may = KINDS[record["kind"]]
    parts = record.keys() - EVERYWHERE
    return record, needs <= parts <= needs | may, sha256(b"\x00", line)


def read_rotation(log, part):
    """(old key, new key) of a change of key that both signed for this log, or None."""
    old, new = Key(part["old"]), Key(part["new"])
    if not old.good or not new.good or old.is_witness or new.is_witness or old.name != new.name or old == new:
        return None
    message = f"checkrein key rotation v1\n{log}\n{old.text}\n{new.text}\n".encode()
    for key, signature in ((old, part["old_signature"]), (new, part["new_signature"])):
        if not ed25519_holds(key.public, message, decode64(signature) or b""):
            return None
    return old, new


# --- The chain of records, and the signed heads between them ---------------------------------------


class Chain:
    def __init__(self, log, first, shard, edge, key, known_witnesses, witnesses, quorum):
        if len(edge) != bin(first - shard["first"]).count("1"):
            raise Fault("proof", first, "the left edge has another number of hashes")
        self.log, self.first, self.next, self.vouched = log, first, first, first
        self.tree, self.key, self.known_witnesses = Tree(first - shard["first"], edge), key, known_witnesses
        self.shard, self.shard_first, self.previous = shard["name"], shard["first"], None
        self.latest, self.clock_was, self.stamped_before = None, 0, 0
        self.witnesses, self.quorum = witnesses, quorum
        self.leaf = self.before = self.doubt = self.cosigned = self.signed = None
        self.suspect, self.handed_over = False, None
        self.records = self.checkpoints = self.rotations = self.shards = 0
        self.gaps, self.erasures, self.gap_count, self.erasure_count = [], [], 0, 0

    def record(self, line):
        """Takes the next record. Returns None while a record is in doubt."""
        n = self.next
        record, parts_fit, leaf = read_record(line)
        if self.doubt is not None:
            next_fits = record is not None and record["sequence"] == n
            follows = next_fits and record["previous"] == (self.doubt if self.suspect else self.leaf).hex()
            # Records did not lead to a head. If this one does not name the last one, that one was
            # changed alone; if it does, all since the last good head were written anew.
            if self.suspect or not next_fits or follows:
                self.settle(follows)
            return self.suspects(leaf)
        if record is None or not parts_fit or record["version"] != 1:
            raise Fault("record", n, "the record is not canonical, or not of the form of its kind")
        if record["sequence"] != n:
            raise Fault("sequence", n, f"record {record['sequence']} stands where {n} belongs")
        if record["log"] != self.log:
            raise Fault("record", n, "the record is of another log")
        want = bytes(32) if n == 0 else self.leaf
        if want is not None and record["previous"] != want.hex():
            if n == 0:
                raise Fault("chain", n, "the first record of a log names one before")
            return self.suspects(leaf)
        if not self.goes_on(int(record["time"]), record["kind"] == "clock"):
            raise Fault("time", n, "time goes back, and no record of the clock says so")
        self.check_shard(record)
        self.take(record)
        self.tree.push(leaf)
        self.leaf, self.before = leaf, record
        self.next, self.records = n + 1, self.records + 1
        return record

    def suspects(self, leaf):
        """The record does not name the one before. If the next one names this one, it stands where it
        was written, and the one before it is the stranger."""
        self.doubt, self.suspect, self.next = leaf, True, self.next + 1

    def settle(self, next_follows=True):
        """Tells of what is in doubt, if something is; once."""
        doubt, suspect, at = self.doubt, self.suspect, self.next - 1
        self.doubt, self.suspect = None, False
        if suspect:
            detail = f"record {at} does not name the one before by its hash"
            raise Fault("chain", at - 1 if next_follows else at, detail)
        if doubt is not None:
            raise doubt

    def goes_on(self, time, is_set):
        """Records are stamped by whoever appends them, so a little disorder is in their nature; a clock
        that is set is on record, and some records behind that may still be stamped from before."""
        if self.latest is None:
            self.latest = time
        elif is_set:
            self.clock_was, self.stamped_before = self.latest - DISORDER, STAMPED_BEFORE + 1
            self.latest = min(self.latest, time)
        else:
            old = self.stamped_before > 0 and time >= self.clock_was
            self.stamped_before = max(self.stamped_before - 1, 0)
            back = time < self.latest - DISORDER
            self.latest = self.latest if old else max(self.latest, time)
            return not back
        return True

    def check_shard(self, record):
        """A shard's first record opens it and names the last head of the one before; its last record
        seals it and names the root over all others."""

        def odd(detail):
            raise Fault("shard", self.next, detail)

        part, size = record.get("shard"), self.tree.size
        after_seal = self.before is not None and self.before["kind"] == "shard_seal"
        begins = after_seal or (self.before is None and self.next == self.shard_first)
        if part is None:
            return odd("a shard begins with a record that does not open it") if begins else None
        fits = (part["size"], part.get("root")) == (size, self.tree.root().hex() if size else None)
        if record["kind"] == "shard_seal":
            return None if fits and not begins and part["name"] == self.shard else odd("a shard is sealed as another")
        if not begins:
            odd("a shard is opened and none was sealed")
        if after_seal:
            if not fits or part["name"] == self.shard:
                odd("a shard does not join the one before")
            root = base64.b64encode(self.tree.root()).decode()
            self.previous = f"previous {self.shard} {size} {root}"
            self.shard, self.shard_first, self.tree = part["name"], self.next, Tree(0, [])
        elif part["name"] != self.shard or (self.next == 0 and not fits):
            odd("the first shard is not what it should be")
        self.shards += 1

    def take(self, record):
        if "key" in record:
            pair = read_rotation(self.log, record["key"])
            if pair is None or pair[0] != self.key:
                raise Fault("key", self.next, "a change of key is not signed by both keys, the one in force first")
            # The head that covers the change and nothing behind it may still be of the old key.
            self.key, self.handed_over, self.rotations = pair[1], (self.next + 1, pair[0]), self.rotations + 1
        for name, found in (("gap", self.gaps), ("erasure", self.erasures)):
            if name in record and len(found) < MAX_LISTED:
                found.append({"sequence": self.next, **record[name]})
        self.gap_count += "gap" in record
        self.erasure_count += "erasure" in record

    def head(self, note):
        """A signed head that covers exactly what was read; None if it could not be read."""
        head = parse_checkpoint(note.text) if note else None
        if head is None or head[:2] != (f"{self.log}/{self.shard}", self.tree.size):
            raise Fault("checkpoint", self.vouched, f"the head before {self.next} cannot be read, or is another's")
        for start, want in (("first ", f"first {self.shard_first}"), ("previous ", self.previous)):
            said = [line for line in head[3] if line.startswith(start)]
            if said and want is not None and said[0] != want:
                raise Fault("checkpoint", self.vouched, "a head says that its shard begins elsewhere")
        try:
            signed = note.signed_by(self.key)
            if signed is None and self.handed_over and self.handed_over[0] == self.next:
                signed = note.signed_by(self.handed_over[1])
        except ValueError:
            signed = None
        if signed is None:
            raise Fault("signature", self.vouched, f"the head before {self.next} is not signed by the key in force")
        if head[2] != self.tree.root():
            self.doubt = Fault("checkpoint", self.vouched, f"records do not lead to the head before {self.next}")
            return
        try:
            for key in self.known_witnesses:
                note.signed_by(key)
            count = sum(note.signed_by(key) is not None for key in self.witnesses)
        except ValueError as error:
            raise Fault("cosignature", self.vouched, f"the head before {self.next}: {error}")
        if self.quorum and count >= self.quorum:
            self.cosigned = self.next
        self.vouched = self.signed = self.next
        self.checkpoints += 1


# --- The container: gzip and an archive, each with one form ----------------------------------------


class Inflate:
    HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"

    def __init__(self, file):
        header = file.read(len(self.HEADER))
        if header[:2] != self.HEADER[:2]:
            raise Fault("form", None, "the file is no bundle: it does not begin like one")
        if header != self.HEADER:
            raise Fault("transport", None, "the compressed file begins in another way than bundles do")
        self.file, self.stream, self.input = file, zlib.decompressobj(-15), b""
        self.crc, self.length, self.whole = 0, 0, False

    def read(self, most):
        """Some bytes; none at the end, which has then been checked."""
        while not self.stream.eof:
            given = self.input or self.file.read(PIECE)
            try:
                data = self.stream.decompress(given, most)
            except zlib.error:
                raise Fault("transport", None, "the compressed file is damaged")
            self.input = self.stream.unconsumed_tail
            self.crc, self.length = zlib.crc32(data, self.crc), self.length + len(data)
            if data:
                return data
            if not given and not self.stream.eof:
                raise Fault("transport", None, "the compressed file is incomplete")
        if not self.whole:
            rest = self.stream.unused_data + self.file.read(9)
            if rest != struct.pack("<II", self.crc, self.length & 0xFFFFFFFF):
                raise Fault("transport", None, "the compressed file is damaged, or something follows it")
            self.whole = True
        return b""


SMALL = {
    "README": 1 << 20,
    "keys/log": 4 << 10,
    "keys/rotations.jsonl": 1 << 20,
    "keys/witnesses": 64 << 10,
    "manifest.json": 16 << 20,
    "manifest.note": 64 << 10,
    "proofs/first.tlog-proof": 128 << 10,
    "proofs/last.tlog-proof": 128 << 10,
    "proofs/left": 4 << 10,
    "verify.py": 1 << 20,
}


def number_in(name):
    """The number in the name of a checkpoint or of a member of records, or None."""
    match = re.fullmatch(r"checkpoints/([0-9]{20})|records/([0-9]{20})\.jsonl", name, re.ASCII)
    number = int(match[1] or match[2]) if match else 1 << 64
    return number if number < 1 << 64 else None


def tar_header(name, size):
    """The only header that a member of this name and size can have."""
    start = name.encode().ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2
    start += b"%011o\0" % size + b"0" * 11 + b"\0"
    end = b"0".ljust(101, b"\0") + b"ustar\x0000".ljust(72, b"\0") + b"0000000\0" * 2
    blank = (start + b" " * 8 + end).ljust(512, b"\0")
    return start + b"%06o\0 " % sum(blank) + blank[156:]


class Archive:
    """Members in their order. Faults have no sequence here; whoever knows the sequence adds it."""

    def __init__(self, inflate):
        self.inflate, self.last, self.size, self.left = inflate, "", 0, 0
        self.checkpoints, self.small = 0, 0

    def exactly(self, length):
        data = b""
        while len(data) < length:
            piece = self.inflate.read(length - len(data))
            if not piece:
                raise Fault("archive", None, "the archive ends too early")
            data += piece
        return data

    def next(self):
        """(name, size) of the next member, or None after the last."""
        if self.exactly(-self.size % 512).strip(b"\0"):
            raise Fault("archive", None, "a member is followed by something")
        block = self.exactly(512)
        if block == bytes(512):
            if self.exactly(512) != bytes(512) or self.inflate.read(1):
                raise Fault("archive", None, "something follows the end of the archive")
            if self.small != len(SMALL):
                raise Fault("archive", None, "a member is missing")
            return None
        name = block[:100].split(b"\0")[0].decode("latin-1")
        if name not in SMALL and number_in(name) is None:
            raise Fault("archive", None, "a member has an unknown name")
        size = re.fullmatch(b"[0-7]{11}", block[124:135])
        if not size or block != tar_header(name, int(size[0], 8)):
            raise Fault("archive", None, "a member has a header of another form")
        size = int(size[0], 8)
        if not name.startswith("records/") and size > SMALL.get(name, MAX_NOTE):
            raise Fault("archive", None, "a member is larger than such a member may be")
        if name <= self.last:
            raise Fault("archive", None, "members are not in order, or come twice")
        self.small += name in SMALL
        self.checkpoints += size if name.startswith("checkpoints/") else 0
        if self.checkpoints > MAX_CHECKPOINTS:
            raise Fault("archive", None, "too many checkpoints")
        self.last, self.size, self.left = name, size, size
        return name, size

    def read(self):
        """Some bytes of the member; none at its end."""
        if not self.left:
            return b""
        data = self.inflate.read(min(self.left, PIECE))
        if not data:
            raise Fault("archive", None, "the archive ends within a member")
        self.left -= len(data)
        return data


# --- A bundle, member by member --------------------------------------------------------------------


class Bundle:
    def __init__(self, trust):
        self.trust, self.chain, self.manifest, self.known = trust, None, None, []
        self.heads, self.small, self.files, self.kinds = {}, {}, [], {}
        self.first_leaf = self.first_time = None

    def read(self, archive):
        while True:
            member = archive.next()
            if member is None:
                return self.totals()
            name, size = member
            if name.startswith("records/"):
                self.records(archive, name, size)
                continue
            data = archive.exactly(size)
            if not name.startswith("manifest."):
                self.files.append({"bytes": size, "name": name, "sha256": sha256(data).hex()})
            if name.startswith("checkpoints/"):
                self.heads[number_in(name)] = Note.parse(decode_text(data) or "")
            elif name not in ("README", "verify.py"):
                self.small[name] = data
            if name == "manifest.json":
                self.read_manifest(data)
            elif name == "proofs/left":
                self.begin()

    def read_manifest(self, data):
        manifest = read_json(data, MANIFEST)
        if manifest is None:
            raise Fault("manifest", None, "the table of contents cannot be read")
        if manifest["form"] != FORM:
            raise Fault("form", None, "the bundle is of another form: use the verifier in it")
        first, last = manifest["first"]["sequence"], manifest["last"]["sequence"]
        numbers = last - first + 1 == manifest["records"] and manifest["shard"]["first"] <= first
        if last < first or last == (1 << 64) - 1 or not numbers:
            raise Fault("manifest", None, "the numbers of the table of contents contradict each other")
        self.manifest = manifest

    def begin(self):
        """Everything that is needed to check records has been read."""
        if self.manifest is None:
            raise Fault("archive", None, "the table of contents is missing")
        log, first = self.manifest["log"], self.manifest["first"]["sequence"]

        def odd(detail):
            raise Fault("key", first, detail)

        keys = [Key(line) for line in decode_lines(self.small.get("keys/log", b"")) or []]
        if len(keys) != 1 or not keys[0].good or keys[0].is_witness or keys[0].name != log:
            odd("the log's key cannot be read or is another log's")
        changes = decode_lines(self.small.get("keys/rotations.jsonl", b""))
        parts = [read_json(line.encode(), KEY_PART) for line in changes or []]
        if changes is None or None in parts:
            odd("the changes of key cannot be read")
        lines = decode_lines(self.small.get("keys/witnesses", b""))
        witnesses = [Key(line) for line in lines or []]
        if lines is None or not all(key.good and key.is_witness for key in witnesses):
            odd("the witnesses' keys cannot be read")
        pairs = [read_rotation(log, part) for part in parts]
        if None in pairs:
            odd("a change of key is not signed by both keys")
        self.known = list(self.trust.keys) or [keys[0]]
        if self.trust.as_stated:
            self.known.append(keys[0])
        for known, joined in pairs + [(new, old) for old, new in reversed(pairs)]:
            if known in self.known and joined not in self.known:
                self.known.append(joined)
        if keys[0] not in self.known:
            odd("no change of key joins the bundle's key to one that you trust")
        edge = decode_lines(self.small["proofs/left"])
        edge = [None] if edge is None else [decode_hash(line) for line in edge]
        if None in edge:
            raise Fault("proof", first, "the left edge cannot be read")
        shard, trust = self.manifest["shard"], self.trust
        self.chain = Chain(log, first, shard, edge, keys[0], witnesses, trust.witnesses, trust.quorum)

    def records(self, archive, name, size):
        if self.chain is None or number_in(name) != self.chain.next or size == 0:
            raise Fault("archive", None, "a member of records starts elsewhere than it says")
        digest, rest = hashlib.sha256(), b""
        while True:
            data = archive.read()
            if not data:
                break
            digest.update(data)
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self.line(line)
            if len(rest) > MAX_RECORD:
                self.line(rest)
        if rest:
            raise Fault("record", self.chain.next, "a record's line does not end")
        self.files.append({"bytes": size, "name": name, "sha256": digest.hexdigest()})

    def line(self, line):
        record = self.chain.record(line)
        if record is None:
            return
        if self.first_leaf is None:
            self.first_leaf, self.first_time = self.chain.leaf, record["time"]
        self.kinds[record["kind"]] = self.kinds.get(record["kind"], 0) + 1
        if self.chain.next in self.heads:
            self.chain.head(self.heads[self.chain.next])

    def totals(self):
        """First what concerns records, then what stands around them."""
        chain, manifest = self.chain, self.manifest
        if chain is None:
            raise Fault("archive", None, "the bundle has no content")
        chain.settle()
        first, last, size = manifest["first"]["sequence"], manifest["last"]["sequence"], chain.next
        if size <= last or size < max(self.heads, default=0):
            raise Fault("sequence", size, "records are missing at the end")
        if chain.vouched != size:
            raise Fault("checkpoint", chain.vouched, "no signed head covers the last records")
        if min(self.heads) <= first:
            raise Fault("checkpoint", None, "a head is of a size before the range")
        self.check_end("first", first, self.first_leaf, manifest["shard"])
        self.check_end("last", last, chain.leaf, {"name": chain.shard, "first": chain.shard_first})
        self.check_contents()
        if not self.trust.keys and not self.trust.as_stated:
            raise Fault("untrusted", None, "nobody said which key to trust: give --key")
        if self.trust.quorum and chain.cosigned != size:
            raise Fault("quorum", None, "fewer witnesses cosigned the last head than you want")

    def check_end(self, name, sequence, leaf, shard):
        """The proof for other tools leads from the record to a head of its shard."""
        proof = parse_proof(decode_text(self.small[f"proofs/{name}.tlog-proof"]) or "")
        if proof is not None:
            index, path, note = proof
            head = parse_checkpoint(note.text)
            known = (note.text, note.signatures) in [(head.text, head.signatures) for head in self.heads.values()]
            if known and head and head[0] == f"{self.chain.log}/{shard['name']}" and shard["first"] + index == sequence:
                if inclusion_holds(index, head[1], leaf, path, head[2]):
                    return
        raise Fault("proof", sequence, "the proof of an end does not hold")

    def check_contents(self):
        def odd(detail):
            raise Fault("manifest", None, detail)

        chain, manifest = self.chain, self.manifest
        times = manifest["first"]["time"], manifest["last"]["time"]
        if times != (self.first_time, chain.before["time"]) or self.kinds != manifest["kinds"]:
            odd("the table of contents says something else than the records")
        if chain.next != manifest["last"]["sequence"] + 1:
            odd("the table of contents says something else than the records")
        if self.files != manifest["files"]:
            odd("a member is not the one that the table of contents lists")
        digest = sha256(self.small["manifest.json"]).hex()
        text = f"checkrein bundle v1\nof {manifest['log']}\n{digest}\n"
        note = Note.parse(decode_text(self.small["manifest.note"]) or "")
        if note is None or note.text != text:
            odd("the note of the table of contents is about something else")
        try:
            signed = [note.signed_by(key) is not None for key in self.known]
        except ValueError:
            signed = []
        if not any(signed):
            odd("the table of contents is not signed by a key that you trust")


def verify(path, trust):
    """A report of one file."""
    bundle, inflate, fault = Bundle(trust), None, None
    try:
        with open(path, "rb") as file:
            try:
                inflate = Inflate(file)
                bundle.read(Archive(inflate))
            except Fault as found:
                fault = settle(found, bundle.chain, inflate)
    except OSError as error:
        fault = Fault("unreadable", None, f"cannot read the bundle: {error.strerror}")
    return report(bundle.chain, fault)


def settle(fault, chain, inflate):
    """Whether the file arrived whole comes before all else; then a record in doubt."""
    if inflate is not None and fault.code != "transport":
        try:
            most = MAX_DRAIN
            while most > 0:
                piece = len(inflate.read(min(most, PIECE)))
                most = most - piece if piece else 0
        except Fault as broken:
            return broken
    try:
        if chain is not None:
            chain.settle()
    except Fault as doubt:
        return doubt
    if fault.code == "archive" and chain is not None:
        fault.first_bad = chain.next
    return fault


def report(chain, fault):
    code = 5 if fault and fault.code in CANNOT_DECIDE else 4 if fault else 3 if chain.gap_count else 0
    said = {"exit": code, "code": None, "first_bad": None, "detail": ""}
    if fault:
        said.update(code=fault.code, first_bad=fault.first_bad, detail=fault.detail)
    if chain:
        said.update(log=chain.log, first=chain.first, key=chain.key.text)
        for name in (
            "records checkpoints signed cosigned rotations shards gap_count gaps erasure_count erasures".split()
        ):
            said[name] = getattr(chain, name)
    return said


def say(path, said):
    words = {0: "clean", 3: "clean, with gaps that the log declares", 4: "TAMPERED", 5: "cannot decide"}
    print(f"{path}: {words[said['exit']]}")
    if said["code"]:
        at = "" if said["first_bad"] is None else f", first bad record {said['first_bad']}"
        print(f"  {said['code']}{at}: {said['detail']}")
    if "log" in said:
        print(f"  log {said['log']}, {said['records']} records from {said['first']}")
        print(f"  {said['checkpoints']} signed heads hold, the last covers all before {said['signed']}")
        print(f"  cosigned up to {said['cosigned']}" if said["cosigned"] else "  no quorum of witnesses asked for or met")
        print(f"  key in force at the end: {said['key']}")
        for gap in said["gaps"]:
            print(f"  gap at {gap['sequence']}: {gap['reason']}, {gap['bytes']} bytes")
        for erased in said["erasures"]:
            print(f"  erasure at {erased['sequence']}: {erased['principal']}, {erased['basis']}, {erased['pieces']} pieces")


def main():
    parser = argparse.ArgumentParser(description="Verifies evidence bundles of a decision log.")
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--key", dest="keys", action="append", default=[], help="a key of the log that you trust")
    parser.add_argument("--witness", dest="witnesses", action="append", default=[], help="a witness that counts")
    parser.add_argument("--quorum", type=int, default=0, help="how many witnesses must have cosigned")
    parser.add_argument("--keys-from-bundle", dest="as_stated", action="store_true",
                        help="take the key that the bundle names; shows no more than that it was not changed since")
    parser.add_argument("--json", action="store_true", help="one line of JSON for each file")
    trust = parser.parse_args()
    trust.keys = [Key(text) for text in trust.keys]
    trust.witnesses = [Key(text) for text in trust.witnesses]
    names = [key.name for key in trust.witnesses] + [key.public for key in trust.witnesses]
    if not all(key.good and not key.is_witness for key in trust.keys):
        parser.error("--key takes a log's key, NAME+ID+KEY")
    if not all(key.good and key.is_witness for key in trust.witnesses) or len(set(names)) != len(names):
        parser.error("--witness takes a witness's key, NAME+ID+KEY, each once")
    if not 0 <= trust.quorum <= len(trust.witnesses):
        parser.error("--quorum is at most the number of witnesses")
    if len(trust.files) > 1:
        # Files that are checked together often share records.
        global read_record
        read_record = functools.lru_cache(maxsize=1 << 16)(read_record)
    worst = 0
    for path in trust.files:
        said = verify(path, trust)
        worst = max(worst, said["exit"])
        print(json.dumps(said), flush=True) if trust.json else say(path, said)
    return worst


if __name__ == "__main__":
    sys.exit(main())
