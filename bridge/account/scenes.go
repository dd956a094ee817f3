package account

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const scenePath = "/appgateway/miot/appsceneservice/AppSceneService/"

// askScenes asks for the manual scenes of the homes. A region that has no such
// thing is not a fault.
func (r *reader) askScenes(ctx context.Context) error {
	r.out.scened = true
	for _, h := range r.out.homes {
		result, err := r.try(ctx, scenePath+"GetSimpleSceneList", struct {
			App   int    `json:"app_version"`
			Type  int    `json:"get_type"`
			Home  string `json:"home_id"`
			Owner string `json:"owner_uid"`
		}{12, 2, h.ID, h.Owner})
		if err != nil {
			r.out.scened = false
			r.m.log.Debug().Err(err).Str("region", r.region).Msg("no scenes")
			return nil // devices matter more
		}
		r.scenes(h, result)
	}
	return nil
}

func (r *reader) scenes(h Home, result []byte) {
	list, _, err := rows(result, "manual_scene_info_list")
	if err != nil {
		return
	}
	for _, raw := range list {
		var s struct {
			ID   text `json:"scene_id"`
			Name text `json:"name"`
		}
		if json.Unmarshal(raw, &s) == nil && didForm.MatchString(string(s.ID)) {
			r.out.scenes = append(r.out.scenes, Scene{
				Account: h.Account, Region: h.Region, Home: h.ID, Owner: h.Owner, ID: string(s.ID), Name: clean(string(s.Name)),
			})
		}
	}
}

// RunScene runs a manual scene.
func (m *Manager) RunScene(ctx context.Context, s Scene) error {
	result, err := m.Call(ctx, s.Account, s.Region, scenePath+"NewRunScene", struct {
		Scene string `json:"scene_id"`
		Type  int    `json:"scene_type"`
		Phone string `json:"phone_id"`
		Home  string `json:"home_id"`
		Owner string `json:"owner_uid"`
	}{s.ID, 2, "null", s.Home, s.Owner})
	if err != nil {
		return fmt.Errorf("account: run scene %s: %w", s.Name, err)
	}
	if string(result) == "false" {
		return fmt.Errorf("account: run scene %s: the cloud did not run it: %w", s.Name, mi.ErrUnsupported)
	}
	return nil
}
