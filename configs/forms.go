package configs

import "regexp"

// Patterns that the reader of the file and its JSON Schema share: what one refuses for its form, so does the other. They keep
// to what Go and ECMA 262 have in common.
const (
	unsignedForm = `\d+(?:\.\d+)?`
	positiveForm = `(?:\d*[1-9]\d*(?:\.\d+)?|\d+\.\d*[1-9]\d*)`
	shareForm    = `(?:100(?:\.0+)?|\d{1,2}(?:\.\d+)?)%`
	someForm     = `(?:100(?:\.0+)?|[1-9]\d?(?:\.\d+)?|0?\.\d*[1-9]\d*)%` // a share above nothing
	timeForm     = `(?:` + unsignedForm + `(?:ns|us|µs|ms|s|m|h))+`
	portForm     = `(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])`
	labelForm    = `[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?`
	octetForm    = `(?:25[0-5]|2[0-4]\d|1?\d?\d)`
	ipv6Form     = `[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]*`

	durationPattern = `^` + timeForm + `$`
	sizePattern     = `^` + someForm + `$`
	limitPattern    = `^(?:(?:(` + positiveForm + `)\s*x\s*)?old(?:\s*\+\s*(` + shareForm + `))?|(` + someForm + `))$`
	badPattern      = `^status\s*>=\s*([1-5]\d\d)$`
	slowerPattern   = `^(?:old\s+p([5-9]\d(?:\.\d+)?)|` + timeForm + `)$`
	secretPattern   = `^(?:env:[^\s=]+|file:.*\S.*)$`
)

var (
	durationExp = regexp.MustCompile(durationPattern)
	sizeExp     = regexp.MustCompile(sizePattern)
	limitExp    = regexp.MustCompile(limitPattern)
	badExp      = regexp.MustCompile(badPattern)
	slowerExp   = regexp.MustCompile(slowerPattern)
	secretExp   = regexp.MustCompile(secretPattern)
)

// form is what a text must look like. Fields name theirs in the tag "form", the keys of a mapping in the tag "keys".
type form struct {
	pattern string
	allowed string
}

// formNamed is the form that a tag names; false: there is none of that name.
func formNamed(name string) (form, bool) {
	switch name {
	case "app":
		return form{`^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,54}[A-Za-z0-9])?$`, "letters, digits, dots and dashes, at most 56"}, true
	case "region":
		return form{`^[a-z]+(?:-[a-z0-9]+)+$`, "a region such as eu-west-1"}, true
	case "group":
		return form{`^(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?|arn:[^\s:]+:elasticloadbalancing:[^\s:]+:[^\s:]*:targetgroup/\S+)$`,
			"the name of a target group (letters, digits and dashes, at most 32) or its ARN"}, true
	case "url":
		return form{`^https?://[^\s/?#@'"]+(?:[/?#][^\s@]*)?$`,
			"a URL such as https://host:9200, without credentials in it: they have keys of their own"}, true
	case "proxy":
		return form{`^(?:machine|http://` + labelForm + `:` + portForm + `)$`, "machine, or a proxy such as http://proxy.domain.com:3128"}, true
	case "instance":
		return form{`^i-[0-9a-z]+$`, "instance ids such as i-0abc1234"}, true
	case "host":
		return form{`^(?:(?:` + labelForm + `|\[` + ipv6Form + `\])(?::` + portForm + `)?|` + ipv6Form + `)$`,
			"host or host:port, such as 10.0.0.5 or 10.0.0.5:5986"}, true
	case "hostname":
		return form{`^` + labelForm + `$`, "a host name such as web.domain.com"}, true
	case "realm":
		return form{`^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$`, "a realm such as CORP.DOMAIN.COM"}, true
	case "spn":
		return form{`^[A-Za-z0-9]+/(?:[A-Za-z0-9._-]|\{host\}|\{name\})+$`, "a name such as HTTP/{name}.domain.com"}, true
	case "root":
		return form{`^(?:[A-Za-z]:\\|\\\\[^\\]+\\[^\\]+)[^<>"|?*/]*$`, `a Windows folder such as 'D:\sites'`}, true
	case "binding":
		return form{`^(?:\*|` + octetForm + `(?:\.` + octetForm + `){3}|\[` + ipv6Form + `\]):` + portForm + `:(?:(?:\*\.)?` + labelForm + `)?$`,
			"ADDRESS:PORT:HOST as IIS writes it, such as '*:443:' or '*:443:app.domain.com'"}, true
	case "minisign":
		return form{`^RW[A-Za-z0-9+/]{54}$`, "a public key as minisign prints it: RW and 54 more characters"}, true
	case "thumbprint":
		return form{`^[0-9A-Fa-f]{40}$`, "40 hexadecimal digits, no spaces"}, true
	case "path":
		return form{`^/[^\s#]*$`, "a path that starts with a slash, such as /health/warm"}, true
	case "header":
		return form{`^[A-Za-z0-9-]+$`, "the name of a header, such as X-App-Release"}, true
	case "pattern":
		return form{`^[^\s/\\?"<>|#]+$`, "an index, alias, data stream or pattern such as logs-iis.access-*"}, true
	case "index":
		return form{`^[a-z0-9][a-z0-9._-]*$`, "the name of one index, such as deploy-events"}, true
	case "field":
		return form{`^[^\s"*?\\]+$`, "the name of a field, such as http.response.status_code"}, true
	}
	return form{}, false
}
