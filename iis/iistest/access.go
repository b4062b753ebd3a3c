package iistest

import (
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"
)

// closed is an access list that is not inherited and lets Administrators and the system in, and nobody else.
const closed = "D:P(A;;FA;;;SY)(A;;FA;;;BA)"

// fullFolder is how long icacls takes for a folder with files in it, in milliseconds: it visits each.
const fullFolder = 60_000

var grantForm = regexp.MustCompile(`^"(.+)" /grant \*(S-1-5-82(?:-[0-9]{1,10}){5}):\(OI\)\(CI\)RX /Q$`)

// granted is icacls.exe: its exit code, and how long it takes in milliseconds.
func (m *machine) granted(arguments string) (exit, ms int) {
	g := grantForm.FindStringSubmatch(arguments)
	if g == nil {
		return 87, 0
	}
	local, err := m.local(g[1])
	if err != nil || !exists(local) {
		return 2, 0
	}
	if inside, err := os.ReadDir(local); err == nil && len(inside) > 0 {
		ms = fullFolder
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.access[strings.ToLower(g[1])] = g[2]
	return 0, ms
}

// grant lets a pool's own account read a folder. Its SID is S-1-5-82- and the SHA-1 of the pool's name in lower case and UTF-16LE, as
// five little-endian numbers.
func (m *machine) grant(folder, pool string) {
	var name []byte
	for _, u := range utf16.Encode([]rune(strings.ToLower(pool))) {
		name = binary.LittleEndian.AppendUint16(name, u)
	}
	sid, sum := "S-1-5-82", sha1.Sum(name)
	for part := range slices.Chunk(sum[:], 4) {
		sid += fmt.Sprintf("-%d", binary.LittleEndian.Uint32(part))
	}
	m.protect(folder, sid)
}

// onDisk answers what the stand-in asks of files.
func (s *Server) onDisk(q standinCall) (any, error) {
	switch q.Ask {
	case "moved":
		s.machine.moved(q.Path, q.Name)
	case "protect":
		s.machine.protect(q.Path, q.Name)
	default:
		return s.hindrance(q)
	}
	return map[string]any{}, nil
}

// protect sets who may read a folder or a file: a SID, or an access list.
func (m *machine) protect(path, list string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.access[strings.ToLower(path)] = list
}

// moved takes the access lists of a folder and of what is in it along.
func (m *machine) moved(from, to string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, to = strings.ToLower(from), strings.ToLower(to)
	lists := map[string]string{}
	for path, list := range m.access {
		if rest, inside := strings.CutPrefix(path, from); inside && (rest == "" || rest[0] == '\\') {
			path = to + rest
		}
		lists[path] = list
	}
	m.access = lists
}

// right is the SID that may read a folder.
func (m *machine) right(path string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.access[strings.ToLower(path)]
}

// manifestPage is what IIS' handler of static files answers for a slot's manifest: 401.3 where its worker may not read it. An empty page:
// nobody asks for that. The lock is held.
func (m *machine) manifestPage(s *site, path string) (status int, page string) {
	if !strings.EqualFold(path, "/"+manifestName) {
		return http.StatusOK, ""
	}
	if m.access[strings.ToLower(s.path+`\`+manifestName)] == closed {
		return http.StatusUnauthorized, "<h2>401.3 - Unauthorized: Access is denied due to an ACL set on the requested resource.</h2>"
	}
	folder, err := m.local(s.path)
	if err != nil {
		return http.StatusNotFound, err.Error()
	}
	text, err := os.ReadFile(filepath.Join(folder, manifestName))
	if err != nil {
		return http.StatusNotFound, "<h2>404 - File or directory not found.</h2>"
	}
	return http.StatusOK, string(text)
}
