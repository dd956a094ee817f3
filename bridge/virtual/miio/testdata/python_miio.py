"""Talks to virtual devices as a user of python-miio would.

Reads one JSON list of {model, host, token} from standard input and writes one
JSON line for each device: who it says it is, what was read, what was written.
"""
import json
import sys
import warnings

warnings.simplefilter("ignore")
import miio  # noqa: E402
from miio.integrations.airpurifier.zhimi.airpurifier import OperationMode  # noqa: E402
from miio.miot_device import MiotDevice  # noqa: E402


def miot(siid, piid, value):
    """Reads, writes and reads one property of a MIoT device."""

    def run(host, token):
        d = MiotDevice(host, token, mapping={"p": {"siid": siid, "piid": piid}})
        before = d.get_properties_for_mapping()[0]["value"]
        code = d.set_property("p", value)[0]["code"]
        return {"before": before, "code": code, "after": d.get_properties_for_mapping()[0]["value"]}

    return run


def old_plug(host, token):
    d = miio.ChuangmiPlug(host, token, model="chuangmi.plug.m1")
    before = d.status().power
    d.off()
    return {"before": before, "after": d.status().power, "temperature": d.status().temperature}


def old_purifier(host, token):
    d = miio.AirPurifier(host, token, model="zhimi.airpurifier.m1")
    d.set_mode(OperationMode.Favorite)
    d.set_favorite_level(9)
    s = d.status()
    return {"mode": s.mode.value, "level": s.favorite_level, "temperature": s.temperature, "aqi": s.aqi}


def old_bulb(host, token):
    d = miio.PhilipsBulb(host, token, model="philips.light.bulb")
    d.on()
    d.set_brightness_and_color_temperature(70, 20)
    s = d.status()
    return {"on": s.is_on, "brightness": s.brightness, "ct": s.color_temperature}


def old_vacuum(host, token):
    d = miio.RoborockVacuum(host, token, model="roborock.vacuum.s5")
    d.start()
    d.set_fan_speed(104)
    s = d.status()
    return {"state": s.state_code, "battery": s.battery, "fan": s.fanspeed, "brush": d.consumable_status().main_brush.total_seconds()}


def old_cooker(host, token):
    d = miio.Cooker(host, token, model="chunmi.cooker.normal2")
    before = d.status().mode.name
    d.start("0001" + "2d" + "00" * 118)
    s = d.status()
    return {"before": before, "after": s.mode.name, "remaining": s.remaining, "menu": s.menu}


def fan(host, token):
    d = miio.FanMiot(host, token, model="dmaker.fan.p10")
    d.set_speed(80)
    d.set_oscillate(True)
    s = d.status()
    return {"on": s.is_on, "speed": s.speed, "oscillate": s.oscillate}


def humidifier(host, token):
    d = miio.AirHumidifierMiot(host, token, model="zhimi.humidifier.ca4")
    d.set_target_humidity(60)
    s = d.status()
    return {"target": s.target_humidity, "humidity": s.humidity, "on": s.is_on}


def vacuum(host, token):
    d = miio.DreameVacuum(host, token, model="dreame.vacuum.p2009")
    d.start()
    s = d.status()
    return {"status": s.device_status.name, "battery": s.battery_level}


def lamp(host, token):
    d = miio.Yeelight(host, token, model="yeelink.light.color5")
    d.on()
    d.set_brightness(33)
    s = d.status()
    return {"on": s.is_on, "brightness": s.brightness}


PLANS = {
    "cuco.plug.cp5pro": miot(2, 1, False),
    "dmaker.airpurifier.f20": miot(2, 4, 5),
    "yeelink.light.color5": lamp,
    "chunmi.cooker.eh402": None,
    "dreame.vacuum.p2009": vacuum,
    "lumi.curtain.hmcn01": miot(2, 7, 40),
    "zhimi.humidifier.ca4": humidifier,
    "xiaomi.aircondition.mt5": miot(2, 4, 22.5),
    "viomi.waterheater.e27": miot(2, 2, 60),
    "yunmi.kettle.r3": miot(2, 2, 90),
    "dmaker.fan.p10": fan,
    "lumi.gateway.acn01": miot(3, 1, 2),
    "xiaomi.wifispeaker.l05b": miot(2, 1, 12),
    "xiaomi.tv.eaffh1": miot(4, 1, 15),
    "virtual.valve.v1": miot(2, 1, False),
    "chunmi.cooker.normal2": old_cooker,
    "zhimi.airpurifier.m1": old_purifier,
    "philips.light.bulb": old_bulb,
    "chuangmi.plug.m1": old_plug,
    "roborock.vacuum.s5": old_vacuum,
}


def cook(host, token):
    d = MiotDevice(host, token, mapping={"status": {"siid": 2, "piid": 1}})
    before = d.get_properties_for_mapping()[0]["value"]
    reply = d.call_action_by(2, 1, [2])
    return {"before": before, "code": reply["code"], "after": d.get_properties_for_mapping()[0]["value"]}


PLANS["chunmi.cooker.eh402"] = cook

for device in json.load(sys.stdin):
    line = {"model": device["model"]}
    try:
        info = miio.Device(device["host"], device["token"]).info()
        line.update(info=info.model, firmware=info.firmware_version, mac=info.mac_address)
        line["did_it"] = PLANS[device["model"]](device["host"], device["token"])
    except Exception as err:  # the test shows it
        line["error"] = repr(err)
    print(json.dumps(line), flush=True)
