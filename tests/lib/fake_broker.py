# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""fake_broker - an MQTT broker that does exactly what a test says, byte by byte; a real one; and the uplink between.

A test is a straight line: broker = FakeBroker(); up = Uplink(port=broker.port); conn = broker.accept(); conn.connack()...
Every wait has a deadline and raises Failed. No threads but one that reads the uplink's lines.
"""
import os, queue, re, shutil, signal, socket, struct, subprocess, sys, tempfile, threading, time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOL = os.path.join(ROOT, os.environ.get("B", "build"), "tests/lib/tool_uplink")
WAIT = 5.0
CONNECT, CONNACK, PUBLISH, PUBACK, PINGREQ, DISCONNECT = 0x10, 0x20, 0x30, 0x40, 0xc0, 0xe0


class Failed(Exception):
    pass


class Skip(Exception):
    pass


def run(*cases):
    """Run the cases, print TAP, exit. A case's doc string is its name."""
    print("1..%d" % len(cases))
    bad = 0
    for n, case in enumerate(cases, 1):
        Uplink.all, Mosquitto.all = [], []
        try:
            case()
            print("ok %d - %s" % (n, case.__doc__), flush=True)
        except Skip as e:
            print("ok %d - %s # SKIP %s" % (n, case.__doc__, e), flush=True)
        except Exception as e:
            bad += 1
            print("not ok %d - %s" % (n, case.__doc__))
            print("# %s: %s" % (type(e).__name__, str(e).replace("\n", "\n# ")))
            for up in Uplink.all:
                for line in up.log[-25:]:
                    print("#   " + line)
            sys.stdout.flush()
        finally:
            for thing in Uplink.all + Mosquitto.all:
                thing.end()
    sys.exit(1 if bad else 0)


def check(truth, text):
    if not truth:
        raise Failed(text)


def poll(what, text, wait=WAIT):
    """Until what() is true; returns it."""
    end = time.monotonic() + wait
    while time.monotonic() < end:
        got = what()
        if got:
            return got
        time.sleep(0.01)
    raise Failed("never: " + text)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def varint(n):
    out = b""
    while True:
        n, low = n >> 7, n & 127
        out += bytes([low | (128 if n else 0)])
        if not n:
            return out


class Conn:
    """One accepted connection. Packets are read one at a time; nothing is answered that the test does not answer."""

    def __init__(self, sock):
        self.sock, self.buf, self.level, self.raw = sock, b"", 0, b""

    def _fill(self, need, end):
        while len(self.buf) < need:
            self.sock.settimeout(max(end - time.monotonic(), 0.001))
            try:
                got = self.sock.recv(65536)
            except (socket.timeout, TimeoutError):
                raise Failed("no packet in time")
            if not got:
                raise EOFError("uplink closed the connection")
            self.buf += got
            self.raw += got

    def packet(self, wait=WAIT):
        """(first byte, body)"""
        end = time.monotonic() + wait
        length = shift = 0
        at = 1
        while True:
            self._fill(at + 1, end)
            length |= (self.buf[at] & 127) << shift
            shift += 7
            at += 1
            if not self.buf[at - 1] & 128:
                break
        self._fill(at + length, end)
        first, body = self.buf[0], self.buf[at:at + length]
        self.buf = self.buf[at + length:]
        return first, body

    def connect(self):
        """Read CONNECT; returns its protocol level, 4 or 5."""
        first, body = self.packet()
        check(first == CONNECT and body[:6] == b"\0\4MQTT", "not a CONNECT: %02x %r" % (first, body[:10]))
        self.level = body[6]
        return self.level

    def connack(self, code=0, props=b""):
        v5 = bytes([len(props)]) + props if self.level == 5 else b""
        self.send(bytes([CONNACK]) + varint(2 + len(v5)) + bytes([0, code]) + v5)

    def publish(self, wait=WAIT):
        """Read PUBLISH: dict of topic, payload, mid, qos, retain, dup, size (of the whole packet)."""
        while True:
            first, body = self.packet(wait)
            if first != PINGREQ:
                break
            self.send(b"\xd0\0")
        check(first & 0xf0 == PUBLISH, "not a PUBLISH: %02x" % first)
        tlen = struct.unpack(">H", body[:2])[0]
        p = {"topic": body[2:2 + tlen].decode(), "qos": first >> 1 & 3, "retain": first & 1, "dup": first >> 3 & 1,
             "size": 1 + len(varint(len(body))) + len(body), "mid": 0}
        rest = body[2 + tlen:]
        if p["qos"]:
            p["mid"], rest = struct.unpack(">H", rest[:2])[0], rest[2:]
        if self.level == 5:
            rest = rest[1 + rest[0]:]
        p["payload"] = rest
        p["number"] = int(rest.split(b" ")[0]) if rest[:1].isdigit() else None
        return p

    def puback(self, p, code=0):
        mid = struct.pack(">H", p["mid"])
        self.send(bytes([PUBACK, 2]) + mid if not code else bytes([PUBACK, 4]) + mid + bytes([code, 0]))

    def hello(self, code=0, props=b""):
        """The usual beginning: CONNECT, CONNACK, birth and state, both acknowledged."""
        self.connect()
        self.connack(code, props)
        for what in "birth", "state":
            p = self.publish()
            check(p["topic"].endswith(what) and p["retain"], "%s is not the retained %s" % (p, what))
            self.puback(p)
        return self

    def quiet(self, wait=0.3):
        """Nothing comes for so long."""
        try:
            got = self.packet(wait)
        except Failed:
            return
        raise Failed("unexpected packet %02x %r" % (got[0], got[1][:40]))

    def send(self, data):
        self.sock.sendall(data)

    def close(self):
        self.sock.close()

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class FakeBroker:
    def __init__(self):
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen(8)
        self.port = self.sock.getsockname()[1]

    def accept(self, wait=WAIT):
        self.sock.settimeout(wait)
        try:
            return Conn(self.sock.accept()[0])
        except (socket.timeout, TimeoutError):
            raise Failed("uplink did not connect")

    def close(self):
        self.sock.close()


class Uplink:
    """tool_uplink: the uplink process with an agent around it."""
    all = []
    wrap = []       # a command that runs it

    def __init__(self, **options):
        self.log, self.verdicts, self.states, self.cond = [], [], [], threading.Condition()
        if not os.access(TOOL, os.X_OK):
            raise Failed("%s is not built" % TOOL)
        self.proc = subprocess.Popen(self.wrap + [TOOL] + ["%s=%s" % kv for kv in options.items()], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)
        Uplink.all.append(self)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.proc.stdout:
            line = line.rstrip("\n")
            with self.cond:
                self.log.append(line)
                word = line.split(" ")
                if word[0] in ("ACK", "REFUSED", "TOO_BIG"):
                    self.verdicts.append((word[0], int(word[1]), int(word[2])))
                if word[0] == "STATE":
                    head, error = line[6:].split(" error=", 1)
                    state = {k: int(v) if v.isdigit() else v for k, v in (f.split("=") for f in head.split(" "))}
                    state["error"] = error
                    self.states.append(state)
                self.cond.notify_all()
        with self.cond:
            self.log.append("END")
            self.cond.notify_all()

    def tell(self, line):
        self.proc.stdin.write(line + "\n")
        self.proc.stdin.flush()

    def pub(self, n, size=20, topic="weir/v1/edge1/flow"):
        self.tell("pub %d %d %s" % (n, size, topic))

    def until(self, what, text, wait=WAIT):
        """Until what(self) is true; returns it."""
        end = time.monotonic() + wait
        with self.cond:
            while True:
                got = what(self)
                if got:
                    return got
                left = end - time.monotonic()
                if left <= 0:
                    raise Failed("never: " + text)
                self.cond.wait(left)

    def line(self, start, count=1, wait=WAIT):
        self.until(lambda u: sum(l.startswith(start) for l in u.log) >= count, "line '%s' x %d" % (start, count), wait)

    def state(self, what, text, wait=WAIT):
        """The newest state for which what(state) is true."""
        return self.until(lambda u: next((s for s in reversed(u.states) if what(s)), None), text, wait)

    def connected(self, nth=1):
        return self.state(lambda s: s["connected"] and s["connects"] >= nth, "connected, connection %d" % nth)

    def got(self, *verdicts, wait=WAIT):
        """These verdicts, all of them, in any order, none else."""
        want = sorted(verdicts)
        self.until(lambda u: len(u.verdicts) >= len(want), "%d verdicts" % len(want), wait)
        check(sorted(self.verdicts) == want, "verdicts %s, not %s" % (sorted(self.verdicts), want))

    def acked(self, numbers, wait=WAIT):
        self.got(*[("ACK", n, 0) for n in numbers], wait=wait)

    def pids(self):
        out = subprocess.run(["pgrep", "-P", str(self.proc.pid)], capture_output=True, text=True).stdout
        return [int(p) for p in out.split()]

    def end(self):
        if self.proc.poll() is None:
            for pid in self.pids() + [self.proc.pid]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        self.proc.wait()
        self.thread.join(2)


class Mosquitto:
    """A real broker on a free port of 127.0.0.1, as nobody."""
    all = []

    def __init__(self, *extra, acl=None, password="secret1", listener=()):
        if not shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin"):
            raise Skip("no mosquitto")
        self.dir = tempfile.mkdtemp(prefix="weir-mqtt-")
        os.chmod(self.dir, 0o755)
        self.port, self.proc = free_port(), None
        self.conf = ["per_listener_settings false", "persistence false", "log_dest stderr"] + list(extra)
        if os.geteuid() == 0:
            self.conf.append("user nobody")
        if password:
            subprocess.run(["mosquitto_passwd", "-b", "-c", self.dir + "/passwd", "edge1", password], check=True,
                           stderr=subprocess.DEVNULL)
            subprocess.run(["mosquitto_passwd", "-b", self.dir + "/passwd", "dash", "secret2"], check=True,
                           stderr=subprocess.DEVNULL)
            os.chmod(self.dir + "/passwd", 0o644)
            self.conf += ["allow_anonymous false", "password_file %s/passwd" % self.dir]
        else:
            self.conf += ["allow_anonymous true"]
        if acl:
            open(self.dir + "/acl", "w").write(acl)
            os.chmod(self.dir + "/acl", 0o644)
            self.conf.append("acl_file %s/acl" % self.dir)
        self.conf += ["listener %d 127.0.0.1" % self.port, "protocol mqtt"] + list(listener)
        Mosquitto.all.append(self)
        self.subs = []
        self.start()

    def start(self):
        path = self.dir + "/mosquitto.conf"
        open(path, "w").write("\n".join(self.conf) + "\n")
        self.proc = subprocess.Popen(["/usr/sbin/mosquitto", "-c", path], stdout=subprocess.DEVNULL, stderr=open(self.dir + "/log", "a"))
        poll(self._up, "mosquitto listens: " + open(self.dir + "/log").read()[-300:])

    def _up(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def kill(self):
        self.proc.kill()
        self.proc.wait()

    def subscribe(self, topic="#", *more):
        """A subscriber; returns what reads its 'topic payload' lines so far, when it is surely subscribed."""
        out = tempfile.TemporaryFile("w+")
        sub = subprocess.Popen(["stdbuf", "-oL", "mosquitto_sub", "-p", str(self.port), "-u", "dash", "-P", "secret2", "-d", "-F",
                                "%r %t %p", "-q", "1", "-t", topic] + list(more), stdout=out, stderr=subprocess.STDOUT)
        self.subs.append(sub)

        def text():
            return os.pread(out.fileno(), 1 << 24, 0).decode()

        poll(lambda: "Subscribed" in text(), "subscriber is there")
        return lambda: [l for l in text().split("\n") if re.match(r"[01] \S+/\S+ ", l)]

    def end(self):
        for p in self.subs + [self.proc]:
            if p and p.poll() is None:
                p.kill()
                p.wait()
        shutil.rmtree(self.dir, ignore_errors=True)
