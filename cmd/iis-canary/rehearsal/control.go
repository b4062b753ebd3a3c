package rehearsal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Control is the switchboard of a standing fleet, over HTTP on loopback:
//
//	GET    /state    the truth, see [State]
//	GET    /faults   the faults that there are, and whether each is on
//	POST   /faults   {"name":"errors"} switches one on
//	DELETE /faults   switches all off
//
// An answer is JSON; one that refuses is {"error":"..."}.
type Control struct {
	fleet    *Fleet
	listener net.Listener
	server   *http.Server
}

// Listen opens the fleet's control. It ends with [Fleet.Close].
func (f *Fleet) Listen() (*Control, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open the control: %w", err)
	}
	c := &Control{fleet: f, listener: listener}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /state", c.state)
	mux.HandleFunc("GET /faults", c.faults)
	mux.HandleFunc("POST /faults", c.strike)
	mux.HandleFunc("DELETE /faults", c.mend)
	c.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 20 * time.Second, IdleTimeout: time.Minute}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = c.server.Serve(listener) // always ends with ErrServerClosed, after Close
	}()
	f.teardown = append(f.teardown, func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if c.server.Shutdown(ctx) != nil {
			_ = c.server.Close() // nothing is lost: whoever asks still, asks a fleet that is gone
		}
		<-served
	})
	return c, nil
}

// URL is where the control listens.
func (c *Control) URL() string { return "http://" + c.listener.Addr().String() }

func (c *Control) state(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, c.fleet.State())
}

func (c *Control) faults(w http.ResponseWriter, _ *http.Request) {
	type fault struct {
		Name  string `json:"name"`
		Words string `json:"words"`
		On    bool   `json:"on"`
	}
	var all []fault
	for _, known := range Faults() {
		all = append(all, fault{known.Name, known.Words, c.fleet.board.has(known.Name)})
	}
	reply(w, http.StatusOK, map[string]any{"faults": all})
}

// longestOrder is more than any order takes.
const longestOrder = 4096

func (c *Control) strike(w http.ResponseWriter, r *http.Request) {
	var order struct {
		Name string `json:"name"`
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, longestOrder))
	d.DisallowUnknownFields()
	err := d.Decode(&order)
	if err != nil {
		err = fmt.Errorf("the body is not like {\"name\":\"errors\"}: %w", err)
	} else {
		err = c.fleet.Strike(order.Name)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	c.faults(w, r)
}

func (c *Control) mend(w http.ResponseWriter, r *http.Request) {
	c.fleet.Mend()
	c.faults(w, r)
}

func refuse(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		status = http.StatusRequestEntityTooLarge
	}
	reply(w, status, map[string]string{"error": err.Error()})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(body) // a client that has gone needs no answer
}
