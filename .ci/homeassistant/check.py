#!/usr/bin/env python3
"""Acceptance in a real Home Assistant: the virtual home is discovered, every kind of
entity takes one command and shows the new state, and nothing is lost, doubled or stuck
when Home Assistant, the broker, the bridge or a device goes and comes back.

usage: check.py KIT INSTALL BINARY    (see kit.py)
"""
import json, pathlib, re, sys, time

from kit import attr, call, check, enable, live, near, ours, restart, run, until

KINDS = "light fan climate humidifier cover vacuum water_heater switch number select text button notify valve alarm_control_panel".split()
TV_PACKAGE = pathlib.Path(__file__).parents[2] / "docker/home-assistant/tv.yaml"


def dims(e):
    return "brightness" in (e["attributes"].get("supported_color_modes") or []) or "color_temp" in e["attributes"].get("supported_color_modes", [])


def command_light(ha, e):
    e = next(x for x in live(ha, "light") if dims(x))["entity_id"]
    call(ha, "light.turn_on", e, brightness=128)
    return until("light: brightness from the dashboard and back", lambda: ha.state(e)["state"] == "on" and near(attr(ha, e, "brightness"), 128, 2))


def command_fan(ha, e):
    call(ha, "fan.turn_off", e)
    until("fan: off", lambda: ha.state(e)["state"] == "off")
    call(ha, "fan.turn_on", e)
    return until("fan: on", lambda: ha.state(e)["state"] == "on")


def command_climate(ha, e):
    mode = next(m for m in attr(ha, e, "hvac_modes") if m != "off")
    call(ha, "climate.set_hvac_mode", e, hvac_mode=mode)
    until(f"climate: mode {mode}", lambda: ha.state(e)["state"] == mode)
    want = (attr(ha, e, "min_temp") + attr(ha, e, "max_temp")) // 2
    call(ha, "climate.set_temperature", e, temperature=want)
    return until(f"climate: {want} degrees", lambda: near(attr(ha, e, "temperature"), want, 0.6))


def command_humidifier(ha, e):
    call(ha, "humidifier.turn_on", e)
    until("humidifier: on", lambda: ha.state(e)["state"] == "on")
    call(ha, "humidifier.set_humidity", e, humidity=60)
    return until("humidifier: 60 %", lambda: near(attr(ha, e, "humidity"), 60, 5))


def command_cover(ha, e):
    call(ha, "cover.set_cover_position", e, position=30)
    until("cover: runs to 30 %", lambda: near(attr(ha, e, "current_position"), 30, 2), 60)
    call(ha, "cover.open_cover", e)
    return until("cover: opens", lambda: ha.state(e)["state"] == "open" and near(attr(ha, e, "current_position"), 100, 3), 90)


def command_vacuum(ha, e):
    call(ha, "vacuum.start", e)
    until("vacuum: cleans", lambda: ha.state(e)["state"] == "cleaning")
    call(ha, "vacuum.return_to_base", e)
    return until("vacuum: goes home", lambda: ha.state(e)["state"] in ("returning", "docked"))


def command_water_heater(ha, e):
    want = round((attr(ha, e, "min_temp") + attr(ha, e, "max_temp")) / 2)
    call(ha, "water_heater.set_temperature", e, temperature=want)
    return until(f"water heater: {want} degrees", lambda: near(attr(ha, e, "temperature"), want, 1))


def command_switch(ha, e):
    want = "off" if ha.state(e)["state"] == "on" else "on"
    call(ha, f"switch.turn_{want}", e)
    return until(f"switch: {want}", lambda: ha.state(e)["state"] == want)


def command_number(ha, e):
    low, high, step = (float(attr(ha, e, k)) for k in ("min", "max", "step"))
    want = low + step * ((high - low) // (2 * step))
    if near(ha.state(e)["state"] if ha.state(e)["state"] != "unknown" else None, want, step / 2):
        want += step
    call(ha, "number.set_value", e, value=want)
    return until(f"number: {want}", lambda: near(ha.state(e)["state"], want, step / 2))


def command_select(ha, e):
    want = next(o for o in attr(ha, e, "options") if o != ha.state(e)["state"])
    call(ha, "select.select_option", e, option=want)
    return until(f"select: {want}", lambda: ha.state(e)["state"] == want)


def command_text(ha, e):
    call(ha, "text.set_value", e, value="hello")
    return until("text: hello", lambda: ha.state(e)["state"] == "hello")


def command_button(ha, e):
    before = ha.state(e)["state"]
    call(ha, "button.press", e)
    return until("button: pressed", lambda: ha.state(e)["state"] != before)


def command_notify(ha, e):
    before = ha.state(e)["state"]
    call(ha, "notify.send_message", e, message="dinner is ready")
    return until("notify: said", lambda: ha.state(e)["state"] != before)


def command_valve(ha, e):
    want, service = ("closed", "close_valve") if ha.state(e)["state"] == "open" else ("open", "open_valve")
    call(ha, "valve." + service, e)
    return until(f"valve: {want}", lambda: ha.state(e)["state"] == want)


def command_alarm_control_panel(ha, e):
    call(ha, "alarm_control_panel.alarm_arm_away", e)
    return until("alarm: armed", lambda: ha.state(e)["state"] == "armed_away")


def enable_one(ha, domain):
    """Enables one entity of a kind that is there but disabled by default, as a user would."""
    for e in ours(ha).values():
        if e["entity_id"].startswith(domain + ".") and e["disabled_by"] == "integration":
            return enable(ha, e["entity_id"])


def commands(ha):
    waiting = [enable_one(ha, d) for d in KINDS if not live(ha, d)]
    if any(waiting):
        until("entities that a user enabled appear", lambda: all(ha.state(e) for e in waiting if e), 60)
    for domain in KINDS:
        found = [e for e in live(ha, domain) if e["device"] and "bridge" not in e["unique_id"]]
        if check(f"{domain}: there is one", bool(found)):
            found.sort(key=lambda e: e["state"] == "unknown")  # those of a TV that is not paired last
            globals()["command_" + domain](ha, found[0]["entity_id"])


def furnish(folder):
    """Gives Home Assistant the media player that we recommend for a TV, as a package; it is read at the restart."""
    config = folder / "config"
    (config / "packages").mkdir(exist_ok=True)
    (config / "packages" / "tv.yaml").write_text(TV_PACKAGE.read_text())
    main = config / "configuration.yaml"
    main.write_text(main.read_text().replace("homeassistant:\n", "homeassistant:\n  packages: !include_dir_named packages\n", 1))


def media_player(ha):
    """One evening in front of the TV, from the player alone. What it orders is read off the entities, which show what the TV says."""
    tv, parts = "media_player.living_room_tv", "living_room_tv_"
    state = lambda e: ha.state(e)["state"]
    player = lambda what, **data: call(ha, "media_player." + what, tv, **data)
    loud = f"number.{parts}volume"
    until("media player: it is there", lambda: state(tv) in ("on", "off"), 30)
    player("turn_off")
    until("media player: off, and the TV is", lambda: state(tv) == "off" and state(f"switch.{parts}power") == "off", 30)
    time.sleep(35)  # longer than between two polls
    check("media player: a TV that is off is not unavailable", state(tv) == "off" and state(f"switch.{parts}power") == "off" and state(loud) == "unknown")
    player("turn_on")
    until("media player: on, and the TV tells its volume again", lambda: state(tv) == "on" and near(state(loud), 20, 60), 60)
    check("media player: sources are inputs and apps", {"HDMI 1", "Kodi"} <= set(attr(ha, tv, "source_list")), attr(ha, tv, "source_list"))
    player("select_source", source="Kodi")
    until("media player: an app", lambda: attr(ha, tv, "source") == "Kodi" and state(f"select.{parts}app") == "Kodi")
    player("select_source", source="HDMI 2")
    until("media player: an input", lambda: state(f"select.{parts}source") == "HDMI 2")
    player("volume_set", volume_level=0.5)
    until("media player: volume", lambda: near(attr(ha, tv, "volume_level"), 0.5, 0.02) and near(state(loud), 30, 1))
    player("volume_mute", is_volume_muted=True)
    until("media player: mute", lambda: attr(ha, tv, "is_volume_muted") is True and near(state(loud), 0, 0))
    player("volume_mute", is_volume_muted=False)
    until("media player: sound again", lambda: attr(ha, tv, "is_volume_muted") is False and near(state(loud), 30, 1))
    player("play_media", media_content_type="video", media_content_id="http://192.0.2.1/film.mp4")
    until("media player: a film", lambda: state(f"text.{parts}play_url") == "http://192.0.2.1/film.mp4")
    player("turn_off")
    until("media player: off again", lambda: state(tv) == "off" and state(f"switch.{parts}power") == "off", 30)
    player("turn_on")
    until("media player: on again", lambda: state(tv) == "on", 60)


def google_tv(ha, log):
    """A TV is paired from Home Assistant with the code on its screen, which the demo writes to its log, and then obeys."""
    name, state = "bedroom_tv_", lambda e: ha.state(e)["state"]
    check("Google TV: available before it is paired", state(f"sensor.{name}pairing") == "Not paired" and state(f"switch.{name}power") == "unknown")
    call(ha, "button.press", f"button.{name}pair")
    until("Google TV: shows a code", lambda: state(f"sensor.{name}pairing") == "Waiting for the code")
    code = re.findall(r"code=([0-9A-F]{6})", log.read_text())[-1]
    call(ha, "text.set_value", f"text.{name}pairing_code", value=code.lower())
    until("Google TV: paired, and tells what it does", lambda: state(f"sensor.{name}pairing") == "Paired" and state(f"switch.{name}power") == "on" and float(state(f"number.{name}volume")) == 20)
    call(ha, "number.set_value", f"number.{name}volume", value=34)
    until("Google TV: volume", lambda: float(state(f"number.{name}volume")) == 34)
    call(ha, "select.select_option", f"select.{name}app", option="Netflix")
    until("Google TV: an app", lambda: state(f"select.{name}app") == "Netflix" and state(f"sensor.{name}current_app") == "Netflix")
    call(ha, "switch.turn_off", f"switch.{name}power")
    until("Google TV: off", lambda: state(f"switch.{name}power") == "off" and state(f"number.{name}volume") == "unknown")
    call(ha, "switch.turn_on", f"switch.{name}power")
    until("Google TV: on", lambda: state(f"switch.{name}power") == "on" and float(state(f"number.{name}volume")) == 34)


def options(ha):
    """A device that its user hides is gone, and comes back with the same entities; so it does with fewer and with all of them."""
    fan = "460000010"
    own = lambda: {e: v for e, v in ours(ha).items() if v["unique_id"].startswith(f"mihome2mqtt_{fan}_")}
    choose = lambda **what: ha.rest("POST", "/api/services/mqtt/publish", {"topic": "mihome2mqtt/bridge/request/device/options", "payload": json.dumps(dict(id=fan, **what))})
    back = lambda: set(own()) == set(before) and all(v["state"] != "unavailable" for v in own().values())
    before = own()
    choose(hidden=True)
    until("a hidden device: its entities are gone", lambda: before and not own())
    choose(hidden=False)
    until("shown again: the same entities, available", back)
    choose(detail="minimal")
    until("few entities: some are gone", lambda: 0 < len(own()) < len(before))
    choose(detail="default")
    until("as before: the same entities, available", back)


def same(ha, before, what, seconds=60):
    """Everything known before is there again, once, and available."""
    def settled():
        now = ours(ha)
        lost = sorted(set(before) - set(now))
        new = sorted(e for e in set(now) - set(before) if not now[e]["unique_id"].startswith("mihome2mqtt_ble_"))  # those grow with what is heard
        stuck = sorted(e for e, v in now.items() if before.get(e, {}).get("state") not in (None, "unavailable") and v["state"] in (None, "unavailable"))
        settled.seen = f"lost {lost[:4]} new {new[:4]} unavailable {len(stuck)} {stuck[:4]}"
        return not lost and not new and not stuck
    settled.seen = "nothing"
    return until(what, settled, seconds) or print("      " + settled.seen)


def home(ha, bridge, broker, folder):
    until("twelve devices of the virtual home are discovered", lambda: len({e["device_id"] for e in ours(ha).values()}) >= 13, 30)
    until("their states arrive", lambda: sum(e["state"] == "unavailable" for e in ours(ha).values()) == 0, 30)
    commands(ha)
    google_tv(ha, folder / "bridge.log")
    options(ha)
    before = ours(ha)
    restart(ha)
    same(ha, before, "restart of Home Assistant: same entities, all available")
    media_player(ha)
    before = ours(ha)
    broker.stop()
    until("the broker is away: Home Assistant says so", lambda: all(e["state"] in (None, "unavailable") for e in ours(ha).values()))
    broker.start()
    same(ha, before, "restart of the broker: same entities, all available")
    check("the bridge stops within 10 s", bridge.stop() == 0)
    until("the bridge is away: entities say so", lambda: all(e["state"] in (None, "unavailable") for e in ours(ha).values() if "bridge" not in e["unique_id"]))
    bridge.start()
    same(ha, before, "restart of the bridge: same entities, all available")


sys.exit(run(home, furnish))
