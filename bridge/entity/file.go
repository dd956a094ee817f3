package entity

import "time"

// file is one mapping file below rules/. Any file may hold any of the sections.
type file struct {
	Units      map[string]string           `yaml:"units"`
	Classes    map[string]map[string]class `yaml:"classes"`
	Words      map[string]vocabulary       `yaml:"words"`
	Devices    map[string]deviceRule       `yaml:"devices"`
	Services   []serviceRule               `yaml:"services"`
	Properties []propertyRule              `yaml:"properties"`
	Fallback   []fallbackRule              `yaml:"fallback"`
	Actions    []actionRule                `yaml:"actions"`
	Events     []eventRule                 `yaml:"events"`
	Latches    []latchRule                 `yaml:"latches"`
}

// class is what a home platform takes for one device class of one component.
type class struct {
	Name  string   `yaml:"name"`  // the platform's own name of the class, in English
	Units []string `yaml:"units"` // the units it takes; none when any; "" stands for no unit
	State []string `yaml:"state"` // the state classes it takes, the usual one first
}

// vocabulary maps each word of ours to the labels that mean it.
type vocabulary map[string][]string

// deviceRule says what stands for a device of one type.
type deviceRule struct {
	Main  []string `yaml:"main"`  // components of the entity that stands for the device, best first
	Shows []string `yaml:"shows"` // components of which at least one entity is shown unasked
}

// serviceRule makes one composite entity of a service.
type serviceRule struct {
	Rule      string              `yaml:"rule"`      // its name, for people
	Services  []string            `yaml:"services"`  // names of services; globs
	Devices   []string            `yaml:"devices"`   // only for these device types; globs
	Without   []string            `yaml:"without"`   // not where the device has one of these services
	Component string              `yaml:"component"` // what it becomes
	Needs     []string            `yaml:"needs"`     // roles that must be there; a|b is either
	Roles     map[string][]string `yaml:"roles"`     // role → where it is found, best first
	Words     map[string]string   `yaml:"words"`     // role → vocabulary
	Invert    []string            `yaml:"invert"`    // roles that count the other way round
	Default   string              `yaml:"default"`   // what the only mode means
	Class     string              `yaml:"class"`
	Category  string              `yaml:"category"`
	Name      string              `yaml:"name"`
	Icon      string              `yaml:"icon"`
	Disabled  bool                `yaml:"disabled"`
}

// propertyRule says what one property means.
type propertyRule struct {
	Rule       string   `yaml:"rule"`
	Properties []string `yaml:"properties"` // name, or service/name; globs
	Devices    []string `yaml:"devices"`    // only for these device types; globs
	Shapes     []string `yaml:"shapes"`     // only of these shapes
	Access     string   `yaml:"access"`     // "read": cannot be written; "write": can
	Units      []string `yaml:"units"`      // only with these units, in Home Assistant's spelling
	Component  string   `yaml:"component"`
	Name       string   `yaml:"name"`
	Class      string   `yaml:"class"`       // a|b is the first that takes the unit
	StateClass string   `yaml:"state_class"` // of a sensor
	Unit       string   `yaml:"unit"`        // when the spec names none
	Category   string   `yaml:"category"`
	Icon       string   `yaml:"icon"`
	Invert     bool     `yaml:"invert"`
	Enabled    *bool    `yaml:"enabled"`
	Slow       bool     `yaml:"slow"`    // changes rarely: read rarely
	Problem    string   `yaml:"problem"` // the vocabulary whose word "well" means no problem; makes a binary sensor besides
	Moving     string   `yaml:"moving"`  // the vocabulary that says which entries mean that the device works
}

// fallbackRule makes an entity of a property by its shape alone.
type fallbackRule struct {
	Rule      string   `yaml:"rule"`
	Shapes    []string `yaml:"shapes"`
	Access    string   `yaml:"access"`
	Component string   `yaml:"component"`
	Category  string   `yaml:"category"`
	Enabled   bool     `yaml:"enabled"`
}

// actionRule says what one action becomes.
type actionRule struct {
	Rule      string   `yaml:"rule"`
	Actions   []string `yaml:"actions"` // name, or service/name; globs
	Inputs    string   `yaml:"inputs"`  // "none", "text", "list", "number", "bool" or "many"
	Component string   `yaml:"component"`
	Name      string   `yaml:"name"`
	Given     bool     `yaml:"given"` // people named it: the action's text is its name, as it stands
	Class     string   `yaml:"class"`
	Category  string   `yaml:"category"`
	Icon      string   `yaml:"icon"`
	Enabled   *bool    `yaml:"enabled"`
}

// eventRule says what some events make of their service's event entity. It is
// shown when at least one of its events has no rule against that.
type eventRule struct {
	Events  []string `yaml:"events"` // name, or service/name; globs
	Class   string   `yaml:"class"`
	Enabled *bool    `yaml:"enabled"`
	Picture bool     `yaml:"picture"` // its first argument is a picture in base 64: it makes an image of its own
}

// latchRule makes a binary sensor that remembers the last of two events.
type latchRule struct {
	Rule     string   `yaml:"rule"`
	Services []string `yaml:"services"`
	On       string   `yaml:"on"`    // event
	Off      string   `yaml:"off"`   // event; may be absent when below is there
	Below    *below   `yaml:"below"` // a property that tells the same
	Name     string   `yaml:"name"`
	Class    string   `yaml:"class"`
	Category string   `yaml:"category"`
}

// below reads a two-state fact off a number.
type below struct {
	Property string  `yaml:"property"`
	Limit    float64 `yaml:"limit"`
}

// correction is what is known of some models beyond their spec.
type correction struct {
	Models         []string              `yaml:"models"` // globs
	Like           string                `yaml:"like"`
	Batch          int                   `yaml:"batch"`
	Interval       time.Duration         `yaml:"interval"`
	ReadbackDelay  time.Duration         `yaml:"readback_delay"`
	GoneAfter      time.Duration         `yaml:"gone_after"`
	Sleepy         bool                  `yaml:"sleepy"`
	Transport      string                `yaml:"transport"`
	ParallelWrites *bool                 `yaml:"parallel_writes"`
	Hide           []string              `yaml:"hide"`
	Enable         []string              `yaml:"enable"`
	Disable        []string              `yaml:"disable"`
	Add            []addition            `yaml:"add"`
	Properties     map[string]adjustment `yaml:"properties"`
	Roles          map[string]string     `yaml:"roles"`        // entity/role → property or action
	PositionMap    map[float64]float64   `yaml:"position_map"` // raw → percent open
	NoSetPosition  bool                  `yaml:"no_set_position"`
}

// addition is a property that the published spec lacks.
type addition struct {
	ID      string         `yaml:"id"`      // siid.piid
	Service string         `yaml:"service"` // name, when the spec lacks the service too
	Name    string         `yaml:"name"`
	Format  string         `yaml:"format"` // bool, int, float or string
	Access  string         `yaml:"access"` // of the letters r, w and n
	Unit    string         `yaml:"unit"`
	Range   []float64      `yaml:"range"` // min, max and maybe step
	List    map[int]string `yaml:"list"`
}

// adjustment corrects one property.
type adjustment struct {
	Unit       *string        `yaml:"unit"`
	Format     string         `yaml:"format"`
	Access     string         `yaml:"access"`
	Range      []float64      `yaml:"range"`
	List       map[int]string `yaml:"list"`
	Name       string         `yaml:"name"`
	Class      *string        `yaml:"class"`
	StateClass *string        `yaml:"state_class"`
	Category   *string        `yaml:"category"`
	Component  string         `yaml:"component"`
	Icon       string         `yaml:"icon"`
	Scale      *float64       `yaml:"scale"`
	Offset     float64        `yaml:"offset"`
	Invert     bool           `yaml:"invert"`
	OnValue    any            `yaml:"on_value"`
	OffValue   any            `yaml:"off_value"`
	Convert    []step         `yaml:"convert"`
	With       map[string]any `yaml:"with"` // property → value written along
}
