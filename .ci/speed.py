#!/usr/bin/env python3
"""Measures the whole bridge beside the bare loop; .ci/speed calls it.

    speed.py SIM GOLIMIT BRIDGE [DEVICES]

The bridge and the bare loop run on core 0, everything else on the other cores.
CPU is user and system time of the process, memory is its resident set.
"""
import hashlib
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

SIM, BARE, BRIDGE = sys.argv[1:4]
DEVICES = int(sys.argv[4]) if len(sys.argv) > 4 else 10000
WATCH = int(os.environ.get("SPEED_SECONDS", "60"))  # that each share of a core is measured over
SETTLE = int(os.environ.get("SPEED_SETTLE", "60"))  # from the last first read to the measuring of memory
SETTLED = 1 + DEVICES // 100  # seconds that the paced announcements take
TICK = os.sysconf("SC_CLK_TCK")
MODELS = 7  # as the simulator says


def spec():
    """Eight properties that the simulator has and four actions: twelve entities."""
    def prop(iid, name, access):
        return {"iid": iid, "type": f"urn:miot-spec-v2:property:{name}:0000:sim:1", "description": name.capitalize(),
                "format": "uint32", "access": access, "value-range": [0, 100000, 1]}

    def service(iid, names, actions=()):
        return {"iid": iid, "type": f"urn:miot-spec-v2:service:sim-{iid}:0000:sim:1", "description": f"Part {iid}",
                "properties": [prop(i + 1, n, ["read", "write", "notify"]) for i, n in enumerate(names)],
                "actions": [{"iid": i + 1, "type": f"urn:miot-spec-v2:action:{n}:0000:sim:1", "description": n, "in": [], "out": []}
                            for i, n in enumerate(actions)]}

    first = service(2, ["alpha", "beta", "gamma", "delta"], ["rest", "dance", "sing", "sleep"])
    first["properties"][0] |= {"format": "bool"}
    del first["properties"][0]["value-range"]
    return {"type": "urn:miot-spec-v2:device:outlet:0000A002:sim-plug:1", "description": "Sim",
            "services": [first, service(3, ["epsilon", "zeta"]), service(11, ["eta", "theta"])]}


def write_home(folder, n):
    os.makedirs(folder + "/specs")
    for m in range(1, MODELS + 1):
        with open(f"{folder}/specs/sim.plug.v{m}.json", "w") as f:
            json.dump(spec(), f)
    with open(folder + "/devices.txt", "w") as f:
        for i in range(1, n + 1):
            token = hashlib.md5(f"sim-{i}".encode()).hexdigest()
            f.write(f"{100000000 + i}/127.{10 + (i >> 16)}.{i >> 8 & 255}.{i & 255}:54321,{token},sim.plug.v{i % MODELS + 1}\n")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def on_core(core, command, **options):
    options.setdefault("stdout", subprocess.DEVNULL)
    options.setdefault("stderr", subprocess.DEVNULL)
    return subprocess.Popen(["taskset", "-c", core, *command], **options)


OTHERS = "1" if os.cpu_count() == 2 else f"1-{os.cpu_count() - 1}"


class Sim:
    def __init__(self, n, *flags):
        self.ctl = f"127.0.0.1:{free_port()}"
        self.process = on_core(OTHERS, [SIM, "-n", str(n), "-ctl", self.ctl, *flags])
        until(lambda: self.stats() is not None, 20, "the simulator does not start")

    def stats(self):
        try:
            with urllib.request.urlopen(f"http://{self.ctl}/stats", timeout=5) as r:
                return json.load(r)
        except OSError:
            return None

    def reads(self):
        return self.stats()["get_properties"]

    def stop(self):
        self.process.terminate()
        self.process.wait()


def until(condition, seconds, complaint):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit("speed: " + complaint)
        time.sleep(0.02)


def bare(n, seconds, pace=None):
    command = [BARE, "-kind", "crymm", "-n", str(n), "-d", f"{seconds}s"]
    if pace:
        command += ["-pace", pace, "-c", "256"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = on_core("0", command, stdout=subprocess.PIPE, env=os.environ | {"GOMAXPROCS": "1", "BENCH_T0": str(time.time_ns())})
    result = json.loads(out.communicate(timeout=300)[0])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return result | {"known_cpu": used - result["cpu_pct"] / 100 * result["secs"]}


class Bridge:
    """A bridge with a mosquitto beside it."""

    def __init__(self, sim, folder, n, poll, **more):
        self.folder = tempfile.TemporaryDirectory()
        port = free_port()
        self.broker = on_core(OTHERS, ["mosquitto", "-p", str(port)])
        until(lambda: reachable(port), 20, "mosquitto does not start")
        self.watcher = on_core(OTHERS, ["mosquitto_sub", "-p", str(port), "-t", "mihome2mqtt/+/p11_2/state", "-F", "%t"], stdout=subprocess.PIPE)
        time.sleep(0.5)
        env = os.environ | {
            "MIHOME2MQTT_DATA": self.folder.name, "MIHOME2MQTT_SPECS": folder + "/specs", "MIHOME2MQTT_SPECS_ONLINE": "false",
            "MIHOME2MQTT_DEVICES_FILE": folder + "/devices.txt", "MIHOME2MQTT_POLL": poll, "MIHOME2MQTT_INTERFACES": "lo",
            "MIHOME2MQTT_MQTT_URL": f"mqtt://127.0.0.1:{port}", **more}
        self.log = open(os.environ.get("SPEED_LOG", os.devnull), "a")
        began = time.monotonic()
        self.process = on_core(os.environ.get("SPEED_CORES", "0"), [BRIDGE, "run"], env=env, stdout=self.log, stderr=self.log)
        until(lambda: sim.reads() >= n, 300, "the devices are not read")
        self.known, self.known_cpu = time.monotonic() - began, self.cpu()
        seen = set()
        while len(seen) < n:
            line = self.watcher.stdout.readline()
            if not line:
                sys.exit("speed: the bridge or its broker stopped")
            seen.add(line)
        self.shown = time.monotonic() - began
        self.watcher.terminate()

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory(self, key="VmRSS"):
        with open(f"/proc/{self.process.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith(key + ":"))

    def stop(self):
        for p in (self.process, self.watcher, self.broker):
            p.terminate()
        for p in (self.process, self.watcher, self.broker):
            p.wait()
        self.folder.cleanup()


def reachable(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def line(what, base, ours, limit, unit=""):
    ratio = ours / base if base else ours
    print(f"{what:<58} {base:>10.2f} {ours:>10.2f}{unit:<5} {ratio:>6.2f} {'≤':>2} {limit:<6g} {'ok' if ratio <= limit else 'MISSED'}", flush=True)


def paced(folder, n):
    sim = Sim(n)
    base = bare(n, 10, "10s")
    bridge = Bridge(sim, folder, n, "10s")
    line(f"start to {n} known, s", base["known_s"], bridge.known, 4)
    print(f"   (CPU until then {base['known_cpu']:.2f} s and {bridge.known_cpu:.2f} s; all at the broker's other clients after {bridge.shown:.2f} s)", flush=True)
    time.sleep(SETTLE)
    memory, anon = bridge.memory(), bridge.memory("RssAnon")
    time.sleep(max(0, SETTLED - SETTLE))
    before, reads, began = bridge.cpu(), sim.reads(), time.monotonic()
    time.sleep(WATCH)
    took = time.monotonic() - began
    used, reads = bridge.cpu() - before, sim.reads() - reads
    line(f"{n} devices every 10 s, % of a core", 0, 100 * used / took, 10, "%")
    print(f"   (bare loop {base['cpu_pct']:.1f} %; {used / max(reads, 1) * 1e6:.1f} µs a poll, {reads / took:.0f} polls/s)")
    line(f"memory of {n} devices with 12 entities, KiB", 20 * 1024 + 12 * n, memory, 1)
    print(f"   (of which anonymous {anon} KiB)")
    bridge.stop()
    sim.stop()


def main():
    print(f"{'':<58} {'base':>10} {'ours':>10}      {'ratio':>6}")
    with tempfile.TemporaryDirectory() as folder:
        write_home(folder + "/home", DEVICES)
        for _ in range(int(os.environ.get("SPEED_ROUNDS", "1"))):
            paced(folder + "/home", DEVICES)


main()
