package ninebot

import "github.com/mihome2mqtt/mihome2mqtt/bridge/mi"

// The services of a vehicle, by the names of MIoT where it has one.
const (
	siidScooter = iota + 2
	siidBattery
	siidLock
	siidLight
	siidAbout
)

// What can be known of a vehicle. Which of it a kind has is told by its Spec.
const (
	fieldSpeed = iota
	fieldMileage
	fieldTrip
	fieldTripTime
	fieldRange
	fieldAverage
	fieldTemperature
	fieldProblem
	fieldError
	fieldWarning
	fieldBattery
	fieldVoltage
	fieldCurrent
	fieldCharging
	fieldCellTemperature
	fieldHealth
	fieldLocked
	fieldLight
	fieldSerial
	fieldFirmware
	fieldActualRange
	fieldOperated
	fieldRidden
	fieldLimited
	fieldLimit
	fieldNormalLimit
	fieldReducedLimit
	fieldMode
	fieldRecovery
	fieldCruise
	fieldAlarm
	fieldActivated
	fieldSecondBattery
	fieldLeft
	fieldCapacity
	fieldOvercharges
	fieldOverdischarges
	fieldCellsSerial
	fieldCellsFirmware
	fieldRadioFirmware
	fieldCount
)

// The values of fieldCharging.
const (
	charging = iota + 1
	notCharging
)

// onlyScooters says which fields a mini lacks, or keeps to itself.
func onlyScooters(field int) bool {
	return field == fieldCellTemperature || field == fieldHealth || field == fieldLocked || field == fieldLight || field >= fieldActualRange
}

// shape is the Spec of a kind with the fields behind its properties.
type shape struct {
	spec   *mi.Spec
	fields []int // by the index of the property
}

// newShape writes down what a vehicle has.
func newShape(k Kind, writes bool) shape {
	s := shape{spec: &mi.Spec{
		Model: k.model(), Type: "scooter", Text: k.text(),
		Services: []mi.Service{
			{IID: siidScooter, Name: "scooter", Key: "scooter", Text: k.text()},
			{IID: siidBattery, Name: "battery", Key: "battery", Text: "Battery"},
			{IID: siidLock, Name: "lock", Key: "lock", Text: "Lock"},
			{IID: siidLight, Name: "light", Key: "light", Text: "Tail light"},
			{IID: siidAbout, Name: "information", Key: "information", Text: "Information"},
		},
	}}
	for field, p := range append(properties(writes), inside()...) {
		if k == Mini && onlyScooters(field) {
			continue
		}
		p.Service = p.SIID - siidScooter
		p.Key = mi.Key(s.spec.Services[p.Service].Key + "/" + p.Name)
		s.spec.Props, s.fields = append(s.spec.Props, p), append(s.fields, field)
	}
	if k == Mini {
		s.spec.Services = append(s.spec.Services[:2:2], s.spec.Services[4])
		for i := range s.spec.Props {
			if p := &s.spec.Props[i]; p.SIID == siidAbout {
				p.Service = 2
			}
		}
	}
	return s
}

func (k Kind) text() string {
	if k == Mini {
		return "Segway mini"
	}
	return "Electric scooter"
}

// properties lists the fields that people look at, in their order.
func properties(writes bool) []mi.Property {
	rn := mi.Read | mi.Notify
	order := rn
	if writes {
		order |= mi.Write
	}
	return []mi.Property{
		fieldSpeed:       {SIID: siidScooter, PIID: 1, Name: "current-speed", Format: mi.FormatFloat, Access: rn, Unit: "km/h"},
		fieldMileage:     {SIID: siidScooter, PIID: 2, Name: "mileage", Format: mi.FormatFloat, Access: rn, Unit: "km"},
		fieldTrip:        {SIID: siidScooter, PIID: 3, Name: "trip-mileage", Format: mi.FormatFloat, Access: rn, Unit: "km"},
		fieldTripTime:    {SIID: siidScooter, PIID: 4, Name: "trip-time", Format: mi.FormatInt, Access: rn, Unit: "seconds"},
		fieldRange:       {SIID: siidScooter, PIID: 5, Name: "remaining-mileage", Format: mi.FormatFloat, Access: rn, Unit: "km"},
		fieldAverage:     {SIID: siidScooter, PIID: 6, Name: "average-speed", Format: mi.FormatFloat, Access: rn, Unit: "km/h"},
		fieldTemperature: {SIID: siidScooter, PIID: 7, Name: "temperature", Format: mi.FormatFloat, Access: rn, Unit: "celsius"},
		fieldProblem:     {SIID: siidScooter, PIID: 8, Name: "fault", Format: mi.FormatBool, Access: rn},
		fieldError:       {SIID: siidScooter, PIID: 9, Name: "error-code", Format: mi.FormatInt, Access: rn},
		fieldWarning:     {SIID: siidScooter, PIID: 10, Name: "warning-code", Format: mi.FormatInt, Access: rn},
		fieldBattery:     {SIID: siidBattery, PIID: 1, Name: "battery-level", Format: mi.FormatInt, Access: rn, Unit: "percentage", Range: &mi.Range{Max: 100, Step: 1}},
		fieldVoltage:     {SIID: siidBattery, PIID: 2, Name: "voltage", Format: mi.FormatFloat, Access: rn, Unit: "volt"},
		fieldCurrent:     {SIID: siidBattery, PIID: 3, Name: "electric-current", Format: mi.FormatFloat, Access: rn, Unit: "ampere"},
		fieldCharging: {SIID: siidBattery, PIID: 4, Name: "charging-state", Format: mi.FormatInt, Access: rn, List: []mi.Choice{
			{Value: mi.Int(charging), Label: "Charging"}, {Value: mi.Int(notCharging), Label: "Not charging"},
		}},
		fieldCellTemperature: {SIID: siidBattery, PIID: 5, Name: "battery-temperature", Format: mi.FormatInt, Access: rn, Unit: "celsius"},
		fieldHealth:          {SIID: siidBattery, PIID: 6, Name: "battery-health", Format: mi.FormatInt, Access: rn, Unit: "percentage"},
		fieldLocked:          {SIID: siidLock, PIID: 1, Name: "locked", Format: mi.FormatBool, Access: order},
		fieldLight:           {SIID: siidLight, PIID: 1, Name: "on", Format: mi.FormatBool, Access: order},
		fieldSerial:          {SIID: siidAbout, PIID: 1, Name: "serial-number", Access: rn},
		fieldFirmware:        {SIID: siidAbout, PIID: 2, Name: "firmware-version", Access: rn},
	}
}

// inside lists what only scooters tell of themselves, behind what properties lists.
// None of it is ever written.
func inside() []mi.Property {
	list := []mi.Property{
		fieldActualRange:    {SIID: siidScooter, PIID: 11, Name: "actual-remaining-mileage", Format: mi.FormatFloat, Unit: "km"},
		fieldOperated:       {SIID: siidScooter, PIID: 12, Name: "operation-time", Format: mi.FormatInt, Unit: "seconds"},
		fieldRidden:         {SIID: siidScooter, PIID: 13, Name: "riding-time", Format: mi.FormatInt, Unit: "seconds"},
		fieldLimited:        {SIID: siidScooter, PIID: 14, Name: "speed-limited", Format: mi.FormatBool},
		fieldLimit:          {SIID: siidScooter, PIID: 15, Name: "speed-limit", Format: mi.FormatFloat, Unit: "km/h"},
		fieldNormalLimit:    {SIID: siidScooter, PIID: 16, Name: "normal-speed-limit", Format: mi.FormatFloat, Unit: "km/h"},
		fieldReducedLimit:   {SIID: siidScooter, PIID: 17, Name: "reduced-speed-limit", Format: mi.FormatFloat, Unit: "km/h"},
		fieldMode:           {SIID: siidScooter, PIID: 18, Name: "riding-mode", Format: mi.FormatInt, List: choices("Normal", "Eco", "Sport")},
		fieldRecovery:       {SIID: siidScooter, PIID: 19, Name: "energy-recovery", Format: mi.FormatInt, List: choices("Off", "Medium", "Strong")},
		fieldCruise:         {SIID: siidScooter, PIID: 20, Name: "cruise-control", Format: mi.FormatBool},
		fieldAlarm:          {SIID: siidScooter, PIID: 21, Name: "alarm-sounding", Format: mi.FormatBool},
		fieldActivated:      {SIID: siidScooter, PIID: 22, Name: "activated", Format: mi.FormatBool},
		fieldSecondBattery:  {SIID: siidBattery, PIID: 7, Name: "second-battery", Format: mi.FormatBool},
		fieldLeft:           {SIID: siidBattery, PIID: 8, Name: "battery-charge", Format: mi.FormatInt, Unit: "mAh"},
		fieldCapacity:       {SIID: siidBattery, PIID: 9, Name: "battery-capacity", Format: mi.FormatInt, Unit: "mAh"},
		fieldOvercharges:    {SIID: siidBattery, PIID: 10, Name: "overcharges", Format: mi.FormatInt},
		fieldOverdischarges: {SIID: siidBattery, PIID: 11, Name: "overdischarges", Format: mi.FormatInt},
		fieldCellsSerial:    {SIID: siidAbout, PIID: 3, Name: "battery-serial-number"},
		fieldCellsFirmware:  {SIID: siidAbout, PIID: 4, Name: "battery-firmware-version"},
		fieldRadioFirmware:  {SIID: siidAbout, PIID: 5, Name: "bluetooth-firmware-version"},
	}[fieldActualRange:]
	for i := range list {
		list[i].Access = mi.Read | mi.Notify
	}
	return list
}

// choices numbers labels from 0 on.
func choices(labels ...string) (list []mi.Choice) {
	for i, label := range labels {
		list = append(list, mi.Choice{Value: mi.Int(int64(i)), Label: label})
	}
	return list
}
