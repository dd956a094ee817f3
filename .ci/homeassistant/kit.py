"""What the checks in a real Home Assistant share: the run's own Home Assistant, broker
and bridge, and how their results are told.

  KIT      folder with start-ha.sh, stop-ha.sh and ha.py
  INSTALL  folder in which KIT/install-ha.sh has installed Home Assistant
  BINARY   the mihome2mqtt binary
"""
import os, pathlib, signal, socket, subprocess, sys, threading, time

KIT, INSTALL, BINARY = (pathlib.Path(a).resolve() for a in sys.argv[1:4])
sys.path.insert(0, str(KIT))
from ha import HA, WS, Fail  # noqa: E402

passed, failed = [], []


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def check(what, ok, detail=""):
    (passed if ok else failed).append(what)
    print(("ok    " if ok else "FAIL  ") + what + (f": {detail}" if detail and not ok else ""), flush=True)
    return ok


def until(what, test, seconds=20):
    """Waits for test() to be true; a failed test shows what it saw last."""
    start, last = time.time(), None
    while time.time() - start < seconds:
        try:
            last = test()
            if last:
                return check(f"{what} ({time.time() - start:.1f} s)", True)
        except (Fail, OSError, KeyError, TypeError, ValueError, IndexError) as e:
            last = repr(e)
        time.sleep(0.2)
    return check(what, False, f"last saw {last!r}")


def done():
    """The exit code, after a line that sums up."""
    print(f"{len(passed)} passed, {len(failed)} failed")
    return 1 if failed else 0


class Bridge:
    """The demo; settings are its environment without the prefix."""

    def __init__(self, mqtt_port, data, **settings):
        self.log = open(data / "bridge.log", "ab")
        settings = dict(MQTT_URL=f"mqtt://127.0.0.1:{mqtt_port}", DATA=data / "bridge", WEB_LISTEN=f"127.0.0.1:{free_port()}", **settings)
        self.env = dict(os.environ, **{"MIHOME2MQTT_" + k: str(v) for k, v in settings.items()})
        self.p = None

    def start(self, *args):
        self.p = subprocess.Popen([str(BINARY), "demo", *args], env=self.env, stdout=self.log, stderr=self.log)

    def stop(self):
        self.p.send_signal(signal.SIGTERM)
        return self.p.wait(15)


class Broker:
    """The mosquitto of the Home Assistant tree, with a store on disk."""

    def __init__(self, port):
        self.root, self.conf = INSTALL / "rootfs", f"/srv/broker-{port}.conf"
        store = f"/srv/broker-{port}/"
        (self.root / store[1:]).mkdir(parents=True, exist_ok=True)
        (self.root / self.conf[1:]).write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\npersistence true\npersistence_location {store}\n")

    def start(self):
        self.p = subprocess.Popen(["chroot", str(self.root), "/usr/sbin/mosquitto", "-c", self.conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self):
        self.p.terminate()
        self.p.wait(10)


class Diary:
    """Writes down every change of state: (time, entity, old, new); old and new may be None."""

    def __init__(self, ha):
        self.lines, self.ws = [], WS(ha.url, ha.token)
        self.ws.cmd("subscribe_events", event_type="state_changed")
        self.ws.s.settimeout(None)
        threading.Thread(target=self._write, daemon=True).start()

    def _write(self):
        try:
            while True:
                m = self.ws.recv()
                if m["type"] == "event":
                    d = m["event"]["data"]
                    self.lines.append((time.time(), d["entity_id"], d["old_state"], d["new_state"]))
        except (Fail, OSError):
            pass  # Home Assistant went away

    def of(self, entity):
        return [(at, new["state"] if new else None) for at, e, _, new in list(self.lines) if e == entity]


def ours(ha):
    ha._ws = None  # one that was idle for minutes is closed
    return {e["entity_id"]: e for e in ha.entities() if str(e["unique_id"]).startswith("mihome2mqtt_")}


def live(ha, domain):
    return [e for e in ours(ha).values() if e["entity_id"].startswith(domain + ".") and e["state"] not in (None, "unavailable")]


def call(ha, service, entity, **data):
    domain, name = service.split(".")
    ha.rest("POST", f"/api/services/{domain}/{name}", dict(entity_id=entity, **data))


def attr(ha, entity, name):
    return ha.state(entity)["attributes"].get(name)


def near(a, b, by):
    return a is not None and abs(float(a) - float(b)) <= by


def enable(ha, entity):
    """Enables an entity that is disabled by default, as a user would."""
    ha.ws.cmd("config/entity_registry/update", entity_id=entity, disabled_by=None)
    return entity


def restart(ha):
    ha.rest("POST", "/api/services/homeassistant/restart", {})
    time.sleep(3)
    ha._ws = None
    ha.up()


def complaints(ha):
    """What Home Assistant logged against us."""
    return [r["message"] for r in ha.ws.cmd("system_log/list")
            if "mqtt" in r["name"] and r["level"] in ("ERROR", "WARNING") and "connection was lost" not in str(r["message"])]


def run(home, furnish=lambda folder: None, start=(), **settings):
    """Runs home(ha, bridge, broker, folder) in a Home Assistant of its own; furnish adds to the folder before the bridge starts."""
    mqtt_port, http_port = free_port(), free_port()
    folder = INSTALL / f"run-{http_port}"
    broker = Broker(mqtt_port)
    broker.start()
    subprocess.run([str(KIT / "start-ha.sh"), str(INSTALL), str(mqtt_port), str(http_port)], check=True, stdout=subprocess.DEVNULL, env=dict(os.environ, NO_BROKER="1"))
    ha = HA(folder)
    furnish(folder)
    bridge = Bridge(mqtt_port, folder, **settings)
    bridge.start(*start)
    try:
        home(ha, bridge, broker, folder)
        errors = complaints(ha)
        check("Home Assistant logged nothing against us", not errors, errors[:5])
    finally:
        if bridge.p.poll() is None:
            bridge.stop()
        if not os.environ.get("KEEP"):
            subprocess.run([str(KIT / "stop-ha.sh"), str(INSTALL), str(http_port)], check=False, stdout=subprocess.DEVNULL)
            broker.stop()
    return done()
