package fetch

import "testing"

func TestWhereAnObjectIs(t *testing.T) {
	for _, c := range []struct {
		s3                           S3
		region, bucket, key, version string
		want                         string
	}{
		{S3{}, "eu-west-1", "releases", "a b.zip", "", "https://releases.s3.eu-west-1.amazonaws.com/a%20b.zip"},
		{S3{}, "eu-west-1", "my.releases", "a.zip", "x+/=", "https://s3.eu-west-1.amazonaws.com/my.releases/a.zip?versionId=x%2B%2F%3D"},
		{S3{}, "cn-north-1", "releases", "a.zip", "", "https://releases.s3.cn-north-1.amazonaws.com.cn/a.zip"},
		{S3{Endpoint: "https://minio/"}, "eu-west-1", "releases", "../a?b#c.zip", "", "https://minio/releases/../a%3Fb%23c.zip"},
	} {
		if got := c.s3.address(c.region, c.bucket, c.key, c.version); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}
