package camera

import "github.com/mihome2mqtt/mihome2mqtt/bridge/mi"

const (
	model      = "xiaomi.camera.action"
	deviceText = "Camera (experimental)" // what people read
)

// The services of a camera, by the names of MIoT where it has one.
const (
	siidCamera = iota + 2
	siidBattery
	siidCard
	siidPicture
)

// The properties, as indexes into Spec.Props. All cameras have the same ones.
const (
	propConnected = iota
	propRecord
	propMode
	propStream
	propBattery
	propCharging
	propCard
	propFree
	propTotal
	propResolution
	propQuality
	propPhotoSize
	propCount
)

const actionPhoto = 0

// The values of propCharging.
const (
	charging = iota + 1
	notCharging
)

// newSpec writes down what a camera has.
func newSpec() *mi.Spec {
	rn := mi.Read | mi.Notify
	rwn := rn | mi.Write
	s := &mi.Spec{
		Model: model, Type: "camera", Text: deviceText,
		Tuning: mi.Tuning{Sleepy: true}, // off or away most of the time
		Services: []mi.Service{
			{IID: siidCamera, Name: "camera", Text: deviceText},
			{IID: siidBattery, Name: "battery", Text: "Battery"},
			{IID: siidCard, Name: "memory-card", Text: "Memory Card"},
			{IID: siidPicture, Name: "picture", Text: "Picture"},
		},
		Props: []mi.Property{
			propConnected: {SIID: siidCamera, PIID: 1, Name: "connected", Format: mi.FormatBool, Access: rn},
			propRecord:    {SIID: siidCamera, PIID: 2, Name: "record", Format: mi.FormatBool, Access: rwn},
			propMode:      {SIID: siidCamera, PIID: 3, Name: "mode", Access: rwn, List: modes()},
			propStream:    {SIID: siidCamera, PIID: 4, Name: "stream-address", Access: rn},
			propBattery:   {SIID: siidBattery, PIID: 1, Name: "battery-level", Format: mi.FormatInt, Access: rn, Unit: "percentage", Range: &mi.Range{Max: 100, Step: 1}},
			propCharging: {SIID: siidBattery, PIID: 2, Name: "charging-state", Format: mi.FormatInt, Access: rn, List: []mi.Choice{
				{Value: mi.Int(charging), Label: "Charging"}, {Value: mi.Int(notCharging), Label: "Not charging"},
			}},
			propCard:       {SIID: siidCard, PIID: 1, Name: "card-inserted", Format: mi.FormatBool, Access: rn},
			propFree:       {SIID: siidCard, PIID: 2, Name: "free-space", Format: mi.FormatFloat, Access: rn, Unit: "GB"},
			propTotal:      {SIID: siidCard, PIID: 3, Name: "total-space", Format: mi.FormatFloat, Access: rn, Unit: "GB"},
			propResolution: {SIID: siidPicture, PIID: 1, Name: "video-resolution", Access: rwn},
			propQuality:    {SIID: siidPicture, PIID: 2, Name: "video-quality", Access: rwn},
			propPhotoSize:  {SIID: siidPicture, PIID: 3, Name: "photo-size", Access: rwn},
		},
		Actions: []mi.Action{actionPhoto: {SIID: siidCamera, AIID: 1, Name: "take-photo"}},
	}
	s.Join()
	return s
}

// modes are what the camera can be ready for, as it spells them.
func modes() []mi.Choice {
	return []mi.Choice{{Value: mi.Text("record"), Label: "Video"}, {Value: mi.Text("capture"), Label: "Photo"}}
}
