package iis

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

const (
	// hidden stands where a server's words had a secret.
	hidden = "(secret)"
	// leastSecret is the shortest value, in bytes, that is looked for: a shorter one would be found in every other word.
	leastSecret = 4
	// leastStart is how much of a secret has to stand at the end of a text that was cut off there.
	leastStart = 6
)

// mask takes secrets out of what servers say: those that are known, in the usual codings, and what follows Password= and its like in a
// connection string. The zero mask knows none.
type mask struct {
	known   *strings.Replacer // nil: none
	plain   []string
	longest int // bytes of the longest that is looked for
}

// pairs are the keys of connection strings whose value is a secret (ADO.NET, Azure), with the value: in quotes, or up to the semicolon; where
// none comes, up to the end of what quotes the string, or of the line.
var pairs = regexp.MustCompile(`(?i)\b((?:password|pwd|passwd|pass ?phrase|(?:shared ?)?access ?key|account ?key|shared ?access ?signature|api ?key|(?:client ?)?secret)\s*=\s*)` +
	`("(?:[^"]|"")*"|'(?:[^']|'')*'|[^;'"\r\n][^;\r\n]*(;)|[^;'"\r\n]*)`)

func newMask(secrets []Secret) mask {
	var m mask
	for _, s := range secrets {
		m.plain = append(m.plain, string(s))
		for _, pair := range pairs.FindAllStringSubmatch(string(s), -1) { // a connection string may be quoted in part
			m.plain = append(m.plain, strings.Trim(pair[2], `"'; `))
		}
	}
	m.plain = slices.DeleteFunc(m.plain, func(s string) bool { return len(s) < leastSecret })
	var forms []string
	for _, s := range m.plain {
		forms = append(forms, codings(s)...)
	}
	slices.SortFunc(forms, func(a, b string) int { return cmp.Compare(len(b), len(a)) }) // the longest that fits counts
	var replaced []string
	for _, f := range forms {
		m.longest = max(m.longest, len(f))
		replaced = append(replaced, f, hidden)
	}
	if len(replaced) > 0 {
		m.known = strings.NewReplacer(replaced...)
	}
	return m
}

// codings is how a text is usually written, itself included.
func codings(text string) []string {
	inJSON, _ := json.Marshal(text) // a text can always be written
	var plainJSON, inXML bytes.Buffer
	encoder := json.NewEncoder(&plainJSON)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text)                 // as above
	_ = xml.EscapeText(&inXML, []byte(text)) // a buffer takes everything
	bare := func(quoted string) string { return quoted[1 : len(quoted)-1] }
	return []string{text, bare(string(inJSON)), bare(strings.TrimSuffix(plainJSON.String(), "\n")), inXML.String(),
		url.QueryEscape(text), url.PathEscape(text), base64.RawStdEncoding.EncodeToString([]byte(text)), base64.RawURLEncoding.EncodeToString([]byte(text)),
		hex.EncodeToString([]byte(text)), strings.ToUpper(hex.EncodeToString([]byte(text)))}
}

// words is a server's text without secrets.
func (m mask) words(text string) string {
	return pairs.ReplaceAllString(m.unfinished(m.values(text)), "${1}"+hidden+"${3}")
}

// values takes out those secrets that are known.
func (m mask) values(text string) string {
	if m.known == nil {
		return text
	}
	return m.known.Replace(text)
}

// begun is a text whose beginning was cut off, without what may be left of a secret there: of one that is known, and of what follows
// Password= in a line. The secrets that are whole must be out of it.
func (m mask) begun(text string) string {
	text = text[min(m.longest, len(text)):]
	for _, ends := range []string{"\r\n", ";<"} { // without lines, at least in a connection string or an element
		if at := strings.IndexAny(text, ends); at >= 0 {
			return text[at:]
		}
	}
	return ""
}

// unfinished hides the beginning of a secret at the end of a text: agents cut long texts off.
func (m mask) unfinished(text string) string {
	for _, s := range m.plain {
		for n := min(len(s)-1, len(text)); n >= leastStart; n-- {
			if strings.HasSuffix(text, s[:n]) {
				return text[:len(text)-n] + hidden
			}
		}
	}
	return text
}
