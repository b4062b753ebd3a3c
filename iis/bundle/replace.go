package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Replace gives files of the release other contents, such as those with the settings of one environment in them. Sizes,
// hashes and the digest follow: a release with another setting is another release, of which servers lack just these files.
// It fails, and changes nothing, where a path is not in Files.
func (r *Release) Replace(contents map[string][]byte) error {
	files := slices.Clone(r.Files)
	total := r.Bytes
	for path, content := range contents {
		i, known := slices.BinarySearchFunc(files, path, func(f File, path string) int { return strings.Compare(f.Path, path) })
		if !known {
			return fmt.Errorf("replace %q: no such file in the release", path)
		}
		sum := sha256.Sum256(content)
		total += int64(len(content)) - files[i].Size
		files[i].Size, files[i].SHA256 = int64(len(content)), hex.EncodeToString(sum[:])
	}
	if r.replaced == nil {
		r.replaced = make(map[string]bool, len(contents))
	}
	for path, content := range contents {
		r.replaced[path] = true
		r.open[path] = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	}
	r.Files, r.Bytes, r.Digest = files, total, Digest(files)
	return nil
}
