package ble

import (
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// specialObjects are those of single products: a timer with two hands, and a lock
// that tells its events in the words of its MIoT spec.
func specialObjects() map[uint16]object {
	return map[uint16]object{
		0x4A19: elapsed("timer_1"),
		0x4E19: elapsed("timer_2"),
		0x4E14: {sizes: []int{11}, read: boltEvent},
		0x5015: byte1(func(v byte, _ *product, r *reading) {
			if v >= 1 && v <= 4 { // locked, unlocked, left open, ajar
				r.flag("lock", v != 1)
				r.flag("door_left_open", v == 3)
			}
		}),
		0x5A06: {sizes: []int{0, 4}, read: func(_ []byte, _ *product, r *reading) { r.press("doorbell", "doorbell_ring") }},
	}
}

func elapsed(group string) object {
	return object{sizes: []int{0, 1}, read: func(_ []byte, _ *product, r *reading) { r.press(group, "elapsed") }}
}

// boltEvent reads who opened or locked a door, how, what was done, from which side,
// and when.
func boltEvent(b []byte, _ *product, r *reading) {
	how := map[byte]string{
		1: "mobile", 2: "fingerprint", 3: "password", 4: "nfc", 8: "key", 9: "one-time password", 10: "periodic password",
		12: "duress", 15: "manual",
	}[b[4]]
	kind := map[byte]string{
		1: "locked", 2: "unlock_outside_the_door", 3: "lock_outside_the_door", 4: "lock_inside_the_door", 5: "unlock_inside_the_door",
	}[b[5]]
	if kind == "" {
		return
	}
	if b[5] == 2 && b[6] == 1 {
		kind = "unlock_inside_the_door"
	}
	who := operatorNumber(uint32(u32(b)))
	r.flag("lock", strings.HasPrefix(kind, "unlock"))
	r.text("key_id", who)
	r.text("lock_method", how)
	r.press("lock", kind, fact{key: "key_id", value: mi.Text(who)}, fact{key: "lock_method", value: mi.Text(how)})
}

// scaleS800 reads the weight of a scale with eight electrodes, which comes at the
// end of its weighing: the stage stands above the first number, the weight above
// the second.
func scaleS800(b []byte, r *reading) {
	const weighed = 5
	if u32(b[1:])>>16&0xff == weighed {
		r.put("mass", hundredths(u32(b[5:])>>16))
		r.flag("steady", true)
	}
}
