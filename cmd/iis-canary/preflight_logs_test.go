package main

import (
	"iiscanary/alb/elbtest"
	"iiscanary/metrics/estest"
)

func logTroubles() []trouble {
	return []trouble{
		{id: checkElastic, make: func(s *scene) {
			s.fleet.Logs.SetFaults(estest.Faults{Down: true})
			s.t.Cleanup(func() { s.fleet.Logs.SetFaults(estest.Faults{}) })
		}, words: []string{"asking http://127.0.0.1:"}},
		{id: checkLogin, make: func(s *scene) {
			s.file("other_api_key", "b3RoZXI6a2V5")
			s.edit("file:es_api_key", "file:other_api_key")
		}, words: []string{"answered with status 401"}},
		{id: checkIndex, make: func(s *scene) { s.edit("index: logs-iis.access-default", "index: logs-apache-*") },
			words: []string{"answered with status 404, index_not_found_exception", "logs-apache-*"}},
		{id: checkFields, make: func(s *scene) { s.edit("field: iis.access.site_name", "field: iis.access.slot") },
			words: []string{"no index has the field iis.access.slot for the slot"}},
		{id: checkFilter, make: func(s *scene) { s.edit("    bucket:", "    query: 'host.name:('\n    bucket:") },
			words: []string{`the filter "host.name:(" cannot be read`}},
		{id: checkTraffic, make: func(s *scene) {
			s.elsewhere(func(c *elbtest.Config) { c.Instances[1].Name = "web-77" })
			s.settled("healthy")
		}, words: []string{"web-77 has no line with app.domain.com-3456 between", "it is called differently in host.name"}},
	}
}
