"""Lets a foreign client, as pip installed it, work with the virtual cloud.

Only its transport is led elsewhere: whatever it sends to a host of Xiaomi's goes
to the given address, with the host's name in the header. Arguments: the name of
the client; on stdin one JSON object: url, user, password, dids. Prints one JSON
object: what the client saw, or why it failed.
"""

import asyncio
import base64
import hashlib
import http.client
import http.server
import importlib.metadata
import json
import sys
import threading
import urllib.parse
import urllib.request

XIAOMI = (".xiaomi.com", ".mi.com")


def is_xiaomi(host):
    return host.endswith(XIAOMI)


def lead_urllib(target):
    """miservice brings a client of urllib's."""

    def https_open(self, req):
        if not is_xiaomi(req.host):
            raise OSError("to nobody but the virtual cloud: " + req.host)
        return self.do_open(lambda host, **kw: http.client.HTTPConnection(target, timeout=kw.get("timeout")), req)

    urllib.request.HTTPSHandler.https_open = https_open


def lead_requests(target):
    """micloud and mihome-ctl use requests."""
    import requests.adapters

    real = requests.adapters.HTTPAdapter.send

    def send(self, request, **kw):
        at = urllib.parse.urlsplit(request.url)
        if not is_xiaomi(at.hostname or ""):
            raise requests.exceptions.ConnectionError("to nobody but the virtual cloud: " + request.url)
        led = request.copy()
        led.headers["Host"] = at.netloc
        led.url = urllib.parse.urlunsplit(("http", target, at.path, at.query, ""))
        answer = real(self, led, **kw)
        answer.url, answer.request = request.url, request
        return answer

    requests.adapters.HTTPAdapter.send = send


def micloud(job):
    from micloud import MiCloud

    cloud = MiCloud(job["user"], job["password"])
    cloud.login()
    seen = {}
    for region in ("cn", "de", "us"):
        for d in cloud.get_devices(region) or []:
            seen[d["did"]] = {"region": region, "name": d["name"], "model": d["model"], "token": d["token"]}
    ask = json.dumps({"params": [{"did": d, "siid": 2, "piid": 1} for d in job["dids"]]})
    got = json.loads(cloud.request_country("/miotspec/prop/get", "de", {"data": ask}))
    return {"devices": seen, "props": {p["did"]: p.get("value") for p in got["result"]}}


def play_phone(job, login_url):
    """Opens the page behind the QR code and says yes."""
    ticket = urllib.parse.parse_qs(urllib.parse.urlsplit(login_url).query)["ticket"][0]
    page = job["url"] + "/scan?ticket=" + ticket
    urllib.request.urlopen(page).read()
    urllib.request.urlopen(page, urllib.parse.urlencode({"do": "confirm"}).encode()).read()


def mihome_ctl(job):
    from mihome_ctl import connector
    from mihome_ctl.core import operations

    # It shows the picture to the whole network; this host is enough here.
    connector.HTTPServer = lambda addr, handler: http.server.HTTPServer(("127.0.0.1", 0), handler)
    conn = connector.QrCodeXiaomiCloudConnector()
    poll = conn.login_step_3

    def scanned():
        threading.Thread(target=play_phone, args=(job, conn._login_url), daemon=True).start()
        return poll()

    conn.login_step_3 = scanned
    if not conn.login():
        raise RuntimeError("login failed")
    seen = {d["did"]: d for d in operations.extract_tokens(conn, ["cn", "de", "us"])}
    props = {d: operations.miot_get(conn, d, "de", 2, 1) for d in job["dids"]}
    wrote = operations.miot_set(conn, job["dids"][0], "de", 2, 1, False).ok
    remotes, rows = operations.enumerate_ir(conn, ["de"])
    did, remote = operations.find_remote(remotes, "Old TV")
    sent = operations.send_key(conn, did, remote, operations.find_key(operations.remote_keys(remote), "mute")).ok
    return {"devices": seen, "props": props, "wrote": wrote, "remotes": len(rows), "sent": sent}


def miservice(job):
    from miservice import MiAccount, MiIOService
    from miservice.biohttp import ClientSession

    async def code(method):
        """Reads the newest code out of the letter box."""
        with urllib.request.urlopen(job["url"] + "/mailbox") as box:
            return box.read().decode().split()[0]

    async def work():
        account = MiAccount(ClientSession(), job["user"], job["password"], token_store=None, otp_callback=code)
        service = MiIOService(account, "de")
        devices = await service.device_list()
        homes = await service.home_list()
        props = {d: await service.miot_get_prop(d, (2, 1)) for d in job["dids"]}
        wrote = await service.miot_set_prop(job["dids"][0], (2, 1), False) == 0
        acted = await service.miot_action(job["dids"][0], (2, 1)) == 0
        power = await service.home_get_prop(job["old"], "power")
        return {"devices": {d["did"]: d for d in devices}, "homes": [h["name"] for h in homes], "props": props,
                "wrote": wrote, "acted": acted, "power": power}

    return asyncio.run(work())


VERSIONS = {"micloud": "0.6", "mihome-ctl": "0.7.0", "miservice": "3.0.1"}


def assert_untouched(name):
    """Every file of the client is the one that was released."""
    client = importlib.metadata.distribution(name)
    if client.version != VERSIONS[name]:
        raise SystemExit(f"{name} {client.version} is installed, {VERSIONS[name]} is needed")
    checked = 0
    for file in client.files:
        if file.hash and file.suffix == ".py":
            digest = hashlib.new(file.hash.mode, file.locate().read_bytes()).digest()
            if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != file.hash.value:
                raise SystemExit(f"{file} was changed since it was installed")
            checked += 1
    if not checked:
        raise SystemExit(f"{name} has no file to check")


def main():
    assert_untouched(sys.argv[1])
    job = json.load(sys.stdin)
    target = urllib.parse.urlsplit(job["url"]).netloc
    lead_urllib(target)
    if sys.argv[1] != "miservice":
        lead_requests(target)
    out, sys.stdout = sys.stdout, sys.stderr
    try:
        answer = {"micloud": micloud, "mihome-ctl": mihome_ctl, "miservice": miservice}[sys.argv[1]](job)
    except Exception as e:  # whatever the client throws is its verdict
        answer = {"error": f"{type(e).__name__}: {e}"}
    json.dump(answer, out)


main()
