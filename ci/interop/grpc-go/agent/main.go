// grpc-go as a peer. Takes commands on standard input, one JSON object a line, and answers likewise: see ../../README.md.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"sync"
)

// A command, with the arguments of all operations.
type Command struct {
	ID   int    `json:"id"`
	Op   string `json:"op"`
	Port int    `json:"port"`
	Mark string `json:"mark"`

	// Of a client.
	Target     string            `json:"target"`
	Channel    string            `json:"channel"`
	MaxReceive int               `json:"max_receive"`
	KeepAlive  int               `json:"keepalive_ms"`
	Method     string            `json:"method"`
	To         string            `json:"to"`
	Data       string            `json:"data"`
	Map        map[string]string `json:"map"`
	Metadata   [][2]string       `json:"metadata"`
	Timeout    int               `json:"timeout_ms"`
	Cancel     int               `json:"cancel_ms"`
	Gzip       bool              `json:"gzip"`
	Wait       bool              `json:"wait"`
	Callers    int               `json:"callers"`
	Calls      int               `json:"calls"`
	Millis     int               `json:"ms"`
	Gap        int               `json:"gap_ms"`
	Path       string            `json:"path"`
	Service    string            `json:"service"`
	Watch      bool              `json:"watch"`
	Version    string            `json:"version"`
	Symbol     string            `json:"symbol"`

	// Of a server.
	Streams     uint32 `json:"streams"`
	Age         int    `json:"age_ms"`
	AgeGrace    int    `json:"age_grace_ms"`
	OnlyMessage bool   `json:"only_message"`
	Grace       int    `json:"grace_ms"`

	// Of a provider.
	Namespace  string `json:"namespace"`
	Executor   string `json:"executor"`
	Group      string `json:"group"`
	Heartbeat  int    `json:"heartbeat_ms"`
	Claim      string `json:"claim"`
	Connection string `json:"connection"`
	How        string `json:"how"`
}

type Answer map[string]interface{}

var operations = map[string]func(*Command) (Answer, error){
	"call":     call,
	"load":     load,
	"unknown":  unknown,
	"health":   healthy,
	"reflect":  reflect,
	"serve":    serve,
	"stop":     stop,
	"seen":     seen,
	"register": register,
	"provider": state,
	"leave":    leave,
}

func main() {
	var write sync.Mutex
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		command := &Command{}
		if err := json.Unmarshal(lines.Bytes(), command); err != nil {
			panic(err)
		}
		go func() {
			answer, err := operations[command.Op](command)
			if err != nil {
				answer = Answer{"failed": err.Error()}
			}
			answer["id"] = command.ID
			line, err := json.Marshal(answer)
			if err != nil {
				panic(err)
			}
			write.Lock()
			defer write.Unlock()
			fmt.Printf("%s\n", line)
		}()
	}
}

// How gRPC spells its codes, by number.
var names = []string{
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
	"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
	"INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
}

func isBinary(key string) bool {
	return len(key) > 4 && key[len(key)-4:] == "-bin"
}

// Metadata as JSON can carry it.
func pairs(metadata map[string][]string) [][2]string {
	pairs := [][2]string{}
	for key, values := range metadata {
		for _, value := range values {
			if isBinary(key) {
				value = base64.StdEncoding.EncodeToString([]byte(value))
			}
			pairs = append(pairs, [2]string{key, value})
		}
	}
	return pairs
}
