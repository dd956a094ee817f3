"""Lets the PyPI library yeelight, unmodified, control two lamps: host and port of
the light string, then of the ceiling lamp. Prints what it saw as JSON."""
import json
import sys

from yeelight import Bulb, BulbException, CronType, Flow, LightType, RGBTransition, SceneClass, SleepTransition, TemperatureTransition, flows

said = {}
string = Bulb(sys.argv[1], int(sys.argv[2]), duration=300)
ceiling = Bulb(sys.argv[3], int(sys.argv[4]), duration=300, model="ceiling4")

caps = string.get_capabilities()
said["capabilities"] = [caps["model"], caps["id"], caps["power"]]
said["before"] = string.get_properties()["power"]
said["type"] = str(string.bulb_type)
try:
    string.set_brightness(50)
except BulbException as e:
    said["refused"] = str(e)
string.set_scene(SceneClass.COLOR, 0, 255, 0, 70)
said["scene"] = [string.get_properties()[k] for k in ("power", "rgb", "bright", "color_mode")]
string.set_brightness(50)
string.set_rgb(255, 128, 1)
string.set_color_temp(100)
said["white"] = [string.get_properties()[k] for k in ("ct", "color_mode")]
string.set_hsv(200, 75)
said["hue"] = [string.get_properties()[k] for k in ("hue", "sat", "color_mode")]
string.start_flow(Flow(2, Flow.actions.stay, [RGBTransition(255, 0, 0), SleepTransition(1000), TemperatureTransition(2700, 2000)]))
said["flowing"] = string.get_properties()["flowing"]
string.stop_flow()
string.start_flow(flows.disco())
string.stop_flow()
string.set_scene(SceneClass.HSV, 300, 70, 100)
string.set_scene(SceneClass.CT, 5400, 100)
string.set_scene(SceneClass.CF, flows.lsd())
string.set_scene(SceneClass.AUTO_DELAY_OFF, 50, 5)
said["delay"] = string.get_properties()["delayoff"]
string.cron_add(CronType.off, 15)
said["cron"] = string.cron_get(CronType.off)
string.cron_del(CronType.off)
string.set_adjust("circle", "color")
string.set_default()
string.set_name("desk")
string.toggle()
said["after"] = [string.get_properties()[k] for k in ("power", "name")]

ceiling.turn_on(light_type=LightType.Ambient)
ceiling.set_rgb(1, 2, 3, light_type=LightType.Ambient)
ceiling.set_brightness(10, light_type=LightType.Ambient)
ceiling.set_color_temp(3000, light_type=LightType.Ambient)
ceiling.set_hsv(10, 20, light_type=LightType.Ambient)
said["background"] = [ceiling.get_properties()[k] for k in ("bg_power", "bg_bright", "bg_hue", "bg_ct")]
said["ceiling"] = str(ceiling.bulb_type)
ceiling.dev_toggle()
said["both"] = [ceiling.get_properties()[k] for k in ("power", "bg_power")]
print(json.dumps(said))
