package rehearsal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"os"

	"iiscanary/cmd/iis-canary/rehearsal/depot"
)

// Where a package is kept that the servers fetch by themselves.
const (
	PullHTTPS = "https"
	PullS3    = "s3"

	packageName   = App + "." + newVersion + ".zip"
	packedVersion = "3HL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY"
	webPath       = "/web/" + packageName
	s3Path        = "/releases/" + packageName
)

// depot puts up the web server and the S3 that the package is kept in, with a certificate of the authority that the servers' own stores
// trust.
func (f *Fleet) depot(context.Context) error {
	if f.options.Pull == "" {
		return nil
	}
	cert, err := f.ca.issue(0x7fff, []string{"localhost"}, []net.IP{net.ParseIP("127.0.0.1")})
	if err != nil {
		return err
	}
	f.Depot, err = depot.New(depot.Config{Certificate: cert, Token: f.secrets["package_token"], Region: region,
		AccessKey: f.secrets["access_key"], SecretKey: f.secrets["secret_key"]})
	if err != nil {
		return err
	}
	f.teardown = append(f.teardown, func() { _ = f.Depot.Close() })
	return nil
}

// keepPackage writes the package, and brings it to where it is kept.
func (f *Fleet) keepPackage() error {
	if err := writePackage(f.packageFile(), files(newVersion)); err != nil {
		return err
	}
	if f.Depot == nil {
		return nil
	}
	content, err := os.ReadFile(f.packageFile())
	if err != nil {
		return fmt.Errorf("read the package again: %w", err)
	}
	sum := sha256.Sum256(content)
	f.packed = hex.EncodeToString(sum[:])
	f.Depot.Put(webPath, depot.Object{Content: content})
	f.Depot.Put(s3Path, depot.Object{Content: content, Version: packedVersion})
	return nil
}

// Environment is what the program must find in its environment beside the configuration.
func (f *Fleet) Environment() map[string]string {
	if f.Depot == nil {
		return nil
	}
	return map[string]string{"AWS_ENDPOINT_URL_S3": f.Depot.URL()}
}

// packageText is what the configuration says of the package.
func (f *Fleet) packageText() string {
	if f.Depot == nil {
		return ""
	}
	return "package: { ca: ca.pem, token: 'file:package_token', pull: only }\n"
}
