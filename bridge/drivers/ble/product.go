package ble

import (
	"strconv"
	"strings"
)

// product is a kind of device.
type product struct {
	id      uint16 // of MiBeacon; 0 for other formats
	model   string // as the maker prints it on the device
	name    string // what it is
	miot    string // the vendor's own name for the model; "" when it is not known
	kind    *family
	sleepy  bool // it speaks only when something happens
	settles bool // a frame without objects means that the weight is not stable
}

// official is the model in the form vendor.type.version.
func (p *product) official() string {
	if p.miot != "" {
		return p.miot
	}
	return "xiaomi." + p.kind.kind + "." + strings.Map(func(c rune) rune {
		switch {
		case c >= 'A' && c <= 'Z':
			return c - 'A' + 'a'
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			return c
		}
		return '_'
	}, p.model)
}

// products reads the table.
func products() []*product {
	kinds := families()
	var all []*product
	for line := range strings.Lines(strings.TrimSpace(productTable)) {
		f := strings.SplitN(strings.TrimSpace(line), " ", 6)
		id, _ := strconv.ParseUint(f[0], 16, 16)
		p := &product{
			id: uint16(id), sleepy: f[1] == "s", kind: kinds[f[2]], model: f[3], name: f[5],
		}
		if f[4] != "-" {
			p.miot = f[4]
		}
		p.settles = strings.HasPrefix(p.model, "MJTZC0")
		all = append(all, p)
	}
	return all
}

// productTable lists the products: number, s for those that speak only when
// something happens, family, model, the vendor's model or -, name.
const productTable = `
0083 - kettle YM-K1501 yunmi.kettle.v1 Smart Kettle
0098 - plant HHCCJCY01 hhcc.plantmonitor.v1 Plant Sensor
00DB - fever MMC-T201-1 - Baby Thermometer
0113 - kettle YM-K1501EU yunmi.kettle.v2 Smart Kettle
0153 - on-off YLYK01YL - Remote Control
015D - pot HHCCPOT002 hhcc.bleflowerpot.v2 Smart Flower Pot
01AA - thermo LYWSDCGQ cleargrass.sensor_ht.dk1 Temperature/Humidity Sensor
02DF - hcho JQJCY01YM yuemee.airmonitor.mhfd1 Formaldehyde Sensor
031A - lock MJZNMS02LM lumi.lock.mcn01 Door Lock
0347 - thermo CGG1 cgllc.sensor_ht.g1 Temperature/Humidity Sensor
0380 - lock2 DSL-C08 - Door Lock
0387 - thermo MHO-C401 miaomiaoce.sensor_ht.h1 Temperature/Humidity Sensor
0391 s fever MMC-W505 - Body Thermometer
03B6 - knob YLKG07YL/YLKG08YL - Dimmer Switch
03BB - lock ydhome.lock.m2silver ydhome.lock.m2silver Lock M2
03BC - plant GCLS002 - Grow Care Garden
03BF - bath-remote YLYB01YL-BHFRC - Bathroom Heater Remote
03D6 s magnet CGH1 cgllc.magnet.hodor Door/Window Sensor
03DD - motion-plain MUE4094RT - Nightlight
040A - mosquito WX08ZM zimi.mosq.v1 Mosquito Repellent
045B - thermo LYWSD02 miaomiaoce.sensor_ht.t1 Temperature/Humidity Sensor
045C - kettle V-SK152 yunmi.kettle.v7 Smart Kettle
0489 - brush M1S-T500 soocare.toothbrush.m1s Smart Toothbrush
04B3 - lock dsm.lock.q3 dsm.lock.q3 Door Lock Q3
04E1 - cube XMMF01JQD jiqid.robot.cube Magic Cube
04E6 - vent-remote YLYK01YL-VENFAN - Ventilator Fan Remote Control
04E9 - lock MJZNMSQ01YD - Door Lock
055B - thermo LYWSD03MMC miaomiaoce.sensor_ht.t2 Temperature/Humidity Sensor
0571 - safe lcrmcr.safe.ms30b lcrmcr.safe.ms30b Safe Cayo Anno 30Z
0576 - thermo CGD1 cgllc.clock.dove 3-in-1 Alarm Clock
0599 - lock MJZNMS03LM lumi.lock.bzacn2 Door Lock
066F - thermo CGDK2 cgllc.sensor_ht.dk2 Temperature/Humidity Sensor
068E - fan-remote YLYK01YL-FANCL - Fan Remote Control
069E - lock ZNMS16LM lumi.lock.bzacn2 Door Lock
069F - lock2 ZNMS17LM lumi.lock.bzacn1 Door Lock
06D3 - thermo MHO-C303 miaomiaoce.clock.ht02 Alarm Clock
0711 - hcho PTH-1 fbs.airmonitor.pth02 Air Quality Monitor
0784 - lock XMZNMS04LM - Door Lock
07BF - button YLAI003 yeelink.remote.remote Wireless Switch
07F6 - night-light MJYD02YL yeelink.light.nl1 Nightlight
0806 - brush T700 k0918.toothbrush.t700 Smart Toothbrush
0863 - leak-button SJWS01LM lumi.flood.bmcn01 Flood Detector
098B s magnet-light MCCGQ02HL isa.magnet.dw2hl Door/Window Sensor
098C - lock XMZNMST02YD loock.lock.t1 Door Lock
0997 s smoke JTYJGD03MI lumi.sensor_smoke.mcn02 Smoke Detector
09B0 - safe loock.safe.v1 loock.safe.v1 Safe Box
09E0 - kettle MJHWSHO2YM yunmi.kettle.v12 Kettle Pro
0A83 - motion-lux CGPR1 cgllc.motion.cgpr1 Motion/Light Sensor
0A8D s motion-dark RTCGQ02LM lumi.motion.bmgl01 Motion Sensor
0B48 - thermo CGG1-ENCRYPTED cgllc.sensor_ht.qpg1 Temperature/Humidity Sensor
0BEB - lock ZNMS20LM lumi.lock.bacn01 Door Lock D100
0C3C - thermo CGC1 - Alarm Clock
0D0F - lock loock.lock.cc2xpro loock.lock.cc2xpro Door Lock Classic 2X Pro
0DE7 - deodorant SU001-T - Odour Eliminator
0DFD - three K9B-3BTN linp.remote.k9b Switch (triple button)
0E39 - lock XMZNMS08LM lumi.lock.bmcn04 Door Lock
0E65 - lock XMZNMS06LM lumi.lock.bmcn05 Face Recognition Smart Door Lock X
0F3B - lock XMZNMSTO3YD loock.lock.t1pro Door Lock
11C2 - lock Lockin-SV40 - Door Lock
1203 - thermo XMWSDJ04MMC miaomiaoce.sensor_ht.t6 Thermometer
1568 - button K9B-1BTN linp.remote.k9b1 Switch (single button)
1569 - two K9B-2BTN linp.remote.k9b11 Switch (double button)
16E4 - thermo LYWSD02MMC miaomiaoce.sensor_ht.o2 Temperature/Humidity Sensor
1781 - lock XMZNMS09LM lumi.lock.mcn002 Face Recognition Smart Door Lock
1790 - brush T700 k0918.toothbrush.t700i Smart Toothbrush
1889 s magnet MS1BB(MI) linp.magnet.m1 Door/Window Sensor
18E3 - thermo ZX1 - Temperature/Humidity Sensor
1949 - two XMWXKG01YL yeelink.remote.contrl Switch (double button)
1A56 - keys8 lemesh.remote.ts1 lemesh.remote.ts1 Wireless Button
1C10 - button K9BB-1BTN linp.remote.k9b01 Switch (single button)
1E37 - lock loock.lock.fvl109 loock.lock.fvl109 Smart Door Lock S50M
20DB - bed MJZNZ018H - Smart Bed
21A5 - keys2 huca.switch.dh2 huca.switch.dh2 Double Wall Switch
2387 - button XMWXKG01LM lumi.remote.mcn001 Button
24A9 - other hoto.timer.kt hoto.timer.kt Timer
2542 - thermo LYWSD02MMC miaomiaoce.sensor_ht.t8 Temperature/Humidity Sensor
2695 - lock XFCL201 - Loock Smart Lock V5 Max
2809 - lock XMZNMS01OD oms.lock.dl01 Door Lock E10
2832 - thermo MJWSD05MMC miaomiaoce.sensor_ht.t9 Temperature/Humidity Sensor
2AEB s motion HS1BB(MI) linp.motion.hs1bb1 Motion Sensor
2C09 - keys4 PTX-X6-QMIMB 090615.remote.x6xnsw Wireless Knob Switch
2CBA - lock lcrmcr.lock.cb2207 lcrmcr.lock.cb2207 Glass Door Lock
2F97 - lock loock.lock.r2 loock.lock.r2 Door Lock M20 Pro
2FC5 - safe MCN003 - Safe Box
305E - keys8 huca.remote.wx8 huca.remote.wx8 Wireless Button
30D9 s body-scale MJTZC01YM yunmai.scales.ms103 Body Composition Scale
3286 - lock XMZNMS201LM lumi.lock.mcn008 Smart Door Lock E20 WIFI
3341 - lock lumi.lock.mcn009 lumi.lock.mcn009 Smart Door Lock E20 (Video Monitor)
34FE - other MJBQDYJ1-WC xiaomi.printer.label Label Printer
3531 s motion XMPIRO2SXS xiaomi.motion.pir1 Motion Sensor
3878 - keys4 lemesh.remote.ts4 lemesh.remote.ts4 Scenario wireless knob switch K4
3884 - keys3 lemesh.switch.sw3f01 lemesh.switch.sw3f01 Triple Wall Switch
3885 - keys2 lemesh.switch.sw2f01 lemesh.switch.sw2f01 Double Wall Switch
3886 - keys1 lemesh.switch.sw1f01 lemesh.switch.sw1f01 Single Wall Switch
38BB - button PTX_YK1_QMIMB 090615.remote.btsw1 Wireless Switch
3910 - button PTX-AK1-QMIMC 090615.remote.akswr1 Mesh Wireless Switch
3911 - keys2 PTX-AK2-QMIMB 090615.remote.akswr2 Mesh Double Wireless Switch
3912 - keys3 PTX-AK3-QMIMB 090615.remote.akswr3 Mesh Triple Wireless Switch
399A - other xiaomi.pet_waterer.002 xiaomi.pet_waterer.002 Pet Drinking Fountain
3A61 - four KS1 linp.remote.ks1 Switch (quadruple button)
3BD5 s body-scale MJTZC01YM yunmai.scales.ms104 Body Composition Scale
3E17 - thermo-four KS1BP linp.sensor_ht.ks1bp Switch (quadruple button)
3F0F s leak RS1BB(MI) linp.flood.rs1bb Flood and Rain Sensor
3F34 - keys2 giot.remote.v52kwm giot.remote.v52kwm V5 Two Key Switch (BLE)
3F35 - keys3 giot.remote.v53kwm giot.remote.v53kwm V5 Three Key Switch (BLE)
3F36 - keys4 giot.remote.v54kwm giot.remote.v54kwm V5 Four Key Switch (BLE)
3F38 - keys6 giot.remote.v56kwm giot.remote.v56kwm V5 Six Key Switch (BLE)
3F3A - keys8 giot.remote.v58kwm giot.remote.v58kwm V5 Eight Key Switch (BLE)
3F3F - button giot.remote.v51kwm giot.remote.v51kwm V5 One Key Switch (BLE)
3F4C s seat PS1BB linp.senpres.ps1bb Seat Pressure Sensor
433D - lock line.lock.fms5 line.lock.fms5 Smart Door Lock S5
44C1 - lock XMZNMS03OD xiaomi.lock.b03 Xiaomi Smart Door Lock 2 (Finger Vein Unlock)
44FA - keys4 lemesh.remote.ts10 lemesh.remote.ts10 Remote Control TS10
45A1 - keys8 cxw.remote.ble006 cxw.remote.ble006 Eight scene knob switch
45C9 s scale MJTZC02YM - Smart Scale S200
4683 s presence XMOSB01XS xiaomi.sensor_occupy.03 Occupancy Sensor
474A - keys4 ailol.remote.ts4 ailol.remote.ts4 ZXFANS F2 smart knob remote control
47D6 - lock xiaomi.lock.b04sv xiaomi.lock.b04sv Smart Door Lock E30
48C4 - lock loock.lock.h01lyk loock.lock.h01lyk Smart Door Lock E30
48CF s body-scale MJTZC01YM yunmai.scales.ms107 Body Composition Scale
4964 - presence IZQ-BLE izq.sensor_occupy.ble IZQ Presence Sensor Loong
4B05 s body-scale MJTZC03YM xiaomi.scales.ms110 Body Composition Scale
4B09 - keys8 cxw.remote.panv01 cxw.remote.panv01 Eight Key Twenty-four Scene Switch V1
4BA3 - other xijia1.curtain.x3 xijia1.curtain.x3 Curtain Motor
4C04 s scale MJTZC02YM - Smart Scale S200
4C47 - thermo MJWSD05MMC miaomiaoce.sensor_ht.t9 Temperature/Humidity Sensor
4C4D - leak shuse.flood.ss05 shuse.flood.ss05 Water Leak Sensor
4C60 s motion XMPIRO2GSXS - Motion Sensor
4DCB s scale MJTZC02YM - Smart Scale S200
4ED3 - presence rhj.sensor_occupy.l730a rhj.sensor_occupy.l730a Presence Sensor POP
4F59 - thermo CGDK3 - Temperature/Humidity Sensor
4FC2 s body-scale MJTZC01YM - Body Composition Scale
50D4 - motion HS3BB - Motion Sensor 3
50FB s presence ES3 linp.sensor_occupy.es2 Human Presence Sensor
51E2 - body-scale MJTZC04YM xiaomi.scales.ms116 8-electrode Body Fat Scale S800
520B - thermo-button KS2BB linp.sensor_ht.ks2bb Temperature/Humidity Sensor with Button
52E6 - keys4 YLYKG-0129 yeelink.remote.swd5 K Series 4-Key Wall Switch
55B5 - thermo MJWSD06MMC xiaomi.sensor_ht.mini Temperature/Humidity Sensor
5808 - thermo CGG3 - Temperature/Humidity Sensor
5968 - two XMWS01XS xiaomi.remote.mcn002 Switch (double button)
59FA s band M2457B1 - Smart Band 10
59FB s band M2456B1 - Smart Band 10 NFC
59FC s band M2456B1 - Smart Band 10 Ceramic Edition
5BEA - thermo MJWSD06MMC - Temperature/Humidity Sensor
5DB1 - thermo MBS17 - Temperature/Humidity Sensor
6188 s band M2456B1 - Smart Band 10 Glimmer Edition
6375 s leak2 SJWS02LM xiaomi.flood.oh83w Water Leak Sensor 2
64C5 - thermo-keys PTX-F1-Display 090615.remote.x1swd F1 Four-Key Wireless Switch
6651 - air shuse.airm.ss006 shuse.airm.ss006 Air Monitor
6655 - other bwj.diffuser.s5 bwj.diffuser.s5 SO Smart Aroma Diffuser S5
6A0F s presence2 ES5BB linp.sensor_occupy.es5b Human Presence Sensor
6B61 - leak shuse.flood.ss05 shuse.flood.ss05 Water Leak Sensor Pro
6ED9 - presence ES5DB linp.sensor_occupy.es4b Human Presence Sensor ES5(Top Mounted)
76C4 - leak shuse.flood.ss40 shuse.flood.ss40 Water Leak Sensor
7712 s leak2 zhiee.flood.sj01 - Water Leak Sensor
78A3 - button AFWXKG220000 line.remote.fwkge2 Wireless Switch
78D1 s magnet MC-COMM - Door/Window Sensor
78DB - thermo ESM787 - Temperature/Humidity Sensor
7EE9 - thermo vchon.sensor_ht.mbs20 vchon.sensor_ht.mbs20 Temperature/Humidity Sensor
0000 - plant HHCCJCY10 - Plant Sensor
0000 s weight XMTZC01HM/XMTZC04HM - Mi Smart Scale
0000 s weight-body XMTZC02HM/XMTZC05HM/NUN4049CN - Mi Body Composition Scale
0000 - pressure CGP1W - Barometer
0000 - air-quality CGDN1 - Air Monitor Lite
0000 - air-quality CGM1 - Air Monitor
0000 - thermo CGF1W - Temperature/Humidity Sensor
0000 - pressure CGP23W - Temperature/Pressure Sensor
0000 - air-quality CGP22C - Carbon Dioxide Monitor
0000 - air-room CGR1PC - Indoor Air Monitor
0000 - atc ATC pvvx.thermometer.custom Thermometer with custom firmware
0000 - bthome BTHome bthome.sensor.device BTHome Device
`
