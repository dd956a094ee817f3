#!/usr/bin/env python3
"""More of the virtual home in a real Home Assistant: the light string, motion sensors and
buttons, the TV, phones, a crowd of them, vehicles and what only the Xiaomi cloud reaches. Life in the
virtual home goes eight times faster, so that everything happens within minutes.

usage: more.py KIT INSTALL BINARY [crowd] [evening]    (see kit.py)
"""
import sys, time

import presence
from kit import Diary, attr, call, check, enable, near, ours, restart, run, until

SETTINGS = dict(MOTION_CLEAR="5s", AWAY_AFTER=f"{presence.AWAY}s", NINEBOT_POLL="1m", LOG_FORMAT="json", LOG_LEVEL="debug")
TRANSITION, EFFECT = 32, 4  # features of a light


class Home:
    """Home Assistant with its entities by the end of their unique ids, which outlive any name."""

    def __init__(self, ha):
        self.ha, self.diary = ha, Diary(ha)
        self.ids, self.first = {}, {}
        for e in ours(ha).values():
            uid = e["unique_id"].removeprefix("mihome2mqtt_")
            self.ids[uid], self.first[uid] = e["entity_id"], e["state"]

    def id(self, uid):
        if uid not in self.ids:
            self.ids.update({e["unique_id"].removeprefix("mihome2mqtt_"): e["entity_id"] for e in ours(self.ha).values()})
        return self.ids[uid]

    def state(self, uid):
        return self.ha.state(self.id(uid))["state"]

    def attr(self, uid, name):
        return attr(self.ha, self.id(uid), name)

    def call(self, service, uid, **data):
        call(self.ha, service, self.id(uid), **data)

    def seen(self, uid):
        """What an entity was, one (time, state) after the other."""
        return self.diary.of(self.id(uid))

    def states(self, uid):
        return [state for _, state in self.seen(uid)]


STRING, CEILING, AMBIENT = "57701330_light_2", "57701331_light_2", "57701331_light_3"


def shines(h, light, **want):
    def test():
        a = h.ha.state(h.id(light))["attributes"]
        return h.state(light) == "on" and all(near(x, y, 2) for k, v in want.items() for x, y in zip(*((i if isinstance(i, list) else [i]) for i in (a[k], v))))
    return test


def light_string(h):
    on = lambda **data: h.call("light.turn_on", STRING, **data)
    check("light string: it fades and has effects", h.attr(STRING, "supported_features") & (TRANSITION | EFFECT) == TRANSITION | EFFECT, h.attr(STRING, "supported_features"))
    on(rgb_color=[0, 40, 255], brightness=200)
    until("light string: red, green and blue, on in one go", shines(h, STRING, rgb_color=[0, 40, 255], brightness=200))
    on(hs_color=[120, 60])
    until("light string: hue and saturation", shines(h, STRING, hs_color=[120, 60]))
    on(color_temp_kelvin=3000)
    until("light string: colour temperature", lambda: h.attr(STRING, "color_mode") == "color_temp" and shines(h, STRING, color_temp_kelvin=3000)())
    for effect in ("Disco", "Sunrise", "Candle Flicker"):
        on(effect=effect)
        until(f"light string: effect {effect}", lambda: h.attr(STRING, "effect") == effect)
    on(brightness=40, transition=2)
    until("light string: fades to a brightness", shines(h, STRING, brightness=40))
    h.call("light.turn_off", STRING, transition=1)
    until("light string: fades out", lambda: h.state(STRING) == "off")


def ceiling_lamp(h):
    h.call("light.turn_on", CEILING, brightness=90, color_temp_kelvin=4000)
    h.call("light.turn_on", AMBIENT, rgb_color=[255, 0, 255], brightness=120)
    until("ceiling lamp: white", shines(h, CEILING, brightness=90, color_temp_kelvin=4000))
    until("ceiling lamp: background in colour", shines(h, AMBIENT, rgb_color=[255, 0, 255], brightness=120))
    h.call("light.turn_off", CEILING)
    until("ceiling lamp: off while its background burns", lambda: h.state(CEILING) == "off" and h.state(AMBIENT) == "on")


def slider(h):
    """200 moves of a slider, without waiting for one another."""
    h.call("light.turn_on", STRING, brightness=1)
    until("slider: the lamp is on", shines(h, STRING, brightness=3))
    before, ws = len(h.seen(STRING)), h.ha.ws
    for i in range(200):
        ws.n += 1
        ws.send({"id": ws.n, "type": "call_service", "domain": "light", "service": "turn_on", "service_data": {"entity_id": h.id(STRING), "brightness": 50 + i}})
    ws.cmd("get_config")
    until("slider: ends at the last of 200 values", shines(h, STRING, brightness=249), 30)
    changes = len(h.seen(STRING)) - before
    check(f"slider: few of them reach the lamp ({changes})", changes <= 40, changes)


def cloud(h):
    plug, lamp = "700000000_switch_2", "460000002_light_2"
    h.call("switch.turn_off", plug)
    until("cloud: a plug without a LAN route switches", lambda: h.state(plug) == "off")
    h.call("scene.turn_on", "home_123000000001_a2_2")
    until("cloud: a scene of Mi Home runs there", lambda: h.state(plug) == "on" and h.state(lamp) == "on", 60)
    h.call("button.press", "ir_1012345680_a2_2")
    until("cloud: a key of an infrared remote", lambda: h.state("ir_1012345680_a2_2") > "2" and h.state("ir_1012345680_last_error") == "unknown")


TV, SOURCE, APP, VOLUME = ("mitv_024d54560001_" + part for part in ("p2_1", "p2_2", "p4_1", "p3_1"))


def tv_off(h):
    until("TV: there", lambda: h.state(TV) == "on", 60)
    h.call("switch.turn_off", TV)
    until("TV: off", lambda: h.state(TV) == "off")


def tv_evening(h):
    """Comes a while after tv_off."""
    since = h.states(TV)[h.states(TV).index("off"):]
    check("TV: never unavailable while merely off", since == ["off"], since)
    h.call("switch.turn_on", TV)
    until("TV: on, and tells its volume", lambda: h.state(TV) == "on" and h.state(VOLUME).isdigit(), 60)
    h.call("select.select_option", SOURCE, option="HDMI 2")
    until("TV: source", lambda: h.state(SOURCE) == "HDMI 2")
    h.call("select.select_option", APP, option="Kodi")
    until("TV: app", lambda: h.state(APP) == "Kodi")
    h.call("number.set_value", VOLUME, value=17)
    until("TV: volume", lambda: h.state(VOLUME) == "17")
    tv_off(h)


def lasts(h, uid):
    """How many seconds an entity was on, each time that it was."""
    seen = h.seen(uid)
    return [b - a for (_, before), (a, was), (b, after) in zip(seen, seen[1:], seen[2:]) if (before, was, after) == ("off", "on", "off")]


def motion(h):
    for what, uid in {"Bluetooth": "ble_a4c1380e2e10_p103_1", "Zigbee": "lumi_158d0002a1b201_p2_1"}.items():
        until(f"{what} motion sensor: on and off again", lambda: lasts(h, uid), 120)
        check(f"{what} motion sensor: off not before the clear time", all(t > 4.5 for t in lasts(h, uid)), lasts(h, uid))


BUTTON = "ble_a4c1380e2e13_event_150"


def button(h):
    """Presses are at least 0.6 s apart; each is heard six times by two receivers together."""
    def presses():
        return [at for at, state in h.seen(BUTTON) if state and state.startswith("2")]
    until("Bluetooth button: presses arrive", lambda: len(presses()) >= 3, 120)
    gaps = [b - a for a, b in zip(presses(), presses()[1:])]
    check("Bluetooth button: each press arrives once", min(gaps) > 0.4, gaps)


def phones(h, log, began):
    """Somebody leaves and comes back; nobody is away before it was missed for the configured time."""
    people = [f"miwifi_5acb5201000{i}_device_tracker_2" for i in range(8)]
    until("phones: one leaves and returns", lambda: any("not_home" in h.states(p) and h.states(p)[-1] == "home" for p in people), 120)
    follows("phones", h, log, began, 1)


def follows(what, h, log, began, least):
    moved, missed, invented = presence.judge(log, h, began, time.time())
    check(f"{what}: {moved} times somebody came or went", moved >= least, moved)
    check(f"{what}: each is shown in time, and away only after {presence.AWAY} s", not missed and not invented, dict(missed=missed[:5], invented=invented[:5]))


CLIENTS, WATCH = 250, 180


def crowd(ha, bridge, broker, folder):
    """A router with many clients, of which somebody moves every few seconds."""
    here = lambda: [e for e in ours(ha).values() if e["entity_id"].startswith("device_tracker.") and e["state"] in ("home", "not_home")]
    until("crowd: everybody is home or away", lambda: len(here()) >= CLIENTS, 180)
    home, began = Home(ha), time.time()
    time.sleep(WATCH)
    check("crowd: nobody is lost", len(here()) >= CLIENTS, len(here()))
    follows("crowd", home, folder / "bridge.log", began + 2, WATCH // 5)


MINI = "ninebot_d4f057100001_"


def vehicle(h):
    battery, mileage = MINI + "p3_1", MINI + "p2_2"
    read = lambda uid: [float(s) for s in h.states(uid) if s and s[0].isdigit()]
    until("mini: appears and is read", lambda: read(battery) and read(mileage), 60)
    until("mini: leaves, and is unavailable", lambda: "unavailable" in h.states(battery), 120)
    until("mini: returns from its ride and is read again", lambda: read(mileage)[-1] > read(mileage)[0] + 0.5 and h.state(battery) != "unavailable", 120)


def events(h):
    return {e: v["state"] for e, v in ours(h.ha).items() if e.startswith("event.") and str(v["state"]).startswith("2")}


def silence(ha, bridge, broker, home):
    """After a restart of anything no event fires again; life in the virtual home nearly stands still meanwhile."""
    check("the bridge stops", bridge.stop() == 0)
    before = events(home)
    connection = enable(ha, home.id("700000000_connection"))  # shown from the restart of Home Assistant on
    def settled():  # what Bluetooth only hears is unavailable until it speaks, but there
        now = ours(ha)
        away = sum(e["state"] == "unavailable" for e in now.values())
        return away < 60 and all(now[e]["state"] in (was, "unavailable") for e, was in before.items())
    bridge.start("--speed", "0.001")
    until("restart of the bridge: all is available and no event fires", settled, 60)
    broker.stop()
    until("the broker is away: everything is unavailable", lambda: all(e["state"] in (None, "unavailable") for e in ours(ha).values()))
    broker.start()
    until("restart of the broker: all is available and no event fires", settled, 60)
    restart(ha)
    until("restart of Home Assistant: all is available and no event fires", settled, 60)
    time.sleep(5)
    check("and none fires later", settled(), events(home))
    until("cloud: the connection says so", lambda: ha.state(connection)["state"] == "cloud")


def evening(ha, bridge, broker, folder):
    until("the virtual home is discovered", lambda: len({e["device_id"] for e in ours(ha).values()}) >= 50, 60)
    home, began = Home(ha), time.time()
    tv_off(home)
    light_string(home)
    ceiling_lamp(home)
    slider(home)
    cloud(home)
    motion(home)
    button(home)
    phones(home, folder / "bridge.log", began + 2)
    vehicle(home)
    tv_evening(home)
    silence(ha, bridge, broker, home)


HOMES = dict(crowd=(crowd, ["--clients", str(CLIENTS)]), evening=(evening, []))

if __name__ == "__main__":
    code = 0
    for name in sys.argv[4:] or HOMES:
        home, start = HOMES[name]
        code = run(home, start=["--speed", "8", *start], **SETTINGS)
    sys.exit(code)
