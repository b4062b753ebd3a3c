package iis

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

func TestASecretIsTakenOutOfWhatAServerSays(t *testing.T) {
	const secret = `hunter"<2>\& é`
	m := newMask([]Secret{secret, "pw", "Server=db;Password='in it';Encrypt=true", "https://hooks/T0/path"})
	inJSON, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	for name, coded := range map[string]string{
		"plain": secret, "JSON": string(inJSON), "query": url.QueryEscape(secret), "path": url.PathEscape(secret), "XML": `hunter&#34;&lt;2&gt;\&amp; é`,
		"base64": base64.StdEncoding.EncodeToString([]byte(secret)), "hexadecimal": hex.EncodeToString([]byte(secret)),
	} {
		got := m.words("Cannot open " + coded)
		if !strings.HasPrefix(got, "Cannot open ") || !strings.Contains(got, hidden) || strings.Contains(got, coded) {
			t.Errorf("%s: %s", name, got)
		}
	}
	for text, want := range map[string]string{
		"Cannot open 'Server=db;Password='in it';Encrypt=true'.": "Cannot open '(secret)'.",
		"bad value in it, twice in it":                           "bad value (secret), twice (secret)",
		"posted to https://hooks/T0/path: 404":                   "posted to (secret): 404",
		"pw is too short to be looked for":                       "pw is too short to be looked for",
		"":                                                       "",
	} {
		if got := m.words(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// What the configuration knows nothing of is known by its key.
func TestAPasswordInAConnectionStringIsTakenOut(t *testing.T) {
	for text, want := range map[string]string{
		"Cannot open 'Server=db;Password=hunter2;Encrypt=true'":                   "Cannot open 'Server=db;Password=(secret);Encrypt=true'",
		"Cannot open 'Server=db;Uid=sa;Pwd = hunter 2' at X":                      "Cannot open 'Server=db;Uid=sa;Pwd = (secret)' at X",
		"Cannot open 'Password=a'b\"c;Server=db'":                                 "Cannot open 'Password=(secret);Server=db'",
		`password="a;""b";Server=db`:                                              `password=(secret);Server=db`,
		"PASSWORD='a;''b';Server=db":                                              "PASSWORD=(secret);Server=db",
		"AccountName=x;AccountKey=abc/+==;EndpointSuffix=core.windows.net":        "AccountName=x;AccountKey=(secret);EndpointSuffix=core.windows.net",
		"Endpoint=sb://x/;SharedAccessKeyName=root;SharedAccessKey=abc=":          "Endpoint=sb://x/;SharedAccessKeyName=root;SharedAccessKey=(secret)",
		"User Id=sa;Password=hunter2\r\n   at Program.Main()":                     "User Id=sa;Password=(secret)\r\n   at Program.Main()",
		"Password=(secret);Server=db":                                             "Password=(secret);Server=db",
		"The password of the pool has expired; Password: is not in the directory": "The password of the pool has expired; Password: is not in the directory",
	} {
		if got := (mask{}).words(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
