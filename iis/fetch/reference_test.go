package fetch_test

import (
	"errors"
	"strings"
	"testing"

	"iiscanary/iis/fetch"
)

func TestReferences(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	for _, c := range []struct{ text, sum, kept, name string }{
		{"dir/app.3457.zip", "", "dir/app.3457.zip", "app.3457.zip"},
		{"app#1.zip", "", "app#1.zip", "app#1.zip"},
		{"app.zip", hash, "app.zip#sha256=" + hash, "app.zip"},
		{"https://h/a/b.zip#sha256=" + strings.ToUpper(hash), "", "https://h/a/b.zip#sha256=" + hash, "b.zip"},
		{"https://h/a/b.zip?token=hunter2", hash, "https://h/a/b.zip#sha256=" + hash, "b.zip"},
		{"https://h/a%2f..%2fb.zip", hash, "https://h/a%2f..%2fb.zip#sha256=" + hash, "b.zip"},
		{"https://h", hash, "https://h#sha256=" + hash, "h"},
		{"s3://my-bucket/a b/c#d%20.zip#version=3sL4.kq_-", "", "s3://my-bucket/a b/c#d%20.zip#version=3sL4.kq_-", "c#d%20.zip"},
		{"s3://my.bucket/c.zip", hash, "s3://my.bucket/c.zip#sha256=" + hash, "c.zip"},
	} {
		r, err := fetch.Parse(c.text, c.sum)
		if err != nil || r.String() != c.kept || r.Name() != c.name {
			t.Errorf("%s: kept as %s, called %s, %v", c.text, r, r.Name(), err)
			continue
		}
		if again, err := fetch.Parse(r.String(), ""); err != nil || again.String() != c.kept {
			t.Errorf("%s: given again it is %s, %v", c.text, again, err)
		}
	}
}

func TestAReferenceThatIsNone(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	for _, c := range []struct{ text, sum, why string }{
		{"http://h/a.zip", hash, "https://"},
		{"ftp://h/a.zip", hash, "https://"},
		{"https://user:hunter2@h/a.zip", hash, "package.token"},
		{"https:///a.zip", hash, "no address"},
		{"https://h/%zz?hunter2", hash, "no address"},
		{"https://h/a.zip#sha256=ab", "", "64 hexadecimal"},
		{"https://h/a.zip#version=1", hash, "only objects of S3"},
		{"https://h/a.zip#sha256=" + hash, strings.Repeat("cd", 32), "two different"},
		{"a.zip", "x", "64 hexadecimal"},
		{"a.zip#version=1", "", "only objects of S3"},
		{"s3://bucket", hash, "names no object of the bucket: s3://BUCKET/KEY"},
		{"s3:///x", hash, "names no bucket: s3://BUCKET/KEY"},
		{"s3://Bad_Bucket/x", hash, "s3://Bad_Bucket/x: the name of a bucket has 3 to 63 small letters, digits, dots and dashes"},
		{"s3://b/k", hash, "s3://b/k: the name of a bucket has 3 to 63"},
		{"s3://AKID:hunter2@bucket/k", hash, "give aws.access_key in the configuration"},
		{"s3://bucket/x#version=null", "", "version null"},
	} {
		_, err := fetch.Parse(c.text, c.sum)
		if err == nil || !strings.Contains(err.Error(), c.why) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v", c.text, err)
		}
	}
}

func TestAnUnpinnedReferenceSaysHowToPinIt(t *testing.T) {
	for text, want := range map[string]string{
		"https://h/a.zip?sig=hunter2": "https://h/a.zip#sha256=HEX", "s3://bucket/a.zip": "s3://bucket/a.zip#version=ID", "s3://bucket/a.zip#version=": "s3://bucket/a.zip#version=ID",
	} {
		_, err := fetch.Parse(text, "")
		unpinned, is := errors.AsType[*fetch.UnpinnedError](err)
		if !is || unpinned.Pinned() != want || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("https://user:hunter2@h/a?b#sha256="+strings.Repeat("ab", 32), "")
	f.Add("s3://bucket/a#version=b", "")
	f.Fuzz(func(t *testing.T, text, sum string) {
		r, err := fetch.Parse(text, sum)
		if err != nil {
			return
		}
		again, err := fetch.Parse(r.String(), "")
		if err != nil || again.String() != r.String() {
			t.Errorf("%q is kept as %q, and then is %q: %v", text, r, again, err)
		}
	})
}
