package iistest

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// fields are the columns of every line, in their order.
const fields = "date time s-sitename s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) " +
	"cs(Referer) sc-status sc-substatus sc-win32-status time-taken"

// accessLog is the W3C log of one site. Lines stay in memory until they are flushed, as in http.sys.
type accessLog struct {
	site   string
	ip     string
	folder string
	size   int64 // at which a file is full; 0: at the end of its day

	mu      sync.Mutex
	header  bool // the next line follows a header
	number  int  // of the file, where size ends it
	pending map[string]*bytes.Buffer
}

// entry is one answered request.
type entry struct {
	request *http.Request
	status  int
	win32   int
	took    time.Duration
}

func newAccessLog(c Config, id int64, name string) *accessLog {
	return &accessLog{site: name, ip: c.Address, size: c.LogSize, pending: map[string]*bytes.Buffer{},
		folder: filepath.Join(c.Root, "logs", "W3SVC"+strconv.FormatInt(id, 10))}
}

// rename puts into s-sitename what the site's log settings ask for.
func (l *accessLog) rename(h hosted) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.site = h.Name; !h.Named {
		l.site = "W3SVC" + strconv.FormatInt(h.ID, 10)
	}
}

// begin writes a header before the next line, as IIS does whenever a site starts.
func (l *accessLog) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.header = true
}

func (l *accessLog) add(e entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now().UTC()
	name := l.file(now)
	b := l.pending[name]
	if b == nil {
		b = &bytes.Buffer{}
		l.pending[name] = b
		_, err := os.Stat(filepath.Join(l.folder, name))
		l.header = l.header || err != nil
	}
	if l.header {
		fmt.Fprintf(b, "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: %s\r\n#Fields: %s\r\n",
			now.Format(time.DateTime), fields)
		l.header = false
	}
	r := e.request
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	_, port, _ := net.SplitHostPort(fmt.Sprint(local))
	client, _, _ := net.SplitHostPort(r.RemoteAddr)
	fmt.Fprintf(b, "%s %s %s %s %s %s %s - %s %s %s %d 0 %d %d\r\n", now.Format(time.DateTime), l.site, l.ip,
		column(r.Method), column(r.URL.Path), column(r.URL.RawQuery), port, client,
		column(r.UserAgent()), column(r.Referer()), e.status, e.win32, e.took.Milliseconds())
}

// file is the name of the file that lines go to now. A file that is full gives way to the next one.
func (l *accessLog) file(now time.Time) string {
	if l.size <= 0 {
		return "u_ex" + now.Format("060102") + ".log"
	}
	if info, err := os.Stat(filepath.Join(l.folder, extended(l.number))); err == nil && info.Size() >= l.size && l.pending[extended(l.number)] == nil {
		l.number++
		_ = os.Remove(filepath.Join(l.folder, extended(l.number-2))) // the first two times there is none
	}
	return extended(l.number)
}

// extended is how IIS names files that roll over by size.
func extended(number int) string { return fmt.Sprintf("u_extend%d.log", number) }

// column is a value as one word.
func column(s string) string {
	if s == "" {
		return "-"
	}
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f {
			return '+'
		}
		return r
	}, s)
}

// flush appends what is in memory to the files. What cannot be written is lost, as in IIS.
func (l *accessLog) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, b := range l.pending {
		if os.MkdirAll(l.folder, 0o755) != nil {
			continue
		}
		f, err := os.OpenFile(filepath.Join(l.folder, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			continue
		}
		_, _ = f.Write(b.Bytes()) // lost, see above
		_ = f.Close()
		delete(l.pending, name)
	}
}
