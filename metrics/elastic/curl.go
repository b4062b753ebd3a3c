package elastic

import "strings"

// curl is the search as a person can send it from a shell, with the secrets as variables to be set.
func (s *Source) curl(body []byte) string {
	auth := ""
	switch {
	case s.o.APIKey != "":
		auth = ` -H "Authorization: ApiKey $ES_API_KEY"`
	case s.o.User != "":
		auth = ` -u "$ES_USER:$ES_PASSWORD"`
	}
	url := strings.TrimRight(s.o.URLs[0], "/") + "/" + s.o.Index +
		"/_search?allow_partial_search_results=false&allow_no_indices=false&ignore_unavailable=false&preference=" + preference
	return "curl -sS" + auth + " -H 'Content-Type: application/json' " + quote(url) + " -d " + quote(string(body))
}

// quote quotes for a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
