package iistest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// manifestName is the file that says what a slot's folder holds.
const manifestName = ".canary.json"

// manifest is what create leaves in a slot's folder.
type manifest struct {
	App     string `json:"app"`
	Slot    string `json:"slot"`
	Version string `json:"version"`
	Digest  string `json:"digest"`
	Created string `json:"created"`
	Files   []file `json:"files"`
}

type file struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// store is the disk. Its lock makes operations on files atomic to each other.
type store struct {
	root   string
	mu     sync.Mutex
	free   int64
	byHand []string // files of PutFile
	// secured is who owns folders of the agent and may open them, as security descriptors, by remote path.
	secured map[string]string
}

func newStore(c Config) (*store, error) {
	info, err := os.Stat(c.Root)
	if err != nil {
		return nil, fmt.Errorf("the simulated server's folder: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("the simulated server's folder: %s is no folder", c.Root)
	}
	s := &store{root: c.Root, free: c.DiskFree, secured: map[string]string{}}
	sites, err := s.local(c.Sites)
	if err != nil {
		return nil, err
	}
	return s, os.MkdirAll(sites, 0o755)
}

func (s *store) logs() string { return filepath.Join(s.root, "logs") }

// data is the agent's own folder for an app: parts and notes.
func (s *store) data(app, kind string) string {
	return filepath.Join(s.root, "programdata", "iis-canary", app, kind)
}

var drive = regexp.MustCompile(`^([A-Za-z]):\\`)

// local maps a remote path such as D:\sites\x to a folder of the root.
func (s *store) local(remote string) (string, error) {
	m := drive.FindStringSubmatch(remote)
	if m == nil && strings.HasPrefix(remote, `\\`) { // the login of this session is good for this machine only
		return "", ruleOf("", accessDenied).refusal(accessDenied, "UnauthorizedAccessException: Access to the path '"+remote+"' is denied.")
	}
	if m == nil {
		return "", refuse("bad_request", "%q is no absolute path of a drive", remote)
	}
	parts := []string{s.root, strings.ToLower(m[1])}
	for p := range strings.SplitSeq(strings.Trim(remote[len(m[0]):], `\`), `\`) {
		if p == "" {
			continue
		}
		if !goodName(p) {
			return "", refuse("bad_request", "%q is no good path", remote)
		}
		parts = append(parts, p)
	}
	return filepath.Join(parts...), nil
}

// goodName follows the rules of Windows for one part of a path.
func goodName(name string) bool {
	if name == "" || strings.Trim(name, ".") == "" || strings.HasSuffix(name, ".") || strings.HasSuffix(name, " ") {
		return false
	}
	stem, _, _ := strings.Cut(strings.ToUpper(name), ".")
	if reserved.MatchString(stem) {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || strings.ContainsRune(`<>:"/\|?*`, r) })
}

var reserved = regexp.MustCompile(`^(CON|PRN|AUX|NUL|COM[1-9]|LPT[1-9])$`)

func readManifest(folder string) (manifest, bool) {
	var m manifest
	text, err := os.ReadFile(filepath.Join(folder, manifestName))
	return m, err == nil && json.Unmarshal(text, &m) == nil
}

func writeManifest(folder string, m manifest) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, manifestName), text, 0o644)
}

// folders is the names of the folders in a local one; a folder that is not there has none.
func folders(local string) []string {
	entries, err := os.ReadDir(local)
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() {
			out = append(out, e.Name())
		}
	}
	return out
}

// sumFile is size and SHA-256 of a file.
func sumFile(path string) (int64, string, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, "", err
	}
	h := sha256.New()
	n, err := io.Copy(h, f)
	return n, hex.EncodeToString(h.Sum(nil)), errors.Join(err, f.Close())
}

func sumBytes(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// take claims bytes of the disk.
func (s *store) take(n int64) error {
	if n > s.free {
		return refuse("disk_full", "%d bytes are needed, %d are free", n, s.free)
	}
	s.free -= n
	return nil
}

func (s *store) diskFree() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.free
}

// write makes one file with its folders.
func write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// dataHome is the agent's own folder, below which each app has one.
const dataHome = `C:\ProgramData\iis-canary`

// ownDescriptor is that of a folder which the Administrators own, and nobody but they and the system may open, nor what is in it.
const ownDescriptor = "O:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"

// secure sets who owns a folder and may open it.
func (s *store) secure(path, descriptor string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secured[path] = descriptor
}

// open makes sure that nobody else can get at what the agent keeps about an app.
func (s *store) open(app string) error {
	for _, path := range []string{dataHome, dataHome + `\` + app} {
		local, err := s.local(path)
		if err != nil {
			return err
		}
		if info, err := os.Lstat(local); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return refuse("access_denied", "%s is a junction of somebody else", path).saying("remove it, and ask who made it")
		}
		s.secure(path, ownDescriptor)
	}
	return nil
}

// descriptors is the folders that the agent has secured, each with its descriptor.
func (s *store) descriptors() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.secured)
}

// countLines is how many lines a file has; none when it is not there.
func countLines(path string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	return bytes.Count(text, []byte("\n"))
}

// stamp is a time as the protocol writes it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
