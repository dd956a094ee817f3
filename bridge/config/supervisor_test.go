package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// appKeys are what an app's config.yaml may hold:
// https://developers.home-assistant.io/docs/apps/configuration
const appKeys = `name version slug description url codenotary arch machine startup boot init host_network host_dbus host_ipc host_pid host_uts
 hassio_api hassio_role homeassistant_api homeassistant docker_api ingress ingress_port ingress_entry ingress_stream panel_icon panel_title panel_admin
 map options schema image timeout tmpfs discovery services auth_api gpio devicetree usb uart udev kernel_modules stdin legacy realtime audio video
 full_access apparmor privileged devices environment ports ports_description webui watchdog advanced stage journald
 backup backup_pre backup_post backup_exclude breaking_versions`

// appOption is the form of an option's type.
var appOption = regexp.MustCompile(`^(bool|email|url|port|device(\(subsystem=[a-z]+\))?|(str|password|int)(\(-?\d*,-?\d*\))?|float(\(-?[\d.]*,-?[\d.]*\))?|match\(.*\)|list\(.+\))\??$`)

func TestAppIsWhatTheSupervisorTakes(t *testing.T) {
	var app, repository map[string]any
	readYAML(t, appFolder+"config.yaml", &app)
	readYAML(t, appFolder+"../repository.yaml", &repository)
	for _, key := range slices.Sorted(maps.Keys(app)) {
		if !slices.Contains(strings.Fields(appKeys), key) {
			t.Errorf("config.yaml: %s is no key of an app", key)
		}
	}
	for key, form := range map[string]string{
		"slug": `^[a-z0-9_]+$`, "version": `^\d+\.\d+\.\d+$`, "description": `.`, "startup": `^(application|services|system|once)$`,
		"boot": `^(auto|manual|manual_only)$`, "services": `^\[mqtt:(want|need)\]$`, "arch": `^\[((aarch64|amd64) ?)+\]$`, "timeout": `^\d+$`,
		"panel_icon": `^mdi:[a-z-]+$`, "ingress_port": `^8099$`,
	} {
		if got := fmt.Sprint(app[key]); !regexp.MustCompile(form).MatchString(got) {
			t.Errorf("config.yaml: %s is %q", key, got)
		}
	}
	schema, _ := app["schema"].(map[string]any)
	for name, option := range schema {
		if list, isList := option.([]any); isList && len(list) == 1 {
			option = list[0]
		}
		if text, _ := option.(string); !appOption.MatchString(text) {
			t.Errorf("config.yaml: option %s is of type %v", name, option)
		}
	}
	if repository["name"] == nil || len(schema) == 0 {
		t.Error("the repository has no name, or the app no options")
	}
}
