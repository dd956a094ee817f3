#!/usr/bin/env python3
"""Takes the picture of the README anew: a device of the demo on the pages of the bridge
and in a real Home Assistant, side by side, as .github/picture.webp.

usage: picture.py KIT INSTALL BINARY    (see kit.py; needs chromium)
"""
import base64, json, pathlib, shutil, subprocess, sys, tempfile, time, urllib.request

from kit import KIT, ours, run, until

sys.path.insert(0, str(KIT))
from ha import Fail, Socket  # noqa: E402

DEVICE = "Bedroom purifier"
DID = "2500000015"
OUT = pathlib.Path(__file__).parents[2] / ".github/picture.webp"
SIZE = (1180, 860)
FRAME = """<style>body{margin:0;background:#e7edf0;display:flex;gap:28px;padding:28px;font:600 26px system-ui}
figure{margin:0}figcaption{color:#334e5c;padding:0 0 14px 6px}img{display:block;width:%dpx;border-radius:14px;box-shadow:0 6px 28px #0003}</style>
<figure><figcaption>Home Assistant</figcaption><img src="%s"></figure><figure><figcaption>The pages of mihome2mqtt</figcaption><img src="%s"></figure>"""


class Chromium:
    """A headless browser, driven by its DevTools."""

    def __enter__(self):
        self.profile = tempfile.mkdtemp(prefix="picture-")
        self.p = subprocess.Popen(["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-port=0",
                                   "--remote-allow-origins=*", f"--user-data-dir={self.profile}", "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        told = pathlib.Path(self.profile) / "DevToolsActivePort"
        until("chromium starts", lambda: told.exists() and told.read_text().strip(), 60)
        base = f"http://127.0.0.1:{told.read_text().split()[0]}"
        tab = next(t for t in json.load(urllib.request.urlopen(base + "/json")) if t["type"] == "page")
        self.socket, self.n = Socket(base, "/devtools/page/" + tab["id"], 120), 0
        self.do("Page.enable")
        return self

    def __exit__(self, *_):
        self.p.terminate()
        self.p.wait(10)
        shutil.rmtree(self.profile, ignore_errors=True)

    def do(self, method, **params):
        self.n += 1
        self.socket.send({"id": self.n, "method": method, "params": params})
        while True:
            r = self.socket.recv()
            if r.get("id") == self.n:
                if "error" in r:
                    raise Fail(str(r["error"]))
                return r["result"]

    def shot(self, url, size, wait=15, **how):
        self.do("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=False)
        self.do("Page.navigate", url=url)
        time.sleep(wait)
        return self.do("Page.captureScreenshot", **how)["data"]


def signed_in(ha, browser):
    """Gives the browser the session of the owner of this Home Assistant."""
    session = json.loads((ha.run / "session.json").read_text())
    fresh = ha.rest("POST", "/auth/token", form={"grant_type": "refresh_token", "refresh_token": session["refresh_token"], "client_id": session["clientId"]}, auth=False)
    session.update(fresh, expires=int((time.time() + fresh["expires_in"]) * 1000))
    browser.do("Page.addScriptToEvaluateOnNewDocument", source=f"localStorage.setItem('hassTokens', {json.dumps(json.dumps(session))});")


def home(ha, bridge, broker, folder):
    found = lambda: next((d["id"] for d in ha.ws.cmd("config/device_registry/list") if d["name"] == DEVICE), None)
    until("the device is in Home Assistant", found, 120)
    until("its states are there", lambda: all(e["state"] not in (None, "unavailable") for e in ours(ha).values() if e["device"] == DEVICE and not e["disabled_by"]), 60)
    with Chromium() as browser:
        signed_in(ha, browser)
        shots = [browser.shot(f"{ha.url}/config/devices/device/{found()}", SIZE, format="png"),
                 browser.shot(f"http://{bridge.env['MIHOME2MQTT_WEB_LISTEN']}/devices/{DID}", SIZE, format="png")]
        page = folder / "picture.html"
        page.write_text("<!doctype html><meta charset=utf-8>" + FRAME % (SIZE[0] * 3 // 4, *("data:image/png;base64," + s for s in shots)))
        width, height = 2 * (SIZE[0] * 3 // 4) + 84, SIZE[1] * 3 // 4 + 104
        OUT.write_bytes(base64.b64decode(browser.shot(page.as_uri(), (width, height), 3, format="webp", quality=82)))
    print(f"{OUT.name}: {OUT.stat().st_size // 1024} KiB")


sys.exit(run(home, AREAS="true"))
