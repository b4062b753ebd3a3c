package estest

import (
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strings"
)

// authenticate lets a request through that carries the API key or the user's password.
func (s *Server) authenticate(c *call, header http.Header) error {
	if s.config.APIKey == "" && s.config.User == "" {
		return nil
	}
	request := c.request
	user, password, basic := request.BasicAuth()
	scheme, credentials, _ := strings.Cut(request.Header.Get("Authorization"), " ")
	uri := request.URL.RequestURI()
	var reason string
	switch {
	case basic:
		if s.config.User != "" && same(user, s.config.User) && same(password, s.config.Password) {
			return nil
		}
		reason = "unable to authenticate user [" + user + "] for REST request [" + uri + "]"
	case strings.EqualFold(scheme, "ApiKey"):
		if s.config.APIKey != "" && same(credentials, s.config.APIKey) {
			return nil
		}
		decoded, err := base64.StdEncoding.DecodeString(credentials)
		id, _, pair := strings.Cut(string(decoded), ":")
		reason = "unable to authenticate with provided credentials and anonymous access is not allowed for this request"
		if err != nil || !pair {
			reason = "invalid ApiKey value"
			id = ""
		}
		if id != "" {
			reason += " (API key [" + id + "])"
		}
	default:
		reason = "missing authentication credentials for REST request [" + uri + "]"
	}
	header.Add("WWW-Authenticate", `Basic realm="security", charset="UTF-8"`)
	header.Add("WWW-Authenticate", "ApiKey")
	return &failure{status: http.StatusUnauthorized, typ: "security_exception", reason: reason}
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
